"""The addons' manifests as they reach the API server, and what counts as ready."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from slipway_cluster.addon_images import NAMES, AddonImage
from slipway_cluster.addons import GPU, allocatable_gpus, corefile, has_condition, manifests, new_s3_keys
from slipway_cluster.credentials import create_credentials
from slipway_cluster.network import choose_addresses
from slipway_cluster.node_settings import REGISTRY_NAME, NodeSettings
from slipway_cluster.paths import Layout


@pytest.fixture
def settings(tmp_path: Path) -> NodeSettings:
    return NodeSettings(Layout(tmp_path), choose_addresses([]), registry_port=5000, gpus=3, nameservers=("192.0.2.53",))


@pytest.fixture
def text(settings: NodeSettings) -> str:
    settings.layout.state.mkdir()
    images = {name: AddonImage(name, f"{REGISTRY_NAME}/cluster/{name}:1", Path(name)) for name in NAMES}
    return manifests(settings, create_credentials(settings), images, new_s3_keys())


def test_every_image_comes_from_this_machine(text: str) -> None:
    images = re.findall(r'image: "?([^",\s]+)', text)

    assert len(images) >= 6
    assert {image.partition("/")[0] for image in images} == {REGISTRY_NAME}


def test_the_manifests_hold_what_they_should(text: str) -> None:
    objects: dict[tuple[str, str], Any] = {(o["kind"], o["metadata"]["name"]): o for o in yaml.safe_load_all(text)}

    assert objects["Service", "kube-dns"]["spec"]["clusterIP"] == "10.96.0.10"
    assert objects["ConfigMap", "coredns"]["data"]["Corefile"] == corefile(("192.0.2.53",))
    assert 'rm -rf "$VOL_DIR"' in objects["ConfigMap", "local-path-config"]["data"]["teardown"]
    (plugin,) = objects["DaemonSet", "fake-gpu-device-plugin"]["spec"]["template"]["spec"]["containers"]
    assert plugin["args"] == ["--devices=3"]


def test_names_of_the_world_are_forwarded_only_where_somebody_can_answer() -> None:
    assert "forward . 192.0.2.53 192.0.2.54" in corefile(("192.0.2.53", "192.0.2.54"))
    assert "forward" not in corefile(())


def test_ready_means_a_true_condition() -> None:
    node = {
        "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "DiskPressure", "status": "False"}]}
    }

    assert has_condition(node, "Ready")
    assert not has_condition(node, "DiskPressure")
    assert not has_condition({"status": {}}, "Ready")
    assert not has_condition(None, "Ready")


def test_devices_count_once_the_node_reports_them() -> None:
    assert allocatable_gpus({"status": {"allocatable": {GPU: "8"}}}) == 8
    assert allocatable_gpus({"status": {"allocatable": {"cpu": "2"}}}) == -1
    assert allocatable_gpus(None) == -1
