"""Where the state of this user lies on this machine: records, buckets, caches.

May import: the standard library only.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path


def home() -> Path:
    """``$NBPROCESS_HOME``, or nbprocess's folder in the user's data folder."""
    given = os.environ.get("NBPROCESS_HOME", "")
    base = os.getcwd() if given and given[0] not in "/~" else ""
    return _home(os.path.join(base, given), os.environ.get("XDG_DATA_HOME"), os.environ.get("HOME"))


@functools.lru_cache(maxsize=16)  # asked dozens of times for a job
def _home(given: str, data: str | None, _user: str | None) -> Path:
    if given:
        return Path(os.path.abspath(os.path.expanduser(given)))
    return Path(data or os.path.expanduser("~/.local/share")) / "nbprocess"


def cache() -> Path:
    """The folder of what can be made again."""
    return home() / "cache"
