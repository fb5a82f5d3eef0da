"""Which models are derived from the original, in which order."""

from slipway_optimizer.axes import AxisPlan
from slipway_optimizer.data import Dataset
from slipway_optimizer.derive.derived import Derived
from slipway_optimizer.derive.distill import distill
from slipway_optimizer.derive.prune import prune
from slipway_optimizer.derive.setting import Setting
from slipway_optimizer.formats.loaded import LoadedModel
from slipway_optimizer.samples import Sampler
from slipway_optimizer.workshop import Workshop


def derive(
    shop: Workshop, original: LoadedModel, sampler: Sampler, plan: AxisPlan, judged: Dataset | None
) -> list[Derived]:
    """Every model that the spec asks for beside the original: pruned, distilled, and distilled and then pruned.

    Args:
        shop: the spec and the sources.
        original: the model as it came, which stays as it is.
        sampler: draws requests that the original answers.
        plan: their sizes.
        judged: the evaluation data, which may not be trained on.

    Raises:
        UserError: the student or the data to train on is at fault.
    """
    wanted = shop.deployment.optimize
    checks = [sampler.draw(sizes, seed=0) for sizes in (plan.example, *plan.checks)]
    setting = Setting(shop, original, checks, judged)
    derived: list[Derived] = []
    if wanted.prune is not None:
        shop.progress.report("Prune", f"Pruning: {wanted.prune.method}")
        derived.append(prune(setting, original, wanted.prune, "Pruned"))
    if wanted.distill is not None:
        student = distill(setting, wanted.distill)
        derived.append(student)
        if wanted.prune is not None and student.model is not None:
            shop.progress.report("Distill", f"Pruning the student: {wanted.prune.method}", 0.9)
            derived.append(prune(setting, student.model, wanted.prune, "DistilledPruned"))
    return derived
