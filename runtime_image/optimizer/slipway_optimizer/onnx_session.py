"""ONNX Runtime sessions as the optimizer uses them: pinned threads, quiet, outputs in declared order."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime

from slipway_contract.providers import CPU, Provider
from slipway_optimizer.arrays import Array, Feeds

ERRORS_ONLY = 3
HALF: Final = "tensor(float16)"
ON_CPU: Final[Sequence[Provider]] = ((CPU, {}),)


class OnnxSession:
    """One loaded ONNX file, on the CPU where nothing else is asked for."""

    def __init__(
        self,
        path: Path,
        outputs: Sequence[str],
        threads: int,
        *,
        optimized: bool = True,
        providers: Sequence[Provider] = ON_CPU,
    ) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = ERRORS_ONLY
        # Threads that spin after a call would slow down whatever is measured next.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        if not optimized:
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        self._session = onnxruntime.InferenceSession(str(path), options, providers=list(providers))
        self._outputs = list(outputs)
        self._half = {item.name for item in self._session.get_inputs() if item.type == HALF}

    @property
    def provider(self) -> str:
        """The first of those that could start."""
        return str(self._session.get_providers()[0])

    def run(self, feeds: Feeds) -> list[Array]:
        """One call; outputs in declared order. A model in half precision is fed with that."""
        return list(self._session.run(self._outputs, self.converted(feeds)))

    def converted(self, feeds: Feeds) -> Feeds:
        """The request as the model takes it: FP16 without keepIO asks for float16 where float32 is declared."""
        if not self._half:
            return feeds
        return {name: array.astype(np.float16) if name in self._half else array for name, array in feeds.items()}
