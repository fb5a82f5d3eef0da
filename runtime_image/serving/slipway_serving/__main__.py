"""`python -m slipway_serving --artifact DIR`: serve one artifact until SIGTERM."""

import argparse
import os
import sys
from pathlib import Path

from slipway_serving.errors import StartupError
from slipway_serving.lifecycle import serve
from slipway_serving.logs import configure_logging
from slipway_serving.settings import read_settings
from slipway_serving.termination import report_failure


def main() -> int:
    """Exit code: 0 after a drain, 1 if the model could not be served."""
    parser = argparse.ArgumentParser(prog="slipway_serving", description=__doc__)
    parser.add_argument("--artifact", type=Path, required=True, help="folder with manifest.json and model.onnx")
    parser.add_argument("--host", default="0.0.0.0", help="address to listen on (default: all)")  # noqa: S104 (a pod's server)
    parser.add_argument("--port", type=int, default=8080, help="port to listen on; 0 takes a free one (default: 8080)")
    parser.add_argument(
        "--grpc-port", type=int, default=8081, help="port for gRPC; 0 takes a free one, -1 is no gRPC (default: 8081)"
    )
    arguments = parser.parse_args()
    configure_logging()
    try:
        serve(
            arguments.artifact,
            host=arguments.host,
            port=arguments.port,
            grpc_port=None if arguments.grpc_port < 0 else arguments.grpc_port,
            settings=read_settings(os.environ),
        )
    except StartupError as error:
        report_failure(str(error))
        return 1
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Without the interpreter's farewell: it would wait for a run or a load that has outlived its time.
    os._exit(code)
