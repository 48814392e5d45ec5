"""Connections of DuckDB to a database in memory: it travels with its content, in DuckDB's own file, and is changed in
place. And relations of the connection that ``duckdb.sql`` uses: they travel as their query, or with their rows where
they read a frame.

A database in a file is refused: DuckDB has it for itself while a connection is open. May import: the standard library,
this folder; DuckDB inside the functions.
"""

from __future__ import annotations

import functools
import os
import pickle
import sys
import weakref
from typing import Any, Dict, List, Optional, Tuple

from .filed import as_file, saved
from .refuse import Refused

_CLOSED = "closed"
_COPY = "nbprocess_copy"
_FILE = "DuckDB lends the file {file} to one process at a time. Call close() first, and open it inside the cell."
_OWN = "it has temporary tables ({names}), which live in this process only. Make it inside the cell."
_LEFT = "it has rows left to give, in this process only. Fetch them first (fetchall())."
_UNNAMED = ("unnamed_relation_", "arrow_object_", "df_")
_REGISTERED = "__duckdb_source_"
"""Stands in what DuckDB 2 says of a view of a frame that was registered."""


def is_connection(kind: type) -> bool:
    """Whether objects of this type are such connections."""
    return kind.__name__ == "DuckDBPyConnection"


def reduce_connection(pickler: Any, connection: Any) -> Any:
    """The reduction of a connection.

    Raises:
        Refused: what it holds cannot be there at the other end; says why.
    """
    if _is_closed(connection):
        return make_connection, (None, {}, {})
    _check(connection)
    pickler.mark("pickle")
    content = b"" if _in(connection) == _new()[0] else pickle.PickleBuffer(_content(connection))
    return make_connection, (content, _settings(connection), _own_views(connection))


def _ask(connection: Any, text: str) -> List[Any]:
    """The rows of a statement, beside whatever the connection has to give."""
    rows: List[Any] = connection.cursor().execute(text).fetchall()
    return rows


def _ask_this(connection: Any, text: str) -> List[Any]:
    """The rows of a statement about what this connection alone has.

    Raises:
        Refused: it has rows left to give.
    """
    try:
        rows: List[Any] = connection.sql(text).fetchall()
    except Exception as error:
        raise Refused(_LEFT if "unfinished" in str(error) else f"{error}. Make it inside the cell.") from None
    return rows


def _views(connection: Any) -> List[Any]:
    """Names of the views of this connection alone, and what they say."""
    return _ask_this(connection, "SELECT view_name, sql FROM duckdb_views() WHERE temporary AND NOT internal")


def _own_views(connection: Any) -> Dict[str, Any]:
    """Views of this connection alone → what they say, or the frame that was registered under the name."""
    rows = _views(connection)
    return {name: connection.table(name).df() if _is_registered(text) else text for name, text in rows}


def _is_registered(text: str) -> bool:
    return _REGISTERED in text or "pandas_scan" in text or "python_map" in text or "arrow_scan" in text


def _set_views(connection: Any, views: Dict[str, Any]) -> None:
    known = _views(connection)
    for name, text in known:
        if name not in views:
            connection.unregister(name) if _is_registered(text) else connection.execute(f'DROP VIEW "{name}"')
    for name, found in views.items():
        if not isinstance(found, str):
            connection.register(name, found)
        elif name not in dict(known):
            connection.execute(found)


def _is_closed(connection: Any) -> bool:
    try:
        connection.cursor()
    except Exception as error:
        if "closed" in str(error):
            return True
        raise Refused(f"the connection cannot be used here ({error}). Open it inside the cell.") from None
    return False


def _check(connection: Any) -> None:
    databases = _ask(connection, "SELECT database_name, path FROM duckdb_databases() WHERE NOT internal")
    files = [path for _, path in databases if path]
    if files:
        raise Refused(_FILE.format(file=os.path.basename(files[0])))
    if len(databases) > 1:
        raise Refused("it has other databases attached. Open it inside the cell.")
    own = _ask_this(connection, "SELECT table_name FROM duckdb_tables() WHERE temporary AND NOT internal")
    if own:
        raise Refused(_OWN.format(names=", ".join(str(row[0]) for row in own)))


