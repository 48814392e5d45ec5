"""What the fingerprint says of one object, by its type.

May import: the standard library, the wire's ``caches``; see ``walk``.

Types of libraries are told by their names: nothing is imported for them.
"""

from __future__ import annotations

import collections
import contextvars
import copyreg
import functools
import io
import os
import re
import sys
import threading
import traceback
import types
import weakref
from typing import TYPE_CHECKING, Any

from nbprocess.worker.wire import awsclients, caches

from . import figures, keras_values, tensors
from .walk import digest

if TYPE_CHECKING:
    from .walk import Walk

_OF_KERNEL = re.compile(r"[/\\](?:IPython|ipykernel|nbprocess|asyncio)[/\\]")
"""Files of frames in which a kernel, or the tool, drives a cell."""

_NO_STATE = {"__weakref__", "__dict__"}


def named(kind: type) -> str:
    """A type's name with its module."""
    module = "" if kind.__module__ in ("builtins", "__main__", None) else f"{kind.__module__}."  # some have none
    return f"{module}{kind.__qualname__}"


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
        _class(walk, path, value)
    elif isinstance(value, types.ModuleType) and sys.modules.get(value.__name__) is value:
        walk.put(path, f"module {value.__name__}")  # of a class of its own, which loads parts as they are asked for
    elif (
        (root == "numpy" and _numpy(walk, path, value))
        or (_of_pandas(kind) and _pandas(walk, path, value))
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
    # How astropy showed a column, and what it worked out of a unit.
    return name in ("_format_funcs", "_decomposed_cache") and kind.__module__.startswith("astropy.")


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


# -- code --------------------------------------------------------------------------------------------------------------


def _function(walk: Walk, path: str, value: types.FunctionType) -> None:
    code = value.__code__
    if not (value.__module__ == "__main__" or "ipykernel" in code.co_filename or code.co_filename.startswith("<")):
        walk.put(path, f"function {value.__module__}.{value.__qualname__}")
        return
    walk.put(
        path, f"function {value.__qualname__}{'' if value.__module__ == '__main__' else ' of ' + str(value.__module__)}"
    )
    walk.put(f"{path}.<code>", _code(walk, code, of_library=_is_of_library(code)))
    walk.visit(f"{path}.<doc>", value.__doc__)
    for word, part in (("defaults", value.__defaults__), ("kwdefaults", value.__kwdefaults__)):
        if part:
            walk.visit(f"{path}.<{word}>", part)
    if value.__dict__:  # a generic function also keeps what it found for which type, as long as the type lives
        walk.attributes(path, {name: part for name, part in value.__dict__.items() if name != "_clear_cache"})
    held = () if code.co_filename.startswith("<string") else value.__closure__ or ()  # ``dataclass`` made it
    for name, cell in zip(code.co_freevars, held):  # noqa: B905
        # Each method of a class may have a cell of its own for it; all hold the class for good.
        walk.visit(f"{path}.<closure>.{name}", cell.cell_contents if name == "__class__" and _is_full(cell) else cell)
    for name, part in sorted(getattr(value, "__annotations__", {}).items()):
        walk.put(f"{path}.<annotation>.{name}", walk.text(repr(part)))


def _is_full(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def _is_of_library(code: types.CodeType) -> bool:
    """Whether code is an installed module's, which a decorator gave to a function of the notebook."""
    return f"{os.sep}site-packages{os.sep}" in code.co_filename or code.co_filename.startswith(
        os.path.dirname(os.__file__)
    )


def _code(walk: Walk, code: types.CodeType, of_library: bool = False) -> str:
    """A digest of what the code does; its lines and file may differ. Of a library's functions the instructions do not
    count: by which ones a method is called depends on what else its file imports."""
    constants = [
        _code(walk, c, of_library)
        if isinstance(c, types.CodeType)
        else repr(sorted(map(repr, c)) if isinstance(c, frozenset) else c)
        for c in code.co_consts
    ]
    instructions = b"" if of_library else code.co_code
    parts = (code.co_name, instructions, constants, code.co_names, code.co_varnames, code.co_freevars, code.co_flags)
    return digest(walk.text(repr(parts)).encode())


_DERIVED: tuple[str, ...] = ("_abc_", "__pydantic_", "__private_attributes__")
_DERIVED += ("_descriptors", "_traits", "_all_trait_", "_instance_inits")
"""What ``abc``, pydantic and traitlets keep of a class, made of what it says."""


def _class(walk: Walk, path: str, value: type) -> None:
    if value.__module__ != "__main__":
        walk.put(path, f"class {named(value)}")
        return
    walk.put(path, f"class {value.__qualname__}")
    for index, base in enumerate(value.__bases__):
        walk.visit(f"{path}.<base {index}>", base)
    skipped = {
        "__dict__",
        "__weakref__",
        "__firstlineno__",
        "__module__",
        "__doc__",
        "__static_attributes__",
        "__slotnames__",
    }
    for name, member in sorted(vars(value).items()):
        if (
            name in skipped
            or (name == "__annotations__" and not member)  # made when somebody asks for it
            or name.startswith(_DERIVED)
            or isinstance(member, (types.MemberDescriptorType, types.GetSetDescriptorType))
        ):
            continue
        walk.visit(f"{path}.{name}", member)
    walk.visit(f"{path}.<doc>", value.__doc__)


def _generator(walk: Walk, path: str, value: types.GeneratorType[Any, Any, Any]) -> None:
    frame = value.gi_frame
    if frame is None or value.__name__ == "<genexpr>":  # one of an expression goes on as one that has not begun
        walk.put(path, f"generator {value.__qualname__}{', ended' if frame is None else ''}")
        return
    walk.put(path, f"generator {value.__qualname__} in line {frame.f_lineno}")
    for name, held in frame.f_locals.items():
        if not name.startswith("_nbprocess_"):
            walk.visit(f"{path}.{name}", held)


def _cell(walk: Walk, path: str, value: Any) -> None:
    try:
        walk.put(path, "cell")
        walk.visit(f"{path}.value", value.cell_contents)
    except ValueError:
        walk.put(path, "empty cell")


def _bound(walk: Walk, path: str, value: Any) -> None:
    walk.put(path, f"method {value.__name__}")
    walk.visit(f"{path}.<self>", value.__self__)
    walk.visit(f"{path}.<function>", value.__func__)


def _builtin(walk: Walk, path: str, value: Any) -> None:
    owner = value.__self__
    walk.put(path, f"builtin {value.__qualname__}")
    if owner is not None and not isinstance(owner, types.ModuleType):
        walk.visit(f"{path}.<self>", owner)


def _wrapped(walk: Walk, path: str, value: Any) -> None:
    walk.put(path, type(value).__name__)
    for name in ("fget", "fset", "fdel", "__func__"):
        part = getattr(value, name, None)
        if part is not None:
            walk.visit(f"{path}.{name}", part)


def _partial(walk: Walk, path: str, value: Any) -> None:
    walk.put(path, "partial")
    for name in ("func", "args", "keywords"):
        walk.visit(f"{path}.{name}", getattr(value, name))


def _cached(walk: Walk, path: str, value: Any) -> None:
    if value.__module__ != "__main__":  # a library's own is filled by what the library does, in each process
        walk.put(path, f"lru_cache {value.__module__}.{getattr(value, '__qualname__', '')}")
        return
    walk.put(path, f"lru_cache {value.cache_info()}")
    walk.visit(f"{path}.__wrapped__", value.__wrapped__)
    walk.visit(f"{path}.held", caches.calls(value))


def _view(walk: Walk, path: str, value: Any) -> None:
    walk.items(path, value, type(value).__name__)


# -- libraries ---------------------------------------------------------------------------------------------------------


def _numpy(walk: Walk, path: str, value: Any) -> bool:
    kind = type(value)
    if kind.__name__ in ("ndarray", "recarray", "matrix", "memmap", "MaskedArray"):
        _array(walk, path, value)
        return True
    if kind.__module__ == "numpy.dtypes":
        walk.put(path, f"dtype {value!r}")
        return True
    if kind.__module__ == "numpy" and hasattr(value, "dtype") and hasattr(value, "tobytes"):
        walk.put(path, f"{value.dtype} {walk.text(repr(value))}")
        return True
    return False


def _array(walk: Walk, path: str, value: Any) -> None:
    order = "".join(letter for letter, name in (("C", "C_CONTIGUOUS"), ("F", "F_CONTIGUOUS")) if value.flags[name])
    dtype = value.dtype.descr if value.dtype.names else value.dtype
    word = f"{named(type(value))} {dtype} {value.shape} {order or 'strided'}"
    if not value.flags.writeable:
        word += " read-only"
    if value.dtype.hasobject:
        walk.put(path, word)
        walk.items(f"{path}.<items>", value.ravel().tolist() if value.dtype == object else [repr(value)], "items")
    else:
        plain = value.view(value.__array__().__class__) if hasattr(value, "_mask") else value
        head = walk.text(repr(value.ravel()[:3].tolist()))
        # What lies between the fields of a record is nobody's.
        content = repr(plain.tolist()).encode() if value.dtype.names else plain.tobytes()
        walk.put(path, f"{word} {digest(content)} {head[:80]}")
    if type(value).__name__ == "MaskedArray":
        walk.visit(f"{path}.mask", walk.keep(value.mask))
        walk.put(f"{path}.fill_value", repr(value.fill_value))
    owner = value
    while hasattr(getattr(owner, "base", None), "__array_interface__"):
        owner = owner.base
    if value.size:
        begin = value.__array_interface__["data"][0]
        steps = [step * (length - 1) for step, length in zip(value.strides, value.shape)]  # noqa: B905 - as many
        low = begin + sum(step for step in steps if step < 0)
        high = begin + sum(step for step in steps if step > 0) + value.itemsize
        walk.memory(path, owner, begin, low, high)


def _of_pandas(kind: type) -> bool:
    """pandas' own types, and what others make of its frames and series."""
    frames = ("DataFrame", "Series", "Index")
    names = (base.__name__ for base in kind.__mro__ if (base.__module__ or "").split(".")[0] == "pandas")
    return (kind.__module__ or "").split(".")[0] == "pandas" or any(name in frames for name in names)


def _pandas(walk: Walk, path: str, value: Any) -> bool:
    name = type(value).__name__
    if (not hasattr(value, "dtype") and not hasattr(value, "dtypes")) or name in ("DataFrameGroupBy", "SeriesGroupBy"):
        return False
    if hasattr(value, "columns") and hasattr(value, "items"):
        walk.put(path, f"{named(type(value))} {value.shape} flags={value.flags.allows_duplicate_labels}")
        walk.visit(f"{path}.columns", value.columns)
        walk.visit(f"{path}.index", value.index)
        for index, label in enumerate(value.columns[:200]):
            column = value.iloc[:, index]
            _column(walk, f"{path}[{walk.text(repr(label))}]", column)
        walk.visit(f"{path}.attrs", dict(value.attrs))
        own = {
            k: v
            for k, v in vars(value).items()
            if k not in ("_mgr", "_item_cache", "_attrs", "_flags", "_is_copy", "_typ")
            and k not in getattr(type(value), "_accessors", ())  # made when first used; pandas 2 keeps them there
        }
        walk.attributes(path, own)
        return True
    if hasattr(value, "index") and hasattr(value, "iloc"):
        walk.put(path, f"{named(type(value))} {value.shape} name={value.name!r}")
        walk.visit(f"{path}.index", value.index)
        _column(walk, f"{path}.values", value)
        walk.visit(f"{path}.attrs", dict(value.attrs))
        return True
    if hasattr(value, "names") and hasattr(value, "get_level_values"):
        word = f"{named(type(value))}[{len(value)}] {value.dtype} names={list(value.names)!r}"
        frequency = getattr(value, "freq", None)
        walk.put(path, word + (f" freq={frequency!r}" if frequency is not None else ""))
        if value.nlevels > 1:
            for level in range(value.nlevels):
                _column(walk, f"{path}.level {level}", value.get_level_values(level))
        else:
            _column(walk, f"{path}.values", value)
        return True
    if hasattr(value, "__len__") and hasattr(value, "dtype"):  # an extension array
        walk.put(path, f"{named(type(value))} {value.dtype}")
        _column(walk, f"{path}.values", value)
        return True
    return False


def _column(walk: Walk, path: str, values: Any) -> None:
    """The values of one column, index or extension array, by digest; objects one by one."""
    dtype = values.dtype
    word = f"{dtype} of {type(dtype).__name__}"
    categories = getattr(dtype, "categories", None)
    if categories is not None:
        codes = values.cat.codes if hasattr(values, "cat") else values.codes
        walk.put(
            path, f"{word} {dtype.ordered} {digest(walk.keep(_bytes(codes)))} {walk.text(repr(list(categories[:50])))}"
        )
        return
    if str(dtype) == "object":
        walk.put(path, word)
        walk.items(f"{path}.<items>", list(values), "items")
        return
    array = values.to_numpy() if not hasattr(values, "codes") else values
    if getattr(array, "dtype", None) is not None and array.dtype == object:
        items = [repr(item) for item in array[:100_000]]
        walk.put(path, f"{word} {digest(walk.text(repr(items)).encode())} {', '.join(items[:3])}")
    else:
        walk.put(path, f"{word} {digest(_bytes(array))} {walk.text(repr(array[:3].tolist()))[:80]}")


def _bytes(values: Any) -> bytes:
    array = values.to_numpy() if hasattr(values, "to_numpy") else values
    data: bytes = array.tobytes()
    return data


_PLAIN: dict[type, Any] = {
    list: lambda walk, path, value: walk.items(path, value, "list"),
    tuple: lambda walk, path, value: walk.items(path, value, "tuple"),
    dict: lambda walk, path, value: walk.pairs(path, value, "dict"),
    set: lambda walk, path, value: walk.members(path, value, "set"),
    frozenset: lambda walk, path, value: walk.members(path, value, "frozenset"),
    bytearray: lambda walk, path, value: walk.put(path, f"bytearray {bytes(value)!r:.200} {digest(bytes(value))}"),
    types.ModuleType: lambda walk, path, value: walk.put(path, f"module {value.__name__}"),
    types.FunctionType: _function,
    types.BuiltinFunctionType: _builtin,
    types.MethodType: _bound,
    types.CellType: _cell,
    types.GeneratorType: _generator,
    memoryview: lambda walk, path, value: walk.put(
        path, f"memoryview {value.format} {value.shape} {bytes(value)!r:.200}"
    ),
    types.MappingProxyType: lambda walk, path, value: walk.pairs(path, dict(value), "mappingproxy"),
    contextvars.ContextVar: lambda walk, path, value: walk.items(path, [value.name, value.get(None)], "variable"),
    weakref.ref: lambda walk, path, value: walk.items(path, [value()], "weakref"),
    type(threading.Lock()): lambda walk, path, value: walk.put(path, f"lock {value.locked()}"),
    types.CodeType: lambda walk, path, value: walk.put(path, f"code {_code(walk, value)}"),
    property: _wrapped,
    staticmethod: _wrapped,
    classmethod: _wrapped,
    functools.partial: _partial,
    type(functools.lru_cache(lambda: None)): _cached,
    type({}.keys()): _view,
    type({}.values()): _view,
    type({}.items()): _view,
}
