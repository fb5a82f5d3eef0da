"""Names of weights: what wrappers put before them, and what training leaves beside them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeVar

Value = TypeVar("Value")

# torch.nn.DataParallel, torch.compile, Lightning and the like.
COMMON_PREFIXES: Final = ("module.", "model.", "net.", "network.")
MOST_WRAPPERS: Final = 3
# What training, profilers and old versions of libraries leave beside the weights: none of it takes part in a forward.
SURPLUS_OF_TRAINING: Final = re.compile(
    r"^(optimizer|optim|lr_scheduler|scheduler|grad_scaler|epoch|step|global_step|n_averaged)\b|"
    r"(^|\.)(total_ops|total_params|num_batches_tracked)$|(^|\.)embeddings\.position_ids$"
)


COMPILED: Final = "_orig_mod."


def without_prefix(tensors: Mapping[str, Value], prefix: str) -> dict[str, Value]:
    """Those whose names begin with a prefix, without it."""
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}


def unwrapped(tensors: Mapping[str, Value]) -> Iterator[dict[str, Value]]:
    """The same weights by the names that they may have without wrappers: as they are, then with less and less."""
    yield dict(tensors)
    # torch.compile wraps submodules, too.
    names = {name: name.replace(COMPILED, "") for name in tensors if not is_surplus_of_training(name)}
    if len(set(names.values())) < len(names):
        return
    kept = {shorter: tensors[name] for name, shorter in names.items()}
    if len(kept) < len(tensors) or set(kept) != set(tensors):
        yield kept
    for _ in range(MOST_WRAPPERS):
        parts = {name.partition(".")[0] for name in kept}
        if len(parts) != 1 or parts & set(kept):
            return
        kept = without_prefix(kept, f"{parts.pop()}.")
        yield kept


def prefixes_of(names: Iterable[str]) -> list[str]:
    """What a part of the names begins with that may be the model's own: common wrappers first."""
    first = {f"{name.partition('.')[0]}." for name in names if "." in name}
    return sorted(first, key=lambda prefix: (prefix not in COMMON_PREFIXES, prefix))


def is_surplus_of_training(name: str) -> bool:
    """Whether a tensor beside the weights can be left out without asking."""
    return SURPLUS_OF_TRAINING.search(name) is not None
