"""Arrays over a file: the file is mapped again, and what a cell writes to it comes back as the file."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from .conftest import Ends


def test_a_memmap_is_mapped_again(ends: Ends, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("home", "far"):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "c.npy", np.arange(6).reshape(2, 3))
        np.arange(40000, dtype="f8").tofile(tmp_path / name / "a.dat")
    monkeypatch.chdir(tmp_path / "home")
    ends.cell(
        "import numpy as np\n"
        "a = np.memmap('a.dat', 'f8', 'r+'); part = a[10:20:3]; read = np.load('c.npy', mmap_mode='r')\n"
        "copied = np.load('c.npy', mmap_mode='c'); copied[0, 0] = 77; alone = np.memmap('a.dat', 'f8', 'r+')[5:]\n"
    )
    ends.dump("a", "part", "read", "copied", "alone")
    monkeypatch.chdir(tmp_path / "far")
    far = ends.arrive()
    ends.begin()
    assert all(type(far[name]) is np.memmap for name in far) and not far["read"].flags.writeable
    assert far["a"].filename == str(tmp_path / "far/a.dat") and np.shares_memory(far["a"], far["part"])
    assert far["copied"].tolist() == [[77, 1, 2], [3, 4, 5]] and far["read"][1, 2] == 5
    far["part"][0], far["alone"][0], far["copied"][1, 1] = -1, -5, 88
    os.utime("a.dat", (1, 1))
    ends.back()
    assert os.path.getmtime("a.dat") > 1, "the folder shows that the file was written to"
    assert np.fromfile("a.dat")[[5, 10]].tolist() == [-5, -1] and np.load("c.npy")[0, 0] == 0
    assert type(ends.home["copied"]) is np.memmap and ends.home["copied"].tolist() == [[77, 1, 2], [3, 88, 5]]


def test_without_the_file_it_is_an_array_and_changes_come_back(
    ends: Ends, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ends.cell("import numpy as np\na = np.memmap('a.dat', 'i4', 'w+', shape=(3, 2), order='F'); a[:] = 7")
    ends.dump("a")
    (tmp_path / "far").mkdir()
    monkeypatch.chdir(tmp_path / "far")
    far = ends.arrive()
    ends.begin()
    assert type(far["a"]) is np.ndarray and far["a"].tolist() == [[7, 7]] * 3
    far["a"][0, 1] = 8
    ends.back()
    monkeypatch.chdir(tmp_path)
    assert type(ends.home["a"]) is np.memmap and np.fromfile("a.dat", "i4").tolist() == [7, 7, 7, 8, 7, 7]
