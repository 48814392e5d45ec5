"""What a cell leaves behind, and data files that a library reads, are there at the other end, too."""

from __future__ import annotations

import csv
import gzip
import io
import multiprocessing
import os
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from .conftest import Ends


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_threads_and_processes_that_have_ended_or_not_begun(ends: Ends) -> None:
    ends.cell("""
import threading, multiprocessing
class Worker(threading.Thread):
    def __init__(self, n): super().__init__(name=f"worker {n}"); self.n = n
    def run(self): self.result = self.n ** 2
workers, process = [Worker(3), Worker(4)], multiprocessing.Process(target=int, name="p")
workers[0].start(); workers[0].join()
""")
    ended, later = ends.home["workers"]
    far = ends.send("workers", "process")
    assert [w.is_alive() for w in far["workers"]] == [False, False]
    assert (far["workers"][0].result, far["workers"][0].ident) == (9, ended.ident)
    ends.begin()
    far["workers"][1].start()
    for begun in far["workers"]:
        begun.join()
    far["process"].start()
    far["process"].join()
    ends.back()
    assert ends.home["workers"] == [ended, later]
    assert (later.result, later.is_alive(), ends.home["process"].exitcode) == (16, False, 0)
    with pytest.raises(RuntimeError, match="once"):
        later.start()


def test_pools_that_are_shut_down_or_have_nothing_to_do(ends: Ends) -> None:
    with ThreadPoolExecutor(2) as threads, ProcessPoolExecutor(1) as processes, multiprocessing.Pool(1) as pool:
        assert list(threads.map(abs, [-1])) == list(processes.map(abs, [-1])) == pool.map(abs, [-1])
    idle = ThreadPoolExecutor(3, thread_name_prefix="some")
    assert idle.submit(abs, -2).result() == 2
    far = ends.send(threads=threads, processes=processes, pool=pool, idle=idle)
    for ended in (far["threads"], far["processes"]):
        with pytest.raises(RuntimeError, match="shutdown"):
            ended.submit(abs, -1)
    assert repr(far["pool"]) == repr(pool)
    assert far["idle"].submit(threading.current_thread).result().name.startswith("some")
    busy, wait = ThreadPoolExecutor(1), threading.Event()
    busy.submit(wait.wait)
    try:
        assert "busy" in ends.dump(busy=busy).failed
    finally:
        wait.set()


