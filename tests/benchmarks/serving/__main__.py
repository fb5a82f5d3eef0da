"""The serving runtime beside what people use instead, on this machine.

python -m serving [--rounds N] [--models mlp,lite0,minilm] [throughput starts overload drains ...]
"""

import argparse
import sys
import tempfile
from pathlib import Path

from serving.draining import measure_drains
from serving.environments import install_peers
from serving.models import MODELS, prepared
from serving.overload import measure_overload
from serving.results import Results, write
from serving.starting import measure_starts
from serving.throughput import measure_throughput

SECTIONS = ("throughput", "starts", "overload", "drains")
OVERLOADED = "minilm"
DRAINED = "mlp"
OVERLOAD_SECONDS = 60
SIGTERMS = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", default=list(SECTIONS), help=f"of {', '.join(SECTIONS)}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--models", default=",".join(MODELS))
    given = parser.parse_args()
    install_peers()
    results = Results()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for model in prepared(given.models.split(","), folder):
            if "throughput" in given.sections:
                results.throughput += measure_throughput(model, given.rounds, folder)
            if "starts" in given.sections:
                results.starts += measure_starts(model, given.rounds, folder)
            if "overload" in given.sections and model.name == OVERLOADED:
                results.overload = measure_overload(model, OVERLOAD_SECONDS, folder)
            if "drains" in given.sections and model.name == DRAINED:
                results.drains = measure_drains(model, SIGTERMS, folder)
    sys.stdout.write(write(results))


if __name__ == "__main__":
    main()
