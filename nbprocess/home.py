"""Where the state of this user lies on this machine: records, buckets, caches.

May import: the standard library only.
"""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """``$NBPROCESS_HOME``, or nbprocess's folder in the user's data folder."""
    given = os.environ.get("NBPROCESS_HOME")
    if given:
        return Path(os.path.abspath(os.path.expanduser(given)))
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return Path(data) / "nbprocess"


def cache() -> Path:
    """The folder of what can be made again."""
    return home() / "cache"
