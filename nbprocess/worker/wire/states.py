"""Objects whose class says itself what there is to say of them: classes with ``__getstate__``, those of traitlets, and
documents of Beautiful Soup.

May import: the standard library, this folder.
"""

from __future__ import annotations

import contextlib
import itertools
import types
from typing import Any, Dict, Set

from . import classes, remade

_ATOMS = (type(None), bool, int, float, complex, str, bytes)
_DEPTH = 8


def reduce_traits(obj: Any) -> Any:
    """An object of traitlets with its own dicts: ``__getstate__`` gives copies of them, so that a change made in one
    would be lost, and leaves out who observes what. NotImplemented for all others."""
    kind = type(obj)
    base = _traits_base(kind)
    if base == "HasTraits" and _has_librarys(kind):
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


def _has_librarys(kind: Any) -> bool:
    """Whether a class of traitlets leaves to traitlets what is sent of its objects."""
    plain = kind.__reduce_ex__ is object.__reduce_ex__ and kind.__reduce__ is object.__reduce__
    return bool(plain and kind.__getstate__.__module__ == "traitlets.traitlets")


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


def _own_getstate(kind: type) -> bool:
    """Whether code in Python says what there is to say of its objects."""
    found = next((vars(base)["__getstate__"] for base in kind.__mro__ if "__getstate__" in vars(base)), None)
    return isinstance(found, types.FunctionType)


_BY_ATTRIBUTES = ("bs4", "matplotlib", "patsy", "statsmodels")
"""Packages of which we send the attributes themselves, or whose copies are made of what has a number."""


def copied(obj: Any, held: Dict[str, Any]) -> Set[str]:
    """The names under which an object holds lists, dicts and sets of which its class sent copies: what changes in one
    changes nothing at the other end, so that only the holder can tell.

    Args:
        held: its attributes or slots.
    """
    kind = type(obj)
    if (
        not _own_getstate(kind)
        or (_traits_base(kind) and _has_librarys(kind))
        or kind.__module__.split(".")[0] in _BY_ATTRIBUTES
    ):
        return set()
    state: Any = ()
    with contextlib.suppress(Exception):  # what it takes out of the state was left out on the way here
        state = obj.__getstate__()
    parts = state.values() if isinstance(state, dict) else state if isinstance(state, (list, tuple)) else ()
    sent = {id(part) for part in parts}
    return {name for name, value in held.items() if type(value) in (list, dict, set) and id(value) not in sent}


def shape(value: Any) -> Any:
    """A value as tuples that tell whether it changed: plain data by what it is, all other objects by themselves."""
    return _shape(value, 0)


def _shape(value: Any, depth: int) -> Any:
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
    before = obj.__getstate__()
    for name in before.keys() - (attributes or {}).keys() if isinstance(before, dict) else ():
        vars(obj).pop(name, None)
    vars(obj).update(attributes or {})
    for name, value in (slots or {}).items():
        setattr(obj, name, value)
