"""What a cell names above its notebook's folder: ``../data/x.csv`` of a project whose notebooks have their own.

All is then told relative to the folder that holds both. May import: this room's ``model``, the standard library.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable

from .model import LocalFile

LEVELS = 3
"""How many folders up."""
_TOO_HIGH = frozenset({"/", "/home", "/Users", "/tmp", "/var", "/opt", "/mnt", "/media", "/srv", "/usr", "/data"})


def levels(folder: str, path: str) -> int | None:
    """How many folders above the notebook's the one is that holds both; None where that is too high."""
    parts = os.path.relpath(path, folder).split(os.sep)
    up = next((number for number, part in enumerate(parts) if part != os.pardir), len(parts))
    return up if up == 0 or (up <= LEVELS and _up(folder, up) not in _TOO_HIGH) else None


def reaches(folder: str, path: str) -> bool:
    """Whether a path lies above the notebook's folder, or beside it, and not too high."""
    return bool(levels(folder, path))


def holds(folder: str, path: str) -> bool:
    """Whether a path is the notebook's folder, or one above it."""
    return (folder + os.sep).startswith(path.rstrip(os.sep) + os.sep)


def below(folder: str, targets: Iterable[str], cwd: str | None) -> str:
    """The notebook's folder, seen from the one that holds all targets and the current folder; '' when it does itself.

    Args:
        folder: the notebook's, absolute.
        targets: of files and folders, relative to it.
        cwd: the current folder.
    """
    places = [posixpath.join(folder, target) for target in targets if target.startswith("../")]
    up = max([levels(folder, os.path.normpath(place)) or 0 for place in [*places, cwd or folder]], default=0)
    return os.path.relpath(folder, _up(folder, up)).replace(os.sep, "/") if up else ""


def moved(below: str, target: str) -> str:
    """A target relative to the notebook's folder, seen from the one that ``below`` goes down from."""
    return posixpath.normpath(posixpath.join(below, target)) if below else target


def moved_files(below: str, files: Iterable[LocalFile]) -> tuple[LocalFile, ...]:
    """The files with their targets seen from there."""
    return tuple(LocalFile(file.path, moved(below, file.target), file.kind) for file in files)


def root(folder: str | os.PathLike[str], below: str) -> str:
    """The folder that ``below`` goes down from to the notebook's."""
    return _up(os.fspath(folder), len(below.split("/"))) if below else os.fspath(folder)


def _up(folder: str, levels: int) -> str:
    return os.path.normpath(os.path.join(folder, *[os.pardir] * levels))
