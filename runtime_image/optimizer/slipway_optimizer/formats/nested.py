"""Where in a checkpoint the model's weights are: training code keeps them beside optimizer state, epochs and so on."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch

from slipway_optimizer import reasons
from slipway_optimizer.errors import UserError

Tensors = dict[str, torch.Tensor]

# What training code calls the weights, in the order in which the names are believed.
COMMON_KEYS: Final = (
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "module",
    "net",
    "network",
    "weights",
    "params",
    "generator",
)
# Never the model's weights, however many tensors are in it.
TRAINING_KEYS: Final = ("optimizer", "optim", "scheduler", "lr_scheduler", "scaler", "loops", "callbacks", "rng_state")
DEEPEST: Final = 4
LISTED: Final = 8
SAVE_STATE_DICT: Final = "save the weights alone with torch.save(model.state_dict(), path)"


@dataclass(frozen=True)
class Found:
    """Some weights, and the keys that lead to them; none for a plain state dict."""

    key: str
    tensors: Tensors

    @property
    def is_common(self) -> bool:
        return all(part in COMMON_KEYS for part in self.key.split(".")) if self.key else True


def weights_at(content: Any, key: str) -> Tensors:
    """The weights that `model.weights.key` names.

    Raises:
        UserError: lists the keys that are there instead.
    """
    found, taken = content, ""
    rest = key
    while rest:
        if not isinstance(found, Mapping):
            raise no_weights(f"{taken or 'it'} is a {type(found).__name__}, which has no key {rest}")
        # A key may have dots itself.
        part = next((rest[:end] for end in _ends(rest) if rest[:end] in found), None)
        if part is None:
            there = f"{taken} has" if taken else "it has"
            raise no_weights(f"{there} no key {rest.split('.')[0]}, only {some(found)}", "set weights.key to a path")
        found, taken, rest = found[part], f"{taken}.{part}".lstrip("."), rest[len(part) + 1 :]
    tensors = _tensors_in(found)
    if not tensors:
        keys = f" with the keys {some(found)}" if isinstance(found, Mapping) else ""
        raise no_weights(f"{key} is a {type(found).__name__}{keys} and holds no tensors by name")
    return tensors


def find_weights(content: Any) -> list[Found]:
    """Everything in a checkpoint that can be a model's weights, the likelier first.

    Raises:
        UserError: there is nothing of the kind; lists the keys.
    """
    if not isinstance(content, Mapping):
        raise no_weights(f"it is a {type(content).__name__}, not a state dict")
    found = sorted(_candidates(content, "", set()), key=_rank)
    if not found:
        raise no_weights(f"it is no state dict; its keys are {some(content)}")
    return found


def _candidates(content: Mapping[Any, Any], path: str, seen: set[int]) -> Iterator[Found]:
    if id(content) in seen or path.count(".") >= DEEPEST:
        return
    seen.add(id(content))
    tensors = _tensors_in(content)
    if tensors:
        yield Found(path, tensors)
    for key, value in content.items():
        if isinstance(key, str) and isinstance(value, Mapping) and not key.startswith(TRAINING_KEYS):
            yield from _candidates(value, f"{path}.{key}".lstrip("."), seen)


def _tensors_in(value: Any) -> Tensors:
    if not isinstance(value, Mapping):
        return {}
    return {name: item for name, item in value.items() if isinstance(name, str) and isinstance(item, torch.Tensor)}


def _rank(found: Found) -> tuple[bool, int]:
    return (not found.is_common, found.key.count("."))


def _ends(path: str) -> Iterator[int]:
    """Where the first part of a dotted path may end, the longest first."""
    yield len(path)
    yield from (index for index in range(len(path) - 1, 0, -1) if path[index] == ".")


def some(keys: Iterable[Any]) -> str:
    """The first of some keys, and how many more there are."""
    listed = [str(key)[:64] for key in keys]
    more = f" and {len(listed) - LISTED} more" if len(listed) > LISTED else ""
    return (", ".join(listed[:LISTED]) or "none") + more


def no_weights(found: str, instead: str = SAVE_STATE_DICT) -> UserError:
    """The refusal of a checkpoint without weights, or without any at the key."""
    return UserError(reasons.CHECKPOINT_INVALID, f"The checkpoint has no weights to load: {found}; {instead}.")
