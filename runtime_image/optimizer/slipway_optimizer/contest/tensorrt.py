"""TensorRT engines as candidates, on machines that have them: the plain export, with the engine beside it."""

import shutil
from collections.abc import Sequence

import onnxruntime

from slipway_contract.providers import CUDA, ENGINE_FOLDER, TENSORRT
from slipway_optimizer.contest.engine_shapes import engine_shapes
from slipway_optimizer.contest.entry import PLAIN, Entry
from slipway_optimizer.contest.field import Exported, folder_bytes
from slipway_optimizer.contest.trial import Trial
from slipway_optimizer.errors import first_line
from slipway_optimizer.verify import measure_parity
from slipway_optimizer.workshop import Workshop


def engine_trials(shop: Workshop, models: Sequence[Exported]) -> list[Trial]:
    """One for each model, in half precision; none where there is no TensorRT, or FP16 is not allowed."""
    has_engines = shop.provider == CUDA and TENSORRT in onnxruntime.get_available_providers()
    if not has_engines or shop.deployment.optimize.quantize.mode not in {"FP16", "Auto"}:
        return []
    return [_trial(shop, model) for model in models if model.parity]


def _trial(shop: Workshop, model: Exported) -> Trial:
    entry = Entry("FP16", model.derivation, TENSORRT)
    if not engine_shapes(shop.spec.inputs):
        problem = "an engine is for given sizes, and more than the number of rows is dynamic"
        return Trial(entry, details=model.facts, problem=problem)
    shop.progress.report("Quantize", f"Building the engine of {entry.name}", 0.9)
    folder = shop.file(entry).parent
    shutil.copytree(shop.file(Entry(PLAIN.variant, model.derivation)).parent, folder, dirs_exist_ok=True)
    (folder / ENGINE_FOLDER).mkdir(exist_ok=True)
    try:
        session = shop.open_as_served(entry)
        if session.provider != TENSORRT:
            return Trial(entry, details=model.facts, problem="TensorRT does not start on this machine")
        parity = measure_parity(session.run, model.answers)
    except MemoryError:
        raise
    except Exception as error:
        return Trial(entry, details=model.facts, problem=first_line(error))
    return Trial(
        entry,
        size_bytes=folder_bytes(folder),
        max_abs_diff=parity.max_abs_diff,
        relative_error=parity.relative,
        details=model.facts,
    )
