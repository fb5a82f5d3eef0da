"""draw.py RESULTS.json PLOT.svg: requests a second of each server at the highest number of connections, by model."""

import json
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt


def main(source, target):
    rows = json.loads(Path(source).read_text())["throughput"]
    models = list(dict.fromkeys(row["model"] for row in rows))
    _, axes = plt.subplots(1, len(models), figsize=(6 * len(models), 6), squeeze=False, layout="constrained")
    for axis, model in zip(axes[0], models, strict=True):
        own = [row for row in rows if row["model"] == model]
        most = max(row["connections"] for row in own)
        shown = {
            row["server"]: row["requestsPerSecond"]
            for row in own
            if row["connections"] == most or "loop" in row["server"]
        }
        bars = sorted(shown.items(), key=lambda bar: bar[1])
        colours = ["tab:blue" if server.startswith("Slipway") else "tab:gray" for server, _ in bars]
        axis.barh([server for server, _ in bars], [rate for _, rate in bars], color=colours)
        axis.set_title(f"{model}, {most} connections")
        axis.set_xlabel("requests/s")
    plt.savefig(target, metadata={"Date": None})


if __name__ == "__main__":
    main(*sys.argv[1:])
