"""What turns texts into a Transformers model's inputs: kept in the artifact, for those who send it requests."""

import shutil
from pathlib import Path
from typing import Final

FOLDER: Final = "tokenizer"
MAX_BYTES: Final = 64 << 20
NAMES: Final = (
    "added_tokens.json",
    "chat_template.jinja",
    "merges.txt",
    "preprocessor_config.json",
    "sentencepiece.bpe.model",
    "special_tokens_map.json",
    "spiece.model",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vocab.json",
    "vocab.txt",
)


def keep_tokenizer(source: Path, artifact: Path) -> None:
    """Copy a Transformers folder's tokenizer files to `tokenizer/` in the artifact; other sources have none.

    Links are left out: they may lead to files of this machine, which have no place in an artifact.
    """
    if not (source / "config.json").is_file():
        return
    for file in (source / name for name in NAMES):
        if file.is_file() and not file.is_symlink() and file.stat().st_size <= MAX_BYTES:
            target = artifact / FOLDER / file.name
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(file, target)
