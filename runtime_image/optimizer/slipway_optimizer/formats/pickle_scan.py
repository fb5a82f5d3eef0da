"""Pickles, read opcode by opcode and never run: what they would import, and whether they are too large to load."""

import pickletools
from dataclasses import dataclass
from typing import IO, Final

from slipway_optimizer import reasons
from slipway_optimizer.errors import UserError

# A state dict has some forty for each tensor. Each may make an object of sixty bytes.
MAX_OPCODES: Final = 4_000_000
# torch.save wrote these three before the object itself: a magic number, a version, and facts about the machine.
LEGACY_PREAMBLE: Final = 3
STRINGS: Final = frozenset({"SHORT_BINUNICODE", "BINUNICODE", "UNICODE", "SHORT_BINSTRING", "BINSTRING"})
# Which modules the classes and functions in a state dict come from; what they are called is checked by PyTorch.
PLAIN_MODULES: Final = frozenset({"collections", "torch", "torch._utils", "torch._tensor", "torch.storage", "_codecs"})


@dataclass(frozen=True)
class PickleFacts:
    """`names` are what it would import, in order; `root` is the class of the object itself, if that is imported."""

    names: tuple[str, ...]
    root: str | None

    @property
    def foreign(self) -> str | None:
        """The first name that no state dict needs."""
        return next((name for name in self.names if name.rpartition(".")[0] not in PLAIN_MODULES), None)


def scan_pickle(file: IO[bytes]) -> PickleFacts:
    """Read one pickle to its end, from where a file stands.

    Raises:
        UserError: it is cut off, none at all, or has more opcodes than any checkpoint needs.
    """
    names: list[str] = []
    strings: list[str] = []
    root: str | None = None
    plain = False
    try:
        for number, (opcode, argument, _) in enumerate(pickletools.genops(file)):
            if number > MAX_OPCODES:
                message = f"The file is a pickle of more than {MAX_OPCODES:,} steps, which is no checkpoint of a model."
                raise UserError(reasons.CHECKPOINT_INVALID, message)
            if opcode.name in STRINGS:
                strings = [*strings[-1:], str(argument)]
            imported = _imported(opcode.name, argument, strings)
            if imported:
                names.append(imported)
                root = root if plain or root else imported
            # Comes first where the object itself is a dict or a list.
            plain = plain or opcode.name in {"EMPTY_DICT", "EMPTY_LIST"}
    except (ValueError, EOFError, OverflowError, MemoryError, UnicodeDecodeError) as error:
        message = f"The file is a cut-off or damaged pickle ({type(error).__name__}): upload the whole file."
        raise UserError(reasons.CHECKPOINT_INVALID, message) from error
    return PickleFacts(tuple(dict.fromkeys(names)), root)


def scan_legacy(file: IO[bytes]) -> PickleFacts:
    """The object's own pickle in a file that torch.save wrote before PyTorch 1.6."""
    for _ in range(LEGACY_PREAMBLE):
        scan_pickle(file)
    return scan_pickle(file)


def _imported(opcode: str, argument: object, strings: list[str]) -> str | None:
    if opcode in {"GLOBAL", "INST"}:
        return str(argument).replace(" ", ".")
    if opcode == "STACK_GLOBAL":
        return ".".join(strings)
    return None
