"""From names to all that they drag in: functions and classes of the notebook, transitively, and shared objects.

Asks ``type()``, never ``isinstance``, which runs code of proxies. Looks at values only through ``__dict__``,
``__code__``, the items of plain containers, and what the collector knows of slots and C types, within bounds.

May import: this room, the wire's ``caches``, the standard library.
"""

from __future__ import annotations

import functools
import gc
import itertools
import sys
import types
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Literal, cast

from . import names, strings
from .definitions import Definition, of_class, of_code
from .model import Capture, Need
from .notes import Import, Notes
from .scope import Scope

_ATOMS = frozenset(
    {int, float, complex, bool, str, bytes, bytearray, type(None), range, slice, type(...), type(NotImplemented)}
)
_CODE = frozenset({types.FunctionType, types.BuiltinFunctionType, types.ModuleType, type, types.CodeType})
_OF_SHELL = ("ipykernel.", "IPython.core.interactiveshell", "IPython.core.formatters")
_CLOSED = (
    *("pathlib", "numpy", "polars", "pyarrow", "torch", "tensorflow", "jax", "boto3.", "botocore.", "nbprocess."),
    *_OF_SHELL,
)
"""Modules whose values lead to nothing of the notebook's, or to all of it."""
_CHILDREN = 1000  # of one container
_VISITS = 20_000  # of one capture
_DEPTH = 40  # a transformer of the notebook in a pipeline in a column transformer in a pipeline is at 10
_ALIAS_DEPTH = 2

_CACHED: Any = type(functools.lru_cache(lambda: None))
_EMPTY: dict[str, Any] = {}


