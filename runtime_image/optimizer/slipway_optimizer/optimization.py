"""The page that the heavy half serves: load, export, verify, hold the contest, choose, prove."""

import re
from pathlib import Path
from typing import Final

import torch

from slipway_contract.manifest import Candidate, Hardware, Manifest
from slipway_contract.recipe import CPU_HARDWARE_CLASS
from slipway_optimizer.arrays import Feeds
from slipway_optimizer.artifact import describe_tensors, list_files, tool_versions, write_manifest
from slipway_optimizer.axes import AxisPlan, Sizes, plan_axes
from slipway_optimizer.choose import Budget, choose
from slipway_optimizer.contest import PLAIN, Outcome, hold_contest
from slipway_optimizer.data import read_data
from slipway_optimizer.environment import cpu_model
from slipway_optimizer.evaluate import Evaluation, prepare_evaluation
from slipway_optimizer.formats.load import load_model
from slipway_optimizer.formats.loaded import LoadedModel
from slipway_optimizer.golden import make_golden
from slipway_optimizer.samples import Sampler, cautious_bounds, find_bounds
from slipway_optimizer.verify import Answer, answer_all, check_file, check_parity, check_stateless
from slipway_optimizer.workshop import Workshop

# PyTorch and ONNX Runtime raise a RuntimeError where Python raises a MemoryError.
OUT_OF_MEMORY: Final = re.compile(r"can't allocate memory|Failed to allocate memory|bad_alloc")


def optimize(shop: Workshop, recipe_digest: str) -> Path:
    """Run every step, and return the folder of a finished artifact.

    Raises:
        UserError: the model, its spec or its data is at fault.
    """
    original = _load(shop)
    evaluation = _evaluation(shop, original)
    sampler, plan = _plan(shop, original)
    answers = _export(shop, original, sampler, plan)
    outcome = hold_contest(shop, original, answers, evaluation, sampler.draw(plan.small, seed=0))
    candidates = choose(outcome.trials, _budget(shop, has_data=evaluation is not None))
    return _assemble(shop, recipe_digest, outcome, candidates, sampler, plan)


def _load(shop: Workshop) -> LoadedModel:
    shop.progress.report("Load", f"Loading {shop.spec.format} {shop.inputs.source.name}")
    original = load_model(shop.spec, shop.inputs.source.path, shop.inputs.code)
    # After the import: model packages have been seen to set it.
    torch.set_num_threads(shop.threads)
    return original


def _plan(shop: Workshop, original: LoadedModel) -> tuple[Sampler, AxisPlan]:
    """Find requests that the original model accepts: sizes of axes, and bounds of integers."""
    inputs = shop.spec.inputs
    cautious = Sampler(inputs, cautious_bounds(inputs))

    def refusal(sizes: Sizes) -> Exception | None:
        return _refusal(original, cautious.draw(sizes, seed=0))

    plan = plan_axes(inputs, refusal)
    tables = original.lookup_tables()
    bounds = find_bounds(inputs, tables, lambda feeds: _refusal(original, feeds) is None, plan.example)
    sampler = Sampler(inputs, bounds)
    if bounds:
        shop.progress.report("Load", f"Trying the model with {sampler.describe()}", 0.8)
    check_stateless(original.run, sampler, plan, shop.outputs)
    return sampler, plan


def _evaluation(shop: Workshop, original: LoadedModel) -> Evaluation | None:
    if shop.inputs.data is None:
        return None
    wanted = shop.deployment.optimize.evaluate
    data = read_data(shop.inputs.data, shop.spec.inputs)
    return prepare_evaluation(wanted, data, shop.outputs, original.run, shop.inputs.code)


def _refusal(original: LoadedModel, feeds: Feeds) -> Exception | None:
    try:
        original.run(feeds)
    except MemoryError:
        raise
    except Exception as error:
        if OUT_OF_MEMORY.search(str(error)):
            raise MemoryError(str(error)) from error
        return error
    return None


def _export(shop: Workshop, original: LoadedModel, sampler: Sampler, plan: AxisPlan) -> list[Answer]:
    """Export, and verify the file; returns the original's answers, which the variants are held against too."""
    shop.progress.report("Export", "Exporting to ONNX")
    path = shop.file(PLAIN)
    original.save_onnx(path, sampler.draw(plan.example, seed=0))
    shop.progress.report("Verify", f"Comparing with {original.framework} at {len(plan.checks)} sizes, two calls each")
    check_file(path, shop.spec)
    answers = answer_all(original.run, sampler, plan)
    check_parity(shop.open(PLAIN).run, answers, shop.outputs, original.framework)
    return answers


def _budget(shop: Workshop, *, has_data: bool) -> Budget:
    wanted = shop.deployment.optimize
    return Budget(wanted.quantize.mode, wanted.evaluate.max_drop, wanted.evaluate.min_speedup, has_data)


def _assemble(
    shop: Workshop, recipe_digest: str, outcome: Outcome, candidates: list[Candidate], sampler: Sampler, plan: AxisPlan
) -> Path:
    chosen = next(candidate for candidate in candidates if candidate.chosen)
    shop.progress.report("Publish", f"Writing the artifact: {chosen.variant}")
    model = shop.file(chosen.variant)
    manifest = Manifest(
        model=shop.deployment.name,
        recipe_digest=recipe_digest,
        source_digest=shop.inputs.source.digest,
        code_digest=shop.inputs.code_digest,
        variant=chosen.variant,
        files=list_files(model.parent),
        reference=outcome.reference,
        candidates=candidates,
        golden=make_golden(shop.open(chosen.variant).run, sampler, plan.small, shop.outputs, chosen.variant),
        hardware=Hardware(hardware_class=CPU_HARDWARE_CLASS, cpu=cpu_model(), threads=shop.threads),
        tools=tool_versions(),
        **describe_tensors(model, shop.spec.inputs),
    )
    write_manifest(manifest, model.parent)
    return model.parent
