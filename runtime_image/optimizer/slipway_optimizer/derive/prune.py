"""A pruned model: fewer weights that are not zero, or fewer channels, and training after it where there is data."""

import copy
from typing import Any

from slipway_contract.manifest import Derivation
from slipway_optimizer.derive.derived import Derived
from slipway_optimizer.derive.fine_tune import fine_tune
from slipway_optimizer.derive.problem import NotDerivableError
from slipway_optimizer.derive.prune_structured import count_cost, remove_channels, structured_facts
from slipway_optimizer.derive.prune_unstructured import sparsity_facts, zero_weights
from slipway_optimizer.derive.setting import Setting
from slipway_optimizer.errors import first_line
from slipway_optimizer.formats.loaded import LoadedModel
from slipway_optimizer.formats.torch_module import TorchModel, to_tensors
from slipway_optimizer.spec import Prune


def prune(setting: Setting, source: LoadedModel, wanted: Prune, derivation: Derivation) -> Derived:
    """Prune a copy of a model. One that cannot be pruned takes no part; the Job goes on.

    Raises:
        UserError: the data to train on is at fault.
    """
    method = _structured if wanted.method == "Structured" else _unstructured
    try:
        model, facts = method(setting, _with_modules(source), wanted, derivation)
    except NotDerivableError as error:
        return Derived(derivation, None, {"method": wanted.method}, str(error))
    limit = {"amount": wanted.amount} if wanted.threshold is None else {"threshold": wanted.threshold}
    return Derived(derivation, model, {"method": wanted.method, **limit, "scope": wanted.scope, **facts})


def _with_modules(source: LoadedModel) -> TorchModel:
    if isinstance(source, TorchModel):
        return source
    raise NotDerivableError(
        "A traced graph has no modules that could be pruned: use format StateDict or SafeTensors with factory."
    )


def _unstructured(
    setting: Setting, source: TorchModel, wanted: Prune, derivation: Derivation
) -> tuple[TorchModel, dict[str, Any]]:
    model = _copy(setting, source)
    weights = zero_weights(model.module, wanted)
    trained = fine_tune(setting, model.call, wanted.fine_tune, derivation) if wanted.fine_tune else {}
    return model, {**sparsity_facts(model.module, weights), **trained}


def _structured(
    setting: Setting, source: TorchModel, wanted: Prune, derivation: Derivation
) -> tuple[TorchModel, dict[str, Any]]:
    example = to_tensors(setting.checks[0], source.spec)
    model = _cut(setting, source, wanted)
    facts = structured_facts(count_cost(source.call, example), count_cost(model.call, example))
    trained = fine_tune(setting, model.call, wanted.fine_tune, derivation) if wanted.fine_tune else {}
    return model, {**facts, **trained}


def _cut(setting: Setting, source: TorchModel, wanted: Prune) -> TorchModel:
    model = _copy(setting, source)
    frozen = [name for name, parameter in model.module.named_parameters() if not parameter.requires_grad]
    try:
        remove_channels(model.call, wanted, to_tensors(setting.checks[0], source.spec))
        same = setting.forms(model) == setting.expected
    except MemoryError:
        raise
    except Exception as error:
        # Tracing runs into whatever the model does, and what is left of it into missing channels.
        raise _impossible(f"{type(error).__name__}: {first_line(error)}") from error
    if not same:
        raise _impossible("its outputs have other shapes without them")
    for name in frozen:
        model.module.get_parameter(name).requires_grad = False
    return _called_once(setting, TorchModel(model.module, source.spec))


def _impossible(cause: str) -> NotDerivableError:
    return NotDerivableError(
        f"Channels cannot be removed from this model ({cause.rstrip('.')}): remove prune, or distill a smaller one."
    )


def _copy(setting: Setting, source: TorchModel) -> TorchModel:
    try:
        module = copy.deepcopy(source.module)
    except (RuntimeError, TypeError) as error:
        raise NotDerivableError(f"The model cannot be copied ({first_line(error)}): remove prune.") from error
    if not any(parameter.requires_grad for parameter in module.parameters()):
        # A module that was made to answer only.
        for parameter in module.parameters():
            parameter.requires_grad_(parameter.is_floating_point())
    return _called_once(setting, TorchModel(module, source.spec))


def _called_once(setting: Setting, model: TorchModel) -> TorchModel:
    """The first call tries how the module wants its inputs: it may make two, which are not to be traced or counted."""
    model.run(setting.checks[0])
    return model
