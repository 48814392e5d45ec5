"""What the cell left behind: names, values, changed inputs, files. May import: the standard library and ``wire``."""

from __future__ import annotations

import contextlib
import io
import os
import re
import stat
import sys

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any

FILES_LIMIT = 100 * 1024 * 1024
_SKIPPED_FOLDERS = {"__pycache__", ".ipynb_checkpoints", ".git", ".ipython"}
_HISTORY = re.compile(r"_+|_i+|_[ih]?\d+|_[iod]h")
_SHELL = {"In", "Out", "get_ipython", "exit", "quit", "open", "display"}


def is_hidden(name: str) -> bool:
    """Whether IPython or Python put this name into the namespace."""
    return bool(_HISTORY.fullmatch(name)) or name in _SHELL or (name.startswith("__") and name.endswith("__"))


class Names:
    """The namespace before the cell; ``bound`` and ``deleted`` tell what the cell did to it."""

    def __init__(self, namespace: dict[str, object]) -> None:
        self._namespace = namespace
        self._before = dict(namespace)  # keeps the values, so that an identity is never reused

    def bound(self, of_shell: dict[str, object], shown: dict[str, object]) -> list[str]:
        """Names bound or rebound, in the order of the namespace.

        Args:
            of_shell: what the shell bound when it was made; does not count.
            shown: ``_``, ``__`` and ``___`` as the display hook left them; a cell may bind them itself.
        """
        before = self._before
        missing = object()
        return [
            name
            for name, value in list(self._namespace.items())
            if before.get(name, missing) is not value
            and isinstance(name, str)
            and (shown[name] is not value if name in shown else not _of_shell(name, value, of_shell))
        ]

    def deleted(self) -> list[str]:
        """Names that are gone."""
        return [name for name in self._before if name not in self._namespace and not is_hidden(name)]


def _of_shell(name: str, value: object, of_shell: dict[str, object]) -> bool:
    if name in _SHELL and name not in ("In", "Out"):
        # A cell may bind `open` or `exit` itself; then it is a name like any other.
        return name in of_shell and of_shell[name] is value
    return is_hidden(name)


def describe(value: object) -> dict[str, object]:
    """Type and shape for the list of variables; asks nothing of the value that could run the user's code."""
    kind = type(value)
    shape = ""
    if isinstance(value, (list, tuple, dict, set, frozenset)) and kind.__module__ == "builtins":
        shape = f"{len(value)} items" if len(value) != 1 else "1 item"
    elif (kind.__module__ or "").split(".")[0] in (
        "numpy",
        "pandas",
        "polars",
        "torch",
        "scipy",
        "pyarrow",
        "cupy",
        "tensorflow",
    ):
        found = getattr(value, "shape", None)
        if isinstance(found, tuple) and all(isinstance(n, int) for n in found) and found:
            shape = " × ".join(map(str, found))
    return {"type": kind.__name__, "shape": shape}


def flush_files(namespace: dict[str, object]) -> None:
    """Write out what files hold that the cell left open: it would be lost with this process."""
    for value in list(namespace.values()):
        if issubclass(type(value), io.IOBase):
            with contextlib.suppress(OSError, ValueError):  # a full disk, a closed file
                value.flush()  # type: ignore[attr-defined]
        elif type(value).__name__ == "memmap":
            from .wire import mapped

            mapped.touch(value)


def commit_databases(namespace: dict[str, object]) -> list[str]:
    """Commit what connections of SQLite have open, which would be lost with this process. Returns lines that say so."""
    if "sqlite3" not in sys.modules:
        return []
    from .wire import databases

    said = []
    for name, value in list(namespace.items()):
        parts = vars(value).values() if type(value).__module__ == "__main__" and hasattr(value, "__dict__") else ()
        for file in databases.commit([value, *parts]):
            said.append(f"`{name}` left changes of {file} that it had not committed: they are committed.")
    return said


class Folder:
    """The files below the cell's current directory, before the cell."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._folders: set[str] = set()
        self._before = dict(self._walk())
        self._had = set(self._folders)

    def _walk(self) -> Any:
        left = [""]
        while left:
            relative = left.pop()
            try:
                entries = list(os.scandir(f"{self._path}/{relative}" if relative else self._path))
            except OSError:
                continue  # the cell removed it, or took the permission away
            for entry in entries:
                name = f"{relative}/{entry.name}" if relative else entry.name
                try:
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name not in _SKIPPED_FOLDERS:
                            left.append(name)
                            self._folders.add(name)
                    elif entry.is_file(follow_symlinks=False):
                        info = entry.stat(follow_symlinks=False)
                        yield name, (info.st_size, info.st_mtime_ns, info.st_ino)
                except OSError:
                    continue  # gone between the listing and the question

    def made(self) -> list[str]:
        """Folders that are new since the start, empty ones too. Call it after ``changes``."""
        return sorted(self._folders - self._had)

    def removed(self) -> list[str]:
        """Folders that are gone since the start, the innermost first. Call it after ``changes``."""
        return sorted(self._had - self._folders, reverse=True)

    def changes(self, put: Any) -> Any:
        """Files that are new or changed, as entries of the outcome, and the names of those that are gone.

        Over 100 MB in all, the largest stay behind: their entries have no blob and say why.
        """
        self._folders.clear()
        after = dict(self._walk())
        changed = [name for name, mark in after.items() if self._before.get(name) != mark]
        gone = sorted(name for name in self._before if name not in after)
        entries, total = [], 0
        for name in sorted(changed, key=lambda name: after[name][0]):
            path, size = f"{self._path}/{name}", after[name][0]
            total += size
            if total > FILES_LIMIT:
                reason = f"{size / 1e6:.1f} MB: over {FILES_LIMIT // 1024**2} MB with the other new files. "
                reason += "Write it below an --output"
                entries.append({"path": name, "blob": None, "size": size, "reason": reason})
                continue
            try:
                with open(path, "rb") as file:
                    data = file.read()
                    mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            except OSError as error:
                entries.append(
                    {"path": name, "blob": None, "size": size, "reason": f"cannot be read: {error.strerror}"}
                )
                continue
            entries.append({"path": name, "blob": put(data), "mode": mode})
        return sorted(entries, key=lambda entry: entry["path"]), gone  # type: ignore[arg-type, return-value]


def packages(named: Any) -> dict[str, str]:
    """Versions of the top-level packages in ``named`` that are loaded."""
    found = {}
    for name in named:
        module = sys.modules.get(name)
        version = getattr(module, "__version__", None)
        if isinstance(version, str):
            found[name] = version
    return found
