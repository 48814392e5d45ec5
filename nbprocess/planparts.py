"""What makes a value large: its heaviest parts, by the path that leads to them. May import: the standard library.

Asks nothing of a value that could run the user's code or move its data: lengths, ``nbytes``, a frame's own memory.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from typing import Any, NamedTuple

_DEPTH = 3
_WIDTH = 200  # parts of one container that are looked at
_BUDGET = 20_000  # objects in all


class Part(NamedTuple):
    """A part of a value: how it is reached from the name, what it is, and about how many bytes it has."""

    path: str
    kind: str
    size: int


def heaviest(name: str, value: Any, *, least: int, most: int = 3) -> list[Part]:
    """The heaviest parts of ``value`` with at least ``least`` bytes; none for a value that is one piece itself."""
    found: list[Part] = []
    seen = {id(value)}
    waiting = [(name, value, 0)]
    looked = 0
    while waiting and looked < _BUDGET:
        path, holder, depth = waiting.pop(0)
        for step, inner in _inside(holder):
            looked += 1
            if id(inner) in seen:
                continue
            seen.add(id(inner))
            size = weight(inner)
            if size is not None:
                if size >= least:
                    found.append(Part(f"{path}{step}", type(inner).__name__, size))
            elif depth < _DEPTH:
                waiting.append((f"{path}{step}", inner, depth + 1))
    return sorted(found, key=lambda part: -part.size)[:most]


def weight(value: Any) -> int | None:
    """Bytes of an array, a frame, a tensor or a string; None for what only holds others."""
    if isinstance(value, (bytes, bytearray, str)):
        return len(value)
    root = (type(value).__module__ or "").partition(".")[0]
    if root not in ("numpy", "pandas", "polars", "pyarrow", "scipy", "torch"):
        return None
    if root == "pandas" and hasattr(value, "memory_usage"):
        used = value.memory_usage(deep=False)
        return int(used if isinstance(used, int) else getattr(used, "sum", lambda: used)())
    if root == "polars" and hasattr(value, "estimated_size"):
        return int(value.estimated_size())
    if root == "scipy" and hasattr(value, "data"):
        return int(getattr(value.data, "nbytes", 0))
    size = getattr(value, "nbytes", None)
    return int(size) if isinstance(size, int) else None


def _inside(holder: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(holder, types.FunctionType):
        for variable, cell in zip(holder.__code__.co_freevars, holder.__closure__ or (), strict=False):
            try:
                yield f" (closure: {variable})", cell.cell_contents
            except ValueError:
                continue  # not bound yet
        for position, inner in enumerate(holder.__defaults__ or ()):
            yield f" (default {position})", inner
    elif isinstance(holder, dict):
        for key, inner in list(holder.items())[:_WIDTH]:
            yield f"[{key!r}]" if isinstance(key, (str, int)) and len(repr(key)) < 40 else "[...]", inner
    elif isinstance(holder, (list, tuple)):
        for position, inner in enumerate(holder[:_WIDTH]):
            yield f"[{position}]", inner
    elif not isinstance(holder, (type, types.ModuleType)) and type(holder).__module__ not in sys.builtin_module_names:
        attributes = getattr(holder, "__dict__", None)
        if isinstance(attributes, dict):
            for attribute, inner in list(attributes.items())[:_WIDTH]:
                yield f".{attribute}", inner
