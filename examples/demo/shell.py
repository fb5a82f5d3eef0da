"""Commands that the demo runs on the reader's behalf, and what it says meanwhile."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
STATE = ROOT / ".cluster"
EXAMPLES = ROOT / "examples"
STARTED = time.monotonic()


def say(text: str) -> None:
    print(f"[{time.monotonic() - STARTED:6.1f} s] {text}", flush=True)


def headline(text: str) -> None:
    print(f"\n== {text}", flush=True)


def tool(name: str) -> str:
    """A tool of the bundled cluster, or the one on PATH."""
    bundled = STATE / "bin" / name
    found = str(bundled) if bundled.exists() else shutil.which(name)
    if not found:
        raise SystemExit(f"{name} is not installed: run `make cluster-up`, or put {name} on PATH")
    return found


def kubeconfig() -> str:
    path = os.environ.get("KUBECONFIG") or str(STATE / "kubeconfig")
    if not Path(path.split(":")[0]).exists():
        raise SystemExit(f"no cluster: {path} does not exist; run `make cluster-up`, or set KUBECONFIG")
    return path


def is_bundled() -> bool:
    """Whether the cluster is the one that `make cluster-up` starts."""
    return Path(kubeconfig()).resolve() == (STATE / "kubeconfig").resolve()


def run(*command: str, stdin: str | None = None, timeout: float = 600) -> str:
    """The command's standard output; its standard error and the reason when it fails."""
    environment = {**os.environ, "KUBECONFIG": kubeconfig()}
    done = subprocess.run(
        command, input=stdin, text=True, capture_output=True, env=environment, timeout=timeout, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr or done.stdout}")
    return done.stdout


def kubectl(*arguments: str, stdin: str | None = None) -> str:
    return run(tool("kubectl"), *arguments, stdin=stdin)


def get(*arguments: str) -> dict[str, Any]:
    """An object, or {} where there is none."""
    text = kubectl("get", "--ignore-not-found", "-o", "json", *arguments)
    return json.loads(text) if text.strip() else {}


def get_all(*arguments: str) -> list[dict[str, Any]]:
    """All objects of the given kinds; none is no error."""
    return get(*arguments).get("items", [])


def apply(*objects: dict[str, Any]) -> None:
    kubectl("apply", "-f", "-", stdin="\n---\n".join(json.dumps(item) for item in objects))


def python(script: Path, *arguments: str) -> None:
    subprocess.run([sys.executable, str(script), *arguments], check=True, cwd=ROOT)