class Resolution:
    """The needs of a cell, grown from its scope until nothing is added."""

    def __init__(self, scope: Scope, namespace: Mapping[str, Any], hidden: Collection[str] = frozenset()) -> None:
        self.namespace = namespace
        self.hidden = hidden
        self.needs: dict[str, Need] = {}
        self.undefined: dict[str, Need] = {}
        self.binds: set[str] = set(scope.binds)
        self.imports: dict[str, Import] = {}
        self.modules: set[str] = set()
        """Top-level modules that needed values come from."""
        self.attributes: set[str] = set()
        self.aliases: dict[str, str] = {}
        self.strings: dict[str, int] = {}
        self.definitions: list[tuple[str, Definition]] = []
        self.defined: set[int] = set()
        """Identities of the functions' code and the classes that these are of."""
        self.whole: tuple[int, str] | None = None
        self.history: set[str] = set()
        """Which of ``In`` and ``Out`` are read."""
        self._queue: deque[tuple[Any, str, str, int]] = deque()
        self._seen: set[int] = set()
        self._visits = 0
        self._string_calls = False
        self._names_of = {
            id(value): name
            for name, value in namespace.items()
            if name[:1] != "_" and type(value) not in _ATOMS and (type(value) not in _CODE or self._ours(value))
        }
        self._cell(scope)
        self._drain()
        if self.whole is not None:
            for name in list(namespace):
                if not names.is_history(name) and not names.injected(name, namespace, hidden):
                    self.need(name, "maybe", self.whole[0], "")
            self._drain()
        if self._string_calls:
            self._query_strings()
        for name in self.binds:
            self.undefined.pop(name, None) if name not in scope.binds else None

    def need(
        self, name: str, strength: str, line: int, via: str, *, certain: bool = False, existence: bool = False
    ) -> None:
        """Add a read of ``name``."""
        if name in self.namespace:
            if names.injected(name, self.namespace, self.hidden):
                if name in ("Out", "_oh"):
                    self.history.add("Out")
                    self._outputs(name, line, via)
                elif name in ("In", "_ih"):
                    self.history.add("In")
                return
            old = self.needs.get(name)
            if old is not None and (old.strength == "must" or strength == "maybe"):
                if old.existence and not existence:
                    self.needs[name] = Need(name, old.strength, old.line, old.via)
                    self._queue.append((self.namespace[name], name, old.strength, 0))
                return
            typed = cast(Literal["must", "maybe"], strength)
            self.needs[name] = Need(name, typed, line, via, existence)
            if not existence:
                self._queue.append((self.namespace[name], name, strength, 0))
        elif not (names.is_builtin(name) or name in self.hidden or name in self.undefined):
            self.undefined[name] = Need(name, "must" if certain and not via else "maybe", line, via)

    def follow(self, value: Any) -> None:
        """Add what a value needs that travels without a name: a function that the notebook shows values by, a class
        whose instances lie deeper in a value than was looked."""
        self._define(value, "", "maybe")
        self._queue.append((value, "", "maybe", 0))
        self._drain()

    def _cell(self, scope: Scope) -> None:
        for name, read in scope.reads.items():
            self.need(name, read.strength, read.line, "", certain=read.certain, existence=read.existence)
        self._note(scope.notes, "")

    def _note(self, notes: Notes, via: str) -> None:
        for item in notes.imports:
            self.imports.setdefault(item.module, item)
        for word, line in notes.words.items():
            if word in self.namespace:
                self.need(word, "maybe", line, via)
        for text, line in notes.strings.items():
            self.strings.setdefault(text, line)
        self.attributes |= notes.attributes
        self.aliases.update(notes.aliases)
        self._string_calls = self._string_calls or notes.string_calls
        if notes.whole is not None and self.whole is None:
            self.whole = (notes.whole, f"{notes.whole_by} in {via}" if via else notes.whole_by)

    def _outputs(self, name: str, line: int, via: str) -> None:
        """``Out[i]``: ``i`` may be computed, so any of the earlier results."""
        for other in list(self.namespace):
            if other.startswith("_") and other[1:].isdigit():
                self.need(other, "maybe", line, via or name)

    def _query_strings(self) -> None:
        """A query may stand in a variable: ``duckdb.sql(query)``."""
        for name in list(self.needs):
            value = self.namespace[name]
            if type(value) is str and len(value) < 100_000:
                for word in strings.names_in_string(value):
                    if word in self.namespace:
                        self.need(word, "maybe", self.needs[name].line, name)
        self._drain()

    # Values --------------------------------------------------------------------------------------------------------

    def _drain(self) -> None:
        while self._queue:
            value, name, strength, depth = self._queue.popleft()
            kind = type(value)
            if kind in _ATOMS:
                if kind is str and len(value) < 300:
                    self.strings.setdefault(value, self.needs[name].line if name in self.needs else 1)
                continue
            self._visits += 1
            key = id(value)
            if (key in self._seen and depth) or self._visits > _VISITS:
                continue
            self._seen.add(key)
            if depth and depth <= _ALIAS_DEPTH and key in self._names_of:
                other = self._names_of[key]
                if other not in self.needs and self.namespace.get(other) is value:
                    self.need(other, "maybe", self.needs[name].line if name in self.needs else 1, name)
            self._define(value, name, strength)
            if depth < _DEPTH:
                for child in self._children(value):
                    self._queue.append((child, name, strength, depth + 1))

    def _ours(self, value: Any) -> bool:
        return is_of(self.namespace, value)

    def _define(self, value: Any, name: str, strength: str) -> None:
        kind = type(value)
        if kind is types.FunctionType and self._ours(value):
            self.defined.add(identity(value))
            self._use(of_code(value.__code__), value.__name__, "maybe")
        elif issubclass(kind, type) and self._ours(value):
            self.defined.add(identity(value))
            self._use(of_class(value), value.__name__, strength)
        elif issubclass(kind, types.ModuleType):
            self._of_module(value.__name__)
        else:
            module = (
                getattr(value, "__module__", None) if issubclass(kind, (type, types.FunctionType)) else kind.__module__
            )
            if isinstance(module, str) and module not in ("builtins", "__main__"):
                self._of_module(module.partition(".")[0])

    def _of_module(self, name: str) -> None:
        """Note a module that there is: ``namedtuple`` and ``exec`` give functions the names of such as never were."""
        if name.partition(".")[0] in sys.modules:
            self.modules.add(name)

    def _use(self, definition: Definition, via: str, strength: str) -> None:
        self.definitions.append((via, definition))
        self._note(definition.notes, via)
        self.binds |= definition.binds
        for name, line in definition.extras.items():
            if name in self.namespace:
                self.need(name, "maybe", line, via)
        for name, (own, line) in definition.reads.items():
            if name != via or name in self.namespace:
                self.need(name, "must" if own == "must" and strength == "must" else "maybe", line, via)

    def _children(self, value: Any) -> Iterator[Any]:
        kind = type(value)
        if kind is dict:
            return itertools.islice(value.values(), _CHILDREN)
        if kind in (list, tuple, set, frozenset, deque):
            return itertools.islice(value, _CHILDREN)
        if kind is types.FunctionType:
            return _of_function(value) if self._ours(value) else iter(_own_dict(value).values())
        if kind is types.MethodType:
            return iter((value.__func__, value.__self__))
        if kind is _CACHED:
            return itertools.chain(_own_dict(value).values(), _of_cache(value))
        if issubclass(kind, functools.partial):
            return iter((value.func, *value.args, *value.keywords.values()))
        if issubclass(kind, (staticmethod, classmethod)):
            return iter((value.__func__,))
        if issubclass(kind, property):
            return iter((value.fget, value.fset, value.fdel))
        if issubclass(kind, type):
            return iter((*value.__bases__, type(value), *vars(value).values())) if self._ours(value) else iter(())
        if issubclass(kind, types.ModuleType):
            return iter(())
        module = kind.__module__ or ""
        if module == "numpy" and kind.__name__ == "ndarray" and value.dtype == object:
            return itertools.islice(value.flat, _CHILDREN)
        if module.partition(".")[0] == "pandas":
            return _pandas_parts(value)
        # A job of ours holds the kernel's namespace, as the shell does, and so leads to every name.
        if module.startswith(_CLOSED):
            return iter(())
        return itertools.chain(
            (kind,),
            itertools.islice(_own_dict(value).values() or _referents(value), _CHILDREN),
            itertools.islice(_items(value), _CHILDREN),
        )


