"""The own state of an object, as ``changes`` compares it. May import: the standard library, this folder."""

from __future__ import annotations

import collections
import functools
from typing import Any, List, Optional, Tuple

from . import containers, kerasobjects, models, states, takeover
from .classes import leaves_to
from .fingerprint import fingerprint


def instance(obj: Any, kind: type) -> Optional[Tuple[str, Any]]:
    """What an object holds: items, attributes, slots; else what it would send."""
    if kind is functools.partial:  # what it calls, and with what, stays; that may change in itself
        return "instance", ([], dict(obj.__dict__), {})
    inner: List[Any] = []
    if isinstance(obj, (list, collections.deque)):
        inner = ["items", containers.contents(obj)]
    elif isinstance(obj, dict):
        inner = ["pairs", dict(containers.contents(obj))]
    elif isinstance(obj, set):
        inner = ["members", set(containers.contents(obj))]
    attributes = states.attributes_of(obj)
    anew = states.filled_anew(kind)
    if anew and attributes:
        attributes = {name: value for name, value in attributes.items() if name != anew}
    stays = kerasobjects.left_out(kind)
    if stays and attributes:
        attributes = {name: value for name, value in attributes.items() if name not in stays}
    slots = states.slots_of(obj, kind)
    if kind.__module__ == "__main__":
        slots[_CLASS] = kind
    plain = leaves_to(object, kind) and not takeover.keeps_inside(kind)
    plain = plain or _is_made_of_axes(kind) or stays is not None or models.is_quantity(obj) or _is_of_the_notebook(kind)
    if inner or (plain and (attributes is not None or slots.keys() - {_CLASS})):
        return "instance", (inner, dict(attributes) if attributes is not None else None, slots)
    return opaque(obj)


def _is_made_of_axes(kind: Any) -> bool:
    """Whether matplotlib mixed the class (``CbarAxes``, ``HostAxes``), whose ``__reduce__`` only says of what."""
    return getattr(kind.__reduce__, "__module__", None) == "matplotlib.cbook"


def _is_of_the_notebook(kind: type) -> bool:
    """Whether attributes and slots are all that there is of an instance, whatever its class says of itself."""
    return all(base is object or base.__module__ == "__main__" for base in kind.__mro__)


def opaque(obj: Any) -> Optional[Tuple[str, Any]]:
    """State that only the type itself knows: compared by what it would send."""
    try:
        return "opaque", fingerprint(obj)
    except Exception:  # it came by another way than it would go back: leave it
        return None


_CLASS = "__class__"
"""Stands among the slots for the class itself, which code may change."""
