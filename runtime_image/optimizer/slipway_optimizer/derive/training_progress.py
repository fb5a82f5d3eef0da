"""What a training says while it runs."""

from slipway_optimizer.derive.training import Moment, OnMoment
from slipway_optimizer.progress import Progress, Stage


def teller(progress: Progress, stage: Stage, what: str, epochs: int, span: tuple[float, float]) -> OnMoment:
    """Reports each step of a training, within a part of a stage.

    Args:
        progress: where to.
        stage: which stage it belongs to.
        what: is trained.
        epochs: how many at most.
        span: where in the stage the training begins and ends, 0 to 1.
    """
    start, end = span

    def tell(moment: Moment) -> None:
        fraction = start + (end - start) * moment.fraction
        progress.report(stage, f"{what}: epoch {moment.epoch} of {epochs}{_said(moment)}", fraction, moment.eta_seconds)

    return tell


def _said(moment: Moment) -> str:
    parts = []
    if moment.last is not None:
        loss, held_out = moment.last
        parts.append(f"loss {loss:.4g}" + (f", held out {held_out:.4g}" if held_out is not None else ""))
    if moment.trouble:
        parts.append(f"the checkpoint could not be written ({moment.trouble})")
    return f"; {'; '.join(parts)}" if parts else ""
