"""Slipway itself: the Helm chart, with the images that `make images` built."""

import json
import os

from demo.shell import ROOT, STATE, run, say, tool

RELEASE = "slipway"
NAMESPACE = "slipway-system"


def images() -> dict[str, str]:
    path = STATE / "images.json"
    if not path.exists():
        raise SystemExit("no images: run `make images`")
    loaded: dict[str, str] = json.loads(path.read_text())
    return loaded


def install(*extra: str) -> None:
    """`helm upgrade --install`, and wait until the operator and the metrics API are ready."""
    built = images()
    run(
        tool("helm"),
        "upgrade",
        "--install",
        RELEASE,
        str(ROOT / "charts" / "slipway"),
        "--namespace",
        NAMESPACE,
        "--create-namespace",
        "--take-ownership",  # of a CRD that was applied by hand
        "--set",
        f"images.operator={built['operator']}",
        "--set",
        f"images.optimizer.cpu={built['optimizer']}",
        "--set",
        f"images.optimizer.gpu={os.environ.get('OPTIMIZER_GPU_IMAGE', built['optimizer'])}",
        "--set",
        f"images.serving.cpu={built['serving']}",
        "--set",
        f"images.serving.gpu={os.environ.get('SERVING_GPU_IMAGE', built['serving'])}",
        *extra,
        "--wait",
        "--timeout",
        "300s",
    )
    say(f"helm release {RELEASE} is ready in namespace {NAMESPACE}")


def uninstall() -> None:
    run(tool("helm"), "uninstall", RELEASE, "--namespace", NAMESPACE, "--ignore-not-found", "--wait")
