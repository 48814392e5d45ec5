"""Object graphs ↔ bytes: the same code at both ends. No file access: ``put`` and ``get`` are handed in.

May import: the standard library, this folder; NumPy, pandas and friends only where a value of theirs is met.
"""

from __future__ import annotations

from .applying import Applied, apply, replace_below
from .changes import changed, changes, snapshot
from .dump import dump
from .fingerprint import fingerprint
from .group import Dumped, Failure, Group, Loaded, Memo
from .handlers import reopen
from .load import load
from .named import by_their_names
from .remade import Places, path_text

__all__ = [
    "Applied",
    "Dumped",
    "Failure",
    "Group",
    "Loaded",
    "Memo",
    "Places",
    "apply",
    "by_their_names",
    "changed",
    "changes",
    "dump",
    "fingerprint",
    "load",
    "path_text",
    "reopen",
    "replace_below",
    "snapshot",
]
