"""`session.run` in a loop on one thread: what the model itself allows.

raw_loop.py MODEL; each line on stdin is `SECONDS ROWS`, each line on stdout the rows a second reached.
"""

import sys
import time

import numpy as np
from onnx_model import OnnxModel

SIZES = {"batch": 1, "tokens": 64}


def main():
    model = OnnxModel(sys.argv[1])
    for line in sys.stdin:
        seconds, rows = line.split()
        print(rows_a_second(model, float(seconds), int(rows)), flush=True)


def rows_a_second(model, seconds, rows):
    random = np.random.default_rng(0)
    feeds = {}
    for node in model.nodes:
        shape = [rows, *(SIZES.get(size, size) for size in node.shape[1:])]
        values = random.normal(size=shape) if "float" in node.type else random.integers(0, 2, size=shape)
        feeds[node.name] = values.astype(model.dtypes[node.name])
    model.run(feeds)
    runs, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        model.run(feeds)
        runs += 1
    return runs * rows / (time.perf_counter() - begin)


if __name__ == "__main__":
    main()
