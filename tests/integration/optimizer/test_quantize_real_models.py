"""Auto on real models with real data: inside the budget, as small as promised, and never past it in silence."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from support.quantizing import context_of
from support.real_models import lite0, minilm, silero_vad

from slipway_optimizer.data import Dataset, read_data
from slipway_optimizer.evaluate import drop, prepare_evaluation
from slipway_optimizer.formats.load import load_model
from slipway_optimizer.model_code import unpack_code
from slipway_optimizer.onnx_session import OnnxSession
from slipway_optimizer.quantize import NotApplicableError, QuantizeContext, build_variant, divide
from slipway_optimizer.sources.fetch import Fetched
from slipway_optimizer.spec import Deployment, read_deployment

CROPS = 200


class Exported:
    """A plain export and what its variants are judged by, without the rest of a Job."""

    def __init__(self, folder: Path, document: dict[str, Any]) -> None:
        self.folder = folder
        spec = folder / "modeldeployment.yaml"
        spec.write_text(yaml.safe_dump(document))
        self.deployment: Deployment = read_deployment(spec)
        self.outputs = [tensor.name for tensor in self.deployment.model.outputs]
        self.plain = folder / "plain" / "model.onnx"
        self.plain.parent.mkdir()
        source, code = self.deployment.model.source, self.deployment.model.code
        unpacked = (
            unpack_code(Fetched(path_of(code.uri), Path(code.uri).name, "sha256:" + "0" * 64), folder) if code else None
        )
        self.original = load_model(self.deployment.model, path_of(source.uri), unpacked)
        self.data = self.read(self.deployment.optimize.evaluate.data.uri)
        self.original.save_onnx(self.plain, next(self.data.chunks(2)))
        self.code = unpacked

    def read(self, uri: str) -> Dataset:
        return read_data(path_of(uri), self.deployment.model.inputs)

    def context(self, calibration: Dataset | None, scored: Dataset, **settings: Any) -> QuantizeContext:
        wanted = self.deployment.optimize.evaluate
        evaluation = prepare_evaluation(wanted, scored, self.outputs, self.original.run, self.code)
        before = evaluation.score(OnnxSession(self.plain, self.outputs, threads=2).run)

        def score(path: Path) -> float:
            return drop(wanted.metric, before, evaluation.score(OnnxSession(path, self.outputs, threads=2).run))

        example = next(scored.chunks(1))
        context = context_of(self.folder, example, self.outputs, score=score, max_drop=wanted.max_drop, **settings)
        return replace(context, calibration=calibration)


def path_of(uri: str) -> Path:
    return Path(uri.removeprefix("file://"))


@pytest.mark.timeout(3600)
def test_lite0_keeps_its_answers_in_static_int8(tmp_path: Path) -> None:
    model = Exported(tmp_path, lite0.prepare(tmp_path))
    calibration = model.read(model.deployment.optimize.quantize.calibration.data.uri)
    context = model.context(calibration, model.data.subset(range(CROPS)), mode="Auto")
    target = tmp_path / "StaticINT8" / "model.onnx"
    facts = build_variant("StaticINT8", model.plain, target, context)
    assert context.score is not None
    assert 1 - context.score(target) >= 0.97
    assert target.stat().st_size <= 0.30 * model.plain.stat().st_size
    assert facts["layersInFloat"]
    assert len(facts["sensitivity"]) >= 8
    assert facts["dropInIntegers"] > 0.03


def test_minilm_is_a_quarter_of_its_size(tmp_path: Path) -> None:
    model = Exported(tmp_path, minilm.prepare(tmp_path))
    context = model.context(None, model.data, mode="Auto")
    target = tmp_path / "DynamicINT8" / "model.onnx"
    facts = build_variant("DynamicINT8", model.plain, target, context)
    assert context.score is not None
    assert context.score(target) <= 0.015
    assert target.stat().st_size <= 0.30 * model.plain.stat().st_size
    assert facts["quantizedLayers"] > 30


def test_silero_vad_is_never_past_the_budget_unseen(tmp_path: Path) -> None:
    model = Exported(tmp_path, silero_vad.prepare(tmp_path))
    calibration, scored = divide(model.data)
    assert calibration is not None
    assert not set(calibration.row_digests()) & set(scored.row_digests())
    context = model.context(calibration, scored, mode="Auto")
    assert context.score is not None
    for variant in ("DynamicINT8", "StaticINT8"):
        target = tmp_path / variant / "model.onnx"
        facts = build_variant(variant, model.plain, target, context)
        within = context.score(target) <= context.max_drop
        assert within or facts["search"]
        assert within or facts["sensitivity"]
        if facts["layersInFloat"]:
            worst = facts["sensitivity"][0]["layer"]
            assert worst in facts["layersInFloat"]
    with pytest.raises(NotApplicableError):
        build_variant("INT4", model.plain, tmp_path / "INT4" / "model.onnx", context)
    assert np.isfinite(context.max_drop)
