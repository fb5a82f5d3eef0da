"""Rows and modules that a training meets in the field: single rows, many sizes, no gradients, no numbers."""

import json

import numpy as np
import pytest
import torch
from support.derivation import DATA, setting_of, write_digits
from support.optimizer_jobs import build
from torch import nn

from slipway_optimizer.derive.checkpoint import TrainingCheckpoint
from slipway_optimizer.derive.course import Course
from slipway_optimizer.derive.fine_tune import fine_tune
from slipway_optimizer.derive.lesson import Lesson
from slipway_optimizer.derive.objectives import distilling, from_labels, from_teacher
from slipway_optimizer.derive.problem import NotDerivableError
from slipway_optimizer.derive.training import train
from slipway_optimizer.errors import UserError
from slipway_optimizer.formats.torch_module import TorchModel
from slipway_optimizer.spec import Distill
from slipway_optimizer.stores.checkpoints import NoCheckpoints

SOURCE = "optimize.prune.fineTune.data"
TUNED = {"method": "Structured", "amount": 0.5, "fineTune": {"data": DATA}}
LENGTHS = ({"x": ("float32", ["batch", "time", 2])}, ["y"])


def setting_with(folder, module, path, given, optimize=None):
    return setting_of(folder, module, optimize or {"prune": TUNED}, {SOURCE: path}, given)


def learn(setting, call, loss=from_teacher, **wanted):
    """Train on what the spec names, with the original's answers; returns how it went."""
    data = setting.read(SOURCE)
    answers = None if loss is from_labels else setting.answers(SOURCE, data, "Prune")
    course = Course(**{"epochs": 2, "batch_size": 4, "learning_rate": 0.01, "seed": 0, **wanted})
    checkpoint = TrainingCheckpoint(NoCheckpoints(), "test", "", setting.scratch)
    lesson = Lesson(setting.shop.spec, data, setting.trained_output, answers, loss)
    return train(call, lesson, course, checkpoint, lambda moment: None)


