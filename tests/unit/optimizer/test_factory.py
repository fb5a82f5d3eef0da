"""The factory: found, called, and explained when it is not there or fails."""

import pytest
import torch
from support.optimizer import TINY_MODELS, ends

from slipway_optimizer.errors import UserError
from slipway_optimizer.factory import build_module
from slipway_optimizer.spec import ModelSpec


def spec(factory, *args, **kwargs):
    return ModelSpec.model_validate(
        {
            "source": {"uri": "file:///net.pth"},
            "format": "StateDict",
            "factory": factory,
            "factoryArgs": list(args),
            "factoryKwargs": kwargs,
            **ends({"x": ("float32", ["batch", 4])}, ["y"]),
        }
    )


@pytest.fixture
def code(tmp_path):
    (tmp_path / "own_net.py").write_text(TINY_MODELS.read_text())
    (tmp_path / "needs_more.py").write_text("import a_package_that_is_not_installed\n")
    (tmp_path / "broken.py").write_text("1 / 0\n")
    return tmp_path


def failure(model, code=None):
    with pytest.raises(UserError) as caught:
        build_module(model, code)
    return caught.value


def test_the_model_comes_with_its_arguments_and_in_eval_mode(code):
    built = build_module(spec("own_net:Cnn", width=6), code)
    assert built.features[0].out_channels == 6
    assert not built.training


def test_an_installed_package_needs_no_code():
    assert isinstance(build_module(spec("torch:nn.Linear", 4, 2), None), torch.nn.Linear)


@pytest.mark.parametrize(
    ("factory", "reason", "says"),
    [
        (
            "other_net:Cnn",
            "FactoryNotFound",
            "no module other_net in spec.model.code, which has broken, needs_more, own_net",
        ),
        ("own_net:Cn", "FactoryNotFound", "own_net has no Cn; it has Branching, Cnn,"),
        ("own_net:Cnn.small", "FactoryNotFound", "Cnn has no small"),
        ("own_net:NUMBER", "FactoryNotFound", "NUMBER in own_net is a int, which cannot be called"),
        ("needs_more:Net", "FactoryFailed", "needs_more imports a_package_that_is_not_installed, which"),
        ("broken:Net", "FactoryFailed", "Importing broken failed with ZeroDivisionError: division by zero"),
        ("own_net:not_a_model", "FactoryFailed", "own_net:not_a_model returned a str"),
        ("own_net:failing", "FactoryFailed", "missing 1 required positional argument"),
        ("own_net:leaving", "FactoryFailed", "own_net:leaving failed with SystemExit"),
    ],
)
def test_a_factory_that_cannot_be_used(code, factory, reason, says):
    error = failure(spec(factory), code)
    assert error.reason == reason
    assert says in error.message


def test_a_module_that_is_not_installed():
    error = failure(spec("a_package_that_is_not_installed.models:Net"))
    assert error.reason == "FactoryNotFound"
    assert "no module a_package_that_is_not_installed in the optimizer image" in error.message
    assert "in spec.model.code, or an image that has it in spec.optimize.image." in error.message


@pytest.mark.parametrize("factory", ["greedy_net:Net", "greedy_module:Net"])
def test_a_lack_of_memory_is_no_fault_of_the_factory(tmp_path, factory):
    (tmp_path / "greedy_net.py").write_text("def Net():\n    raise MemoryError\n")
    (tmp_path / "greedy_module.py").write_text("raise MemoryError\n")
    with pytest.raises(MemoryError):
        build_module(spec(factory), tmp_path)


def test_the_factorys_own_words_are_passed_on(code):
    error = failure(spec("own_net:failing", 3), code)
    assert "own_net:failing failed with ValueError: width 3 is odd." in error.message
