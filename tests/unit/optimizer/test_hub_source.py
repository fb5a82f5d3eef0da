"""`hf://` from a mirror of the hub: one file or a whole repository, at a commit."""

import os

import pytest
from support.fetching import failure, files_below, get, id_of, mount_secrets
from support.http_source import Answer
from support.hub_mirror import hub_mirror

from slipway_contract.digest import sha256_of_bytes

WEIGHTS = os.urandom(3 << 20)
FILES = {
    "config.json": b'{"model_type": "bert"}',
    "model.safetensors": WEIGHTS,
    "pytorch_model.bin": b"the same as a pickle",
    "tf_model.h5": b"the same for TensorFlow",
    "onnx/model.onnx": b"the same as a graph",
    "1_Pooling/config.json": b"{}",
    "2_Dense/pytorch_model.bin": b"only here",
}


@pytest.fixture(scope="module")
def hub():
    with hub_mirror() as mirror:
        yield mirror


@pytest.fixture(autouse=True)
def secrets(hub, tmp_path, monkeypatch):
    folder = mount_secrets(monkeypatch, tmp_path / "secrets")
    folder.mkdir(parents=True)
    (folder / "HF_ENDPOINT").write_text(hub.endpoint)
    return folder


@pytest.mark.parametrize("suffix", ["", "/", "@main", "@main/"])
def test_a_repository_is_a_folder_of_what_pytorch_reads(hub, tmp_path, suffix):
    commit = hub.commit("org/net", FILES)
    assert id_of(f"hf://org/net{suffix}") == f"commit:{commit}"
    fetched = get(f"hf://org/net{suffix}", tmp_path)
    wanted = {"config.json", "model.safetensors", "1_Pooling/config.json", "2_Dense/pytorch_model.bin"}
    assert files_below(fetched.path) == {name: FILES[name] for name in wanted}


def test_a_folder_that_is_named_comes_whole(hub, tmp_path):
    hub.commit("org/net", FILES)
    assert files_below(get("hf://org/net/onnx/", tmp_path).path) == {"model.onnx": FILES["onnx/model.onnx"]}


def test_a_large_file_counts_by_its_digest_and_a_small_one_by_its_commit(hub, tmp_path):
    commit = hub.commit("org/net", FILES)
    assert id_of("hf://org/net/model.safetensors") == sha256_of_bytes(WEIGHTS)
    assert id_of("hf://org/net/config.json") == f"commit:{commit}"
    fetched = get("hf://org/net@main/model.safetensors", tmp_path)
    assert (fetched.name, fetched.digest) == ("model.safetensors", sha256_of_bytes(WEIGHTS))


def test_a_large_file_at_a_commit_is_what_its_uri_says(hub, tmp_path):
    commit = hub.commit("org/net", FILES)
    fetched = get(f"hf://org/net@{commit}/model.safetensors", tmp_path, resolved=f"commit:{commit}")
    assert fetched.digest == sha256_of_bytes(WEIGHTS)


def test_a_data_set(hub, tmp_path):
    hub.commit("org/digits", {"test.parquet": WEIGHTS}, kind="datasets")
    assert get("hf://datasets/org/digits/test.parquet", tmp_path).digest == sha256_of_bytes(WEIGHTS)


def test_what_was_resolved_is_read_although_the_branch_has_moved_on(hub, tmp_path):
    first = hub.commit("org/moving", {"config.json": b"first"})
    hub.commit("org/moving", {"config.json": b"second"})
    assert files_below(get("hf://org/moving", tmp_path, resolved=f"commit:{first}").path) == {"config.json": b"first"}
    assert get(f"hf://org/moving@{first}/config.json", tmp_path / "pinned").digest == sha256_of_bytes(b"first")


def test_another_file_than_the_one_that_was_resolved_is_refused(hub, tmp_path):
    hub.commit("org/moving", {"model.safetensors": WEIGHTS})
    error = failure("hf://org/moving/model.safetensors", tmp_path, resolved=sha256_of_bytes(b"earlier"))
    assert error.reason == "SourceChanged"


def test_after_a_cut_it_goes_on_where_it_stopped(hub, tmp_path):
    commit = hub.commit("org/net", FILES)
    broken = Answer(body=WEIGHTS, ranges=True, cut_after=1 << 20)
    hub.answer("org/net", commit, "model.safetensors", broken, Answer(body=WEIGHTS, ranges=True))
    assert get("hf://org/net/model.safetensors", tmp_path).digest == sha256_of_bytes(WEIGHTS)
    asked = hub.server.asked(hub.path("org/net", commit, "model.safetensors"))
    assert asked[-1].range_start == 1 << 20


def test_bytes_that_arrive_damaged_are_not_taken(hub, tmp_path):
    commit = hub.commit("org/net", FILES)
    damaged = WEIGHTS[:-1] + bytes([WEIGHTS[-1] ^ 1])
    hub.answer("org/net", commit, "model.safetensors", Answer(body=damaged, ranges=True))
    assert failure("hf://org/net/model.safetensors", tmp_path).reason == "SourceUnavailable"


def test_a_private_repository_needs_a_token(hub, tmp_path, secrets):
    hub.commit("org/private", FILES, needs="Bearer hf_secret")
    assert failure("hf://org/private", tmp_path).reason == "SourceAccessDenied"
    (secrets / "HF_TOKEN").write_text("hf_secret\n")
    assert get("hf://org/private", tmp_path).name == "private"


@pytest.mark.parametrize(
    "uri", ["hf://org/absent", "hf://org/net/absent.bin", "hf://org/net/absent/", "hf://org/net@v9"]
)
def test_what_is_not_there(hub, tmp_path, uri):
    hub.commit("org/net", FILES)
    assert failure(uri, tmp_path).reason == "SourceNotFound"
