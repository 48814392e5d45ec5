"""What a namespace holds, as digests that two kernels can compare: values, types, and who shares what with whom.

Runs inside the kernel that is looked at, and changes nothing there: no random number is drawn, no iterator advanced.

May import: the standard library; numpy, pandas and matplotlib only where the notebook has loaded them.
"""

from __future__ import annotations

import array
import collections
import decimal
import functools
import hashlib
import io
import json
import os
import random
import sys
import types
import warnings
from collections.abc import Callable, Mapping
from typing import Any

_ATOMS = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis), type(NotImplemented))
_MOST = 200_000
"""Objects looked at below one name; what lies beyond is compared by its type only."""
_HIDDEN = frozenset({"In", "Out", "exit", "quit", "get_ipython", "open"})
_SKIPPED = frozenset({"__dict__", "__weakref__", "__module__", "__doc__", "__firstlineno__", "__static_attributes__"})


def namespace(names: Mapping[str, Any], hidden: Mapping[str, Any]) -> str:
    """JSON: ``names`` (name → type, digest, short text), ``shared`` (which names hold the same objects), ``ambient``.

    Args:
        names: the kernel's ``user_ns``.
        hidden: IPython's ``user_ns_hidden``, what it put there itself.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found: dict[str, Any] = {}
        owners: dict[int, set[str]] = {}
        kept: list[Any] = []
        for name in sorted(names):
            value = names[name]
            if name.startswith("_") or name in _HIDDEN or hidden.get(name, names) is value:
                continue
            look = Look()
            try:
                digest = look.digest(value)
            except Exception as error:
                digest = f"not readable: {type(error).__name__}"
            found[name] = [_type_name(type(value)), digest, _short(value)]
            for number in look.seen:
                owners.setdefault(number, set()).add(name)
            kept.append(look.kept)
        shared = collections.Counter(tuple(sorted(group)) for group in owners.values() if len(group) > 1)
        return json.dumps(
            {
                "names": found,
                "shared": sorted([list(group), 1] for group in shared),
                "ambient": ambient(),
                "out": {str(k): Look().digest(v) for k, v in sorted(names.get("Out", {}).items())},
            }
        )


def ambient() -> dict[str, str]:
    """Digests of the state around the names."""
    look = Look
    found: dict[str, str] = {
        "random": look().digest(random.getstate()),
        "decimal": look().digest(str(decimal.getcontext().copy())),
        "cwd": os.path.basename(os.getcwd()),
    }
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        found["numpy.random"] = look().digest(numpy.random.get_state())
        found["numpy.printoptions"] = look().digest({k: str(v) for k, v in numpy.get_printoptions().items()})
    matplotlib = sys.modules.get("matplotlib")
    if matplotlib is not None:
        found["matplotlib.rcParams"] = look().digest(
            {k: repr(dict.__getitem__(matplotlib.rcParams, k)) for k in matplotlib.rcParams if "backend" not in k}
        )
    config = sys.modules.get("pandas._config.config")
    if config is not None:
        options = config._global_config
        found["pandas.options"] = look().digest(json.loads(json.dumps(options, default=repr)))
    return found


class Look:
    """One walk over an object graph. Mutable objects get numbers, so that sharing inside counts too."""

    def __init__(self) -> None:
        self.seen: dict[int, int] = {}
        self.kept: list[Any] = []  # temporary objects must live on, or another one takes their id
        self._hash = hashlib.blake2b(digest_size=12)
        self._count = 0

    def digest(self, value: Any) -> str:
        """The digest of ``value`` and all that it refers to."""
        self._walk(value)
        return self._hash.hexdigest()

    def _say(self, *words: object) -> None:
        self._hash.update(("\0".join(map(str, words)) + "\1").encode("utf-8", "surrogatepass"))

    def _walk(self, value: Any, depth: int = 0) -> None:
        kind = type(value)
        if kind in _ATOMS:
            self._say(kind.__name__, repr(value))
            return
        self._count += 1
        if depth > 120 or self._count > _MOST:
            self._say("beyond", _type_name(kind))
            return
        if kind is tuple:
            self._say("tuple", len(value))
            for item in value:
                self._walk(item, depth + 1)
            return
        if isinstance(value, types.ModuleType):
            self._say("module", value.__name__)
            return
        if isinstance(value, type):
            self._class(value, depth)
            return
        if isinstance(value, (types.BuiltinFunctionType, functools.partial)) and not isinstance(
            value, functools.partial
        ):
            self._say("builtin", value.__qualname__)
            return
        if id(value) in self.seen:
            self._say("again", self.seen[id(value)])
            return
        self.seen[id(value)] = len(self.seen)
        self.kept.append(value)
        self._say(_type_name(kind))
        self._content(value, kind, depth + 1)

    def _content(self, value: Any, kind: type, depth: int) -> None:
        for known, how in _KINDS.items():
            if isinstance(value, known):
                how(self, value, depth)
                if kind is not known and hasattr(value, "__dict__") and known in (dict, list, set):
                    self._walk(dict(vars(value)), depth)
                return
        root = kind.__module__.partition(".")[0]
        foreign = _FOREIGN.get(root)
        if foreign is not None and foreign(self, value, depth):
            return
        self._object(value, depth)

    # -- plain things --------------------------------------------------------------------------------------------------

    def _items(self, value: Any, depth: int) -> None:
        self._say(len(value))
        for item in list(value):
            self._walk(item, depth)

    def _mapping(self, value: Any, depth: int) -> None:
        self._say(len(value), getattr(value, "default_factory", ""))
        for key, item in list(dict.items(value)) if isinstance(value, dict) else list(value.items()):
            self._walk(key, depth)
            self._walk(item, depth)

    def _unordered(self, value: Any, depth: int) -> None:
        digests = []
        for item in value:
            digests.append(Look().digest(item))
        self._say(len(digests), *sorted(digests))

    def _function(self, value: Any, depth: int) -> None:
        self._say(value.__qualname__, value.__module__)
        if value.__module__ != "__main__":
            return
        self._code(value.__code__)
        self._walk(value.__defaults__, depth)
        self._walk(value.__kwdefaults__, depth)
        self._walk(dict(value.__dict__), depth)
        self._walk({k: str(v) for k, v in getattr(value, "__annotations__", {}).items()}, depth)
        for cell in value.__closure__ or ():
            try:
                self._walk(cell.cell_contents, depth)
            except ValueError:
                self._say("empty cell")

    def _code(self, code: types.CodeType) -> None:
        self._say(code.co_name, code.co_varnames, code.co_names, code.co_code.hex())
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                self._code(constant)
            else:
                self._unordered(constant, 0) if isinstance(constant, frozenset) else self._say(repr(constant))

    def _class(self, value: type, depth: int) -> None:
        self._say("class", _type_name(value))
        if value.__module__ != "__main__" or id(value) in self.seen:
            return
        self.seen[id(value)] = len(self.seen)
        self.kept.append(value)
        self._say(*(_type_name(base) for base in value.__mro__))
        for name, item in sorted(vars(value).items()):
            if name in _SKIPPED or name.startswith("_abc_"):
                continue
            self._say(name)
            if isinstance(item, (staticmethod, classmethod)):
                item = item.__func__
            elif isinstance(item, property):
                item = (item.fget, item.fset, item.fdel)
            elif isinstance(item, (types.MemberDescriptorType, types.GetSetDescriptorType)):
                continue
            self._walk(item, depth + 1)

    def _buffer(self, value: Any, depth: int) -> None:
        self._hash.update(bytes(value))

    def _text(self, value: Any, depth: int) -> None:
        self._say(str(value))

    def _object(self, value: Any, depth: int) -> None:
        """Any other object, as pickle would see it."""
        if isinstance(value, (types.GeneratorType, types.CoroutineType, io.IOBase)):
            return  # the type says it all: looking inside would change them
        if isinstance(value, types.MethodType):
            self._walk((value.__self__, value.__func__.__qualname__), depth)
            return
        try:
            reduced = value.__reduce_ex__(4)
        except Exception:
            self._state(value, depth)
            return
        if isinstance(reduced, str):
            self._say(reduced)
            return
        make, arguments, *rest = reduced
        self._say(getattr(make, "__qualname__", repr(type(make))))
        for part in (arguments, *rest[:1]):
            self.kept.append(part)
            self._walk(part, depth)
        for part in rest[1:3]:
            if part is not None:
                listed = list(part)
                self.kept.append(listed)
                self._walk(listed, depth)

    def _state(self, value: Any, depth: int) -> None:
        if hasattr(value, "__dict__"):
            self._walk(dict(vars(value)), depth)
        for base in type(value).__mro__:
            slots = base.__dict__.get("__slots__", ())
            for slot in (slots,) if isinstance(slots, str) else slots:
                if hasattr(value, slot) and slot not in _SKIPPED:
                    self._say(slot)
                    self._walk(getattr(value, slot), depth)

    # -- what libraries bring ------------------------------------------------------------------------------------------

    def _numpy(self, value: Any, depth: int) -> bool:
        import numpy

        if not isinstance(value, numpy.ndarray):
            return False
        self._say(
            value.dtype.str if value.dtype.names is None else value.dtype.descr, value.shape, value.flags.writeable
        )
        root = value
        while isinstance(root.base, numpy.ndarray):
            root = root.base
        if root is not value:
            self.seen.setdefault(id(root), len(self.seen))
            self.kept.append(root)
        if value.dtype.names is not None:
            for name in value.dtype.names:
                self._say(Look().digest(numpy.ascontiguousarray(value[name])))
        elif value.dtype.hasobject:
            self._items(value.ravel().tolist(), depth)
        else:
            self._hash.update(numpy.ascontiguousarray(value).tobytes())
        if isinstance(value, numpy.ma.MaskedArray):
            self._walk(numpy.asarray(value.mask), depth)
        return True

    def _pandas(self, value: Any, depth: int) -> bool:
        import numpy
        import pandas

        if isinstance(value, pandas.DataFrame):
            self._say(value.shape, value.attrs)
            self._walk(value.columns, depth)
            self._walk(value.index, depth)
            for number in range(value.shape[1]):
                self._column(value.iloc[:, number], depth)
            return True
        if isinstance(value, pandas.Series):
            self._say(value.shape, value.attrs, repr(value.name))
            self._walk(value.index, depth)
            self._column(value, depth)
            return True
        if isinstance(value, pandas.MultiIndex):
            self._say(value.names)
            self._walk([list(level) for level in value.levels], depth)
            self._walk([numpy.asarray(codes) for codes in value.codes], depth)
            return True
        if isinstance(value, pandas.Index):
            self._say(type(value).__name__, value.names, getattr(value, "freq", None), value.dtype)
            if isinstance(value, pandas.RangeIndex):
                self._say(value.start, value.stop, value.step)
            else:
                self._column(value, depth)
            return True
        if isinstance(value, pandas.api.extensions.ExtensionArray):
            self._column(value, depth)
            return True
        if type(value).__name__.endswith("GroupBy"):
            self._walk(value.obj, depth)
            return True
        return False

    def _column(self, value: Any, depth: int) -> None:
        import numpy

        dtype = value.dtype
        self._say(repr(dtype))
        if isinstance(dtype, numpy.dtype) and not dtype.hasobject:
            self._hash.update(numpy.ascontiguousarray(value.to_numpy()).tobytes())
            return
        items = value.astype(object) if not isinstance(dtype, numpy.dtype) else value
        listed = list(items)
        self.kept.append(listed)
        for item in listed[:_MOST]:
            self._walk(item, depth) if isinstance(item, (list, dict, set)) else self._say(repr(item))

    def _matplotlib(self, value: Any, depth: int) -> bool:
        from matplotlib.artist import Artist

        if not isinstance(value, Artist):
            return False
        if hasattr(value, "get_axes") and hasattr(value, "get_size_inches"):
            figure: Any = value
            self._say(figure.get_size_inches().tolist(), figure.dpi, len(figure.get_axes()))
            for axes in figure.get_axes():
                self._axes(axes)
        elif hasattr(value, "get_xlim") and hasattr(value, "lines"):
            self._axes(value)
        else:
            self._say(str(value.get_label())[:1])
        return True

    def _axes(self, axes: Any) -> None:
        self._say(type(axes).__name__, axes.get_title(), axes.get_xlabel(), axes.get_ylabel())
        self._say([round(float(x), 9) for x in (*axes.get_xlim(), *axes.get_ylim())])
        self._say(len(axes.patches), len(axes.collections), len(axes.images), [t.get_text() for t in axes.texts])
        for line in axes.lines:
            for data in line.get_data(orig=False):
                self._hash.update(bytes(memoryview(data.tobytes())))


def _type_name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _short(value: Any) -> str:
    kind = type(value)
    if kind in _ATOMS:
        return repr(value)[:60]
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        return f"{kind.__name__}{shape}"
    if isinstance(value, (list, dict, set, tuple)):
        return f"{kind.__name__} of {len(value)}"
    return kind.__name__


_KINDS: dict[type, Callable[[Look, Any, int], None]] = {
    dict: Look._mapping,
    collections.ChainMap: Look._text,
    types.MappingProxyType: Look._mapping,
    list: Look._items,
    tuple: Look._items,
    collections.deque: Look._items,
    set: Look._unordered,
    frozenset: Look._unordered,
    types.FunctionType: Look._function,
    bytearray: Look._buffer,
    memoryview: Look._buffer,
    array.array: Look._items,
    str: Look._text,
    int: Look._text,
    float: Look._text,
    decimal.Decimal: Look._text,
}
_FOREIGN: dict[str, Callable[[Look, Any, int], bool]] = {
    "numpy": Look._numpy,
    "pandas": Look._pandas,
    "matplotlib": Look._matplotlib,
}
