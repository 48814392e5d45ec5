"""Names that never travel, or travel only when they are mentioned: what IPython puts into a namespace. Pure.

May import: the standard library only.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Collection, Mapping
from typing import Any

NEVER_WORDS = """
In Out get_ipython _ih _oh _dh _sh _ip __builtin__ __builtins__ __name__ __doc__ __package__ __loader__
__spec__ __annotations__ __session__ __file__ __warningregistry__ _rwho_ls _VSCODE_toString
"""
NEVER = frozenset(NEVER_WORDS.split())
# IPython puts its own of these into the namespace; a user's own value under such a name is shipped.
_REPLACED = frozenset({"open", "exit", "quit", "display", "input", "print", "raw_input"})
_HISTORY = re.compile(r"^_(?:i?\d+|_{0,2}|i{1,3})$")
_BUILTINS = frozenset(dir(builtins)) | {"__file__", "__annotations__", "WindowsError"}


def is_builtin(name: str) -> bool:
    """Whether Python, or the module a cell runs in, has the name by itself."""
    return name in _BUILTINS or name in NEVER or name in ("display", "get_ipython", "exit", "quit")


def is_history(name: str) -> bool:
    """Whether the name is one of IPython's ``_``, ``__``, ``_5``, ``_i5``: shipped only when mentioned."""
    return _HISTORY.match(name) is not None


def injected(name: str, namespace: Mapping[str, Any], hidden: Collection[str]) -> bool:
    """Whether the value under the name is IPython's own, which no worker must get."""
    if name in NEVER:
        return True
    if name in _REPLACED:
        value = namespace[name]
        home = getattr(type(value), "__module__", "") or ""
        own = getattr(value, "__module__", "") or ""
        return home.startswith("IPython") or str(own).startswith(("IPython", "_io", "io", "builtins"))
    return name in hidden and not is_history(name)
