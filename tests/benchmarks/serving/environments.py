"""The packages of each peer and of the plot, each in a virtual environment of its own, as its requirements.txt pins."""

import subprocess
import sys
from pathlib import Path

PEERS = Path(__file__).parent / "peers"
PLOT = Path(__file__).parent / "plot"
STATE = Path(__file__).parents[3] / ".cluster"
ENVIRONMENTS = STATE / "peers"
# `make setup` leaves it there.
UV = str(STATE / "uv" / "bin" / "uv")


def python_of(peer: str) -> str:
    return str(ENVIRONMENTS / peer / "bin" / "python")


def script_of(peer: str) -> str:
    """The command that the package of the peer's name installs."""
    return str(ENVIRONMENTS / peer / "bin" / peer)


def install_peers() -> None:
    """Whoever is not there yet, or was made from other requirements."""
    for requirements in sorted([*PEERS.glob("*/requirements.txt"), PLOT / "requirements.txt"]):
        folder = ENVIRONMENTS / requirements.parent.name
        installed = folder / "requirements.txt"
        if installed.exists() and installed.read_text() == requirements.read_text():
            continue
        print(f"installing {requirements.parent.name} ...", flush=True)
        subprocess.run([UV, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)], check=True)
        install = [UV, "pip", "install", "--quiet", "--python", python_of(folder.name), "-r", str(requirements)]
        subprocess.run(install, check=True)
        installed.write_text(requirements.read_text())
