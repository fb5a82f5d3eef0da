"""`hf://` from a mirror of the hub: one file or a whole repository, at a commit."""

import os

import pytest
from support.http_source import Answer
from support.hub_mirror import hub_mirror

from slipway_contract.digest import sha256_of_bytes
from slipway_optimizer.errors import JobError
from slipway_optimizer.sources.fetch import fetch, resolve
from slipway_optimizer.spec import Source

FIELD = "model.source"
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
    monkeypatch.setattr("slipway_optimizer.sources.patience.FIRST_PAUSE_SECONDS", 0.0)
    monkeypatch.setenv("SLIPWAY_SECRETS_DIR", str(tmp_path / "secrets"))
    (tmp_path / "secrets" / FIELD).mkdir(parents=True)
    (tmp_path / "secrets" / FIELD / "HF_ENDPOINT").write_text(hub.endpoint)
    return tmp_path / "secrets" / FIELD


def get(uri, folder, resolved=None):
    return fetch(Source(uri=uri), FIELD, folder, lambda done, size: None, resolved)


def files_below(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("suffix", ["", "/", "@main", "@main/"])
def test_a_repository_is_a_folder_of_what_pytorch_reads(hub, tmp_path, suffix):
    commit = hub.commit("org/net", FILES)
    assert resolve(Source(uri=f"hf://org/net{suffix}"), FIELD) == f"commit:{commit}"
    fetched = get(f"hf://org/net{suffix}", tmp_path)
    wanted = {"config.json", "model.safetensors", "1_Pooling/config.json", "2_Dense/pytorch_model.bin"}
    assert files_below(fetched.path) == {name: FILES[name] for name in wanted}


def test_a_folder_that_is_named_comes_whole(hub, tmp_path):
    hub.commit("org/net", FILES)
    assert files_below(get("hf://org/net/onnx/", tmp_path).path) == {"model.onnx": FILES["onnx/model.onnx"]}


def test_a_large_file_counts_by_its_digest_and_a_small_one_by_its_commit(hub, tmp_path):
    commit = hub.commit("org/net", FILES)
    assert resolve(Source(uri="hf://org/net/model.safetensors"), FIELD) == sha256_of_bytes(WEIGHTS)
    assert resolve(Source(uri="hf://org/net/config.json"), FIELD) == f"commit:{commit}"
    fetched = get("hf://org/net@main/model.safetensors", tmp_path)
    assert (fetched.name, fetched.digest) == ("model.safetensors", sha256_of_bytes(WEIGHTS))


def test_a_large_file_at_a_commit_is_what_its_uri_says(hub, tmp_path):
    commit = hub.commit("org/net", FILES)
    fetched = get(f"hf://org/net@{commit}/model.safetensors", tmp_path, f"commit:{commit}")
    assert fetched.digest == sha256_of_bytes(WEIGHTS)


def test_a_data_set(hub, tmp_path):
    hub.commit("org/digits", {"test.parquet": WEIGHTS}, kind="datasets")
    assert get("hf://datasets/org/digits/test.parquet", tmp_path).digest == sha256_of_bytes(WEIGHTS)


def test_what_was_resolved_is_read_although_the_branch_has_moved_on(hub, tmp_path):
    first = hub.commit("org/moving", {"config.json": b"first"})
    hub.commit("org/moving", {"config.json": b"second"})
    assert files_below(get("hf://org/moving", tmp_path, f"commit:{first}").path) == {"config.json": b"first"}
    assert get(f"hf://org/moving@{first}/config.json", tmp_path / "pinned").digest == sha256_of_bytes(b"first")


def test_another_file_than_the_one_that_was_resolved_is_refused(hub, tmp_path):
    hub.commit("org/moving", {"model.safetensors": WEIGHTS})
    with pytest.raises(JobError) as caught:
        get("hf://org/moving/model.safetensors", tmp_path, sha256_of_bytes(b"earlier"))
    assert caught.value.reason == "SourceChanged"


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
    with pytest.raises(JobError) as caught:
        get("hf://org/net/model.safetensors", tmp_path)
    assert caught.value.reason == "SourceUnavailable"


def test_a_private_repository_needs_a_token(hub, tmp_path, secrets):
    hub.commit("org/private", FILES, needs="Bearer hf_secret")
    with pytest.raises(JobError) as caught:
        get("hf://org/private", tmp_path)
    assert caught.value.reason == "SourceAccessDenied"
    (secrets / "HF_TOKEN").write_text("hf_secret\n")
    assert get("hf://org/private", tmp_path).name == "private"


@pytest.mark.parametrize(
    "uri", ["hf://org/absent", "hf://org/net/absent.bin", "hf://org/net/absent/", "hf://org/net@v9"]
)
def test_what_is_not_there(hub, tmp_path, uri):
    hub.commit("org/net", FILES)
    with pytest.raises(JobError) as caught:
        get(uri, tmp_path)
    assert caught.value.reason == "SourceNotFound"
