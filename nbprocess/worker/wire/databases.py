"""Connections of ``sqlite3``, and engines of SQLAlchemy over them: a database in memory travels with its content, one
in a file of the notebook's folder is opened again.

May import: the standard library, this folder; ``sqlite3``, which not every Python has, inside the functions.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import tempfile
from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple

from .refuse import Refused
from .ways import Table

_SETTINGS = ("isolation_level", "row_factory", "text_factory", "autocommit")
_PROBE = "nbprocess_probe"
_UNCOMMITTED = "has a transaction open: what it has not committed counts as committed from here on."
_FILES = "PRAGMA database_list"
_MEMORY = ":memory:"
KINDS = ("database", "cursor", "engine")
"""The kinds of state that ``changes`` finds by ``state_of``."""


def reduce_database(pickler: Any, obj: Any) -> Any:
    """The reduction of a connection, of a cursor with nothing left to give, or of an engine; else NotImplemented.

    Raises:
        Refused: what it holds cannot be there at the other end; says why.
    """
    which = _which(type(obj))
    if which == "connection":
        return (make_closed_connection, ()) if _is_closed(obj) else _reduce_connection(pickler, obj)
    if which == "cursor":
        if _is_closed(obj.connection):
            return type(obj), (obj.connection,), _of_cursor(obj), None, None, set_cursor
        if not _has_ended(obj.connection):
            raise Refused("it may have rows left to give, in this process only. Fetch them first (fetchall()).")
        return make_cursor, (obj.connection,), _of_cursor(obj), None, None, set_cursor
    if which == "engine" and getattr(getattr(obj, "dialect", None), "driver", "") == "pysqlite":
        return _reduce_engine(pickler, obj)
    return (make_closed, (obj.engine,)) if which == "borrowed" and obj.closed else NotImplemented


_KINDS = {
    ("sqlite3", "Connection"): "connection",
    ("sqlite3", "Cursor"): "cursor",
    ("sqlalchemy.engine.base", "Engine"): "engine",
    ("sqlalchemy.engine.base", "Connection"): "borrowed",
}


def _which(kind: type) -> str:
    return _KINDS.get((kind.__module__, kind.__name__), "")


def is_database(kind: type) -> bool:
    """Whether objects of this type may be such."""
    return bool(_which(kind))


def _ask(connection: Any, text: str) -> List[Any]:
    """The rows that a statement gives, whatever the notebook makes of rows."""
    cursor = connection.cursor()
    cursor.row_factory = None
    return [tuple(part.decode() if isinstance(part, bytes) else part for part in row) for row in cursor.execute(text)]


def _path(connection: Any) -> Optional[str]:
    """The file of a connection as seen from the current folder; None for a database in memory.

    Raises:
        Refused: it has more databases than one, or a file elsewhere.
    """
    import sqlite3

    try:
        names = {name: file for _, name, file in _ask(connection, _FILES)}
    except sqlite3.Error as error:
        raise Refused(f"the connection cannot be used here ({error}). Open it inside the cell.") from None
    file: str = names.pop("main", "")
    if names.pop("temp", None) is not None and _ask(connection, "SELECT 1 FROM temp.sqlite_master"):
        raise Refused("it has temporary tables, which live in this process only. Open it inside the cell.")
    if names:
        raise Refused(f"it has other databases attached ({', '.join(names)}). Open it inside the cell.")
    if not file:
        return None
    path: str = os.path.relpath(file)
    if path.split(os.sep)[0] == os.pardir:
        raise Refused(f"its file {file} is outside of this notebook's folder. Open it inside the cell.")
    return path


def _reduce_connection(pickler: Any, connection: Any) -> Any:
    path = _path(connection)
    if path is not None:
        if connection.in_transaction:
            raise Refused("it has changes that are not committed. Call commit() first.")
        return make_connection, (path, *_types(connection)), _settings(connection), None, None, set_connection
    if connection.in_transaction:
        pickler.losses.add(_UNCOMMITTED)
    state = {**_settings(connection), "content": content(connection)}
    return make_connection, (_MEMORY, *_types(connection)), state, None, None, set_connection


def _types(connection: Any) -> Tuple[int, Dict[str, Any], Dict[Any, Any]]:
    """``detect_types``, which a connection does not tell but shows, and the notebook's own converters and adapters."""
    import sqlite3

    known: Any = sqlite3
    converters, adapters = known.converters, known.adapters
    own = {name: function for name, function in converters.items() if not _is_librarys(function)}
    adapting = {key: function for key, function in adapters.items() if not _is_librarys(function)}
    cursor, found = connection.cursor(), 0
    cursor.row_factory = None
    if cursor.execute(f'SELECT 1 AS "a [{_PROBE}]"').description[0][0] == "a":
        found |= sqlite3.PARSE_COLNAMES
    before = converters.get("TEXT")
    converters["TEXT"] = lambda _: _PROBE  # the columns of SQLite's own table are declared as such
    try:
        if cursor.execute("SELECT type FROM sqlite_master LIMIT 1").fetchall() == [(_PROBE,)]:
            found |= sqlite3.PARSE_DECLTYPES
    finally:
        converters.pop("TEXT")
        converters.update({} if before is None else {"TEXT": before})
    return found, own, adapting


