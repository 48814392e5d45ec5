"""The environment that this process was started with: what a notebook sets is what differs from it.

May import: the standard library only.
"""

from __future__ import annotations

import os

_noted: dict[str, str] = {}


def note() -> None:
    """Note it, at the latest when the extension is loaded: not every system tells it later."""
    if not _noted:
        _noted.update(_told_by_system() or os.environ)


def environment() -> dict[str, str]:
    """The variables that the process was started with, or had when ``note`` was called first."""
    note()
    return _noted


def _told_by_system() -> dict[str, str]:
    try:
        with open("/proc/self/environ", "rb") as file:
            pairs = file.read().split(b"\0")
    except OSError:  # not Linux
        return {}
    return dict(os.fsdecode(pair).split("=", 1) for pair in pairs if b"=" in pair)