def _name(connection: Any) -> str:
    found: str = _ask(connection, "SELECT database_name FROM duckdb_databases() WHERE NOT internal")[0][0]
    return found


def _content(connection: Any) -> bytes:
    return saved(lambda path: _copy(connection, f"'{path}'", f'"{_name(connection)}" TO {_COPY}'))


def _fill(connection: Any, data: Any) -> None:
    with as_file(data) as path:
        _copy(connection, f"'{path}'", f'{_COPY} TO "{_name(connection)}"', "(READ_ONLY)")


def _copy(connection: Any, file: str, way: str, options: str = "") -> None:
    """Copy a database, with that in a file attached for it."""
    cursor = connection.cursor()
    cursor.execute(f"ATTACH {file} AS {_COPY} {options}")
    try:
        cursor.execute(f"COPY FROM DATABASE {way}")
    finally:
        cursor.execute(f"DETACH {_COPY}")


def _settings(connection: Any) -> Dict[str, str]:
    """What was set, as far as it is not what a new connection has."""
    usual, now = _new()[1], _ask_this(connection, _SETTINGS)
    return {name: value for name, value in now if usual.get(name) != value and value is not None}


@functools.lru_cache(maxsize=1)
def _new() -> Tuple[List[Any], Dict[str, str]]:
    """What there is in a new database, and the settings of its connection."""
    import duckdb

    new = duckdb.connect()
    found = _in(new), dict(_ask(new, _SETTINGS))
    new.close()
    return found


def make_connection(data: Optional[Any], settings: Dict[str, str], views: Dict[str, Any]) -> Any:
    """A connection to a database in memory with that content (empty: a new one); None: one that was closed."""
    import duckdb

    made: Any = duckdb.connect()
    if data is None:
        made.close()
        return made
    if data:
        _fill(made, data)
    set_settings(made, settings)
    _set_views(made, views)
    _arrived[made] = _in(made)
    return made


def set_settings(connection: Any, settings: Dict[str, str]) -> None:
    """Set what was set at the other end, where this version knows it."""
    import duckdb

    for name, value in settings.items():
        quoted = value.replace("'", "''")
        try:
            connection.execute(f"SET {name} = '{quoted}'")
        except duckdb.Error:
            continue


# -- the connection that ``duckdb.sql`` uses --------------------------------------------------------------------------

_taken: List[Any] = []
"""The one that came from the other end, however empty it is by now."""
_arrived: Any = weakref.WeakKeyDictionary()
"""The connections that came from the other end → what was in their databases."""


def default(at_home: bool) -> Optional[Any]:
    """The connection that the module's own functions use.

    Args:
        at_home: whether it counts however empty it is: names may refer to it, too. In a job it does if it came from
            home, or if it has anything that a new one has not.
    """
    connection = _default()
    there = at_home or (connection is not None and (connection in _taken or not _is_as_new(connection)))
    return connection if there else None


def take(module: Any, name: str, connection: Any) -> None:
    """Have the module's own functions use a connection."""
    _taken[:] = [connection]
    if connection is not _default():
        module.set_default_connection(connection)


def _default() -> Optional[Any]:
    module = sys.modules.get("duckdb")
    found = getattr(module, "default_connection", None)
    return found() if callable(found) and hasattr(module, "set_default_connection") else None  # since DuckDB 1.1


def _is_as_new(connection: Any) -> bool:
    try:
        settings = _settings(connection).keys() - {"enable_progress_bar"}  # DuckDB sets it in notebooks
        return not (_is_closed(connection) or settings) and _in(connection) == _new()[0]
    except Refused:  # the reason is told when it is to be sent
        return False


def _in(connection: Any) -> List[Any]:
    """What there is in the database."""
    return [_ask(connection, text) for text in _WHAT]


def is_relation(kind: type) -> bool:
    """Whether objects of this type are queries of DuckDB."""
    return kind.__name__ == "DuckDBPyRelation"


