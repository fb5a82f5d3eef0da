"""The finished artifact: the chosen model, its golden request, the report, and the manifest over all of it."""

from dataclasses import dataclass
from pathlib import Path

from slipway_contract.manifest import REPORT_FILE, Budget, Candidate, Exporter, Hardware, Manifest, Reference, Serving
from slipway_contract.providers import CPU, TENSORRT
from slipway_optimizer.artifact import describe_tensors, list_files, summary_of, tool_versions, write_manifest
from slipway_optimizer.axes import AxisPlan
from slipway_optimizer.contest.engine_shapes import engine_shapes
from slipway_optimizer.contest.entry import Entry
from slipway_optimizer.environment import accelerator_model, cpu_model, hardware_class
from slipway_optimizer.golden import make_golden
from slipway_optimizer.report import render
from slipway_optimizer.samples import Sampler
from slipway_optimizer.tokenizer_files import keep_tokenizer
from slipway_optimizer.workshop import Workshop


@dataclass(frozen=True)
class Findings:
    """What the Job found out, beside the files themselves."""

    reference: Reference
    candidates: list[Candidate]
    serving: Serving
    budget: Budget
    exporter: Exporter | None
    recipe_digest: str


def assemble(shop: Workshop, entry: Entry, findings: Findings, sampler: Sampler, plan: AxisPlan) -> Path:
    """Write what goes to the store beside the model file, and return the folder."""
    shop.progress.report("Publish", f"Writing the artifact: {entry.name}")
    model, provider = shop.file(entry), entry.execution_provider or shop.provider
    session = shop.open_as_served(entry)
    manifest = Manifest(
        model=shop.deployment.name,
        recipe_digest=findings.recipe_digest,
        source_digest=shop.inputs.source.digest,
        code_digest=shop.inputs.code_digest,
        variant=entry.variant,
        derivation=entry.derivation,
        execution_provider=provider,
        engine_shapes=engine_shapes(shop.spec.inputs) if provider == TENSORRT else None,
        files=[],
        reference=findings.reference,
        candidates=findings.candidates,
        golden=make_golden(session.run, sampler, plan.small, shop.outputs, entry.variant, session.converted),
        serving=findings.serving,
        exporter=findings.exporter,
        budget=findings.budget,
        hardware=Hardware(
            hardware_class=hardware_class(),
            cpu=cpu_model(),
            threads=shop.threads,
            accelerator=None if provider == CPU else accelerator_model(),
        ),
        tools=tool_versions(),
        **describe_tensors(model, shop.spec.inputs),
    )
    summary = summary_of(manifest)
    (model.parent / REPORT_FILE).write_text(render(manifest, summary), encoding="utf-8")
    keep_tokenizer(shop.inputs.source.path, model.parent)
    write_manifest(manifest.model_copy(update={"files": list_files(model.parent)}), model.parent)
    shop.progress.report("Publish", summary, 0.5)
    return model.parent
