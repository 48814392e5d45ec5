"""SQLite: a database in memory travels with its content and is changed in place, one in a file is opened again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Ends

MADE = """
import sqlite3
con = sqlite3.connect(":memory:")
con.row_factory = sqlite3.Row
con.execute("create table t (a, b)")
con.executemany("insert into t values (?, ?)", [(1, "x"), (2, None)])
con.commit()
empty, cur = sqlite3.connect(":memory:"), con.cursor()
"""


def rows(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
    return [tuple(row) for row in connection.execute("select * from t order by a")]


def test_a_database_in_memory_is_changed_in_place(ends: Ends) -> None:
    ends.cell(MADE)
    far = ends.send("con", "empty", "cur")
    ends.begin()
    assert rows(far["con"]) == [(1, "x"), (2, None)] and far["cur"].connection is far["con"]
    assert far["con"].execute("select a from t").fetchone()["a"] == 1
    far["cur"].execute("insert into t values (3, 'z')")
    far["con"].commit()
    far["empty"].execute("create table t (a)")
    same = ends.home["con"]
    ends.back()
    assert ends.home["con"] is same and rows(same) == [(1, "x"), (2, None), (3, "z")]
    assert rows(ends.home["empty"]) == [] and ends.changed == ["con", "empty"]
    assert rows(ends.home["cur"].connection)[2] == (3, "z")


def test_what_was_not_changed_does_not_travel_back_and_what_was_closed_is(ends: Ends) -> None:
    ends.cell(MADE)
    far = ends.send("con", "empty")
    ends.begin()
    rows(far["con"])
    far["empty"].close()
    ends.back()
    assert ends.changed == ["empty"]
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        ends.home["empty"].execute("select 1")


def test_a_closed_connection_and_its_cursor_are_closed_there_too(ends: Ends) -> None:
    connection = sqlite3.connect(":memory:")
    cursor = connection.cursor()
    connection.close()
    found = ends.send(connection=connection, cursor=cursor)
    assert found["cursor"].connection is found["connection"]
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        found["cursor"].execute("SELECT 1")


def test_an_open_transaction_is_said_and_rows_that_are_left_are_refused(ends: Ends) -> None:
    ends.cell(MADE + "con.execute('delete from t where a = 1')")
    dumped = ends.dump("con")
    assert "not committed counts as committed" in dumped.notices()[0]
    ends.cell("con.commit(); left = con.execute('select 1 union select 2')")
    assert "Fetch them first" in ends.dump("left").failed["left"].reason
    ends.cell("left.fetchall(); con.execute('create temp table n (a)')")
    assert not ends.dump("left").failed["left"].path
    assert "temporary tables" in ends.dump("con").failed["con"].reason


def test_a_file_of_the_folder_is_opened_again(ends: Ends, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ends.cell(MADE.replace(":memory:", "own.db", 1))
    assert rows(ends.send("con")["con"]) == [(1, "x"), (2, None)]
    ends.cell("con.execute('delete from t')")
    assert "Call commit() first" in ends.dump("con").failed["con"].reason
    ends.cell("con.commit()")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert "outside of this notebook's folder" in ends.dump("con").failed["con"].reason


def test_engines_of_sqlalchemy(ends: Ends, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sqlalchemy = pytest.importorskip("sqlalchemy")
    monkeypatch.chdir(tmp_path)
    ends.home.update(memory=sqlalchemy.create_engine("sqlite://"), file=sqlalchemy.create_engine("sqlite:///own.db"))
    for name in ("memory", "file"):
        with ends.home[name].begin() as connection:
            connection.execute(sqlalchemy.text("create table t (a)"))
    far = ends.send("memory", "file")
    ends.begin()
    for name in ("memory", "file"):
        with far[name].begin() as connection:
            connection.execute(sqlalchemy.text("insert into t values (1)"))
    ends.back()
    for name in ("memory", "file"):
        with ends.home[name].connect() as connection:
            assert connection.execute(sqlalchemy.text("select a from t")).fetchall() == [(1,)]
    other = sqlalchemy.create_engine("sqlite:////etc/other.db")
    assert "outside of this notebook's folder" in ends.dump(other=other).failed["other"].reason


@pytest.fixture
def as_before() -> Iterator[None]:
    """What is registered with SQLite is registered for the whole process."""
    kept = [(known, dict(known)) for known in (sqlite3.adapters, sqlite3.converters)]
    yield
    for known, were in kept:
        known.clear()
        known.update(were)


@pytest.mark.usefixtures("as_before")
def test_types_that_a_connection_looks_for_are_found_there_too(ends: Ends) -> None:
    ends.cell(
        "import sqlite3\n"
        "class Point:\n"
        "    def __init__(self, x): self.x = x\n"
        "sqlite3.register_adapter(Point, lambda p: str(p.x)); sqlite3.register_converter('pair', lambda b: Point(int(b)))\n"
        "both = sqlite3.connect(':memory:', detect_types=sqlite3.PARSE_DECLTYPES | sqlite3.PARSE_COLNAMES)\n"
        "names = sqlite3.connect(':memory:', detect_types=sqlite3.PARSE_COLNAMES); plain = sqlite3.connect(':memory:')\n"
        "for c in (both, names, plain): c.execute('create table t (p pair)'); c.execute('insert into t values (?)', (Point(3),)); c.commit()"
    )
    far = ends.send("both", "names", "plain", "Point")
    found = {name: far[name].execute("select p from t").fetchone()[0] for name in ("both", "names", "plain")}
    assert found["both"].x == 3 and type(found["both"]) is far["Point"] and found["names"] == found["plain"] == 3
    assert far["names"].execute("select p as 'p [pair]' from t").fetchone()[0].x == 3