def is_of(namespace: Mapping[str, Any], value: Any) -> bool:
    """Whether a function or class was defined in the notebook."""
    return getattr(value, "__module__", None) == "__main__" or getattr(value, "__globals__", None) is namespace


def identity(value: Any) -> int:
    """By what a function or class is known as one whose needs were found: functions by their code."""
    return id(value.__code__) if type(value) is types.FunctionType else id(value)


def unseen(definitions: Iterable[Any], captured: Capture, namespace: Mapping[str, Any]) -> list[Any]:
    """Functions and classes of the notebook whose needs are not among the captured: their values lie deeper in others
    than ``Resolution`` looks (in an array of objects, beyond a thousand items), and only serialising them shows it."""
    return [v for v in definitions if is_of(namespace, v) and identity(v) not in captured.defined]


def _own_dict(value: Any) -> dict[str, Any]:
    try:
        found = object.__getattribute__(value, "__dict__")
    except (AttributeError, TypeError):  # slots, C types; a class with what it copied from another one
        return _EMPTY
    return found if type(found) is dict else _EMPTY


def _referents(value: Any) -> list[Any]:
    """What slots and C types hold; texts in there are their own affair, and no paths."""
    return [part for part in gc.get_referents(value) if type(part) is not str]


def _items(value: Any) -> Iterator[Any]:
    """Items of subclasses of the plain containers, read without calling code of the subclass."""
    kind = type(value)
    if issubclass(kind, dict):
        return iter(list(dict.values(value)))
    if issubclass(kind, list):
        return list.__iter__(value)
    if issubclass(kind, tuple):
        return tuple.__iter__(value)
    return iter(())


def _of_function(value: types.FunctionType) -> Iterator[Any]:
    for cell in value.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not filled yet
            continue
    yield from value.__defaults__ or ()
    yield from (value.__kwdefaults__ or {}).values()
    yield from value.__dict__.values()


def _of_cache(value: Any) -> Iterator[Any]:
    """The results that a function's cache holds: other names may hold them too."""
    from ..worker.wire import caches

    return itertools.islice(caches.entries(value)[1::2], _CHILDREN)


def _pandas_parts(value: Any) -> Iterator[Any]:
    """Axes of frames and series are objects that other names may hold."""
    for attribute in ("index", "columns"):
        part = getattr(value, attribute, None) if type(value).__name__ in ("DataFrame", "Series") else None
        if part is not None and not callable(part):
            yield part


def star_names(module: str) -> list[str] | None:
    """The names that ``from module import *`` binds, when the module is loaded here."""
    loaded = sys.modules.get(module)
    if loaded is None:
        return None
    listed = getattr(loaded, "__all__", None)
    return list(listed) if listed is not None else [name for name in vars(loaded) if not name.startswith("_")]


def submodules(attributes: Collection[str], namespace: Mapping[str, Any], aliases: Mapping[str, str]) -> set[str]:
    """Loaded submodules that dotted reads reach through a module of the namespace (``a.b`` after ``import a.b``).

    Args:
        attributes: the dotted reads.
        namespace: the notebook's names.
        aliases: names that the code itself imports → what they stand for: its module may be loaded here already.
    """
    found: set[str] = set()
    for path in attributes:
        root, _, rest = path.partition(".")
        module = sys.modules.get(aliases[root]) if root in aliases else namespace.get(root)
        if not rest or not isinstance(module, types.ModuleType):
            continue
        name = module.__name__
        for part in rest.split("."):
            name = f"{name}.{part}"
            if not isinstance(sys.modules.get(name), types.ModuleType):
                break
            found.add(name)
    return found
