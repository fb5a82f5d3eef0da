"""Which exporter: the dynamo exporter, and the older one only where the first cannot; both verified the same way."""

from collections.abc import Callable
from pathlib import Path

from slipway_contract.manifest import Exporter
from slipway_optimizer import reasons
from slipway_optimizer.arrays import Feeds
from slipway_optimizer.errors import UserError
from slipway_optimizer.export_failure import DecidesByValueError
from slipway_optimizer.formats.loaded import LoadedModel
from slipway_optimizer.verify import Parity

# What another exporter may get right.
EXPORTERS_FAULT = frozenset({reasons.EXPORT_FAILED, reasons.PARITY_FAILED, reasons.DYNAMIC_AXIS_FIXED})


def export_right(
    model: LoadedModel, path: Path, example: Feeds, verify: Callable[[], Parity]
) -> tuple[Exporter, Parity]:
    """Write the model as ONNX with the first exporter whose file is right.

    Args:
        model: what to export.
        path: the file to write.
        example: the request to trace with.
        verify: checks the file that lies at `path`, and says how close it is.

    Raises:
        UserError: no exporter writes a right file; what was wrong with the first one's.
    """
    first: UserError | None = None
    for exporter in model.exporters:
        for old in (path, path.with_name(f"{path.name}.data")):
            old.unlink(missing_ok=True)
        try:
            model.save_onnx(path, example, exporter.name)
            return _after(exporter, first), verify()
        except DecidesByValueError as error:
            raise first or error from error
        except UserError as error:
            if error.reason not in EXPORTERS_FAULT:
                raise
            first = first or error
    if first is None:
        raise AssertionError("a model has at least one exporter")
    raise first


def _after(exporter: Exporter, failed: UserError | None) -> Exporter:
    return (
        exporter.model_copy(update={"reason": f"The dynamo exporter failed: {failed.message}"}) if failed else exporter
    )
