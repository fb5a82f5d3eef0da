"""Calibration: the range of every activation, from rows that show what the model will see.

One pass of the float model fills a histogram a tensor; each method reads its ranges off that.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Final, Literal

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationMethod
from onnxruntime.quantization.calibrate import HistogramCollector, TensorsData

from slipway_optimizer.arrays import Array, Feeds
from slipway_optimizer.quantize.histogram import Histogram

Method = Literal["MinMax", "Entropy", "Percentile"]
PERCENTILE: Final = 99.999
# ONNX Runtime's default of 128 leaves the entropy method nothing to choose; its search takes the square of this.
BINS: Final[dict[Method, int]] = {"MinMax": 2048, "Percentile": 2048, "Entropy": 512}
QUANTIZED_BINS: Final = 128
# Of one tensor in one request: for a histogram of hundreds of millions of values, every so many of them will do.
MOST_VALUES: Final = 1 << 14
# What never gets larger is zero, and its histogram would have bins too narrow for float32.
SMALLEST_LIMIT: Final = 1e-30
ERRORS_ONLY: Final = 3


@dataclass(frozen=True)
class Ranges:
    """What one pass saw of each tensor: the smallest and the largest value, and a histogram where one is wanted."""

    lowest: dict[str, float] = field(default_factory=dict)
    highest: dict[str, float] = field(default_factory=dict)
    histograms: dict[str, Histogram] = field(default_factory=lambda: defaultdict(Histogram))

    def add(self, name: str, array: Array, *, histogram: bool) -> None:
        """Take in the values of one tensor in one request; those that are not finite have no say."""
        flat = array.ravel()
        if not flat.size:
            return
        low, high = float(flat.min()), float(flat.max())
        if not (isfinite(low) and isfinite(high)):
            flat = flat[np.isfinite(flat)]
            if not flat.size:
                return
            low, high = float(flat.min()), float(flat.max())
        self.lowest[name] = min(self.lowest.get(name, np.inf), low)
        self.highest[name] = max(self.highest.get(name, -np.inf), high)
        if histogram:
            self.histograms[name].add(_thinned(flat), max(abs(low), abs(high)))

    def by(self, method: Method) -> TensorsData:
        """The ranges that a method chooses, as ONNX Runtime's quantizer takes them."""
        chosen = {name: (low, self.highest[name]) for name, low in self.lowest.items()}
        if method != "MinMax":
            chosen |= self._chosen(method)
        return self._within(chosen)

    def _chosen(self, method: Method) -> dict[str, tuple[float, float]]:
        collector = HistogramCollector(
            method=method.lower(),
            symmetric=False,
            num_bins=BINS[method],
            num_quantized_bins=QUANTIZED_BINS,
            percentile=PERCENTILE,
            scenario="same",
        )
        for name, histogram in self.histograms.items():
            ends = np.float32(self.lowest[name]), np.float32(self.highest[name])
            limit = float(max(abs(ends[0]), abs(ends[1])))
            if limit > SMALLEST_LIMIT:
                collector.histogram_dict[name] = (*histogram.read(limit, BINS[method]), *ends, np.float32(limit))
        found = collector.compute_collection_result() if collector.histogram_dict else {}
        return {name: (float(ends[0]), float(ends[1])) for name, ends in found.items()}

    def _within(self, chosen: dict[str, tuple[float, float]]) -> TensorsData:
        """No range is wider than what was seen: the entropy method takes them symmetric, which wastes half of them."""
        data = {
            name: (
                np.array(max(low, self.lowest[name]), np.float32),
                np.array(min(high, self.highest[name]), np.float32),
            )
            for name, (low, high) in chosen.items()
        }
        return TensorsData(CalibrationMethod.MinMax, data)


def observe(
    prepared: Path, tensors: Sequence[str], requests: Sequence[Feeds], threads: int, *, histograms: bool = True
) -> Ranges:
    """Run the float model on the requests, one at a time, and watch these tensors."""
    session = _watching(prepared, tensors, threads)
    names = [output.name for output in session.get_outputs()]
    ranges = Ranges()
    for feeds in requests:
        seen = {**feeds, **dict(zip(names, session.run(names, feeds), strict=True))}
        for name in tensors:
            ranges.add(name, seen[name], histogram=histograms)
    return ranges


def float_tensors(graph: onnx.GraphProto, kinds: Iterable[str]) -> list[str]:
    """Activations in float32 that go into or come out of operators of these kinds."""
    wanted = set(kinds)
    weights = {tensor.name for tensor in graph.initializer}
    types = {value.name: value.type.tensor_type.elem_type for value in _values(graph)}
    found = {
        name: None
        for node in graph.node
        if node.op_type in wanted
        for name in (*node.input, *node.output)
        if name not in weights and types.get(name) == onnx.TensorProto.FLOAT
    }
    return list(found)


def _values(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    return [*graph.value_info, *graph.input, *graph.output]


def _watching(prepared: Path, tensors: Sequence[str], threads: int) -> onnxruntime.InferenceSession:
    """A session that also returns these tensors; the model with them is thrown away, the weights are shared."""
    model = onnx.load(str(prepared), load_external_data=False)
    graph = model.graph
    known = {value.name: value for value in graph.value_info}
    returned = {value.name for value in (*graph.output, *graph.input)}
    graph.output.extend(known[name] for name in tensors if name not in returned)
    path = prepared.with_name("watching.onnx")
    onnx.save(model, str(path))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = ERRORS_ONLY
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _thinned(array: Array) -> Array:
    step = -(-array.size // MOST_VALUES)
    return array[::step] if step > 1 else array
