"""Data files that travel with a cell: the notebook's folder when it is small, else what literals name.

Reads directories and the beginnings of small text files; stops early in big folders.

May import: this room's ``above``, ``ignore``, ``model`` and ``secrets``, ``home``, the standard library.
"""

from __future__ import annotations

import functools
import glob
import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..home import home
from . import above, secrets
from .ignore import IGNORE_FILES, Rules, clutter, never
from .model import LocalFile

MAX_BYTES = 50 * 2**20
"""A folder up to this size travels as a whole."""
MAX_FILES = 2000
MAX_ENTRIES = 20_000
"""Directory entries looked at before a folder is taken for too big."""

_TEXT = [
    ".py",
    ".txt",
    ".csv",
    ".tsv",
    ".json",
    ".yaml",
    ".yml",
    ".toml",
    ".ini",
    ".cfg",
    ".conf",
    ".sh",
    ".sql",
    ".md",
    ".r",
    ".xml",
    ".properties",
    ".tf",
]
# Absolute paths of the system are no data of the notebook.
_SYSTEM = (
    "/dev",
    "/proc",
    "/sys",
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib64",
    "/etc",
    "/opt/ml",
    "/tmp",
    "/var",
    "/run",
    "/boot",
)
_SYSTEM_FOLDERS = frozenset({"/", "/tmp", "/home", "/root", "/opt", "/mnt", "/media", "/srv", "/data"})


@dataclass
class Found:
    """Files by target, and what has to be said."""

    files: dict[str, LocalFile] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    taken: Collection[str] = ()
    whole: bool = False
    """Whether the folder is small enough to travel as a whole."""
    above: set[str] = field(default_factory=set)
    """Folders outside of the notebook's that the code names, by target: it may write into them."""


class TooBig(Exception):
    """A folder has more bytes or files than travel."""


def scan(
    root: str, *, max_bytes: int = MAX_BYTES, max_files: int = MAX_FILES, rules: bool = True, notebooks: bool = False
) -> Iterator[tuple[str, int]]:
    """Files under ``root`` that may travel, as (absolute path, size in bytes). ``notebooks``: those alone.

    Raises:
        TooBig: over ``max_bytes`` or ``max_files``, found without walking all of it.
    """
    total = count = entries = 0
    own = str(home())
    stack: list[tuple[str, tuple[tuple[str, Rules], ...]]] = [(root, ())]
    while stack:
        folder, inherited = stack.pop()
        if rules:
            inherited += tuple((folder, loaded) for loaded in _rules(folder))
        try:
            listing = sorted(os.scandir(folder), key=lambda e: e.name)
        except OSError:  # not readable for us: neither for the cell
            continue
        for entry in listing:
            entries += 1
            if entries > MAX_ENTRIES:
                raise TooBig(root)
            is_folder = entry.is_dir(follow_symlinks=False)
            unwanted = clutter(entry.name) if is_folder or not notebooks else not entry.name.endswith(".ipynb")
            if never(entry.name) or unwanted or _ignored(entry.path, is_folder, inherited):
                continue
            if is_folder:
                if entry.path != own and not os.path.exists(os.path.join(entry.path, "pyvenv.cfg")):
                    stack.append((entry.path, inherited))
            elif entry.is_file():
                size = entry.stat().st_size
                total += size
                count += 1
                if total > max_bytes or count > max_files:
                    raise TooBig(root)
                yield entry.path, size


def _rules(folder: str) -> Iterator[Rules]:
    for name in IGNORE_FILES:
        path = os.path.join(folder, name)
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                yield Rules(file.read())
        except OSError:  # there is none
            continue


def _ignored(path: str, is_folder: bool, rules: Iterable[tuple[str, Rules]]) -> bool:
    ignored = False
    for base, loaded in rules:
        verdict = loaded.verdict(os.path.relpath(path, base).replace(os.sep, "/"), is_folder)
        if verdict is not None:
            ignored = verdict
    return ignored


@functools.lru_cache(maxsize=4096)
def _secret_in(path: str, size: int, mtime_ns: int) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return secrets.in_source(file.read())
    except OSError:  # it will be named when it is packed
        return ""


