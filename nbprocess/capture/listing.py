"""Notebooks of the folder. They are no input of a cell, may be large, and hold what was printed; but a cell whose text
itself lists the folder (``ls``, ``os.listdir``) is to see them, so there they travel, up to a limit.

May import: this room's ``folder``, ``model`` and ``secrets``, the standard library.
"""

from __future__ import annotations

import functools
import os
import re

from . import secrets
from .folder import TooBig, scan
from .model import LocalFile

MOST_BYTES = 10 * 2**20
"""Of all notebooks together; if there is more of them, none travels."""
_LISTS = re.compile(
    r"\b(?:listdir|scandir|iterdir|f?walk)\s*\("
    r"|\b[ir]?glob\((?![^)\n]*\.(?!ipynb)\w+[\"'])"  # not "*.csv"
    r"|^\s*(?:\w+\s*=\s*)?[!%]*\s*(?:ls|ll|ldir|lf|lk|lx)(?=\s*$|\s+[^=\s])"
    r"|[!|;&]\s*(?:ls|find|dir|du|tree)\b",
    re.M,
)


def lists(source: str) -> bool:
    """Whether a cell's text asks what is in a folder."""
    return _LISTS.search(source) is not None


def notebooks(folder: str) -> list[LocalFile]:
    """The notebooks under a folder that may travel: not those that seem to hold a secret."""
    try:
        found = list(scan(folder, max_bytes=MOST_BYTES, notebooks=True))
    except TooBig:
        return []
    clean = [path for path, size in found if not _holds_secret(path, size, os.stat(path).st_mtime_ns)]
    return [LocalFile(path, os.path.relpath(path, folder).replace(os.sep, "/"), "data") for path in clean]


@functools.lru_cache(maxsize=512)
def _holds_secret(path: str, size: int, mtime_ns: int) -> bool:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:  # not readable for us
        return True
    half = secrets.LIMIT // 2  # the parts overlap: a secret on a seam stands whole in the next one
    return any(secrets.in_source(text[start : start + secrets.LIMIT]) for start in range(0, len(text) or 1, half))
