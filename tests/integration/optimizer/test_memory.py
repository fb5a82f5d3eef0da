"""The Job's memory: at most 2.2 times the weights beside what PyTorch and its exporter take for themselves.

Of a Job that quantizes nothing: quantizers hold weights of their own.

`tests/benchmarks/optimizer_memory.py` measures the same with gigabytes.
"""

import pytest
from support.peak_memory import watch_job, write_large_transformer

from slipway_contract.digest import hex_of, sha256_of_file
from slipway_contract.manifest import MANIFEST_FILE, Manifest

MEBIBYTE = 1 << 20
# Imported code and the exporter's own structures, whatever the model: measured with a model of no size at all.
OVERHEAD_BYTES = 400 * MEBIBYTE
# PyTorch's and ONNX Runtime's own libraries, mapped.
SHARED_BYTES = 250 * MEBIBYTE
MOST = 2.2


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    folder = tmp_path_factory.mktemp("memory")
    spec, weights_bytes = write_large_transformer(folder, width=1024, layers=3)
    return folder, weights_bytes, watch_job(spec, folder)


def test_the_peak_is_about_twice_the_weights(measured):
    _, weights_bytes, watched = measured
    assert watched.code == 0, watched.last
    assert weights_bytes > 128 * MEBIBYTE
    assert {"Load", "Export", "Verify", "Measure", "Publish"} <= set(watched.stages)
    assert watched.most("anonymous") < OVERHEAD_BYTES + MOST * weights_bytes
    assert watched.most("resident") < OVERHEAD_BYTES + SHARED_BYTES + MOST * weights_bytes


def test_weights_stay_in_the_file_until_the_file_is_served(measured):
    """Loading, asking and exporting read the mapped checkpoint, and make no copy of it."""
    _, weights_bytes, watched = measured
    assert watched.stages["Load"].mapped > 0.9 * weights_bytes
    for stage in ("Load", "Export"):
        assert watched.stages[stage].anonymous < OVERHEAD_BYTES


def test_the_manifest_lists_the_file_with_the_weights(measured):
    folder, weights_bytes, watched = measured
    artifact = folder / "store" / hex_of(watched.last["recipeDigest"])
    manifest = Manifest.model_validate_json((artifact / MANIFEST_FILE).read_bytes())
    files = {entry.path: entry for entry in manifest.files}
    assert {"model.onnx", "model.onnx.data"} <= set(files)
    assert files["model.onnx.data"].size_bytes > 0.99 * weights_bytes
    for path, entry in files.items():
        assert sha256_of_file(artifact / path) == entry.sha256
