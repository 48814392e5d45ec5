"""Modules that have Python's random generator at hand: their import may draw from it.

May import: the standard library.
"""

from __future__ import annotations

import functools
import sys
import types

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any


def may_draw(name: str) -> bool:
    """Whether a loaded module holds ``random``, or what that offers of its own generator."""
    random: Any = sys.modules.get("random")
    names = getattr(sys.modules.get(name), "__dict__", None)
    if not isinstance(names, dict) or not hasattr(random, "_inst") or names.keys().isdisjoint(_names()):
        return False
    held = [names[word] for word in _names() & names.keys()]
    return any(
        value is random or getattr(value, "__self__", None) is random._inst for value in held if _is_plain(value)
    )


@functools.lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset({"random", *sys.modules["random"].__all__})


def _is_plain(value: object) -> bool:
    return isinstance(value, (types.ModuleType, types.MethodType, types.BuiltinMethodType))
