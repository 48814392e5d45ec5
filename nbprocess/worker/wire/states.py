"""Objects whose class says itself what there is to say of them: classes with ``__getstate__``, those of traitlets, and
documents of Beautiful Soup.

May import: the standard library, this folder.
"""

from __future__ import annotations

import collections
import contextlib
import itertools
import types
from typing import Any, Dict, Optional, Tuple

from . import classes, remade

_ATOMS = (type(None), bool, int, float, complex, str, bytes)
_DEPTH = 8


def reduce_traits(obj: Any) -> Any:
    """An object of traitlets with its own dicts: ``__getstate__`` gives copies of them, so that a change made in one
    would be lost, and leaves out who observes what. NotImplemented for all others."""
    kind = type(obj)
    base = _traits_base(kind)
    if base == "HasTraits" and _is_plain(kind) and _own_getstate(kind) is None:
        return classes.make_bare, (kind,), dict(vars(obj)), None, None, remade.add_attributes
    cls = obj.this_class if base == "EventHandler" else None
    if cls is not None and vars(cls).get(obj.name) is obj:
        return make_member, (cls, obj.name)
    return NotImplemented


def _traits_base(kind: type) -> str:
    """``HasTraits`` or ``EventHandler``, where the type is made of one."""
    for base in kind.__mro__:
        if base.__name__ in ("HasTraits", "EventHandler") and base.__module__ == "traitlets.traitlets":
            return base.__name__
    return ""


def make_member(cls: type, name: str) -> Any:
    """What the body of a class has under a name, before it is looked up on an object."""
    return vars(cls)[name]


_SHALLOW = 2_000
"""Nodes of a document up to which it travels as it is: they lie one inside the other, as pickle goes through them."""


def reduce_soup(soup: Any) -> Any:
    """A document of Beautiful Soup with its very nodes, which other names may hold: its own state is a text, which is
    read once more. NotImplemented for a large one."""
    if sum(1 for _ in itertools.islice(soup.descendants, _SHALLOW + 1)) > _SHALLOW:
        return NotImplemented
    builder = soup.builder if soup.builder.picklable else type(soup.builder)
    attributes = dict(vars(soup), builder=builder)
    return classes.make_bare, (type(soup),), attributes, None, None, set_soup


def set_soup(soup: Any, attributes: Dict[str, Any]) -> None:
    """The inverse of ``reduce_soup``; what parses has nothing of the document in it."""
    builder = attributes["builder"]
    vars(soup).update(attributes, builder=builder() if isinstance(builder, type) else builder)


def _is_plain(kind: Any) -> bool:
    return kind.__reduce_ex__ is object.__reduce_ex__ and kind.__reduce__ is object.__reduce__


def _own_getstate(kind: type) -> Optional[types.FunctionType]:
    """The ``__getstate__`` that a class of the notebook has or inherits from one."""
    for base in kind.__mro__:
        found = vars(base).get("__getstate__")
        if found is not None:
            return found if isinstance(found, types.FunctionType) and base.__module__ == "__main__" else None
    return None


def state_of(obj: Any) -> Optional[Tuple[str, Any]]:
    """A state to compare of an object whose class makes up what is sent of it: it copies what it holds, leaves things
    out. None where that is no other than its attributes."""
    kind = type(obj)
    if _own_getstate(kind) is None or not _is_plain(kind) or isinstance(obj, (list, dict, set, collections.deque)):
        return None
    try:
        state = obj.__getstate__()
    except Exception:  # what it takes out of the state is not there: it was left out on the way here
        return None
    attributes: Dict[str, Any] = getattr(obj, "__dict__", {})
    if (
        isinstance(state, dict)
        and state.keys() >= attributes.keys()
        and all(value is attributes.get(key) or key not in attributes for key, value in state.items())
    ):
        return None
    return "restated", _shape(state, 0)


def _shape(value: Any, depth: int) -> Any:
    """A value as tuples that tell whether it changed: plain data by what it is, all other objects by themselves."""
    kind = type(value)
    if kind in _ATOMS:
        return kind, value
    if depth < _DEPTH and kind in (list, tuple):
        return (kind, *(_shape(item, depth + 1) for item in value))
    if depth < _DEPTH and kind is dict:
        return (kind, *((_shape(key, depth + 1), _shape(item, depth + 1)) for key, item in value.items()))
    if depth < _DEPTH and kind in (set, frozenset):
        return kind, frozenset(_shape(item, depth + 1) for item in value)
    return _Same(value)


class _Same:
    """Equal to another that holds the same object."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other._value is self._value

    def __hash__(self) -> int:
        return id(self._value)


def apply(obj: Any, state: Any) -> None:
    """Give an object the state that its like at the other end has, by its own ``__setstate__`` where it has one. What
    ``__getstate__`` leaves out stays as it is here."""
    if hasattr(type(obj), "__setstate__"):
        obj.__setstate__(state)
        return
    attributes, slots = state if isinstance(state, tuple) and len(state) == 2 else (state, None)
    set_attributes(obj, attributes or {})
    for name, value in (slots or {}).items():
        setattr(obj, name, value)


def set_attributes(obj: Any, attributes: Dict[str, Any]) -> None:
    """Give an object these attributes and no others, but for those that its ``__getstate__`` leaves out: they stay."""
    own: Dict[str, Any] = vars(obj)
    stays: Dict[str, Any] = {}
    if _own_getstate(type(obj)) is not None:
        with contextlib.suppress(Exception):  # it cannot tell
            given = obj.__getstate__()
            stays = {name: own[name] for name in own if name not in given} if isinstance(given, dict) else {}
    own.clear()
    own.update(attributes)
    own.update((name, value) for name, value in stays.items() if name not in attributes)
