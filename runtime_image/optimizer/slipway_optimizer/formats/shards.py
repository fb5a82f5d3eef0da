"""A folder's weights in several files: which ones, by the index beside them, and that all of them are in the folder."""

import json
from pathlib import Path
from typing import Final

from slipway_optimizer import reasons
from slipway_optimizer.errors import UserError

MAX_INDEX_BYTES: Final = 64 << 20


def shard_files(folder: Path, suffix: str = ".safetensors") -> list[Path]:
    """The files that hold a folder's weights: those that its index names, or else all that end so.

    Raises:
        UserError: the index is damaged, or names a file that is not there, or not there only.
    """
    # A variant, such as that of half precision, has one beside the usual one: the shortest name.
    indexes = sorted(folder.glob(f"*{suffix}.index.json"), key=lambda path: (len(path.name), path.name))
    named = [[_inside(folder, name, index.name) for name in sorted(_named(index))] for index in indexes]
    if named:
        return named[0]
    return [_inside(folder, file.name, "The folder") for file in sorted(folder.glob(f"*{suffix}"))]


def read_json(path: Path, limit: int = MAX_INDEX_BYTES) -> object:
    """A JSON file of somebody else's, of a bounded size.

    Raises:
        UserError: it is too large, or no JSON.
    """
    if path.stat().st_size > limit:
        raise UserError(
            reasons.CHECKPOINT_INVALID, f"{path.name} has {path.stat().st_size:,} bytes: at most {limit:,}."
        )
    try:
        content: object = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        message = f"{path.name} is no JSON ({type(error).__name__}): upload it again."
        raise UserError(reasons.CHECKPOINT_INVALID, message) from error
    return content


def _named(index: Path) -> set[str]:
    content = read_json(index)
    files = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(files, dict) or not files or not all(isinstance(name, str) for name in files.values()):
        message = f"{index.name} has no weight_map of tensors to files: save the model again with save_pretrained."
        raise UserError(reasons.CHECKPOINT_INVALID, message)
    return set(files.values())


def _inside(folder: Path, name: str, index: str) -> Path:
    path = folder / name
    if Path(name).name != name or name in {"", ".", ".."}:
        message = f"{index} names {name[:128]!r}, which leads out of its folder: weights lie beside their index."
        raise UserError(reasons.CHECKPOINT_INVALID, message)
    if not path.is_file():
        message = f"{index} names {name[:128]}, which is not in the folder: upload the whole folder."
        raise UserError(reasons.CHECKPOINT_INVALID, message)
    return path
