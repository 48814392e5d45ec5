"""What the fingerprint says of one object, by its type.

May import: the standard library, the wire's ``awsclients``; see ``walk``.

Types of libraries are told by their names: nothing is imported for them.
"""

from __future__ import annotations

import collections
import contextvars
import copyreg
import functools
import io
import re
import sys
import threading
import traceback
import types
import weakref
from typing import TYPE_CHECKING, Any

from nbprocess.worker.wire import awsclients

from . import definitions, figures, keras_values, tables, tensors
from .walk import digest, named

if TYPE_CHECKING:
    from .walk import Walk

_OF_KERNEL = re.compile(r"[/\\](?:IPython|ipykernel|nbprocess|asyncio)[/\\]")
"""Files of frames in which a kernel, or the tool, drives a cell."""

_NO_STATE = {"__weakref__", "__dict__"}


_OF_THE_KERNEL = ("IPython", "ipykernel", "jupyter_client", "comm")


def describe(walk: Walk, path: str, value: Any) -> None:
    """Put the rows of one object that was not seen before."""
    kind = type(value)
    plain = _PLAIN.get(kind)
    if plain is not None:
        plain(walk, path, value)
        return
    root = (kind.__module__ or "").split(".")[0]
    if isinstance(value, type):
        definitions.class_(walk, path, value)
    elif isinstance(value, types.ModuleType) and sys.modules.get(value.__name__) is value:
        walk.put(path, f"module {value.__name__}")  # of a class of its own, which loads parts as they are asked for
    elif (
        (root == "numpy" and tables.of_numpy(walk, path, value))
        or (tables.is_of_pandas(kind) and tables.of_pandas(walk, path, value))
        or (root in ("matplotlib", "mpl_toolkits") and figures.describe(walk, path, value))
        or ("torch" in sys.modules and tensors.describe(walk, path, value))
        or ("tensorflow" in sys.modules and keras_values.describe(walk, path, value))
    ):
        return
    elif isinstance(value, BaseException):
        walk.put(path, f"exception {named(kind)}")
        walk.visit(f"{path}.args", value.args)
        walk.attributes(path, {k: v for k, v in vars(value).items() if k != "_render_traceback_"})
        frames = [f for f in traceback.extract_tb(value.__traceback__) if not _OF_KERNEL.search(f.filename)]
        walk.put(f"{path}.<traceback>", str([(frame.lineno, frame.name, frame.line) for frame in frames]))
    elif root == "pathlib":
        walk.put(path, f"{kind.__name__} {walk.text(str(value))}")
    elif kind.__module__ == "multiprocessing.context":
        walk.put(path, named(kind))  # which way is the process's own is noted when it is first asked
    elif root == "sklearn" and kind.__name__.startswith(("KDTree", "BallTree")):
        walk.put(path, named(kind))  # its state counts how often it was asked
        walk.alone(f"{path}.data", walk.keep(value.get_arrays()[0]))
    elif root == "pygments" and kind.__name__ == "_TokenType":
        walk.put(path, f"token type {value!r}")  # there is one of each name; what hangs below it grows by use
    elif root in _OF_THE_KERNEL and hasattr(value, "_trait_values"):
        walk.put(path, named(kind))  # the shell and its parts lead to everything that the kernel is made of
    elif value is getattr(getattr(sys.modules.get("bokeh.io.state"), "_STATE", None), "document", walk):
        walk.put(path, f"{named(kind)} of the process")  # it leads to all that was shown
    elif kind.__module__.startswith("concurrent.futures.") and hasattr(value, "_max_workers"):
        ended = getattr(value, "_shutdown", False) or getattr(value, "_shutdown_thread", False)
        walk.put(path, f"{named(kind)} {value._max_workers} ended={ended}")  # its threads come as they are needed
    elif root == "numba" and hasattr(value, "_code"):
        walk.put(path, f"{named(kind)} {value}")  # its types are numbered as they are first met
    elif root in ("h5py", "tables") or kind.__name__ == "CachingFileManager":
        known = [str(getattr(value, name, "")) for name in ("filename", "name", "shape")] if bool(value) else ["closed"]
        walk.put(path, f"{named(kind)} {walk.text(' '.join(known))}")  # HDF5 numbers what it opens, and caches it
    elif kind.__module__ == "sqlalchemy.engine.base" and kind.__name__ in ("Engine", "Connection"):
        walk.put(path, f"{named(kind)} {value.engine.url} closed={getattr(value, 'closed', None)}")  # it caches a lot
    elif awsclients.kind_of(kind):
        client = getattr(getattr(value, "meta", None), "client", value)
        facts = [getattr(client, "region_name", None) or client.meta.region_name, getattr(value, "name", "")]
        walk.put(path, f"{named(kind)} {facts}")  # it caches a lot
    elif kind.__module__ == "sqlite3" and kind.__name__ == "Connection":
        walk.put(path, f"{named(kind)} {_tables(walk, value)}")
    elif root in ("duckdb", "_duckdb") and kind.__name__ in ("DuckDBPyConnection", "DuckDBPyRelation"):
        walk.put(path, f"{named(kind)} {_in_duckdb(walk, value)}")  # how it comes to its rows is its own affair
    elif isinstance(value, io.IOBase):
        name = walk.text(str(getattr(value, "name", "")))
        own = "." not in path  # a library's goes where it likes
        place = f"{getattr(value, 'mode', '')} {_place(value)}" if own else f"closed={value.closed}"
        walk.put(path, f"{named(kind)} {name} {place}")
    else:
        _instance(walk, path, value, kind)


