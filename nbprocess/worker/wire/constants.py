"""Objects that a library offers by name at its top, of which each process has one: ``sympy.RR``, ``sympy.test``.

They go by that name: a copy would not be the library's own any more, and many cannot be copied at all. Plain containers
and what a notebook may set (``rcParams``) go as values. May import: the standard library.
"""

from __future__ import annotations

import sys
from typing import Any, Dict, Optional, Tuple

_by_identity: Dict[str, Tuple[int, Dict[int, str]]] = {}
"""Package → how many names it had, and identity → name, for those of its objects that its own classes made."""


def name_of(obj: Any) -> Optional[Tuple[str, str]]:
    """Package and name under which a library of that name offers this very object; None for all others."""
    kind = type(obj)
    root = (kind.__module__ or "").split(".")[0]
    package = sys.modules.get(root)
    if package is None or isinstance(obj, (dict, list, set, bytearray)) or not getattr(package, "__path__", None):
        return None
    offered = vars(package)
    known = _by_identity.get(root)
    if known is None or known[0] != len(offered):
        known = _by_identity[root] = (len(offered), {id(v): n for n, v in offered.items() if _is_own(v, root)})
    name = known[1].get(id(obj))
    return (root, name) if name is not None and offered.get(name) is obj else None


def _is_own(value: Any, root: str) -> bool:
    return (type(value).__module__ or "").split(".")[0] == root
