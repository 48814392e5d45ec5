"""What the statements of cells set on modules, classes and objects that are not the notebook's own, found by their text
(``pd.DataFrame.norm = norm``, ``mpmath.mp.dps = 40``): they are read without running code of theirs.

May import: ``compiling``, ``entries``, ``reach``, the wire's ``constants``, the standard library.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import re
import sys
import types

from . import compiling, reach
from .entries import ITEM, Gone, name_of

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

_NOT_THESE = frozenset(
    {"__main__", "sys", "IPython", "ipykernel", "ipywidgets", "nbprocess", "traitlets", "get_ipython"}
)
"""Modules of which each process has its own: streams, paths, the shell."""
_MAYBE = re.compile(
    r"(?:^|[;\n])[^(\n;#\"']*\w\.\w+(?:\[[^]\n]*\])?[^(\n;#\"']*=(?!=)|\b(?:set|del)attr\(|\bdel\s[^\n]*\w\.|run_cell_magic\("
)
"""Few cells are worth parsing."""


@functools.lru_cache(maxsize=8192)
def assigned(text: str) -> frozenset[tuple[str, str]]:
    """The attributes and items of dotted names that code sets or deletes: (``np.linalg``, ``norm``)."""
    if not _MAYBE.search(text):
        return frozenset()
    found = set()
    try:
        tree = compiling.parse(text)
    except (SyntaxError, ValueError):  # it never ran
        return frozenset()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            found.add((compiling.path_of(node.value), node.attr))
        elif isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
            if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
                found.add((compiling.path_of(node.value), ITEM + node.slice.value))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("setattr", "delattr"):
            name = node.args[1] if len(node.args) > 1 else None
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                found.add((compiling.path_of(node.args[0]), name.value))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "run_cell_magic":
            body = node.args[2] if len(node.args) > 2 else None
            if isinstance(body, ast.Constant) and isinstance(body.value, str):
                found |= assigned(body.value)
    return frozenset(pair for pair in found if pair[0])


def found(texts: Iterable[str], namespace: Mapping[str, Any]) -> dict[str, Any]:
    """What these cells set on modules, classes and objects of libraries, as it is now: name to travel under → value."""
    entries: dict[str, Any] = {}
    pairs: set[tuple[str, str]] = set()
    for text in texts:
        pairs |= assigned(text)
    for path, attribute in sorted(pairs):
        owner, place = _reached(path, namespace, attribute.startswith(ITEM))
        if place is not None:
            entries[name_of(*place, attribute)] = _value(owner, attribute)
    return entries


def _value(owner: Any, attribute: str) -> Any:
    if attribute.startswith(ITEM):
        try:
            return owner[attribute[1:]]
        except Exception:  # whatever the library raises for one that is not there
            return Gone
    held = getattr(owner, "__dict__", {}).get(attribute, Gone)
    if held is Gone and type(owner) is not types.ModuleType and not isinstance(owner, type):
        with contextlib.suppress(Exception):  # a property; a module may have a class of its own, too (PyTorch)
            return getattr(owner, attribute)
    return held


def _reached(path: str, namespace: Mapping[str, Any], for_item: bool = False) -> tuple[Any, tuple[str, str] | None]:
    """The module, class or object that a dotted name leads to, without running code of theirs; and its place.

    Args:
        for_item: whether it may be a dict; those of matplotlib and of Python itself are seen to elsewhere, or each
            process has its own.
    """
    root, *rest = path.split(".")
    owner = namespace.get(root)
    place = place_of(owner)
    for part in rest:
        if place is None:
            break
        inner: Any = getattr(owner, "__dict__", {}).get(part)
        if inner is None and isinstance(getattr(type(owner), part, None), property):
            inner = getattr(owner, part)  # the cell has just asked it, too
        if inner is None and isinstance(owner, types.ModuleType):
            inner = sys.modules.get(f"{owner.__name__}.{part}")
        if isinstance(inner, (types.ModuleType, type)):
            place = place_of(inner)
        else:  # an object that a library has made and offers
            module, inside = place
            own = reach.root_of(type(inner)) == module.partition(".")[0] or (for_item and type(inner) is dict)
            place = (module, f"{inside}.{part}".lstrip(".")) if own else None
        owner = inner
    python_s = getattr(sys, "stdlib_module_names", ())  # of Python 3.10
    if for_item and place is not None and place[0].partition(".")[0] in {"matplotlib", "os", *python_s}:
        place = None
    return owner, place


def place_of(owner: Any) -> tuple[str, str] | None:
    """Module and path of a library's module, class or object, by which the other end finds it; None for others."""
    if isinstance(owner, types.ModuleType):
        known = sys.modules.get(owner.__name__) is owner and owner.__name__.partition(".")[0] not in _NOT_THESE
        return (owner.__name__, "") if known else None
    if not isinstance(owner, type):
        from .wire import constants

        return constants.name_of(owner) if reach.root_of(type(owner)) not in _NOT_THESE else None
    at: Any = sys.modules.get(owner.__module__)
    if reach.root_of(owner) in _NOT_THESE or at is None:
        return None
    for part in owner.__qualname__.split("."):
        at = getattr(at, part, None)
    return (owner.__module__, owner.__qualname__) if at is owner else None