def _place(file: io.IOBase) -> str:
    """Where a file goes on."""
    if file.closed:
        return "closed=True"
    try:
        return f"at {file.tell()}"
    except (OSError, ValueError):  # a stream; in the middle of a loop over its lines
        return "closed=False"


def _tables(walk: Walk, connection: Any) -> str:
    """What is in a database; asked in a manner that leaves the connection as it is."""
    try:
        cursor = connection.cursor()
        cursor.row_factory = None
        tables = [name for (name,) in cursor.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()]
        rows = {name: cursor.execute(f'SELECT * FROM "{name}"').fetchall() for name in tables}
    except Exception as error:  # closed, or in the middle of something
        return type(error).__name__
    return digest(walk.text(repr(rows)).encode())


def _in_duckdb(walk: Walk, value: Any) -> str:
    """What a connection of DuckDB has, or what a query gives."""
    try:
        if hasattr(value, "columns"):
            return f"{value.columns} {value.types} {digest(walk.text(repr(value.fetchall())).encode())}"
        asked = value.cursor()
        tables = asked.execute("SELECT schema_name, table_name FROM duckdb_tables() ORDER BY ALL").fetchall()
        rows = {name: asked.execute(f'SELECT * FROM "{name[0]}"."{name[1]}"').fetchall() for name in tables}
        views = asked.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY ALL").fetchall()
    except Exception as error:  # closed, or in the middle of something
        return type(error).__name__
    return f"{tables} {views} {digest(walk.text(repr(rows)).encode())}"


def _instance(walk: Walk, path: str, value: Any, kind: type) -> None:
    """An instance: its own state, and what it holds as a container."""
    word = named(kind)
    if isinstance(value, dict):
        walk.pairs(path, value, word)
    elif isinstance(value, (list, tuple, collections.deque)):
        walk.items(path, value, word)
    elif isinstance(value, (set, frozenset)):
        walk.members(path, value, word)
    else:
        walk.put(path, word)
    methods: Any = kind
    plain = methods.__reduce_ex__ is object.__reduce_ex__ and methods.__reduce__ is object.__reduce__
    if kind.__module__ == "__main__" or plain:
        state = dict(getattr(value, "__dict__", None) or {})
        if (kind.__module__ or "").startswith("pandas."):
            state.pop("_cache", None)  # filled when it is asked for, here or by the job
        for base in kind.__mro__:
            names = vars(base).get("__slots__", ())
            for name in (names,) if isinstance(names, str) else names:
                if name not in _NO_STATE and hasattr(value, name):
                    state[name] = getattr(value, name)
        if state or kind.__module__ == "__main__" or not _has_c_state(kind):
            state.update(_as_saved(walk, value, kind))
            if "_model_id" in state:  # a widget: its number, and what leads to the page by it, are its kernel's
                values = state.get("_trait_values") or {}
                state.update(_model_id=None, _trait_values={**values, "comm": values.get("comm") is not None})
            figures.leave_out(walk, path, value, state)
            if kind.__module__ != "__main__":
                state = {name: part for name, part in state.items() if not _is_kept_result(kind, name)}
            walk.attributes(path, state)
            return
    _reduced(walk, path, value, word)


def _is_kept_result(kind: type, name: str) -> bool:
    """Whether a library's object keeps there what it once worked out of the rest, here or in the job."""
    found = next((vars(base)[name] for base in kind.__mro__ if name in vars(base)), None)
    if type(found).__name__ in ("cached_property", "lazyproperty"):  # of Python; of astropy
        return True
    if name == "_sampler_iter" and kind.__module__ == "torch.utils.data.dataloader":
        return True  # a generator, of which nothing shows; after a journey what it gives stands in a list
    if name == "_ufunc" and kind.__name__ == "vectorize":
        return True  # of NumPy, made when it is first called
    # How astropy showed a column, what it worked out of a unit, and whose ``info`` it is, set when that is asked for.
    return name in ("_format_funcs", "_decomposed_cache", "_parent_ref") and kind.__module__.startswith("astropy.")


