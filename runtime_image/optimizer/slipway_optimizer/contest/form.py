"""The last step of the contest: the form in which the winner's graph is served."""

from collections.abc import Sequence

from slipway_contract.manifest import Budget, Candidate
from slipway_contract.providers import CPU
from slipway_optimizer.arrays import Feeds
from slipway_optimizer.contest.entry import Entry
from slipway_optimizer.contest.field import folder_bytes
from slipway_optimizer.graph.settle import settle_form
from slipway_optimizer.workshop import Workshop


def settle_served(
    shop: Workshop, served: Entry, candidates: Sequence[Candidate], requests: Sequence[Feeds], budget: Budget
) -> list[Candidate]:
    """Rewrite the graph of the chosen candidate where that makes it faster, and note in its details what came of it.

    On other execution providers ONNX Runtime's passes differ, and their own compilers do the work.
    """
    if (served.execution_provider or shop.provider) != CPU:
        return list(candidates)
    shop.progress.report("Measure", f"Rewriting the graph of {served.name}", 0.85)
    model = shop.file(served)
    most_bytes = folder_bytes(model.parent) if budget.objective == "Size" else budget.max_size_bytes
    facts = settle_form(model, requests, shop.outputs, shop.threads, shop.folder / "forms", most_bytes=most_bytes)
    size = folder_bytes(model.parent)
    return [
        candidate.model_copy(update={"size_bytes": size, "details": {**candidate.details, "graph": facts}})
        if candidate.chosen
        else candidate
        for candidate in candidates
    ]