def reduce_relation(pickler: Any, relation: Any) -> Any:
    """The reduction of a relation; NotImplemented where it belongs to another connection, or DuckDB cannot say what it
    reads.

    Raises:
        Refused: its connection has rows left to give.
    """
    connection: Any = getattr(relation, "_con", None) or _default()  # DuckDB 1 does not say whose it is
    try:
        connection.sql("SELECT * FROM relation LIMIT 0")
        text = relation.sql_query()
        grown = id(connection) in pickler.known and _arrived.get(connection) != _in(connection)
        by_text = text and not _is_registered(text) and not grown  # home's gets its new tables after its queries
        found = text if by_text else relation.to_arrow_table()
    except Exception as error:  # whatever DuckDB raises, or pyarrow that is not there
        if "unfinished" in str(error):
            raise Refused(_LEFT) from None
        return NotImplemented
    pickler.mark("pickle")
    return make_relation, (connection, found, relation.alias)


def make_relation(connection: Any, found: Any, alias: str) -> Any:
    """A relation of a connection, by its query or by its rows."""
    made = connection.sql(found) if isinstance(found, str) else connection.from_arrow(found)
    return made if alias == made.alias or alias.startswith(_UNNAMED) else made.set_alias(alias)


# -- what a cell changes -----------------------------------------------------------------------------------------------

_SETTINGS = "SELECT name, value FROM duckdb_settings()"
_WHAT = (
    "SELECT sql FROM duckdb_tables() WHERE NOT internal ORDER BY ALL",
    "SELECT sql FROM duckdb_views() WHERE NOT internal ORDER BY ALL",
    "SELECT sql FROM duckdb_sequences() ORDER BY ALL",
    "SELECT schema_name, function_name, macro_definition FROM duckdb_functions() WHERE NOT internal ORDER BY ALL",
    "SELECT schema_name, type_name FROM duckdb_types() WHERE NOT internal ORDER BY ALL",
    "SELECT schema_name FROM duckdb_schemas() WHERE NOT internal ORDER BY ALL",
    "SELECT sql FROM duckdb_indexes() ORDER BY ALL",
)


def state_of(connection: Any) -> Tuple[str, Any]:
    """The kind of state, and the state, for ``changes``: what there is, and a digest of each table."""
    try:
        if _is_closed(connection):
            return "duck", _CLOSED
        _check(connection)
        views = _views(connection)
    except Refused as refused:
        return "duck", str(refused)
    found = _in(connection)
    tables = _ask(connection, "SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT internal ORDER BY ALL")
    digest = "count(*), sum(hash(t)), sum(hash(t) % 65521 * (rowid + 1))"  # of the rows, and of their order
    digests = [_ask(connection, f'SELECT {digest} FROM "{schema}"."{table}" t') for schema, table in tables]
    return "duck", (found, digests, _settings(connection), views)


def patch_of(connection: Any) -> Any:
    """What ``apply`` needs; None: it was closed."""
    if _is_closed(connection):
        return None
    try:
        _check(connection)
        return _content(connection), _settings(connection), _own_views(connection)
    except Refused as refused:
        return Unsent(str(refused))


class Unsent:
    """Stands for a change that cannot be sent."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def __reduce__(self) -> Any:
        raise Refused(self._reason)


def apply(connection: Any, state: Any) -> None:
    """Let the connection of this end be as the other one is."""
    if state is None:
        connection.close()
        return
    cursor, name = connection.cursor(), _name(connection)
    for (schema,) in _ask(connection, "SELECT schema_name FROM duckdb_schemas() WHERE NOT internal"):
        cursor.execute(f'DROP SCHEMA "{schema}" CASCADE')
    for which in ("view", "table", "sequence"):
        own = "" if which == "sequence" else " AND NOT internal"
        for (one,) in _ask(connection, f"SELECT {which}_name FROM duckdb_{which}s() WHERE schema_name = 'main'{own}"):
            cursor.execute(f'DROP {which} IF EXISTS "{name}".main."{one}" CASCADE')
    for one, kind in _ask(connection, "SELECT function_name, function_type FROM duckdb_functions() WHERE NOT internal"):
        cursor.execute(f'DROP MACRO {"TABLE " if "table" in kind else ""}IF EXISTS "{one}"')
    for (one,) in _ask(connection, "SELECT type_name FROM duckdb_types() WHERE NOT internal"):
        cursor.execute(f'DROP TYPE IF EXISTS "{one}"')
    _fill(connection, state[0])
    set_settings(connection, state[1])
    _set_views(connection, state[2])