def test_readers_and_writers_of_csv_and_closed_files(ends: Ends) -> None:
    with open("a.csv", "w", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerows([[1, 2], [3, 4]])
    with open("a.csv") as file:
        by_name = csv.DictReader(file, delimiter=";")
        rows = list(by_name)
    lines = csv.reader(["a,b", "1,'x,y'"], quotechar="'")
    assert next(lines) == ["a", "b"] and rows == [{"1": "3", "2": "4"}]
    with gzip.open("a.gz", "wb") as packed:
        packed.write(b"x")
    process = subprocess.Popen([sys.executable, "--version"], stdout=subprocess.PIPE)
    process.communicate()
    far = ends.send(writer=writer, by_name=by_name, lines=lines, packed=packed, process=process)
    with pytest.raises(ValueError, match="closed file"):
        far["writer"].writerow([1])
    assert (far["by_name"].fieldnames, far["by_name"].line_num) == (["1", "2"], 2)
    assert (far["lines"].line_num, list(far["lines"]), far["lines"].line_num) == (1, [["1", "x,y"]], 2)
    assert far["packed"].closed and far["process"].returncode == 0


def _zip() -> Any:
    with zipfile.ZipFile("a.zip", "w") as made:
        made.writestr("x.txt", "hello")
    return zipfile.ZipFile("a.zip")


def _tar() -> Any:
    Path("x.txt").write_text("hello")
    with tarfile.open("a.tar.gz", "w:gz") as made:
        made.add("x.txt")
    return tarfile.open("a.tar.gz")


def _chunks() -> Any:
    pd = pytest.importorskip("pandas")
    pd.DataFrame({"k": range(7)}).to_csv("c.csv", index=False)
    found = pd.read_csv("c.csv", chunksize=2)
    next(found)
    return found


def _excel() -> Any:
    pd = pytest.importorskip("pandas")
    pytest.importorskip("openpyxl")
    pd.DataFrame({"k": [1]}).to_excel("a.xlsx", sheet_name="one")
    return pd.ExcelFile("a.xlsx")


def _h5py() -> Any:
    h5py = pytest.importorskip("h5py")
    with h5py.File("a.h5", "w") as file:
        file["g/x"] = [1, 2]
    return h5py.File("a.h5", "r")["g"]


def _picture() -> Any:
    image = pytest.importorskip("PIL.Image")
    frames = [image.new("L", (2, 2), n * 80) for n in range(3)]
    frames[0].save("a.gif", save_all=True, append_images=frames[1:])
    found = image.open("a.gif")
    found.seek(1)
    return found


READ: dict[str, tuple[Callable[[], Any], str]] = {
    "zip": (_zip, "value.read('x.txt')"),
    "tar": (_tar, "value.extractfile(value.getmembers()[0]).read()"),
    "chunks of CSV": (_chunks, "[list(part['k']) for part in value]"),
    "workbook": (_excel, "value.sheet_names, value.parse('one').to_dict()"),
    "HDF5": (_h5py, "value.name, list(value['x'][:]), value.file.mode"),
    "picture": (_picture, "value.tell(), value.n_frames, value.getpixel((0, 0)), value.filename"),
}


@pytest.mark.parametrize("case", READ)
def test_a_file_that_a_library_reads_is_opened_again(ends: Ends, case: str) -> None:
    make, check = READ[case]
    value = make()
    far = ends.send(value=value)["value"]
    assert far is not value
    assert eval(check, {"value": far}) == eval(check, {"value": value})


def test_what_the_cell_closes_is_closed_here(ends: Ends) -> None:
    ends.home["archive"] = archive = _zip()
    far = ends.send("archive")["archive"]
    ends.begin()
    far.read("x.txt")
    ends.back()
    assert archive.fp is not None and ends.changed == []
    far.close()
    ends.back()
    assert ends.home["archive"] is archive and archive.fp is None


def test_one_that_may_write_to_its_file_is_refused_with_the_way_out(ends: Ends, folder: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File("a.h5", "w") as file:
        assert "Call close() first, or open it with mode='r'" in str(ends.dump(file=file).failed["file"])
    assert repr(ends.send(file=file)["file"]) == repr(file) == "<Closed HDF5 file>"
    os.rename("a.h5", folder.parent / "elsewhere.h5")
    with h5py.File("../elsewhere.h5", "r") as file:
        assert "is outside of this notebook's folder" in str(ends.dump(file=file).failed["file"])


def test_what_print_writes_to_is_that_of_either_end(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    console: Any = pytest.importorskip("rich.console").Console(width=33)
    ends.dump(out=sys.stdout, console=console)
    assert ends.arrive()["out"] is sys.stdout
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    ends.loaded.values["console"].print("[bold]x[/bold]", justify="right")
    assert sys.stdout.getvalue() == " " * 32 + "x\n"


def test_a_database_of_duckdb_in_memory(ends: Ends) -> None:
    duckdb = pytest.importorskip("duckdb")
    ends.home["con"] = home = duckdb.connect()
    home.execute("CREATE TABLE t AS SELECT 1 a, [1, 2] b; CREATE SEQUENCE s START 5; CREATE VIEW v AS SELECT a FROM t")
    far = ends.send("con")["con"]
    ends.begin()
    assert far.sql("SELECT a, b FROM t").fetchall() == [(1, [1, 2])]
    far.execute("UPDATE t SET a = 3; CREATE SCHEMA x; CREATE TABLE x.y AS SELECT nextval('s') n; DROP VIEW v")
    ends.back()
    assert ends.home["con"] is home
    assert home.sql("SELECT a, n FROM t, x.y").fetchall() == [(3, 5)]
    assert home.sql("SELECT nextval('s')").fetchall() == [(6,)]
    home.close()
    with pytest.raises(duckdb.ConnectionException, match="closed"):
        ends.send("con")["con"].sql("SELECT 1")
    with duckdb.connect("file.db") as stored:
        assert "Call close() first" in str(ends.dump(stored=stored).failed["stored"])
