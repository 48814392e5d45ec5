"""Codecs of others: an installed package says how values of its types travel.

    [project.entry-points."nbprocess.codecs"]
    "mypackage.models.Model" = "mypackage.wire:model"

The name is the type's module and qualified name; the object has ``dump(value)``, which gives what this wire can send
(plain data, arrays, frames, buffers, other such values), and ``load(state)``, its inverse. The package must be there at
both ends; ``codec_of`` looks for the exact type only. May import: the standard library.
"""

from __future__ import annotations

import functools
import importlib
from typing import Any, Dict, Optional

GROUP = "nbprocess.codecs"


@functools.lru_cache(maxsize=1)
def _declared() -> Dict[str, str]:
    """Type → ``module:attribute``. Read once: to look through all installed packages takes some 0.1 s."""
    import importlib.metadata

    points: Any = importlib.metadata.entry_points()
    chosen = points.select(group=GROUP) if hasattr(points, "select") else points.get(GROUP, ())  # Python 3.9: a dict
    return {point.name: point.value for point in chosen}


def codec_of(kind: type) -> Optional[str]:
    """``module:attribute`` of the codec for exactly this type."""
    return _declared().get(f"{kind.__module__}.{kind.__qualname__}")


def reduce_by_plugin(target: str, value: Any) -> Any:
    """The reduction through a codec."""
    return make_by_plugin, (target, _find(target).dump(value))


def make_by_plugin(target: str, state: Any) -> Any:
    """The inverse of ``reduce_by_plugin``."""
    return _find(target).load(state)


def _find(target: str) -> Any:
    module, _, path = target.partition(":")
    found: Any = importlib.import_module(module)
    for name in path.split("."):
        found = getattr(found, name)
    return found
