"""Triangulations of matplotlib and what finds their triangles: both keep a part in C++, which is made again.

May import: the standard library, this folder.
"""

from __future__ import annotations

import importlib
from typing import Any, Dict

from .atrest import NEWOBJ

_PARTS = ("_cpp_triangulation", "_cpp_trifinder")


def _part(obj: Any) -> str:
    """The attribute that is in C++; empty for all other objects."""
    if not (type(obj).__module__ or "").startswith("matplotlib.tri."):
        return ""
    return next((name for name in _PARTS if name in getattr(obj, "__dict__", {})), "")


def reduce_triangles(obj: Any) -> Any:
    """The reduction of a triangulation or a finder; NotImplemented for all others."""
    part = _part(obj)
    if not part:
        return NotImplemented
    state = sent(obj, vars(obj))
    if part == _PARTS[0]:  # it and its finder lead to each other: all that the finder is made from is there before it
        finder = {"_trifinder": state.get("_trifinder")}
        return make_triangulation, (type(obj), {**state, "_trifinder": None}), finder
    return NEWOBJ, (type(obj),), state, None, None, set_state


def sent(obj: Any, attributes: Any) -> Any:
    """An object's attributes as they travel: whether there is a part in C++ stands for it."""
    part = _part(obj)
    return {**attributes, part: attributes.get(part) is not None} if part else attributes


def make_triangulation(kind: Any, state: Dict[str, Any]) -> Any:
    """A triangulation without its finder."""
    made = kind.__new__(kind)
    set_state(made, state)
    return made


def set_state(obj: Any, state: Dict[str, Any]) -> None:
    """Give the object its attributes, and make what is in C++."""
    vars(obj).update(state)
    restore(obj)


def restore(obj: Any) -> None:
    """Make what is in C++, where it is only noted that there was one."""
    part = _part(obj)
    if not part or not isinstance(vars(obj)[part], bool):
        return
    wanted, vars(obj)[part] = vars(obj)[part], None
    if wanted and part == _PARTS[0]:
        known = obj._neighbors
        try:
            obj.get_cpp_triangulation()
        except ValueError:  # matplotlib 3.11 does not take back the neighbours that it found itself
            obj._neighbors = None
            obj.get_cpp_triangulation()
            obj._neighbors = known
    elif wanted:
        native: Any = importlib.import_module("matplotlib._tri")
        obj._cpp_trifinder = native.TrapezoidMapTriFinder(obj._triangulation.get_cpp_triangulation())
        obj.initialize() if hasattr(obj, "initialize") else obj._initialize()
