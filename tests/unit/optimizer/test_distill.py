"""Distillation: the loss as published, students that are held against the original first, and training by seed."""

import math
import random

import numpy as np
import pytest
import torch
from support.derivation import DATA, digits, score, setting_of, write_digits
from support.optimizer_jobs import build
from torch import nn

from slipway_optimizer.derive.course import Course
from slipway_optimizer.derive.distill import distill
from slipway_optimizer.derive.losses import divergence, label_error
from slipway_optimizer.errors import UserError

FIELD = "optimize.distill.data"
CODE = "optimize.distill.student.code"
STUDENT = """
import torch
from torch import nn

torch.set_num_threads(1)
torch.set_grad_enabled(False)


class Student(nn.Module):
    def __init__(self, classes=10, width=8):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(64, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(0.1),
            nn.Linear(width, classes),
        )

    def forward(self, image):
        return self.layers(image)


class Double(Student):
    def forward(self, image):
        return self.layers(image).double()


class Named(Student):
    def forward(self, image):
        return {"scores": self.layers(image), "hidden": image}
"""


@pytest.fixture(scope="module")
def teacher():
    """A model that knows digits: trained on labels for a moment."""
    images, labels = digits()
    module = build("Cnn")
    optimizer = torch.optim.Adam(module.parameters(), lr=0.01)
    module.train()
    for _ in range(4):
        for rows in torch.arange(1200).split(50):
            loss = nn.functional.cross_entropy(
                module(torch.from_numpy(images[rows])), torch.from_numpy(labels[rows.numpy()])
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return module.eval()


def prepared(folder, teacher, checkpoints=None, rows=slice(0, 1200), labels=True, student=None, **wanted):
    """The setting and the spec of a distillation on digits."""
    (folder / "own_net.py").write_text(STUDENT)
    files = {FIELD: write_digits(folder / "train.npz", rows, labels=labels), CODE: folder / "own_net.py"}
    spec = {"student": {"factory": "own_net:Student", "code": DATA, **(student or {})}, "data": DATA, **wanted}
    setting = setting_of(folder, teacher, {"distill": spec}, files, checkpoints=checkpoints)
    return setting, setting.shop.deployment.optimize.distill


def state_of(derived):
    return {name: tensor.clone() for name, tensor in derived.model.module.state_dict().items()}


def test_the_divergence_is_that_of_the_paper():
    student, teacher = torch.tensor([[1.0, 2.0, 0.5]]), torch.tensor([[3.0, 0.0, 1.0]])
    right, mine = torch.softmax(teacher / 4, 1)[0], torch.softmax(student / 4, 1)[0]
    expected = 16 * sum(float(p * (p.log() - q.log())) for p, q in zip(right, mine, strict=True))
    assert float(divergence(student, teacher, 4.0)) == pytest.approx(expected, rel=1e-5)
    assert float(divergence(teacher, teacher, 4.0)) == 0


def test_its_gradient_is_as_large_at_any_temperature():
    teacher = torch.randn(16, 10, generator=torch.Generator().manual_seed(0)) / 10
    sizes = []
    for temperature in (10.0, 100.0):
        student = torch.zeros(16, 10, requires_grad=True)
        divergence(student, teacher, temperature).backward()
        sizes.append(float(student.grad.norm()))
    assert sizes[0] == pytest.approx(sizes[1], rel=0.02)


@pytest.mark.parametrize("shape", [(4, 10), (4, 7, 10), (4, 10, 5, 6)], ids=["rows", "tokens", "maps"])
def test_classes_are_where_evaluation_looks_for_them(shape):
    axis = 1 if len(shape) == 4 else len(shape) - 1
    labels = torch.randn(shape).argmax(axis)
    scores = nn.functional.one_hot(labels, 10).movedim(-1, axis) * 100.0
    assert float(label_error(scores, labels)) < 1e-3
    assert float(divergence(scores, scores + 1, 1.0)) == pytest.approx(0, abs=1e-6), "a constant is no difference"


def test_labels_may_be_a_column_numbers_or_nothing_that_fits():
    scores = torch.randn(4, 10)
    labels = torch.tensor([1, 2, 3, -100])
    assert float(label_error(scores, labels[:, None])) == float(label_error(scores, labels))
    assert float(label_error(torch.ones(4, 1), torch.zeros(4))) == 1.0
    assert float(label_error(torch.ones(4, 1), torch.tensor([0, 1, 1, 0]))) == 0.5, "one number is no choice of classes"
    assert float(label_error(scores, torch.full((4,), -100))) == 0, "there is nothing to learn"
    with pytest.raises(ValueError, match="labels of a row have shape"):
        label_error(scores, torch.zeros(4, 3))


def test_a_small_student_answers_as_its_teacher(tmp_path, teacher):
    wider = {"factoryKwargs": {"width": 16}}
    setting, wanted = prepared(
        tmp_path, teacher, epochs=15, learningRate=0.01, hardLabelWeight=0.1, batchSize=32, student=wider
    )
    done = distill(setting, wanted)
    facts, held_out = done.facts, slice(1200, 1797)
    assert facts["parametersAfter"] < facts["parametersBefore"] / 2
    assert score(setting.original, held_out) - score(done.model, held_out) < 0.05
    assert facts["losses"][-1] < facts["losses"][0] / 5
    assert facts["bestEpoch"] == 1 + int(np.argmin(facts["heldOutLosses"]))


def test_the_same_seed_trains_the_same_weights_and_another_does_not(tmp_path, teacher):
    runs = []
    for number, seed in enumerate((3, 3, 4)):
        (tmp_path / str(number)).mkdir()
        setting, wanted = prepared(tmp_path / str(number), teacher, rows=slice(0, 300), epochs=2, seed=seed)
        # Whatever was drawn before.
        torch.rand(number + 1)
        with pytest.MonkeyPatch.context() as patch:
            patch.delitem(__import__("sys").modules, "own_net", raising=False)
            runs.append(state_of(distill(setting, wanted)))
    first, same, other = runs
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_training_leaves_the_process_as_it_was(tmp_path, teacher):
    torch.set_num_threads(2)
    before = (torch.get_rng_state().clone(), random.getstate(), np.random.get_state()[1].copy())
    weights = {name: tensor.clone() for name, tensor in teacher.state_dict().items()}
    setting, wanted = prepared(tmp_path, teacher, rows=slice(0, 100), epochs=1)
    done = distill(setting, wanted)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert (np.random.get_state()[1] == before[2]).all()
    assert torch.get_num_threads() == 2
    assert torch.is_grad_enabled()
    assert not torch.are_deterministic_algorithms_enabled()
    assert not done.model.module.training
    assert all(parameter.grad is None for parameter in done.model.module.parameters())
    assert all(torch.equal(tensor, weights[name]) for name, tensor in teacher.state_dict().items())


def test_training_ends_when_held_out_rows_get_no_better(tmp_path, teacher):
    setting, wanted = prepared(tmp_path, teacher, rows=slice(0, 60), epochs=40, learningRate=0.5, patience=2)
    facts = distill(setting, wanted).facts
    assert facts["epochs"] < 40
    assert facts["epochs"] - facts["bestEpoch"] == 2


def test_without_patience_all_rows_are_trained_on():
    rows, held_out = Course(1, 8, 0.1, seed=0).split(50)
    assert (len(rows), len(held_out)) == (50, 0)
    rows, held_out = Course(1, 8, 0.1, seed=0, patience=1).split(50)
    assert (len(rows), len(held_out)) == (45, 5)
    assert sorted([*rows, *held_out]) == list(range(50))


def test_the_learning_rate_falls_as_a_cosine():
    course = Course(1, 8, 0.1, seed=0)
    assert course.rate(0.0) == 0.1
    assert course.rate(0.5) == pytest.approx(0.05)
    assert math.isclose(course.rate(1.0), 0.0, abs_tol=1e-9)


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"student": {"factoryArgs": [7]}}, "answers logits in shape [3, 7], the model in [3, 10]"),
        ({"student": {"factory": "own_net:Double"}}, "answers logits as float64, the model as float32"),
        ({"student": {"factory": "own_net:Teacher"}}, "own_net has no Teacher"),
        (
            {"student": {"factory": "other:Net"}},
            "no module other in spec.optimize.distill.student.code, which has own_net: "
            "correct spec.optimize.distill.student.factory.",
        ),
        (
            {"student": {"factory": "own_net:Named"}},
            "The student own_net:Named: The spec declares the outputs logits",
        ),
        ({"hardLabelWeight": 0.5, "labels": False}, "hardLabelWeight needs labels"),
    ],
)
def test_what_is_wrong_with_a_student_is_said_before_it_is_trained(tmp_path, teacher, wanted, sentence):
    setting, spec = prepared(tmp_path, teacher, rows=slice(0, 50), **wanted)
    with pytest.raises(UserError) as caught:
        distill(setting, spec)
    assert sentence in caught.value.message


