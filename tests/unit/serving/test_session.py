from pathlib import Path

import numpy as np

from slipway_contract.providers import CPU
from slipway_serving.session import Session

MIB = 1 << 20


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def test_the_memory_of_a_large_run_is_given_back(mlp_folder: Path) -> None:
    session = Session(mlp_folder / "model.onnx", intra_op_threads=1, providers=[(CPU, {})])
    session.run({"x": np.ones((1, 64), np.float32)})
    before = resident_bytes()
    large = np.ones((400_000, 64), np.float32)
    session.run({"x": large})
    del large
    session.run({"x": np.ones((1, 64), np.float32)})
    assert resident_bytes() - before < 64 * MIB, "the layers of the large run, about 100 MiB each, are still held"
