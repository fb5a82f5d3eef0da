"""Export each model, and verify each file that came of it."""

from collections.abc import Sequence

from slipway_optimizer.axes import AxisPlan
from slipway_optimizer.contest.entry import Entry
from slipway_optimizer.contest.field import Exported
from slipway_optimizer.derive.derived import Derived
from slipway_optimizer.errors import UserError
from slipway_optimizer.export_choice import export_right
from slipway_optimizer.exported_file import forget_origin
from slipway_optimizer.formats.loaded import LoadedModel
from slipway_optimizer.mapped_pages import give_back
from slipway_optimizer.onnx_session import OnnxSession
from slipway_optimizer.runtime_refusal import runtime_refusal, saying_where
from slipway_optimizer.samples import Sampler
from slipway_optimizer.verify import Parity, answer_all, check_file, check_parity
from slipway_optimizer.workshop import Workshop


def export_all(
    shop: Workshop, original: LoadedModel, derived: Sequence[Derived], sampler: Sampler, plan: AxisPlan
) -> list[Exported]:
    """The original first. A derived model that cannot be exported right takes no part; the original has to.

    Raises:
        UserError: the original cannot be exported right.
    """
    exported = [_export(shop, Derived("Original", original), sampler, plan)]
    for model in derived:
        if model.model is None:
            exported.append(Exported(model.derivation, facts=model.facts, problem=model.problem))
            continue
        try:
            exported.append(_export(shop, model, sampler, plan))
        except UserError as error:
            exported.append(Exported(model.derivation, facts=model.facts, problem=error.message))
    return exported


def _export(shop: Workshop, derived: Derived, sampler: Sampler, plan: AxisPlan) -> Exported:
    """Export, and verify the file; keeps the model's own answers, which its variants are held against too."""
    model, entry = derived.model, Entry(derivation=derived.derivation)
    if model is None:
        raise ValueError(f"{derived.derivation} could not be derived")
    answers = answer_all(model.run, sampler, plan)
    path = shop.file(entry)

    def verify() -> Parity:
        sizes = f"{len(plan.checks)} sizes, two calls each"
        shop.progress.report("Verify", f"Comparing with {model.framework} at {sizes}")
        precision = check_file(path, shop.spec)
        give_back(shop.inputs.source.path)
        run = saying_where(_opened(shop, entry).run, path)
        return check_parity(run, answers, shop.outputs, model.framework, precision)

    shop.progress.report("Export", f"Exporting {entry.name} to ONNX")
    exporter, parity = export_right(model, path, sampler.draw(plan.example, seed=0), verify)
    if model.framework == "PyTorch":
        # Not before: what is wrong with a node is said with the line of code that its stack trace names.
        forget_origin(path)
    return Exported(derived.derivation, answers, parity, derived.facts, exporter)


def _opened(shop: Workshop, entry: Entry) -> OnnxSession:
    try:
        return shop.open(entry)
    except MemoryError:
        raise
    except Exception as error:
        raise runtime_refusal(error, shop.file(entry)) from error