def test_a_loss_that_is_no_number_costs_the_candidate_not_the_job(tmp_path, teacher):
    setting, wanted = prepared(
        tmp_path, teacher, rows=slice(0, 200), loss="MSE", optimizer="SGD", learningRate=10, epochs=8
    )
    with torch.no_grad():
        done = distill(setting, wanted)
    assert done.model is None
    assert done.problem.startswith("The loss is ")
    assert "lower learningRate" in done.problem


def test_start_weights_are_taken_and_what_shares_a_name_with_the_models_code_is_refused(tmp_path, teacher):
    torch.manual_seed(5)
    layers = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 10)
    )
    start = {f"layers.{name}": tensor for name, tensor in layers.state_dict().items()}
    torch.save(start, tmp_path / "start.pt")
    setting, wanted = prepared(
        tmp_path, teacher, rows=slice(0, 50), epochs=1, learningRate=1e-6, student={"source": DATA}
    )
    fetched = dict(setting.shop.inputs.fetched)
    fetched["optimize.distill.student.source"] = fetched[CODE].__class__(tmp_path / "start.pt", "start.pt", "sha256:1")
    object.__setattr__(setting.shop.inputs, "fetched", fetched)
    trained = state_of(distill(setting, wanted))
    assert torch.allclose(trained["layers.1.weight"], start["layers.1.weight"], atol=1e-4)
    (tmp_path / "again").mkdir()
    setting, wanted = prepared(tmp_path / "again", teacher, rows=slice(0, 50), epochs=1)
    with pytest.raises(UserError, match="has a module own_net, and so has what was imported before it"):
        distill(setting, wanted)


def test_progress_tells_the_epoch_the_losses_and_the_time_that_is_left(tmp_path, teacher):
    setting, wanted = prepared(tmp_path, teacher, rows=slice(0, 200), epochs=3)
    distill(setting, wanted)
    said = setting.shop.progress._stream.getvalue()
    assert '"stage": "Distill"' in said
    assert "Training the student: epoch 2 of 3; loss " in said
    assert ", held out " in said
    assert '"etaSeconds": ' in said
