"""Where the cell stands: its current folder, and the folders that it put into ``sys.path``, both told relative to the
notebook's folder, which lies elsewhere at the other end. May import: the standard library.
"""

from __future__ import annotations

import os
import re
import sys

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_UP = re.compile(r"\.\.(/\.\.)*")


def relative(path: str, folder: str) -> str | None:
    """``path`` seen from ``folder``: below it, or straight above; None for all other places."""
    found = os.path.relpath(path, folder).replace(os.sep, "/")
    return found if not found.startswith("..") or _UP.fullmatch(found) else None


def after_library() -> int:
    """Where in ``sys.path`` Python's own library ends. As in a kernel it comes before the notebook's folder, where
    files may be called as modules of it are."""
    library = os.path.dirname(os.__file__)
    own = (library, os.path.join(library, "lib-dynload"))
    return max((number + 1 for number, entry in enumerate(sys.path) if entry in own), default=0)


def answer_to(home: Any, folder: str) -> None:
    """Let the notebook's own path lead to the job's folder, where nothing else is: values of the notebook hold it."""
    if home and not os.path.lexists(home):
        try:
            os.makedirs(os.path.dirname(home), exist_ok=True)
            os.symlink(folder, home)
        except OSError:  # the image's user may not: such a path is found by nobody then
            pass


class Places:
    """Where the cell began."""

    def __init__(self, folder: str) -> None:
        self._folder = os.path.realpath(folder)
        self._begun = os.path.realpath(os.getcwd())
        self._path = list(sys.path)

    def changed(self) -> dict[str, Any]:
        """``folder``: where the cell ended, when that is another place than ``from``; ``path``: what it put into
        ``sys.path`` ([place, folder, whether that was absolute])."""
        found: dict[str, Any] = {}
        try:
            now = os.path.realpath(os.getcwd())
        except OSError:  # the cell removed it
            now = self._begun
        if now != self._begun:
            found["folder"] = relative(now, self._folder) or now
            found["from"] = relative(self._begun, self._folder)
        added = []
        for number, entry in enumerate(sys.path):
            if isinstance(entry, str) and entry not in self._path:
                inside = relative(os.path.realpath(entry), self._folder) if os.path.isabs(entry) else entry
                if inside is not None:
                    added.append([number if number < len(self._path) else -1, inside, os.path.isabs(entry)])
        if added:
            found["path"] = added
        return found


def extend(added: Iterable[Any], folder: str) -> None:
    """Put into this end's ``sys.path`` what the cell put there.

    Args:
        added: as ``Places.changed`` gives it.
        folder: the notebook's, here.
    """
    for number, entry, absolute in added:
        path = os.path.normpath(os.path.join(folder, entry)) if absolute else entry
        if path not in sys.path:
            sys.path.insert(len(sys.path) if number < 0 else number, path)
