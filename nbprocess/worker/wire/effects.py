"""What running a ``class`` statement once more does to others, and what it asks of them: a base or a decorator that
keeps a list of its classes gets the list from the other end, and must not count them twice.

May import: the standard library, this folder.
"""

from __future__ import annotations

import collections
import types
from typing import Any, Callable, Dict, List, Tuple

from .functions import names_in

_CONTAINERS = (list, dict, set, collections.defaultdict)
_ATOMS = (bool, int, float, complex, str, bytes, type(None))
_MEANT_FOR_CODE = (types.FunctionType, type, classmethod, staticmethod, property)


_LONG = 10_000
"""Characters from which on a text is not sent along for the sake of a statement that may not look at it."""
_MANY = 100_000
"""Items from which on a container is data, no list of classes."""
_AT_CREATION = ("__new__", "__init__", "__prepare__", "__call__", "__init_subclass__", "__set_name__")


def lent(reads: Dict[str, Any], home: Dict[str, Any]) -> Dict[str, Any]:
    """What decorators, bases and metaclasses read of the notebook while the statement runs: their functions and
    numbers, and empty containers in the place of those that they fill (the filled ones travel by themselves).

    Args:
        reads: what the statement itself reads.
        home: the notebook's names.
    """
    found: Dict[str, Any] = {}
    own: List[Any] = [value for value in reads.values() if isinstance(value, type)]
    classes = {id(c): c for value in own for c in (*value.__mro__, *type(value).__mro__)}  # some have no hash
    inside = [vars(c).get(name) for c in classes.values() if c.__module__ == "__main__" for name in _AT_CREATION]
    waiting = [getattr(value, "__func__", value) for value in (*reads.values(), *inside)]
    while waiting:
        function = waiting.pop()
        if not isinstance(function, types.FunctionType) or function.__module__ != "__main__":
            continue
        for name in names_in(function.__code__):
            value: Any = home.get(name)
            if name in found or name in reads or name.startswith("__") or name not in home:
                continue
            if type(value) in _CONTAINERS:
                kind: Any = type(value)
                found[name] = kind(value.default_factory) if kind is collections.defaultdict else kind()
            elif isinstance(value, (str, bytes)) and len(value) > _LONG:
                continue
            elif isinstance(value, (types.FunctionType, types.ModuleType, *_ATOMS)) or id(value) in classes:
                found[name] = value
                waiting.append(value)
    return found


class Undoing:
    """Notes what bases, metaclasses and decorators keep; ``undo`` puts it back."""

    def __init__(self, reads: Dict[str, Any]) -> None:
        self._contents: List[Tuple[Any, Any]] = []
        self._bindings: List[Tuple[Callable[[], Dict[str, Any]], Any, Dict[str, Any]]] = []
        self._seen: set = set()  # type: ignore[type-arg]
        for value in reads.values():
            self._note(value)

    def _note(self, value: Any) -> None:
        if id(value) in self._seen:
            return
        self._seen.add(id(value))
        if isinstance(value, type):
            kind: Any = type(value)
            for base in [*value.__mro__, *kind.__mro__]:
                if base.__module__ == "__main__":
                    self._note_class(base)
        elif isinstance(value, types.FunctionType) and value.__module__ == "__main__":
            self._note_function(value)

    def _note_class(self, cls: type) -> None:
        data = {name: held for name, held in vars(cls).items() if _is_data(name, held)}
        self._bindings.append((lambda: dict(vars(cls)), lambda name, held: type.__setattr__(cls, name, held), data))
        self._note_contents(data.values())
        for name in _AT_CREATION:  # they may keep it elsewhere
            held = vars(cls).get(name)
            self._note(getattr(held, "__func__", held))

    def _note_function(self, function: types.FunctionType) -> None:
        names = [name for name in names_in(function.__code__) if name in function.__globals__]
        data = {name: function.__globals__[name] for name in names if _is_data(name, function.__globals__[name])}
        self._bindings.append((lambda: function.__globals__, function.__globals__.__setitem__, data))
        self._note_contents(data.values())
        for cell in function.__closure__ or ():
            try:
                self._note_contents([cell.cell_contents])
            except ValueError:  # empty
                continue
        for name in names:
            self._note(function.__globals__[name])

    def _note_contents(self, values: Any) -> None:
        found = [value for value in values if type(value) in _CONTAINERS and len(value) < _MANY]
        for value in [*found]:  # one step down: a registry may be a dict of lists
            inner = value.values() if isinstance(value, dict) else ()
            found += [part for part in inner if type(part) in _CONTAINERS and len(part) < _MANY]
        self._contents += [(value, value.copy()) for value in found]

    def undo(self) -> None:
        """Put back what was bound and what was in the containers."""
        for now, bind, before in self._bindings:
            for name, value in before.items():
                if now().get(name) is not value:
                    bind(name, value)
        for container, before in self._contents:
            if type(container) is list:
                container[:] = before
            elif container != before or len(container) != len(before):
                container.clear()
                container.update(before)


def _is_data(name: str, value: Any) -> bool:
    return not (name.startswith("__") and name.endswith("__")) and not isinstance(value, _MEANT_FOR_CODE)
