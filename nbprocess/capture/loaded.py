"""What this kernel has imported, as far as it counts for the imports of a job. May import: the standard library."""

from __future__ import annotations

import random
import sys
import types

_NAMES = frozenset({"random", *random.__all__})
_looked_at: dict[str, bool] = {}
"""Module → whether it may draw; a kernel has thousands, and each cell asks."""
_packages: dict[str, None] = {}
in_jobs: set[str] = set()
"""Packages that jobs of this kernel imported, which need not be loaded here: in place they would be."""


def _look() -> None:
    for name in sys.modules.keys() - _looked_at.keys():
        _looked_at[name] = _may_draw(getattr(sys.modules.get(name), "__dict__", None))
        _packages[name.partition(".")[0]] = None


def that_may_draw() -> list[str]:
    """The loaded modules that have Python's generator at hand: their import may have drawn from it, long ago."""
    _look()
    return sorted(name for name, may in _looked_at.items() if may and name in sys.modules)


def _may_draw(names: object) -> bool:
    if not isinstance(names, dict) or names.keys().isdisjoint(_NAMES):
        return False
    own: object = getattr(random, "_inst", None)
    values = [names[name] for name in _NAMES & names.keys()]
    return any(value is random or getattr(value, "__self__", None) is own for value in values if _is_plain(value))


def _is_plain(value: object) -> bool:
    return isinstance(value, (types.ModuleType, types.MethodType, types.BuiltinMethodType))


def packages() -> list[str]:
    """The packages and modules at the top that are loaded, here or by a job, but for those of Python itself."""
    _look()
    return sorted(in_jobs.union(_packages).difference(sys.stdlib_module_names, ("__main__",)))
