"""What a stranger reads after each usual mistake: the reason, the culprit, what to do."""

import re
from typing import Any

import pytest
from demo.follow import conditions
from demo.shell import apply, get, kubectl
from support.cluster import wait_for
from support.models import doubler, upload_doubler


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    return upload_doubler()


def with_model(model: dict[str, Any], **fields: Any) -> dict[str, Any]:
    model["spec"]["model"].update(fields)
    return model


def condition_with(name: str, namespace: str, kind: str, reason: str, text: str = "") -> dict[str, Any]:
    def found() -> dict[str, Any] | None:
        item = conditions(get("modeldeployment", name, "-n", namespace)).get(kind, {})
        return item if item.get("reason") == reason and text in item["message"] else None

    return wait_for(found, message=f"{name}: no {kind} with reason {reason} and {text!r}")


def test_wrong_digest(namespace: str, files: dict[str, str]) -> None:
    apply(doubler("digest", namespace, {**files, "sha256": "0" * 64}))
    item = condition_with("digest", namespace, "Optimized", "SourceDigestMismatch")
    assert item["status"] == "False"
    assert "0000" in item["message"]
    assert files["sha256"][:12] in item["message"], "the digest that it has"
    assert files["uri"] in item["message"], "the culprit"


def test_missing_factory(namespace: str, files: dict[str, str]) -> None:
    apply(with_model(doubler("factory", namespace, files), factory="doubler:Trebler"))
    item = condition_with("factory", namespace, "Optimized", "FactoryNotFound")
    assert "Trebler" in item["message"]
    assert "Doubler" in item["message"], "what there is instead"


def test_wrong_input_shape(namespace: str, files: dict[str, str]) -> None:
    apply(with_model(doubler("shape", namespace, files), inputs=[{"name": "x", "shape": ["batch", 7]}]))
    item = condition_with("shape", namespace, "Optimized", "InputMismatch")
    assert re.search(r"\b7\b", item["message"])


def test_more_gpus_than_there_are(namespace: str, files: dict[str, str]) -> None:
    apply(doubler("greedy", namespace, files, serve={"accelerator": {"count": 16}}))
    item = condition_with("greedy", namespace, "Available", "Unschedulable")
    assert "Insufficient nvidia.com/gpu" in item["message"], "the scheduler's own words"
    ready = conditions(get("modeldeployment", "greedy", "-n", namespace))["Ready"]
    assert (ready["status"], ready["reason"]) == ("False", "Unschedulable")


def test_missing_credentials(namespace: str, files: dict[str, str]) -> None:
    model = doubler("secret", namespace, files)
    model["spec"]["model"]["source"]["secretRef"] = {"name": "nowhere"}
    apply(model)
    condition_with("secret", namespace, "Optimized", "JobPending", "Secret nowhere")


def test_what_kubectl_shows(namespace: str, files: dict[str, str]) -> None:
    apply(doubler("shown", namespace, {**files, "sha256": "1" * 64}))
    condition_with("shown", namespace, "Optimized", "SourceDigestMismatch")
    table = kubectl("get", "md", "shown", "-n", namespace)
    assert "SourceDigestMismatch" in table
    wait_for(
        lambda: "SourceDigestMismatch" in kubectl("describe", "md", "shown", "-n", namespace).split("Events:")[1],
        message="no event tells of it",
    )