def _is_librarys(function: Any) -> bool:
    return (getattr(function, "__module__", None) or "").startswith("sqlite3")


def _settings(connection: Any) -> Dict[str, Any]:
    found = {name: getattr(connection, name) for name in _SETTINGS if hasattr(connection, name)}
    if isinstance(found.get("autocommit"), int) and found["autocommit"] < 0:  # LEGACY_TRANSACTION_CONTROL, the default
        del found["autocommit"]
    return found


def make_connection(path: str, types: int, converters: Dict[str, Any], adapters: Dict[Any, Any]) -> Any:
    """A connection to a file, or to an empty database in memory; it may be used in any thread, like a kernel's."""
    if path != _MEMORY and not os.path.exists(path):
        raise FileNotFoundError(f"the database {path} did not come along: name it in the cell, or use --file {path}")
    import sqlite3

    known: Any = sqlite3
    known.converters.update(converters)
    known.adapters.update(adapters)
    return sqlite3.connect(path, detect_types=types, check_same_thread=False)


def _is_closed(connection: Any) -> bool:
    import sqlite3

    try:
        return int(connection.total_changes) < 0
    except sqlite3.ProgrammingError:
        return True


def make_closed_connection() -> Any:
    """A connection that was closed: it says so, as the one at the other end does."""
    made = make_connection(_MEMORY, 0, {}, {})
    made.close()
    return made


def set_connection(connection: Any, state: Dict[str, Any]) -> None:
    """Give a connection the settings, and the content if it is in memory, of the one at the other end."""
    if "content" in state:
        _fill(connection, state["content"])
    for name in _SETTINGS:
        if name in state and hasattr(connection, name):
            setattr(connection, name, state[name])


def content(connection: Any) -> bytes:
    """The bytes of a database in memory."""
    import sqlite3

    if hasattr(connection, "serialize"):
        try:
            return bytes(connection.serialize())
        except sqlite3.OperationalError:  # nothing was ever put into it
            return b""
    if connection.in_transaction:  # before Python 3.11; a copy would wait for its end
        raise Refused("it has changes that are not committed. Call commit() first.")
    with tempfile.TemporaryDirectory() as folder:
        copy = sqlite3.connect(f"{folder}/copy")
        connection.backup(copy)
        copy.close()
        with open(f"{folder}/copy", "rb") as file:
            return file.read()


def _fill(connection: Any, data: bytes) -> None:
    """Put a database into a connection, in the place of the one that it has."""
    import sqlite3

    if connection.in_transaction:
        connection.commit()  # it is replaced as a whole
    if not data:
        return
    source = sqlite3.connect(_MEMORY)
    try:
        if hasattr(source, "deserialize"):
            source.deserialize(data)
            source.backup(connection)
            return
        with tempfile.TemporaryDirectory() as folder:  # before Python 3.11
            with open(f"{folder}/copy", "wb") as file:
                file.write(data)
            copy = sqlite3.connect(f"{folder}/copy")
            copy.backup(connection)
            copy.close()
    finally:
        source.close()


def _has_ended(connection: Any) -> bool:
    """Whether no statement of a connection has rows left: SQLite defines no function anew while one has."""
    import sqlite3

    try:
        for _ in range(2):
            connection.create_function(_PROBE, 0, int)
        connection.create_function(_PROBE, 0, None)
    except sqlite3.Error:
        return False
    return True


def _of_cursor(cursor: Any) -> Dict[str, Any]:
    columns = None if cursor.description is None else [column[0] for column in cursor.description]
    return {"row_factory": cursor.row_factory, "arraysize": cursor.arraysize, "columns": columns}


def make_cursor(connection: Any) -> Any:
    """A cursor that has given all it had."""
    return connection.cursor()


def set_cursor(cursor: Any, state: Dict[str, Any]) -> None:
    """Its settings, and what it tells of the columns that it gave last."""
    cursor.row_factory, cursor.arraysize = state["row_factory"], state["arraysize"]
    if _of_cursor(cursor)["columns"] != state["columns"]:
        cursor.execute(_nothing_of(state["columns"] or ()))


