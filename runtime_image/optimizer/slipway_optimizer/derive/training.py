"""The training itself: epochs over shuffled rows, until they are done or bring nothing more."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from slipway_optimizer import reasons
from slipway_optimizer.arrays import Array
from slipway_optimizer.derive.checkpoint import TrainingCheckpoint
from slipway_optimizer.derive.course import Course
from slipway_optimizer.derive.lesson import Lesson
from slipway_optimizer.derive.problem import NotDerivableError
from slipway_optimizer.derive.torch_state import reproducible, seed_all
from slipway_optimizer.derive.training_state import TrainingState
from slipway_optimizer.errors import InfrastructureError, UserError, first_line


@dataclass(frozen=True)
class Moment:
    """How far a training is: the epoch that runs, the share of all that is done, and the seconds that are left."""

    epoch: int
    fraction: float
    eta_seconds: float | None
    last: tuple[float, float | None] | None
    trouble: str | None


OnMoment = Callable[[Moment], None]


def train(
    call: torch.nn.Module, lesson: Lesson, course: Course, checkpoint: TrainingCheckpoint, on_moment: OnMoment
) -> TrainingState:
    """Train a model in place; it ends in eval mode, with the weights of its best epoch.

    Args:
        call: takes the declared inputs and returns the declared outputs.
        lesson: what is learned.
        course: how.
        checkpoint: where to go on from, and to leave each epoch.
        on_moment: called after each step.

    Raises:
        NotDerivableError: the loss is no number any more, or the model cannot be trained.
        UserError: the data does not fit.
    """
    with reproducible(course.seed), _refusals():
        optimizer = course.build_optimizer(call)
        state = checkpoint.restore(call, optimizer)
        rows, held_out = course.split(lesson.data.rows)
        clock = _Clock(state.epoch, course.epochs)
        while not state.is_over(course.epochs, course.patience):
            # By epoch, so that a training that was interrupted draws what it would have drawn.
            seed_all(course.seed + state.epoch)

            def on_share(share: float) -> None:
                on_moment(clock.moment(state, share, checkpoint.trouble))

            loss = _learn(call, optimizer, lesson, course, (rows, state.epoch), on_share)
            _check_weights(call, state.epoch)
            state.add(loss, _examine(call, lesson, course, (held_out, state.epoch)), call, optimizer)
            checkpoint.save(state)
            on_moment(clock.moment(state, 0.0, checkpoint.trouble))
        if state.best is not None:
            call.load_state_dict(state.best)
        call.eval()
        call.zero_grad(set_to_none=True)
    return state


def _learn(
    call: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    lesson: Lesson,
    course: Course,
    where: tuple[Array, int],
    on_share: Callable[[float], None],
) -> float:
    """One epoch; returns the mean loss."""
    rows, epoch = where
    call.train()
    total, learned = 0.0, 0
    for count, loss_of in lesson.steps(course.order(rows, epoch), course.batch_size):
        for group in optimizer.param_groups:
            group["lr"] = course.rate((epoch + learned / len(rows)) / course.epochs)
        optimizer.zero_grad()
        with _norms_for(call, count):
            loss = loss_of(call)
        torch.autograd.backward(loss)
        optimizer.step()
        learned += count
        total += count * _finite(loss, epoch)
        on_share(learned / len(rows))
    return total / learned


@contextmanager
def _norms_for(call: torch.nn.Module, rows: int) -> Iterator[None]:
    """Batch normalization has no variance of one row: for a step of one, it goes by what it has seen so far."""
    norms = [part for part in call.modules() if rows == 1 and isinstance(part, _BatchNorm) and part.training]
    for norm in norms:
        norm.eval()
    yield
    for norm in norms:
        norm.train()


def _examine(call: torch.nn.Module, lesson: Lesson, course: Course, where: tuple[Array, int]) -> float | None:
    """The mean loss on rows that are held out."""
    rows, epoch = where
    if not len(rows):
        return None
    call.eval()
    with torch.no_grad():
        losses = [(count, _finite(loss_of(call), epoch)) for count, loss_of in lesson.steps(rows, course.batch_size)]
    return sum(count * loss for count, loss in losses) / sum(count for count, _ in losses)


def _finite(loss: torch.Tensor, epoch: int) -> float:
    value = float(loss.detach())
    if not math.isfinite(value):
        raise NotDerivableError(f"The loss is {value} in epoch {epoch + 1}: lower learningRate.")
    return value


def _check_weights(call: torch.nn.Module, epoch: int) -> None:
    """A loss may be a number, and its gradient none."""
    if not all(torch.isfinite(weight).all() for weight in call.parameters() if weight.requires_grad):
        raise NotDerivableError(f"Weights are not finite after epoch {epoch + 1}: lower learningRate.")


@contextmanager
def _refusals() -> Iterator[None]:
    """Whatever a module does in training mode, or has no gradient for, costs the candidate and not the Job."""
    try:
        yield
    except (NotDerivableError, InfrastructureError, MemoryError, OSError):
        raise
    except Exception as error:
        if isinstance(error, UserError) and error.reason != reasons.OUTPUT_MISMATCH:
            raise
        cause = first_line(error).rstrip(".")
        kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
        message = f"In training mode the model fails ({kind}{cause}): correct its forward, or do without training."
        raise NotDerivableError(message) from error


class _Clock:
    """Seconds that are left, from those that the epochs of this process took."""

    def __init__(self, done: int, epochs: int) -> None:
        self._first, self._epochs, self._started = done, epochs, time.monotonic()

    def moment(self, state: TrainingState, share: float, trouble: str | None) -> Moment:
        done = state.epoch + share
        here = done - self._first
        passed = time.monotonic() - self._started
        eta = passed / here * (self._epochs - done) if here > 0 else None
        last = state.losses[-1] if state.losses else None
        return Moment(min(state.epoch + 1, self._epochs), done / self._epochs, eta, last, trouble)
