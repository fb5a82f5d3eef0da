"""`file://` and `pvc://`: used where they lie, never outside a claim, with the digest that the documents promise."""

import os
import subprocess
from pathlib import Path

import pytest
from support.fetching import failure, get

from slipway_contract.digest import hex_of, sha256_of_bytes

BODY = os.urandom(1 << 20)
DOCUMENT = Path(__file__).parents[3] / "examples/sources.md"


@pytest.fixture
def claim(tmp_path, monkeypatch):
    """A mounted claim named models."""
    monkeypatch.setenv("SLIPWAY_SOURCES_DIR", str(tmp_path / "sources"))
    folder = tmp_path / "sources/models"
    folder.mkdir(parents=True)
    return folder


def documented_digest(folder):
    """What the command that the documents tell users prints in a folder."""
    (command,) = (line for line in DOCUMENT.read_text().splitlines() if line.startswith("cd FOLDER && "))
    command = command.removeprefix("cd FOLDER && ")
    printed = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, check=True).stdout
    return printed.split()[0]


def test_a_file_is_not_copied(tmp_path):
    path = tmp_path / "net weights.pth"
    path.write_bytes(BODY)
    fetched = get(path.as_uri(), tmp_path / "scratch", sha256=hex_of(sha256_of_bytes(BODY)))
    assert (fetched.path, fetched.name, fetched.digest) == (path, "net weights.pth", sha256_of_bytes(BODY))


def test_a_claim_is_a_folder_below_the_sources(tmp_path, claim):
    (claim / "deep").mkdir()
    (claim / "deep/net.pth").write_bytes(BODY)
    assert get("pvc://models/deep/net.pth", tmp_path).digest == sha256_of_bytes(BODY)
    assert failure("pvc://models/../other/net.pth", tmp_path).reason == "UnsupportedSource"


@pytest.mark.parametrize("uri", ["pvc://../secret", "pvc://%2e%2e/secret", "pvc://./secret", "pvc://models/deep/"])
def test_nothing_leads_out_of_a_claim(tmp_path, claim, uri):
    (claim / "deep").mkdir()
    for outside in (tmp_path / "secret", tmp_path / "sources/secret"):
        outside.write_bytes(BODY)
    (claim / "deep/net.pth").symlink_to(tmp_path / "secret")
    error = failure(uri, tmp_path)
    assert error.reason == "UnsupportedSource"
    assert "leads out of its volume" in error.message


def test_a_folder_is_used_where_it_lies_and_its_digest_is_the_documented_one(tmp_path):
    folder = tmp_path / "net"
    (folder / "deep").mkdir(parents=True)
    for name in ("config.json", "deep/b.bin", "Zeta.txt", "ä.txt"):
        (folder / name).write_bytes(os.urandom(10))
    fetched = get(f"{folder.as_uri()}/", tmp_path / "scratch")
    assert (fetched.path, fetched.name) == (folder, "net")
    digest = documented_digest(folder)
    assert hex_of(fetched.digest) == digest
    assert get(f"{folder.as_uri()}/", tmp_path, sha256=digest) == fetched


def test_a_link_to_a_file_counts_as_the_file(tmp_path, claim):
    """As in a cache of the hub's client: names in one folder, contents in another."""
    for folder in ("blobs", "snapshot"):
        (claim / folder).mkdir()
    (claim / "blobs/1f").write_bytes(BODY)
    (claim / "snapshot/model.safetensors").symlink_to("../blobs/1f")
    (claim / "snapshot/config.json").write_text("{}")
    fetched = get("pvc://models/snapshot/", tmp_path)
    assert hex_of(fetched.digest) == documented_digest(claim / "snapshot")
    (claim / "snapshot/model.safetensors").unlink()
    (claim / "snapshot/model.safetensors").write_bytes(BODY)
    assert get("pvc://models/snapshot/", tmp_path).digest == fetched.digest


@pytest.mark.parametrize(("leads_to", "said"), [("deep", "a link to a folder"), ("gone", "no file, or a link to none")])
def test_a_link_that_would_be_left_out_is_refused(tmp_path, leads_to, said):
    folder = tmp_path / "net"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep/b.bin").write_bytes(BODY)
    (folder / "link").symlink_to(leads_to)
    error = failure(f"{folder.as_uri()}/", tmp_path)
    assert error.reason == "UnsupportedSource"
    assert "'link'" in error.message
    assert said in error.message


def test_what_is_no_file_is_not_waited_for(tmp_path):
    folder = tmp_path / "net"
    folder.mkdir()
    os.mkfifo(folder / "pipe")
    for uri in (f"{folder.as_uri()}/", (folder / "pipe").as_uri()):
        assert "'pipe', which is no file" in failure(uri, tmp_path).message


def test_a_folder_has_to_be_meant(tmp_path):
    (tmp_path / "net").mkdir()
    (tmp_path / "net/config.json").write_bytes(b"{}")
    error = failure((tmp_path / "net").as_uri(), tmp_path)
    assert error.reason == "SourceNotFound"
    assert "put a '/' at its end" in error.message
    (tmp_path / "net/config.json").unlink()
    assert failure(f"{(tmp_path / 'net').as_uri()}/", tmp_path).reason == "SourceNotFound"


def test_a_file_that_is_not_there(tmp_path):
    assert failure((tmp_path / "absent").as_uri(), tmp_path).reason == "SourceNotFound"
