"""The generated CRD: structural, documented, bounded and small."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from slipway_operator.api.crd import build_crd
from slipway_operator.api.generate import render_crd
from slipway_operator.api.v1alpha1.modeldeployment import SOURCE_PATHS

ROOT = Path(__file__).parents[3]
FREE = ("x-kubernetes-preserve-unknown-fields", "x-kubernetes-int-or-string")

CRD = build_crd()
VERSION = CRD["spec"]["versions"][0]
SCHEMA = VERSION["schema"]["openAPIV3Schema"]


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path or ".", schema
    for name, field in schema.get("properties", {}).items():
        yield from nodes(field, f"{path}.{name}")
    for key, suffix in (("items", "[]"), ("additionalProperties", "{}")):
        if key in schema:
            yield from nodes(schema[key], path + suffix)


NODES = dict(nodes(SCHEMA))
SPEC_NODES = {path: node for path, node in NODES.items() if path.startswith(".spec")}


def test_every_node_is_structural() -> None:
    for path, node in NODES.items():
        assert "type" in node or any(node.get(key) for key in FREE), path
        assert not node.keys() & {"$ref", "$defs", "anyOf", "oneOf", "allOf", "title", "const"}, path
        assert not ("properties" in node and "additionalProperties" in node), path
        assert node.get("default", "") is not None, path


def test_every_field_is_described() -> None:
    fields = {
        f"{path.rstrip('.')}.{name}": field
        for path, node in NODES.items()
        for name, field in node.get("properties", {}).items()
    }
    owned_by_the_api_server = {".apiVersion", ".kind", ".metadata", ".metadata.name"}
    explained_elsewhere = tuple(path for path, node in NODES.items() if "Fields: see " in node.get("description", ""))

    for path in fields.keys() - owned_by_the_api_server:
        if any(path.startswith((f"{above}.", f"{above}[]")) for above in explained_elsewhere):
            continue
        text = fields[path].get("description", "")
        assert len(text) > 10, path
        assert text.endswith("."), path


def test_a_description_that_points_elsewhere_points_at_one() -> None:
    texts = {path.lstrip("."): node.get("description", "") for path, node in NODES.items()}
    targets = {path: found[1] for path, text in texts.items() if (found := re.search(r"^See ([\w.]+)\.$", text))}
    for path, target in targets.items():
        assert texts[target], path
        assert not texts[target].startswith("See "), path


def test_fields_that_are_explained_elsewhere_are_the_same_there() -> None:
    pointing = {path: node for path, node in NODES.items() if "Fields: see " in node.get("description", "")}
    assert len(pointing) > 5
    for path, node in pointing.items():
        target = "." + node["description"].rpartition("Fields: see ")[2].removesuffix(".")
        there = _fields(NODES[target])
        assert list(_fields(node)) == list(there), path
        assert all(field.get("description") for field in there.values()), path


def _fields(node: dict[str, Any]) -> dict[str, Any]:
    """The fields of an object, or of the objects in a list."""
    fields: dict[str, Any] = node.get("properties") or node["items"]["properties"]
    return fields


def test_everything_in_the_spec_is_bounded_so_that_rules_have_a_cost() -> None:
    for path, node in SPEC_NODES.items():
        free = node.get("x-kubernetes-preserve-unknown-fields")
        if node.get("type") == "array":
            assert "maxItems" in node, path
        if node.get("type") == "string":
            assert "maxLength" in node or "enum" in node, path
        if "additionalProperties" in node and not free:
            assert "maxProperties" in node, path


def test_an_optional_object_with_defaults_inside_has_a_default_itself() -> None:
    """Else the API server would not get to the defaults inside."""
    optional = ("model.inputs[].image", "optimize.prune", "optimize.prune.fineTune", "optimize.distill")
    may_be_absent = {f".spec.{path}" for path in (*optional, "store", "serve.batching", "serve.podTemplate")}
    for path, node in SPEC_NODES.items():
        for name, field in node.get("properties", {}).items():
            where = f"{path}.{name}"
            has_defaults_inside = any("default" in inner for _, inner in nodes(field))
            if name not in node.get("required", []) and has_defaults_inside and where not in may_be_absent:
                assert "default" in field, where


def test_the_status_has_no_defaults() -> None:
    assert not [path for path, node in NODES.items() if path.startswith(".status") and "default" in node]


def test_names() -> None:
    assert CRD["metadata"]["name"] == "modeldeployments.serving.slipway.dev"
    assert CRD["spec"]["names"] == {
        "kind": "ModelDeployment",
        "listKind": "ModelDeploymentList",
        "plural": "modeldeployments",
        "singular": "modeldeployment",
        "shortNames": ["md"],
        "categories": ["all", "slipway"],
    }


@pytest.mark.parametrize("path", VERSION["subresources"]["scale"].values())
def test_the_scale_subresource_points_at_fields(path: str) -> None:
    assert path in NODES


def test_printer_columns_point_at_fields() -> None:
    for column in VERSION["additionalPrinterColumns"]:
        path = column["jsonPath"].replace('[?(@.type=="Ready")]', "[]")
        assert path in NODES or path == ".metadata.creationTimestamp"


def test_it_is_small() -> None:
    assert len(render_crd().encode()) < 100_000


@pytest.mark.parametrize("file", ["crds/serving.slipway.dev_modeldeployments.yaml", "charts/slipway/files/crd.yaml"])
def test_the_committed_files_are_what_the_models_say(file: str) -> None:
    text = (ROOT / file).read_text()

    assert text == render_crd(), "run `make generate`"
    assert yaml.safe_load(text) == CRD


def test_no_yaml_anchors() -> None:
    assert "&id0" not in render_crd()


def test_the_rule_about_pinned_sources_knows_all_of_them() -> None:
    sources = {
        path.removeprefix(".spec.")
        for path, node in SPEC_NODES.items()
        if {"uri", "sha256"} <= node.get("properties", {}).keys()
    }
    assert sources == SOURCE_PATHS.keys()
