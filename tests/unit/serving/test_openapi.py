"""The documentation is true: what it names is there, and its examples answer."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from support.artifacts import build_identity, write_artifact
from support.serving_app import client_of, loaded_plane

from slipway_serving.dataplane import DataPlane
from slipway_serving.metrics import Metrics
from slipway_serving.settings import Settings


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


async def test_every_route_is_there_and_every_example_answers(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    assert document["openapi"] == "3.1.0"
    examples = 0
    for path, method, operation in operations(document):
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        response = await client.request(method.upper(), path, json=body.get("example", {}))
        expected = "200" if "example" in body or not operation.get("requestBody", {}).get("required") else "400"
        assert str(response.status_code) == expected, (path, response.text)
        examples += "example" in body
    assert examples == 4


async def test_examples_of_several_inputs_answer(tmp_path: Path) -> None:
    write_artifact(
        tmp_path,
        build_identity({"text": "string", "scale": "float32"}),
        name="two",
        golden_inputs={
            "text": np.array([["a", "b"]], dtype=object),
            "scale": np.array([[0.5, 2.0]], dtype=np.float32),
        },
    )
    with loaded_plane(tmp_path) as plane:
        async with client_of(plane) as client:
            document = (await client.get("/openapi.json")).json()
            for path in ("/v1/predict", "/v2/models/two/infer"):
                body = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
                response = await client.post(path, json=body["example"])
                assert response.status_code == 200, response.text
    assert '["a"' in response.text.replace("[[", "[")


async def test_the_page_shows_every_route_and_needs_no_other_host(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    response = await client.get("/docs")
    assert response.headers["content-type"].startswith("text/html")
    page = unescape(response.text)
    for path, method, _ in operations(document):
        assert f"{method.upper()} {path}" in page
    assert not re.search(r"(src|href)=.?(https?:)?//", page)


@pytest.mark.parametrize("path", ["/docs", "/openapi.json"])
async def test_before_the_model_is_loaded_the_rest_is_documented(path: str) -> None:
    async with client_of(DataPlane(Settings(model_name="mlp"), Metrics())) as client:
        response = await client.get(path)
    assert response.status_code == 200
    assert "/v2/health/ready" in response.text
    assert "/infer" not in response.text