def _nothing_of(columns: Sequence[str]) -> str:
    """A statement that gives no row of these columns."""
    named = ", ".join('NULL AS "{}"'.format(name.replace('"', '""')) for name in columns)
    return f"SELECT {named} WHERE 0" if columns else ""


@functools.lru_cache(maxsize=16)
def _of_columns(columns: Tuple[str, ...]) -> Any:
    """A cursor that gave these columns: rows know theirs from one."""
    import sqlite3

    return sqlite3.connect(_MEMORY, check_same_thread=False).execute(_nothing_of(columns))


def _reduce_row(row: Any) -> Any:
    return make_row, (tuple(row.keys()), tuple(row))


def make_row(columns: Tuple[str, ...], values: Tuple[Any, ...]) -> Any:
    """A ``sqlite3.Row``."""
    import sqlite3

    return sqlite3.Row(_of_columns(columns), values)


TABLE: Table = [(("sqlite3", "Row"), _reduce_row)]


def commit(values: Iterable[Any]) -> List[str]:
    """Commit what connections have open, and those of cursors, before their process ends: it would be lost.

    Returns:
        Their files, ``:memory:`` for none.
    """
    import sqlite3

    found = []
    for value in values:
        connection = value.connection if _which(type(value)) == "cursor" else value
        if _which(type(connection)) == "connection" and not _is_closed(connection) and connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):  # another one writes; the file cannot be written
                connection.commit()
                found += [os.path.relpath(file) if file else _MEMORY for _, name, file in _ask(connection, _FILES)]
    return found


# -- SQLAlchemy --------------------------------------------------------------------------------------------------------


def _reduce_engine(pickler: Any, engine: Any) -> Any:
    state = {"echo": engine.echo}
    if not _is_in_memory(engine):
        if not engine.url.database or os.path.relpath(engine.url.database).split(os.sep)[0] == os.pardir:
            raise Refused("its file is outside of this notebook's folder. Open it inside the cell.")
        url = engine.url.set(database=os.path.relpath(engine.url.database))
    else:
        url, state["content"] = engine.url, content(_raw(engine))
    return make_engine, (str(url), type(engine.pool)), state, None, None, set_engine


def _is_in_memory(engine: Any) -> bool:
    return engine.url.database in (None, "", _MEMORY)


def _raw(engine: Any) -> Any:
    """The connection under an engine over a database in memory: the one that its pool keeps for this thread."""
    borrowed = engine.raw_connection()
    try:
        return borrowed.driver_connection
    finally:
        borrowed.close()


def make_engine(url: str, pool: Any) -> Any:
    """An engine over the same file, or over an empty database in memory."""
    import sqlalchemy

    options = {} if pool.__name__ == "SingletonThreadPool" else {"connect_args": {"check_same_thread": False}}
    return sqlalchemy.create_engine(url, poolclass=pool, **options)


def make_closed(engine: Any) -> Any:
    """A connection of an engine that was closed, as each ``with engine.connect()`` leaves one."""
    connection = engine.connect()
    connection.close()
    return connection


def set_engine(engine: Any, state: Dict[str, Any]) -> None:
    """Give an engine the content of the one at the other end."""
    engine.echo = state["echo"]
    if "content" in state:
        _fill(_raw(engine), state["content"])


# -- what a cell changes -----------------------------------------------------------------------------------------------


def state_of(obj: Any) -> Optional[Tuple[str, Any]]:
    """The kind of state, and the state, for ``changes``; None for what these are not."""
    import sqlite3

    which = _which(type(obj))
    if which == "connection":
        try:
            state = _settings(obj)
            if _path(obj) is None:
                state["content"] = hashlib.sha256(content(obj)).hexdigest()
        except (Refused, sqlite3.Error):  # closed
            return "database", None
        return "database", state
    if which == "cursor":
        return "cursor", _of_cursor(obj)
    if which == "engine":
        inside = hashlib.sha256(content(_raw(obj))).hexdigest() if _is_in_memory(obj) else ""
        return "engine", {"echo": obj.echo, "content": inside}
    return None


def patch_of(obj: Any, kind: str, state: Any) -> Any:
    """What ``apply`` needs of one whose state is this now; None: it was closed."""
    if kind == "cursor" or state is None:
        return state
    if kind == "engine":
        return {"echo": obj.echo, **({"content": content(_raw(obj))} if _is_in_memory(obj) else {})}
    return {**state, **({"content": content(obj)} if "content" in state else {})}


def apply(obj: Any, kind: str, state: Any) -> None:
    """Let the one of this end be as the other one is."""
    if kind == "cursor":
        set_cursor(obj, state)
    elif kind == "engine":
        set_engine(obj, state)
    elif state is None:
        obj.close()
    else:
        set_connection(obj, state)
