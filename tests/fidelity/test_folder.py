"""What a cell does to the notebook's folder beside writing files."""

from __future__ import annotations

from pathlib import Path

import pytest

import nbprocess


def test_a_file_that_the_cell_deletes_is_named_and_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.txt").write_text("old")
    (tmp_path / "empty").mkdir()
    (tmp_path / "ignored").mkdir()
    (tmp_path / "ignored" / "a.png").write_bytes(b"x")
    (tmp_path / ".gitignore").write_text("*.png\n")
    job = nbprocess.submit(
        "import os\nos.remove('old.txt')\nos.makedirs('new/inner')\nos.path.isdir('empty') and os.listdir('ignored') == []",
        {},
        backend="local",
    )
    assert job.result() is True
    assert (tmp_path / "old.txt").read_text() == "old"
    assert (tmp_path / "new" / "inner").is_dir()
    assert job.results is not None
    assert any("old.txt" in notice and "still here" in notice for notice in job.results.notices), job.results.notices