def _as_saved(walk: Walk, value: Any, kind: type) -> dict[str, Any]:
    """What a library's class itself calls its state: a copy has all of it as attributes, however this one came about
    (a Polynomial made by NumPy takes its window from the class, an unpickled one has its own)."""
    method: Any = getattr(kind, "__getstate__", None)
    if kind.__module__ == "__main__" or not isinstance(method, types.FunctionType):
        return {}
    try:
        state = walk.keep(method(value))
    except Exception:  # whatever a class's own code may raise: its attributes count then
        return {}
    return state if isinstance(state, dict) else {}


def _has_c_state(kind: type) -> bool:
    return not any(base.__flags__ & (1 << 9) for base in kind.__mro__ if base is not object)  # Py_TPFLAGS_HEAPTYPE


def _in_order(part: Any, own: Any) -> Any:
    """A dict of an object's own attributes, and perhaps of more, by their names."""
    same = type(part) is dict and type(own) is dict and 2 * len(part.keys() & own.keys()) > len(part)
    return dict(sorted(part.items())) if same else part


def _reduced(walk: Walk, path: str, value: Any, word: str) -> None:
    """State that only the type itself knows: what it says to pickle."""
    try:
        reduced = value.__reduce_ex__(4)
    except Exception:
        walk.put(path, f"{word}, bound to its process")
        return
    if isinstance(reduced, str):
        walk.put(path, f"{word} {reduced}")
        return
    walk.keep(reduced)
    function, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
    own = getattr(value, "__dict__", None)
    # In what order attributes were set means nothing.
    arguments = [_in_order(part, own) for part in arguments]
    if isinstance(state, tuple):
        state = tuple(_in_order(part, own) for part in state)
    filled = getattr(value, "_fill_value", None)  # of a masked array: in how many letters it is kept means nothing
    if isinstance(state, tuple) and filled is not None:
        state = tuple(repr(value.fill_value) if part is filled else part for part in state)
    if function not in (copyreg.__newobj__, copyreg._reconstructor):  # type: ignore[attr-defined]
        walk.put(path, f"{word} by {getattr(function, '__qualname__', function)!s}")
    if isinstance(state, dict) and getattr(value, "__dict__", None) is not None:
        walk.items(f"{path}.<made of>", [a for a in arguments if not isinstance(a, type)], "arguments")
        walk.attributes(path, state)
    else:
        # What a C type holds inside is no object that a notebook can reach: its values count, not who shares them.
        walk.alone(f"{path}.<state>", ([a for a in arguments if not isinstance(a, type)], state))
    if items is not None and not isinstance(value, (list, collections.deque)):
        walk.items(f"{path}.<items>", items, "items")
    if pairs is not None and not isinstance(value, dict):
        walk.items(f"{path}.<pairs>", pairs, "pairs")


def _view(walk: Walk, path: str, value: Any) -> None:
    walk.items(path, value, type(value).__name__)


_PLAIN: dict[type, Any] = {
    list: lambda walk, path, value: walk.items(path, value, "list"),
    tuple: lambda walk, path, value: walk.items(path, value, "tuple"),
    dict: lambda walk, path, value: walk.pairs(path, value, "dict"),
    set: lambda walk, path, value: walk.members(path, value, "set"),
    frozenset: lambda walk, path, value: walk.members(path, value, "frozenset"),
    bytearray: lambda walk, path, value: walk.put(path, f"bytearray {bytes(value)!r:.200} {digest(bytes(value))}"),
    types.ModuleType: lambda walk, path, value: walk.put(path, f"module {value.__name__}"),
    types.FunctionType: definitions.function,
    types.BuiltinFunctionType: definitions.builtin,
    types.MethodType: definitions.bound,
    types.CellType: definitions.cell,
    types.GeneratorType: definitions.generator,
    memoryview: lambda walk, path, value: walk.put(
        path, f"memoryview {value.format} {value.shape} {bytes(value)!r:.200}"
    ),
    types.MappingProxyType: lambda walk, path, value: walk.pairs(path, dict(value), "mappingproxy"),
    contextvars.ContextVar: lambda walk, path, value: walk.items(path, [value.name, value.get(None)], "variable"),
    weakref.ref: lambda walk, path, value: walk.items(path, [value()], "weakref"),
    type(threading.Lock()): lambda walk, path, value: walk.put(path, f"lock {value.locked()}"),
    types.CodeType: lambda walk, path, value: walk.put(path, f"code {definitions.code_digest(walk, value)}"),
    property: definitions.wrapped,
    staticmethod: definitions.wrapped,
    classmethod: definitions.wrapped,
    functools.partial: definitions.partial,
    type(functools.lru_cache(lambda: None)): definitions.cached,
    type({}.keys()): _view,
    type({}.values()): _view,
    type({}.items()): _view,
}
