"""What a checkpoint is, from its bytes alone: names lie, and a .pt file can be four different things."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from slipway_optimizer import reasons
from slipway_optimizer.errors import UserError
from slipway_optimizer.formats.archive import MAX_PICKLE_BYTES, ZIP_MAGIC, archive_members, read_member
from slipway_optimizer.formats.onnx_bytes import looks_like_onnx, starts_like_onnx
from slipway_optimizer.formats.pickle_scan import PickleFacts, scan_legacy, scan_pickle
from slipway_optimizer.spec import WEIGHTS_ONLY, Checkpoint, Format

# torch.save's magic number before PyTorch 1.6, pickled with protocol 2.
LEGACY_MAGIC: Final = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
PICKLE_MAGIC: Final = b"\x80"
NEWEST_PICKLE: Final = 5
MAX_HEADER_BYTES: Final = 100 << 20  # the safetensors library's own limit
WEIGHT_FILES: Final = ("*.safetensors", "pytorch_model*.bin")
SAID: Final[dict[Format, str]] = {
    "StateDict": "a state dict",
    "SafeTensors": "a .safetensors file",
    "TorchScript": "a TorchScript archive",
    "ExportedProgram": "an exported program",
    "ONNX": "an ONNX model",
    "Transformers": "a Transformers folder",
    "PickledModule": "a whole pickled module",
}


def settle_format(declared: Checkpoint, path: Path) -> Format:
    """The format of a fetched file or folder, which is what the spec says, if it says it.

    Raises:
        UserError: the bytes are of no known format, of another one than declared, or of one that the other fields of
            the spec do not fit.
    """
    found = detect_format(path)
    if found == "StateDict" and declared.allow_pickle and pickle_facts(path).foreign:
        # A dict with a whole module in it, as training frameworks write them.
        found = "PickledModule"
    wanted = declared.format
    if wanted == "SafeTensors" and found == "Transformers":
        return wanted
    if found == "PickledModule" and wanted in {None, "StateDict"}:
        # What it would run is more to the point than what the spec says it is.
        return found
    if wanted not in {None, found}:
        message = f"The spec says format {wanted}, and {_thing(path)} is {SAID[found]}: {_instead(declared, found)}."
        raise UserError(reasons.FORMAT_MISMATCH, message)
    _check_fields(declared, found, path)
    return found


def detect_format(path: Path) -> Format:
    """What a file or folder holds.

    Raises:
        UserError: nothing that can be loaded; says what it seems to be.
    """
    if path.is_dir():
        return _folder_format(path)
    with path.open("rb") as file:
        start = file.read(512)
    for format_name, holds in TESTS.items():
        if holds(path, start):
            return format_name
    if start.startswith(ZIP_MAGIC) or zipfile.is_zipfile(path):
        return _archive_format(path)
    if start.startswith(PICKLE_MAGIC) and len(start) > 1 and start[1] <= NEWEST_PICKLE:
        return _pickle_format(path, start)
    raise _unknown(path, start)


def pickle_facts(path: Path) -> PickleFacts:
    """What the pickle in a torch.save file, zip or legacy, would import."""
    with path.open("rb") as file:
        start = file.read(len(LEGACY_MAGIC))
        file.seek(0)
        if start.startswith(ZIP_MAGIC):
            return scan_pickle(io.BytesIO(read_member(path, "data.pkl", MAX_PICKLE_BYTES)))
        return scan_legacy(file) if start == LEGACY_MAGIC else scan_pickle(file)


def _is_safe_tensors(path: Path, start: bytes) -> bool:
    length = int.from_bytes(start[:8], "little")
    # A length beyond the file is that of a damaged or hostile one: the library says so.
    return len(start) > 8 and start[8:9] == b"{" and (length <= MAX_HEADER_BYTES or start[8:10] in {b'{"', b"{}"})  # noqa: PLR2004


TESTS: Final[dict[Format, Callable[[Path, bytes], bool]]] = {
    "SafeTensors": _is_safe_tensors,
    "ONNX": lambda path, start: start[:1] == b"\x08" and looks_like_onnx(path),
}


def _folder_format(path: Path) -> Format:
    names = sorted(item.name for item in path.iterdir())
    weights = [pattern for pattern in WEIGHT_FILES if any(path.glob(pattern))]
    if "config.json" in names and weights:
        return "Transformers"
    if any(path.glob("*.safetensors")):
        return "SafeTensors"
    if len(list(path.glob("*.onnx"))) == 1:
        return "ONNX"
    message = (
        f"The folder holds {', '.join(names[:8])}, and neither config.json with safetensors, nor a single .onnx file: "
        "name the folder of the model, or the file itself."
    )
    raise UserError(reasons.CHECKPOINT_INVALID, message)


def _archive_format(path: Path) -> Format:
    members = archive_members(path)
    names = set(members)
    if any(name.startswith("code/") for name in names) and "constants.pkl" in names:
        return "TorchScript"
    if "archive_format" in names or any(name.endswith("exported_program.json") for name in names):
        return "ExportedProgram"
    if "data.pkl" in names:
        return _pickle_format(path, ZIP_MAGIC)
    listed = ", ".join(sorted(names)[:8])
    message = f"The file is a zip archive without a model in it (it holds {listed or 'nothing'})."
    raise UserError(reasons.CHECKPOINT_INVALID, message)


def _pickle_format(path: Path, start: bytes) -> Format:
    facts = pickle_facts(path)
    if not start.startswith((ZIP_MAGIC, LEGACY_MAGIC)) and facts.foreign is None:
        message = "The file is a pickle that torch.save did not write: save the weights with torch.save."
        raise UserError(reasons.CHECKPOINT_INVALID, message)
    return "PickledModule" if facts.root is not None and facts.root == facts.foreign else "StateDict"


def _unknown(path: Path, start: bytes) -> UserError:
    if start.startswith(b"version https://git-lfs"):
        said = "The file is a Git LFS pointer: upload the file that it points to."
    elif start.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        said = "The file is a web page: the uri leads to a page instead of the file."
    elif not start:
        said = "The file is empty: upload it again."
    elif starts_like_onnx(path):
        said = "The file begins as an ONNX model and is cut off or damaged: upload the whole file."
    else:
        known = ", ".join(SAID[name].removeprefix("a ").removeprefix("an ") for name in SAID)
        said = f"The file is none of those that can be loaded ({known}), or it is damaged: upload the whole file."
    return UserError(reasons.CHECKPOINT_INVALID, said)


def _check_fields(declared: Checkpoint, found: Format, path: Path) -> None:
    """What `spec/checkpoint.py` checks of a declared format, for one that was found."""
    if declared.format is not None:
        return
    if found in WEIGHTS_ONLY and declared.factory is None:
        message = f"{_thing(path).capitalize()} is {SAID[found]}, which holds weights only: set spec.model.factory."
        raise UserError(reasons.FORMAT_MISMATCH, message)
    wrong = {
        "factory": declared.factory is not None and found not in WEIGHTS_ONLY,
        "submodule": declared.submodule is not None and found != "TorchScript",
        "modelClass": declared.model_class is not None and found != "Transformers",
    }
    field = next((name for name, is_wrong in wrong.items() if is_wrong), None)
    if field:
        message = f"{_thing(path).capitalize()} is {SAID[found]}, for which {field} has no meaning: remove it."
        if found == "Transformers" and field == "factory":
            message = message.replace("remove it", "remove it, or set format to SafeTensors")
        raise UserError(reasons.FORMAT_MISMATCH, message)


def _instead(declared: Checkpoint, found: Format) -> str:
    change = "remove format" if declared.factory is None or found in WEIGHTS_ONLY else "remove format and factory"
    needs = " and set factory" if found in WEIGHTS_ONLY and declared.factory is None else ""
    return f"{change}{needs}, or name another file"


def _thing(path: Path) -> str:
    return "the folder" if path.is_dir() else "the file"
