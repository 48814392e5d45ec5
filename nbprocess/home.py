"""Where the state of this user lies on this machine: records, buckets, caches.

May import: the standard library only.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
from pathlib import Path
from typing import Any


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


def keep(name: str, value: Any) -> None:
    """Write plain data to the cache, whole or not at all. Where nothing can be written, it is made again next time."""
    path = cache() / name
    with contextlib.suppress(OSError):  # a full disk, a read-only home
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{name}.{os.getpid()}")
        part.write_text(json.dumps(value))
        part.replace(path)
