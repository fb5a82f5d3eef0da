"""Which execution providers a session gets."""

from pathlib import Path

import pytest

from slipway_contract.providers import CPU, CUDA, TENSORRT, providers_for

ALL = [TENSORRT, CUDA, CPU]
FOLDER = Path("/artifact")


@pytest.mark.parametrize(
    ("wanted", "available", "expected"),
    [
        pytest.param(None, ALL, [TENSORRT, CUDA, CPU], id="an old artifact: the fastest"),
        pytest.param(None, ["AzureExecutionProvider", CPU], [CPU], id="an old artifact on a CPU"),
        pytest.param(CPU, ALL, [CPU], id="measured on a CPU"),
        pytest.param(CUDA, ALL, [CUDA, CPU], id="an engine would have to be built first"),
        pytest.param(CUDA, [CPU], [CPU], id="the device is missing: golden request and status tell"),
        pytest.param(TENSORRT, ALL, [TENSORRT, CUDA, CPU], id="measured with TensorRT"),
    ],
)
def test_order(wanted, available, expected):
    assert [name for name, _ in providers_for(wanted, available, FOLDER)] == expected


def test_an_engine_is_read_from_the_artifact_and_made_for_its_shapes():
    shapes = {"trt_profile_min_shapes": "x:1x8", "trt_profile_max_shapes": "x:64x8"}
    (_, settings), *others = providers_for(TENSORRT, ALL, FOLDER, shapes)
    assert settings["trt_engine_cache_path"] == "/artifact/tensorrt"
    assert settings.items() >= shapes.items()
    assert all(other == {} for _, other in others)
    assert providers_for(None, ALL, FOLDER, shapes)[0] == (TENSORRT, {})