def write_lengths(path, lengths):
    """Rows (time, 2) of several lengths, row n all of value n."""
    rows = [{"x": np.full((length, 2), number / 10).tolist()} for number, length in enumerate(lengths)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


class Mean(nn.Module):
    """x (b, t, 2) -> y (b, 2)."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.rows = 0

    def forward(self, x):
        self.rows += len(x)
        return self.layer(x.mean(1))


class Normed(nn.Module):
    """image (b, 1, 8, 8) -> logits (b, 10), with a normalization that wants two rows."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8), nn.Linear(8, 10))

    def forward(self, image):
        return self.layers(image)


def test_answers_to_requests_by_length_are_those_of_their_rows(tmp_path):
    module = Mean()
    with torch.no_grad():
        module.layer.weight.copy_(torch.eye(2))
        module.layer.bias.zero_()
    path = write_lengths(tmp_path / "rows.jsonl", [3, 1, 2, 1, 3, 2])
    setting = setting_with(tmp_path, module, path, LENGTHS)
    answers = setting.answers(SOURCE, setting.read(SOURCE), "Prune")
    np.testing.assert_allclose(answers.take(np.arange(6))[:, 0], np.arange(6) / 10, atol=1e-6)


def test_what_the_original_answered_once_is_not_asked_again(tmp_path):
    module = Mean()
    setting = setting_with(tmp_path, module, write_lengths(tmp_path / "rows.jsonl", [1, 2, 3]), LENGTHS)
    assert setting.expected
    data, before = setting.read(SOURCE), module.rows
    first = setting.answers(SOURCE, data, "Prune")
    assert setting.answers(SOURCE, setting.read(SOURCE), "Distill") is first
    assert module.rows - before == 3


def test_rows_that_all_differ_in_length_are_all_learned(tmp_path):
    setting = setting_with(tmp_path, Mean(), write_lengths(tmp_path / "rows.jsonl", range(1, 8)), LENGTHS)
    student = TorchModel(Mean(), setting.shop.spec)
    setting.forms(student)
    student.module.rows = 0
    assert learn(setting, student.call, epochs=3).epoch == 3
    assert student.module.rows == 3 * 7


class Tokens(nn.Module):
    """x (b, t, 2) -> y (b, t, 3)."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 3)

    def forward(self, x):
        return self.layer(x)


@pytest.mark.parametrize("loss", ["MSE", "KLDivergence"])
def test_rows_that_are_filled_up_with_others_than_the_teachers_are_compared_where_both_answered(tmp_path, loss):
    """The teacher met each row between others, and so filled up to another length."""
    path = write_lengths(tmp_path / "rows.jsonl", [*range(1, 40), *range(1, 40)])
    setting = setting_with(tmp_path, Tokens(), path, LENGTHS)
    padded = [tensor.model_copy(update={"pad_value": 0.0}) for tensor in setting.shop.spec.inputs]
    object.__setattr__(setting.shop.deployment.model, "inputs", padded)
    torch.manual_seed(1)
    wanted = Distill.model_validate({"student": {"factory": "a:B"}, "data": DATA, "loss": loss})
    state = learn(setting, TorchModel(Tokens(), setting.shop.spec).call, distilling(wanted, labels=False), epochs=6)
    assert state.losses[-1][0] < state.losses[0][0]
    copy = TorchModel(Tokens(), setting.shop.spec)
    copy.module.load_state_dict(setting.original.module.state_dict())
    state = learn(setting, copy.call, distilling(wanted, labels=False), epochs=1, learning_rate=1e-9)
    assert state.losses[0][0] == pytest.approx(0, abs=1e-6), "a copy of the teacher has nothing to learn"


IMAGES = ({"image": ("float32", ["batch", 1, 8, 8])}, ["logits"])
ONE_IMAGE = ({"image": ("float32", [1, 1, 8, 8])}, ["logits"])


@pytest.mark.parametrize(("given", "rows"), [(IMAGES, 9), (IMAGES, 1), (ONE_IMAGE, 3)], ids=["over", "only", "fixed"])
def test_a_step_of_one_row_trains_through_batch_normalization(tmp_path, given, rows):
    setting = setting_with(tmp_path, build("Cnn"), write_digits(tmp_path / "train.npz", slice(0, rows)), given)
    module = Normed()
    before = module.layers[1].weight.detach().clone()
    state = learn(setting, TorchModel(module, setting.shop.spec).call)
    assert all(np.isfinite(loss) for loss, _ in state.losses)
    assert not torch.equal(module.layers[1].weight, before)
    assert not any(part.training for part in module.modules())


def test_where_no_row_can_be_held_out_all_epochs_are_run(tmp_path):
    setting = setting_with(tmp_path, build("Cnn"), write_digits(tmp_path / "train.npz", slice(0, 1)), IMAGES)
    state = learn(setting, TorchModel(build("Cnn"), setting.shop.spec).call, epochs=4, patience=2)
    assert state.epoch == 4


def test_frozen_weights_stay_and_a_module_without_gradients_takes_no_part(tmp_path):
    setting = setting_with(tmp_path, build("Cnn"), write_digits(tmp_path / "train.npz", slice(0, 8)), IMAGES)
    student = TorchModel(Normed(), setting.shop.spec)
    student.module.layers[1].weight.requires_grad = False
    frozen = student.module.layers[1].weight.clone()
    learn(setting, student.call)
    assert torch.equal(student.module.layers[1].weight, frozen)
    student.module.requires_grad_(requires_grad=False)
    with pytest.raises(NotDerivableError, match="No parameter of the model asks for gradients"):
        learn(setting, student.call)


class Auxiliary(Normed):
    """In training mode it returns another output, too, as Inception does."""

    def forward(self, image):
        logits = super().forward(image)
        return (logits, logits) if self.training else logits


class Unwilling(Normed):
    def forward(self, image):
        if self.training:
            raise RuntimeError("only for inference")
        return super().forward(image)


@pytest.mark.parametrize("module", [Auxiliary(), Unwilling()], ids=["another output", "an exception"])
def test_a_module_that_fails_in_training_mode_only_costs_the_candidate(tmp_path, module):
    setting = setting_with(tmp_path, build("Cnn"), write_digits(tmp_path / "train.npz", slice(0, 8)), IMAGES)
    with pytest.raises(NotDerivableError, match="In training mode the model fails") as caught:
        learn(setting, TorchModel(module, setting.shop.spec).call)
    assert "correct its forward" in str(caught.value)


class Infinite(Normed):
    """Its loss is a number to the end; the gradient of it is none."""

    def forward(self, image):
        logits = super().forward(image)
        return logits + torch.sqrt(logits * 0)


def test_weights_that_are_no_numbers_are_found_though_the_loss_is_one(tmp_path):
    setting = setting_with(tmp_path, build("Cnn"), write_digits(tmp_path / "train.npz", slice(0, 4)), IMAGES)
    with pytest.raises(NotDerivableError, match="Weights are not finite after epoch 1"):
        learn(setting, TorchModel(Infinite(), setting.shop.spec).call, epochs=1)


def test_a_teacher_without_a_number_for_a_row_is_named_with_it(tmp_path):
    path = write_digits(tmp_path / "train.npz", slice(0, 40))
    rows = dict(np.load(path))
    rows["image"][37] = 1e38
    np.savez(path, **rows)
    setting = setting_with(tmp_path, build("Cnn"), path, IMAGES)
    with torch.no_grad():
        setting.original.module.head.weight.mul_(1e6)
    with pytest.raises(UserError, match="logits for row 37 of the training data is not finite"):
        learn(setting, TorchModel(Normed(), setting.shop.spec).call)


def test_a_label_that_is_no_class_is_the_users_error(tmp_path):
    path = write_digits(tmp_path / "train.npz", slice(0, 40))
    rows = dict(np.load(path))
    rows["labels"][7] = 10
    np.savez(path, **rows)
    setting = setting_with(tmp_path, build("Cnn"), path, IMAGES)
    with pytest.raises(UserError, match="a label is 10, and the output has the classes 0 to 9"):
        learn(setting, TorchModel(Normed(), setting.shop.spec).call, from_labels)


@pytest.mark.parametrize(
    ("weight", "labels", "source"),
    [
        (0.0, True, "the original's answers"),
        (0.3, True, "the original's answers and labels"),
        (0.3, False, "the original's answers"),
        (None, True, "labels"),
        (None, False, "the original's answers"),
    ],
)
def test_a_pruned_model_learns_what_the_student_does(tmp_path, weight, labels, source):
    path = write_digits(tmp_path / "train.npz", slice(0, 40), labels=labels)
    distill = {"student": {"factory": "a:B"}, "data": DATA, "hardLabelWeight": weight}
    optimize = {"prune": TUNED, **({"distill": distill} if weight is not None else {})}
    setting = setting_with(tmp_path, build("Cnn"), path, IMAGES, optimize)
    module = TorchModel(Normed(), setting.shop.spec)
    facts = fine_tune(setting, module.call, setting.shop.deployment.optimize.prune.fine_tune, "Pruned")
    assert facts["fineTune"]["learnedFrom"] == source
    assert len(facts["fineTune"]["losses"]) == 5
