"""Calibration: the range of every activation, from rows that show what the model will see.

One pass of the float model fills a histogram a tensor; each method reads its ranges off that.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationMethod
from onnxruntime.quantization.calibrate import HistogramCollector, TensorsData

from slipway_optimizer.arrays import Array, Feeds

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
    """What one pass saw of each tensor: the smallest and the largest value, and a histogram."""

    lowest: dict[str, float]
    highest: dict[str, float]
    collector: Any

    def by(self, method: Method) -> TensorsData:
        """The ranges that a method chooses, as ONNX Runtime's quantizer takes them."""
        if method == "MinMax":
            return self._within({name: (low, self.highest[name]) for name, low in self.lowest.items()})
        self.collector.method = method.lower()
        chosen = {name: (low, self.highest[name]) for name, low in self.lowest.items()}
        if self.collector.histogram_dict:
            found = self.collector.compute_collection_result()
            chosen |= {name: (float(ends[0]), float(ends[1])) for name, ends in found.items()}
        return self._within(chosen)

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


def observe(prepared: Path, tensors: Sequence[str], requests: Sequence[Feeds], method: Method, threads: int) -> Ranges:
    """Run the float model on the requests, one at a time, and watch these tensors.

    Once for the smallest and largest values, and once for histograms between them: ONNX Runtime's collector extends a
    histogram by bins of the width that suited the first request, millions of them after a silent one.
    """
    watched = _Watched(prepared, tensors, threads)
    lowest: dict[str, float] = {}
    highest: dict[str, float] = {}
    for seen in watched.run(requests):
        for name, array in seen.items():
            lowest[name] = min(lowest.get(name, np.inf), float(array.min()))
            highest[name] = max(highest.get(name, -np.inf), float(array.max()))
    limits = {name: max(abs(low), abs(highest[name])) for name, low in lowest.items()}
    limits = {name: limit for name, limit in limits.items() if limit > SMALLEST_LIMIT}
    collector = HistogramCollector(
        method="percentile",
        symmetric=False,
        num_bins=BINS[method],
        num_quantized_bins=QUANTIZED_BINS,
        percentile=PERCENTILE,
        scenario="same",
    )
    if method != "MinMax":
        collector.collect({name: np.array([limit], np.float32) for name, limit in limits.items()})
        for seen in watched.run(requests):
            collector.collect({name: _thinned(array) for name, array in seen.items() if name in limits})
    return Ranges(lowest, highest, collector)


class _Watched:
    """The float model with these tensors as outputs, too."""

    def __init__(self, prepared: Path, tensors: Sequence[str], threads: int) -> None:
        self._session = _watching(prepared, tensors, threads)
        self._tensors = tensors

    def run(self, requests: Sequence[Feeds]) -> Iterator[dict[str, Array]]:
        """The finite values of each tensor, flat, by request; tensors without any are left out."""
        names = [output.name for output in self._session.get_outputs()]
        for feeds in requests:
            seen = {**feeds, **dict(zip(names, self._session.run(names, feeds), strict=True))}
            values = {name: _finite(seen[name]) for name in self._tensors}
            yield {name: array for name, array in values.items() if array.size}


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


def _finite(array: Array) -> Array:
    flat = array.ravel()
    return flat if np.isfinite(flat).all() else flat[np.isfinite(flat)]


def _thinned(array: Array) -> Array:
    step = -(-array.size // MOST_VALUES)
    return array[::step] if step > 1 else array
