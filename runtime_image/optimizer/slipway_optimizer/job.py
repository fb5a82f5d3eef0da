"""One Job from spec to result: look into the store, fetch, optimize, publish."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slipway_contract.recipe import recipe_digest
from slipway_contract.result import Succeeded
from slipway_contract.source_ids import source_fields
from slipway_optimizer.artifact import summarize
from slipway_optimizer.environment import cpu_count, hardware_class
from slipway_optimizer.errors import first_line
from slipway_optimizer.model_code import unpack_code
from slipway_optimizer.progress import Progress, Stage
from slipway_optimizer.resolve import resolve_all
from slipway_optimizer.sources.eta import Eta
from slipway_optimizer.sources.fetch import Fetched, OnBytes, fetch
from slipway_optimizer.spec import Deployment, Optimize, Source, read_deployment
from slipway_optimizer.stores import Store, open_store
from slipway_optimizer.workshop import Inputs, Workshop

MIB = 1 << 20
STEP_BYTES = 64 * MIB
WEIGHTS = "model.source"


@dataclass(frozen=True)
class Order:
    """What whoever starts the Job knows already, and what becomes of the artifact beside others in its store.

    `resolved` holds ids by the source's field; `keep` the recipes whose artifacts stay, None where nothing is removed.
    """

    recipe: str | None = None
    resolved: Mapping[str, str] | None = None
    owner: str | None = None
    keep: Sequence[str] | None = None


def run_job(spec_file: Path, out: str, order: Order, progress: Progress) -> Succeeded:
    """Make sure that the artifact of a spec is in the store.

    Args:
        spec_file: a ModelDeployment as YAML.
        out: the store's root: a directory, or a prefix in a bucket.
        order: the recipe's digest, the ids of its sources, the artifact's owner.
        progress: where to say what happens.

    Raises:
        JobError: with the class, the reason and the sentence to report.
    """
    deployment = read_deployment(spec_file)
    progress.expect(_optional_stages(deployment.optimize))
    ids = _resolved(deployment, order, progress)
    recipe = order.recipe or recipe_digest(
        deployment.raw_spec,
        optimizer_image=os.environ.get("SLIPWAY_OPTIMIZER_IMAGE", "local"),
        hardware_class=hardware_class(),
        resolved=ids,
    )
    store = open_store(out)
    progress.report("Fetch", "Looking for the artifact in the store")
    found = store.find(recipe, order.owner)
    if found is not None:
        progress.report("Publish", "The store holds the artifact already", 1.0)
        _forget(store, recipe, deployment, progress)
        _collect(store, recipe, order, progress)
        return summarize(found, reused=True)
    with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:
        work = Path(scratch)
        inputs = _fetch_all(deployment, ids, work, progress)
        progress.report("Load", "Starting PyTorch")
        # Its threads would spin after each operator, on CPUs that ONNX Runtime or another container wants next. Of two
        # shared CPUs that cost ten times the time of a call; PyTorch reads it when it starts.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        # PyTorch takes seconds to import, and neither a reused artifact nor a wrong digest needs it.
        from slipway_optimizer.optimization import optimize  # noqa: PLC0415

        shop = Workshop(deployment, inputs, work, cpu_count(), progress, store.checkpoints(recipe))
        folder = optimize(shop, recipe)
        stored = store.publish(recipe, folder, order.owner)
    progress.report("Publish", f"Published {stored.digest}", 1.0)
    _forget(store, recipe, deployment, progress)
    _collect(store, recipe, order, progress)
    return summarize(stored, reused=not stored.first)


def _collect(store: Store, recipe: str, order: Order, progress: Progress) -> None:
    """Remove the owner's old artifacts. The new one is there: what goes wrong here is told and does no harm to it."""
    if order.owner is None or order.keep is None:
        return
    try:
        removed = store.collect(recipe, order.owner, order.keep)
    except Exception as error:
        progress.report("Publish", f"Old artifacts were not removed: {first_line(error)}", 1.0)
        return
    if removed:
        progress.report("Publish", f"Removed {removed} old {'artifact' if removed == 1 else 'artifacts'}", 1.0)


def _forget(store: Store, recipe: str, deployment: Deployment, progress: Progress) -> None:
    """Remove the checkpoints: with its artifact there, nobody goes on with this Job."""
    if not _optional_stages(deployment.optimize):
        return
    try:
        store.checkpoints(recipe).clear()
    except Exception as error:
        progress.report("Publish", f"The checkpoints were not removed: {first_line(error)}", 1.0)


def _optional_stages(optimize: Optimize) -> set[Stage]:
    steps: dict[Stage, object] = {"Prune": optimize.prune, "Distill": optimize.distill}
    return {stage for stage, step in steps.items() if step is not None}


def _resolved(deployment: Deployment, order: Order, progress: Progress) -> Mapping[str, str]:
    """Ids of the sources; a recipe that came with none takes whatever bytes are there."""
    if order.resolved is not None or order.recipe is not None:
        return order.resolved or {}
    progress.report("Fetch", "Looking at the sources")
    return resolve_all(deployment.raw_spec).by_field


def _fetch_all(deployment: Deployment, ids: Mapping[str, str], work: Path, progress: Progress) -> Inputs:
    # Small files first: what is wrong with them should not wait for the weights.
    fields = sorted(source_fields(deployment.raw_spec).items(), key=lambda item: item[0] == WEIGHTS)

    def fetch_one(field: str, raw: Mapping[str, Any]) -> Fetched:
        on_bytes = _reporter(field, progress)
        return fetch(Source.model_validate(raw), field, work, on_bytes, ids.get(field))

    fetched = {field: fetch_one(field, raw) for field, raw in fields}
    code = fetched.get("model.code")
    return Inputs(fetched, unpack_code(code, work) if code else None)


def _reporter(field: str, progress: Progress) -> OnBytes:
    eta = Eta()

    def on_bytes(done: int, size: int | None) -> None:
        # Without a size there is no percentage, and a line for each step of many megabytes will do.
        amount = f"{size / MIB:,.1f} MiB" if size else f"{done // STEP_BYTES * STEP_BYTES // MIB:,} MiB so far"
        progress.report("Fetch", f"Fetching {field}: {amount}", done / size if size else 0.0, eta.seconds(done, size))

    return on_bytes
