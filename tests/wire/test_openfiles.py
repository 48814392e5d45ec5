"""Files that are open: the other end goes on in the same file, and what was written is there."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest

from .conftest import Ends


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("one\ntwo\nthree\n")
    return tmp_path


@pytest.mark.parametrize("mode", ["r", "w", "a", "x", "r+", "w+", "a+", "rb", "wb", "ab", "r+b", "w+b", "ab+"])
@pytest.mark.parametrize("buffering", [-1, 0])
def test_each_kind_of_file_arrives_as_it_is(ends: Ends, mode: str, buffering: int) -> None:
    if buffering == 0 and "b" not in mode:
        pytest.skip("text has a buffer")
    file: Any = open("new.txt" if "x" in mode else "text.txt", mode, buffering)
    if file.writable():
        file.write(b"four\n" if "b" in mode else "four\n")
    else:
        file.read(4)
    before = file.tell()
    again = ends.send(file=file)["file"]
    assert type(again) is type(file) and again is not file
    for name in ("mode", "name", "closed"):
        assert getattr(again, name) == getattr(file, name)
    for name in ("readable", "writable", "seekable", "tell"):
        assert getattr(again, name)() == getattr(file, name)()
    assert Path(file.name).read_text().count("four") == (1 if file.writable() else 0)
    ends.begin()
    again.write(b"5" if "b" in mode else "5") if file.writable() else again.read(1)
    ends.back()
    assert (file.tell(), ends.changed) == (before + 1, ["file"])
    again.close()
    file.close()


def test_how_text_is_written_stays(ends: Ends) -> None:
    with open("latin.txt", "w", encoding="latin-1", errors="replace", buffering=1) as file:
        again = ends.send(file=file)["file"]
        assert (again.encoding, again.errors, again.line_buffering) == ("latin-1", "replace", True)
        again.write("\u00e9\u4e00\n")
    again.close()
    assert Path("latin.txt").read_bytes() == b"\xe9?\n"


def test_what_was_read_ahead_is_read_again_where_the_job_wrote(ends: Ends) -> None:
    with open("text.txt", "r+") as file:
        assert file.readline() == "one\n"
        again = ends.send(file=file)["file"]
        ends.begin()
        again.write("TWO")
        again.flush()
        ends.back()
        file.seek(4)
        assert file.readline() == "TWO\n"
    again.close()


def test_one_that_a_job_closed_is_closed_here(ends: Ends) -> None:
    file = open("text.txt")
    again = ends.send(file=file)["file"]
    ends.begin()
    again.close()
    ends.back()
    assert file.closed and ends.send(raw=io.FileIO("text.txt", "r+"), file=file)["file"].closed


def test_nothing_is_written_anywhere(ends: Ends) -> None:
    with open(os.devnull, "w") as file:
        again = ends.send(file=file)["file"]
        assert again.write("gone") == 4 and again.name == os.devnull
    again.close()


def test_what_cannot_go_on_elsewhere_is_refused(ends: Ends, tmp_path_factory: pytest.TempPathFactory) -> None:
    Path("windows.txt").write_bytes(b"one\r\ntwo\r\n")
    Path("gone.txt").write_text("gone")
    with (
        open("text.txt") as looping,
        open("windows.txt", newline="") as windows,
        open(tmp_path_factory.mktemp("elsewhere") / "a.txt", "w") as elsewhere,
        open("gone.txt") as gone,
        os.fdopen(os.dup(looping.fileno())) as number,
    ):
        next(looping)
        os.unlink("gone.txt")
        values = {"looping": looping, "windows": windows, "elsewhere": elsewhere, "gone": gone, "number": number}
        failed = ends.dump(**values).failed
        assert failed.keys() == values.keys()
        assert "line by line" in str(failed["looping"]) and "end with \\r" in str(failed["windows"])
        assert all("open in this process only" in str(failed[name]) for name in ("elsewhere", "gone", "number"))
