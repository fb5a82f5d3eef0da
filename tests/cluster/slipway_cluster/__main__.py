"""`python -m slipway_cluster up|down|status|helm`, what `make cluster-up` and its kin run."""

import argparse
import shutil
import sys

from slipway_cluster import cluster, kind
from slipway_cluster.build import build_all
from slipway_cluster.errors import ClusterError
from slipway_cluster.paths import Layout
from slipway_cluster.programs import MODULES


def main() -> int:
    arguments = parse_arguments()
    layout = Layout()
    try:
        return run_command(arguments, layout)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; `up` again starts anew, `down` removes what was started\n")
        return 130
    except ClusterError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="slipway_cluster", description="A real Kubernetes on this machine.")
    parser.add_argument("command", choices=["up", "down", "status", "helm"])
    parser.add_argument("--gpus", type=int, help=f"fake GPUs (default: {cluster.DEFAULT_GPUS})")
    parser.add_argument("--with", dest="provider", choices=["bundled", "kind"], default="bundled")
    return parser.parse_args()


def run_command(arguments: argparse.Namespace, layout: Layout) -> int:
    if arguments.command == "helm":
        build_helm(layout)
    elif arguments.provider == "kind" and arguments.command != "status":
        (kind.up if arguments.command == "up" else kind.down)(layout)
    elif arguments.command == "up":
        cluster.up(layout, arguments.gpus)
    elif arguments.command == "down":
        cluster.down(layout)
    else:
        return 0 if cluster.status(layout) else 1
    return 0


def build_helm(layout: Layout) -> None:
    """The one program that unit tests need, without the rest; nothing where there is one already."""
    if shutil.which("helm") is None:
        build_all(layout, [module for module in MODULES if module.name == "helm"])


if __name__ == "__main__":
    sys.exit(main())