def secret_in_file(path: str, size: int) -> str:
    """What kind of secret a small text file seems to hold, or ''. Each version of a file is read once."""
    if size > secrets.LIMIT or os.path.splitext(path)[1].lower() not in _TEXT:
        return ""
    try:
        return _secret_in(path, size, os.stat(path).st_mtime_ns)
    except OSError:  # gone since the folder was listed
        return ""


def data_files(
    folder: str,
    literals: Iterable[str],
    *,
    cwd: str | None = None,
    max_bytes: int = MAX_BYTES,
    taken: Collection[str] = (),
) -> Found:
    """The data files of a cell.

    Args:
        folder: the notebook's folder, absolute.
        literals: strings of the cell, of the functions it needs, and of captured values: they may be paths.
        cwd: the folder against which relative paths are read now; default: ``folder``.
        max_bytes: size up to which the whole folder travels.
        taken: targets that travel already, as modules.
    """
    found = Found(taken=taken)
    folder = os.path.abspath(folder)
    literals = list(literals)
    named = dict(_named(folder, literals, cwd or folder, found))
    named.update(_joined(folder, literals, [path for path in named.values() if os.path.isdir(path)]))
    whole = _whole(folder, max_bytes)
    found.whole = whole is not None
    current = (
        _whole(cwd, max_bytes) if whole is None and cwd and cwd.startswith(folder.rstrip(os.sep) + os.sep) else None
    )
    for path, size in whole or current or ():
        _add(found, folder, path, size, max_bytes)
    unsent: list[str] = []
    for text, path in named.items():
        if os.path.isdir(path):
            outside = above.reaches(folder, path)
            if outside:
                found.above.add(_target(folder, path))
            if above.holds(folder, path) or (whole is not None and not outside):
                continue
            try:
                for file, size in list(scan(path, max_bytes=max_bytes, rules=False)):
                    _add(found, folder, file, size, max_bytes)
            except TooBig:
                unsent.append(text)
        elif any(never(part) for part in os.path.relpath(path, folder).split(os.sep) if part != os.pardir):
            found.notices.append(
                f"{text} is not sent: files of this name hold secrets. --input NAME={text} sends it anyway."
            )
        else:
            _add(found, folder, path, os.path.getsize(path), None)
    for text in unsent:
        found.notices.append(
            f"the folder {text} is over {max_bytes // 2**20} MB or {MAX_FILES} files and was not sent: "
            f"--input NAME={text} makes it available under /opt/ml/processing/input/NAME."
        )
    if whole is None and found.files:
        found.notices.append(
            f"the notebook's folder is over {max_bytes // 2**20} MB or {MAX_FILES} files: only the "
            f"{len(found.files)} files that the code names were sent. --input NAME=path adds more."
        )
    return found


def source_of(value: Any) -> str:
    """The file that is open, the file or folder that an array reads from when it is asked for values (zarr, xarray);
    '' for all other values."""
    package = (type(value).__module__ or "").partition(".")[0]
    if package == "_io":
        place = getattr(value, "name", None)
    elif package == "zarr":
        store = getattr(value, "store", value)
        place = getattr(store, "root", None) or getattr(store, "path", None)  # zarr 3; zarr 2
    elif package == "xarray":
        inner = getattr(value, "_variable", value)
        place = (getattr(inner, "_encoding", None) or {}).get("source")  # `encoding` makes an empty one where none is
    else:
        return ""
    return os.fspath(place) if isinstance(place, (str, os.PathLike)) else ""


def inner_folders(folder: str) -> list[str]:
    """The innermost folders under ``folder``, relative to it: code writes into those that it made before, and what is
    in them may not travel (an ignore file).

    Nothing of the home folder, the root or a folder of many thousand entries.
    """
    if os.path.realpath(folder) in (os.path.realpath(os.path.expanduser("~")), "/", "/tmp"):
        return []
    found, entries, own = [], 0, str(home())
    for path, folders, files in os.walk(folder):
        entries += len(files) + len(folders)
        if entries > MAX_FILES:
            return []
        folders[:] = [
            name for name in folders if not never(name) and not clutter(name) and os.path.join(path, name) != own
        ]
        if not folders and path != folder:
            found.append(os.path.relpath(path, folder).replace(os.sep, "/"))
    return sorted(found)


