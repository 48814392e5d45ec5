"""What a cell does to the notebook's folder beside writing files."""

from __future__ import annotations

from pathlib import Path

import pytest

import nbprocess
from nbprocess.testing.fidelity import check


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


def test_what_was_changed_here_since_a_job_made_it_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    nbprocess.submit("for name in 'ab': open(name, 'w').write('made')", {}, backend="local").result()
    (tmp_path / "b").write_text("mine")
    job = nbprocess.submit("import os\nos.remove('a'); os.remove('b')", {}, backend="local")
    job.result()
    assert not (tmp_path / "a").exists() and (tmp_path / "b").read_text() == "mine"
    assert job.results is not None
    assert any("deleted b in its copy" in notice for notice in job.results.notices), job.results.notices


ABOVE = [
    "import os\nfrom pathlib import Path\nopen('../data/x.txt').read(), sorted(os.listdir('../data'))",
    "open('../data/made.txt', 'w').write('made'); open('../made.txt', 'w').write('here')",
    "Path('..', 'data', 'made.txt').read_text(), (Path('..') / 'made.txt').read_text(), os.path.exists('n.txt')",
    "os.chdir('..')",
    "Path('data/x.txt').read_text(), sorted(os.listdir('data'))",
]


def test_what_cells_name_above_the_notebooks_folder_is_there_and_comes_back(tmp_path: Path) -> None:
    for path in ("notebooks/n.txt", "data/x.txt"):
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).write_text(path)
    report = check(ABOVE, folder=tmp_path / "notebooks", timeout=60)
    assert {cell.verdict for cell in report.cells} == {"identical"}, [cell.differences[:3] for cell in report.cells]
