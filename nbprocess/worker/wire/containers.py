"""Lists, dicts, sets and deques of a class of their own: what they hold is put back as it was.

Pickle would call ``append``, ``obj[key] = value`` or ``cls(items)`` of that class, before the attributes are there:
they may count, check, change the keys or fail. And it forgets the attributes of a ``Counter`` or ``defaultdict``.

May import: the standard library, this folder.
"""

from __future__ import annotations

import collections
import copyreg
from typing import Any, Dict, List, Tuple

from .classes import set_state

_ASKED: Dict[type, Tuple[str, ...]] = {
    collections.OrderedDict: ("__init__", "__setitem__", "items"),
    collections.defaultdict: ("__init__", "__setitem__", "items"),
    collections.Counter: ("__init__", "__setitem__", "items", "update"),
    collections.deque: ("__init__", "append", "extend", "__iter__"),
    dict: ("__setitem__", "items"),
    list: ("append", "extend", "__iter__"),
    set: ("__init__", "__iter__"),
}
"""What pickle calls of the kinds that Python knows, the special ones first."""
_FORGETFUL = (collections.Counter, collections.defaultdict)
KINDS = (dict, list, set, collections.deque)


def reduce_container(obj: Any) -> Any:
    """An instance of a class that is made of one; NotImplemented where pickle calls nothing of that class, and where
    the class says itself how its instances travel."""
    kind: Any = type(obj)
    base: Any = _base(kind)
    if kind is base or any(getattr(kind, name, None) is not getattr(base, name, None) for name in _SAYING):
        return NotImplemented
    attributes = getattr(obj, "__dict__", None)
    own = any(getattr(kind, name) is not getattr(base, name) or name in (attributes or ()) for name in _ASKED[base])
    if kind in copyreg.dispatch_table or not (own or (attributes and base in _FORGETFUL)):
        return NotImplemented
    if kind.__new__ is not base.__new__ and type(kind.__new__) is type(list.__new__):  # in C: it may hold more
        return NotImplemented
    slots = {name: getattr(obj, name) for name in copyreg._slotnames(kind) if hasattr(obj, name)}  # type: ignore[attr-defined]
    more = obj.maxlen if base is collections.deque else getattr(obj, "default_factory", None)
    return make_empty, (kind,), (dict(attributes or {}), slots, contents(obj), more), None, None, fill


_SAYING = ("__reduce_ex__", "__reduce__", "__getstate__", "__setstate__", "__getnewargs__", "__getnewargs_ex__")


def _base(kind: type) -> type:
    """The kind that Python knows, of which a class is made."""
    return next(base for base in kind.__mro__ if base in _ASKED)


def contents(obj: Any) -> List[Any]:
    """What it holds, whatever its own methods would say: the members, of a dict pairs of key and value."""
    base: Any = _base(type(obj))
    return list(base.items(obj) if issubclass(base, dict) else base.__iter__(obj))


def make_empty(kind: Any) -> Any:
    """One that holds nothing yet."""
    base: Any = _base(kind)
    return base.__new__(kind)


def fill(obj: Any, state: Any) -> None:
    """Give it what it held, and its attributes."""
    attributes, slots, held, more = state
    base: Any = _base(type(obj))
    if base is collections.defaultdict:
        base.__init__(obj, more)
    if issubclass(base, dict):
        for key, value in held:
            base.__setitem__(obj, key, value)
    elif base is set:
        set.update(obj, held)
    else:
        base.__init__(obj, *((held,) if base is list else (held, more)))
    set_state(obj, (attributes, slots))