def _whole(folder: str, max_bytes: int) -> list[tuple[str, int]] | None:
    """All files of the folder, or None when it is too big, the home folder or the root."""
    if os.path.realpath(folder) in (os.path.realpath(os.path.expanduser("~")), "/", "/tmp"):
        return None
    try:
        return list(scan(folder, max_bytes=max_bytes))
    except TooBig:
        return None


def _add(found: Found, folder: str, path: str, size: int, max_bytes: int | None) -> None:
    target = _target(folder, path)
    if target in found.files or target in found.taken:
        return
    if target.startswith("../") and above.levels(folder, path) is None:
        return
    secret = secret_in_file(path, size)
    if secret:
        found.notices.append(
            f"{target} is not sent: it seems to hold a secret ({secret}). --input NAME={target} sends it anyway."
        )
        return
    found.files[target] = LocalFile(path, target, "data")


def _target(folder: str, path: str) -> str:
    return os.path.relpath(path, folder).replace(os.sep, "/")


def _named(folder: str, literals: Iterable[str], cwd: str, found: Found) -> Iterator[tuple[str, str]]:
    """Literals that are existing paths under the folder, or relative ones to places not far above it; those elsewhere
    give a notice."""
    outside: dict[str, str] = {}
    inside = folder.rstrip(os.sep) + os.sep
    for text in literals:
        if not text or len(text) > 300 or "\n" in text or "\0" in text or text.isspace() or "://" in text:
            continue
        expanded = os.path.expanduser(text) if text.startswith("~") else text
        if (any(mark in text for mark in "*?[") and not text.startswith(("*", "?", "["))) or text.startswith("*."):
            for base in {folder, cwd}:
                for path in glob.glob(os.path.join(base, expanded))[:MAX_FILES]:
                    path = os.path.abspath(path)
                    if path.startswith(inside) or (not os.path.isabs(expanded) and above.reaches(folder, path)):
                        yield path, path
            continue
        for base in dict.fromkeys((cwd, folder)):
            path = os.path.normpath(os.path.join(base, expanded))
            within = path.startswith(inside)
            near = not within and not os.path.isabs(expanded) and above.reaches(folder, path)
            if not os.path.exists(path):
                if near and os.path.isdir(os.path.dirname(path)):
                    found.above.add(_target(folder, os.path.dirname(path)))  # the cell may write it
                continue
            if within or near:
                yield text, path
            elif path != folder and ("/" in text or text.startswith("~")) and not _system(path):
                outside[path] = text
            break
    for path, text in outside.items():
        kind = "folder" if os.path.isdir(path) else "file"
        found.notices.append(
            f"the {kind} {text} lies outside the notebook's folder and was not sent: --input NAME={path} makes it "
            "available under /opt/ml/processing/input/NAME."
        )


_MOST_JOINED = 5_000
"""Pairs of folder and literal that are looked at."""


def _joined(folder: str, literals: list[str], folders: list[str]) -> Iterator[tuple[str, str]]:
    """Files that literals name together: ``IMAGES / "tree.dot"``, ``os.path.join("data", "2020", "x.csv")``."""
    parts = [
        text
        for text in literals
        if 0 < len(text) < 100 and not any(mark in text for mark in "\n\0*?[") and text.strip()
    ]
    left = _MOST_JOINED
    queue = list(folders)
    for base in queue:
        for text in parts:
            left -= 1
            if left < 0:
                return
            path = os.path.normpath(os.path.join(base, text))
            if not path.startswith(base + os.sep) or not os.path.exists(path):
                continue
            if not os.path.isdir(path):
                yield os.path.relpath(path, folder), path
            elif path not in queue:
                queue.append(path)


def _system(path: str) -> bool:
    if path in _SYSTEM_FOLDERS:
        return True
    top = "/" + path.split("/")[1] if path.startswith("/") else ""
    return any(path == s or path.startswith(s + "/") for s in _SYSTEM if s != "/tmp" and s != "/var") or (
        top == path and os.path.isdir(path)
    )
