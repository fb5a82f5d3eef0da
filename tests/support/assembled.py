"""Shared libraries made from a few lines of assembly, for tests of what reads and changes shared libraries."""

import subprocess
from pathlib import Path


def link(target: Path, assembly: str, *needed: Path, version: str = "", options: tuple[str, ...] = ()) -> Path:
    """Assemble and link a shared library; with `version` all its symbols carry that version."""
    source, compiled, script = (target.with_name(target.name + suffix) for suffix in (".s", ".o", ".map"))
    source.write_text(f".text\n{assembly}")
    subprocess.run(["as", "-o", compiled, source], check=True)
    if version:
        script.write_text(f"{version} {{ global: *; }};")
        options = (*options, f"--version-script={script}")
    link_options = ["-shared", "-soname", target.name, "-z", "noexecstack", "-rpath", "$ORIGIN", *options]
    subprocess.run(["ld", *link_options, "-o", target, compiled, *needed], check=True)
    for scratch in (source, compiled, script):
        scratch.unlink(missing_ok=True)
    return target
