"""The environment and the folder that this process was started with: what a notebook sets is what differs from them.

May import: the standard library only.
"""

from __future__ import annotations

import os

_noted: dict[str, str] = {}
_folder: list[str] = []


def note() -> None:
    """Note it, at the latest when the extension is loaded: not every system tells it later."""
    if not _noted:
        _noted.update(_told_by_system() or os.environ)
        _folder.append(os.getcwd())


def environment() -> dict[str, str]:
    """The variables that the process was started with, or had when ``note`` was called first."""
    note()
    return _noted


def base_folder() -> str:
    """The notebook's folder for what a cell sends: the current one, or the one that the kernel began in, below which it
    is."""
    note()
    now, begun = os.getcwd(), _folder[0]
    inside = now.startswith(begun.rstrip(os.sep) + os.sep) and os.path.isdir(begun)
    broad = os.path.realpath(begun) in (os.path.realpath(os.path.expanduser("~")), "/", "/tmp")
    return begun if inside and not broad else now


def _told_by_system() -> dict[str, str]:
    try:
        with open("/proc/self/environ", "rb") as file:
            pairs = file.read().split(b"\0")
    except OSError:  # not Linux
        return {}
    return dict(os.fsdecode(pair).split("=", 1) for pair in pairs if b"=" in pair)
