"""YAML of somebody else's: of a bounded size, also once its aliases are written out, which everything after it does."""

from pathlib import Path
from typing import Any, Final

import yaml

from slipway_optimizer import reasons
from slipway_optimizer.errors import UserError, first_line

# Kubernetes keeps no larger object.
MAX_BYTES: Final = 3 << 20
MAX_VALUES: Final = 200_000


def read_yaml(path: Path) -> Any:
    """Read a document.

    Raises:
        UserError: it cannot be read, is no YAML, or is larger than any resource.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
        if len(text) > MAX_BYTES:
            raise _too_large(path, f"it has more than {MAX_BYTES:,} bytes")
        content = yaml.safe_load(text)
        count = _count(content, {}, frozenset())
    except OSError as error:
        raise UserError(reasons.INVALID_SPEC, f"{path} cannot be read: {error.strerror}.") from error
    except RecursionError as error:
        raise _too_large(path, "its values are nested too deeply") from error
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(reasons.INVALID_SPEC, f"{path} is not YAML: {first_line(error)}.") from error
    if count > MAX_VALUES:
        raise _too_large(path, f"its aliases stand for {count:,} values")
    return content


def _count(value: Any, known: dict[int, int], around: frozenset[int]) -> int:
    """Values with every alias written out; each is looked at once."""
    if not isinstance(value, dict | list):
        return 1
    if id(value) in around:
        raise RecursionError
    if id(value) not in known:
        items = [*value.keys(), *value.values()] if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_count(item, known, around | {id(value)}) for item in items)
    return known[id(value)]


def _too_large(path: Path, why: str) -> UserError:
    return UserError(reasons.INVALID_SPEC, f"{path} is no ModelDeployment, {why}: write the fields out, and no more.")
