"""`make generate` writes the CRD, `make verify` notices that it has drifted."""

from pathlib import Path

import pytest

from slipway_operator.api.generate import check, render_crd, write


def test_what_was_written_has_not_drifted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = (tmp_path / "crds" / "one.yaml", tmp_path / "chart" / "two.yaml")

    assert write(files) == 0
    assert check(files) == 0
    assert [file.read_text() for file in files] == [render_crd()] * 2
    assert capsys.readouterr().out == ""


def test_drift_is_printed_as_a_diff(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "crd.yaml"
    write((file,))
    file.write_text(file.read_text().replace("- md\n", "- modeldep\n"))

    assert check((file,)) == 1
    printed = capsys.readouterr().out
    assert "-    - modeldep\n+    - md\n" in printed
    assert "run `make generate`" in printed


def test_a_missing_file_has_drifted(tmp_path: Path) -> None:
    assert check((tmp_path / "absent.yaml",)) == 1
