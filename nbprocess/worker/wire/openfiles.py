"""Files that ``open()`` gave, below the notebook's folder: the other end opens the same file at the same place. What
was written is in the file by then, and the file itself travels as any file of the folder.

May import: the standard library, this folder.
"""

from __future__ import annotations

import io
import os
from typing import Any, Dict, Optional, Tuple

from . import remade
from .refuse import Refused
from .reopened import find, within
from .ways import Table

_BUFFERS: Dict[str, Any] = {
    kind.__name__: kind for kind in (io.BufferedReader, io.BufferedWriter, io.BufferedRandom, io.FileIO)
}
_READ_BY_LINES = "a loop is reading it line by line. Read it to its end (or call seek), or open it inside the cell."
_OTHER_ENDS = "whether its lines end with \\r is not known here. Open it inside the cell."
_LOOKED_AT = 1 << 20  # bytes of a text that are searched for "\r"


def _reduce_file(file: Any) -> Any:
    if file.closed:
        return NotImplemented
    raw = _raw(file)
    path = None if raw is None else _path(raw)
    if raw is None or path is None:
        return NotImplemented
    buffer = file.buffer if isinstance(file, io.TextIOWrapper) else file
    settings = None
    if buffer is not file:
        if file.readable() and path != os.devnull:
            _check_ends(path)
        settings = file.mode, file.encoding, file.errors, file.line_buffering, file.write_through
    made = type(buffer).__name__, path, raw.mode, remade.path_text(raw.name), settings
    return make_file, made, (False, place_of(file)), None, None, set_file


def _raw(file: Any) -> Any:
    """The innermost part, which has the descriptor; None where something else is inside (an archive)."""
    if type(file) is io.TextIOWrapper:
        file = file.buffer
    if not _is_buffer(type(file)):
        return None
    raw = getattr(file, "raw", file)
    return raw if type(raw) is io.FileIO and isinstance(raw.name, str) else None


def _is_buffer(kind: type) -> bool:
    return _BUFFERS.get(kind.__name__) is kind


def _path(raw: Any) -> Optional[str]:
    """The file as seen from the current folder; None for one elsewhere, and for one whose name leads to another now."""
    if raw.name == os.devnull:
        return os.devnull
    path = within(raw.name)
    same = path is not None and os.path.samestat(os.stat(path), os.fstat(raw.fileno()))
    return path if same else None


def _check_ends(path: str) -> None:
    """``newline=`` cannot be asked of a file: where it would matter, nothing is guessed."""
    with open(path, "rb") as file:
        if b"\r" in file.read(_LOOKED_AT):
            raise Refused(_OTHER_ENDS)


def place_of(file: Any) -> Any:
    """Where it goes on reading or writing; what it was told to write is written."""
    try:
        if file.writable():
            file.flush()
        return file.tell() if file.seekable() else 0
    except OSError:  # "telling position disabled by next() call"
        raise Refused(_READ_BY_LINES) from None


def make_file(buffer: str, path: str, mode: str, name: Any, settings: Any) -> Any:
    """The inverse of ``_reduce_file``. Nothing is emptied, whatever the mode says."""
    flags = os.O_RDWR if "+" in mode else os.O_RDONLY if "r" in mode else os.O_WRONLY
    number = os.open(find(path), flags | (os.O_APPEND if "a" in mode else 0) | getattr(os, "O_CLOEXEC", 0))
    raw: Any = io.FileIO(number, mode.replace("x", "w"))
    raw.name = name
    made = raw if buffer == "FileIO" else _BUFFERS[buffer](raw)
    if settings is None:
        return made
    text_mode, encoding, errors, by_line, through = settings
    text: Any = io.TextIOWrapper(made, encoding, errors, line_buffering=by_line, write_through=through)
    text.mode = text_mode
    return text


def set_file(file: Any, state: Tuple[bool, Any]) -> None:
    """Close it, or go to a place of it as it is now."""
    closed, place = state
    if closed:
        file.close()
    elif file.seekable():
        file.seek(0, os.SEEK_END)  # what it has read ahead may be no longer so
        file.seek(place)


def is_file(obj: Any) -> bool:
    """Whether such an object is, or was, open on a file of the disk."""
    return type(obj) is io.TextIOWrapper or _is_buffer(type(obj))


def state_of(file: Any) -> Any:
    """What ``set_file`` takes, as far as it can be told."""
    try:
        return patch_of(file) if file.closed or _raw(file) is not None else (False, None)
    except (Refused, ValueError):  # ValueError: it was detached from what it read
        return False, None


def patch_of(file: Any) -> Any:
    """The state to send.

    Raises:
        Refused: it cannot be told.
    """
    return (True, 0) if file.closed else (False, place_of(file))


TABLE: Table = [(("_io", kind), _reduce_file) for kind in ("TextIOWrapper", *_BUFFERS)]
