"""`spec.model.code`: wheels, archives and single files; hostile ones are refused before anything is written."""

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from slipway_optimizer.errors import UserError
from slipway_optimizer.model_code import unpack_code
from slipway_optimizer.sources.fetch import Fetched


def archive(path: Path, members: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in members.items():
            file.writestr(name, text)
    return path


def unpack(path: Path, folder: Path, name: str | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    return unpack_code(Fetched(path, name or path.name, "sha256:" + "0" * 64), folder)


def refusal(path: Path, folder: Path) -> str:
    with pytest.raises(UserError) as caught:
        unpack(path, folder)
    assert caught.value.reason == "CodeInvalid"
    return caught.value.message


def test_a_single_file_keeps_its_name(tmp_path):
    source = tmp_path / "download"
    source.write_text("x = 1")
    assert (unpack(source, tmp_path / "work", name="net.py") / "net.py").read_text() == "x = 1"


@pytest.mark.parametrize("name", ["net-1.0-py3-none-any.whl", "net.zip"])
def test_wheels_and_archives_are_unpacked(tmp_path, name):
    path = archive(tmp_path / name, {"net/__init__.py": "", "net/model.py": "x = 1", "net-1.0.dist-info/METADATA": ""})
    assert (unpack(path, tmp_path / "work") / "net/model.py").read_text() == "x = 1"


@pytest.mark.parametrize("name", ["../evil.py", "/evil.py", "net/../../evil.py", "..\\evil.py"])
def test_an_archive_that_leads_out_of_its_folder(tmp_path, name):
    path = archive(tmp_path / "net.zip", {"net.py": "x = 1", name: "evil"})
    assert "leads out of its folder" in refusal(path, tmp_path / "work")
    assert not list(tmp_path.rglob("*.py"))


def test_an_archive_with_a_symbolic_link(tmp_path):
    with zipfile.ZipFile(tmp_path / "net.zip", "w") as file:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(link, "/etc/passwd")
    assert "symbolic link" in refusal(tmp_path / "net.zip", tmp_path / "work")


def test_an_archive_that_unpacks_to_too_much(tmp_path, monkeypatch):
    monkeypatch.setattr("slipway_optimizer.model_code.MAX_BYTES", 1_000_000)
    path = archive(tmp_path / "net.zip", {"bomb.py": "0" * 1_000_001})
    assert path.stat().st_size < 10_000
    assert "to 1,000,001 bytes in 1 files" in refusal(path, tmp_path / "work")


def test_an_archive_that_lies_about_its_size(tmp_path, monkeypatch):
    path = archive(tmp_path / "net.zip", {"bomb.py": "0" * 100_000})
    data = path.read_bytes().replace((100_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    path.write_bytes(data)
    assert "cannot be unpacked" in refusal(path, tmp_path / "work")


def test_a_damaged_archive(tmp_path):
    path = archive(tmp_path / "net.zip", {"net.py": "x = 1" * 100})
    data = bytearray(path.read_bytes())
    data[40] ^= 0xFF
    path.write_bytes(data)
    assert "cannot be unpacked" in refusal(path, tmp_path / "work")


def test_another_kind_of_file(tmp_path):
    with tarfile.open(tmp_path / "net.tar.gz", "w:gz") as file:
        file.addfile(tarfile.TarInfo("net.py"), io.BytesIO())
    assert "neither a wheel, a zip archive nor a .py file" in refusal(tmp_path / "net.tar.gz", tmp_path / "work")
