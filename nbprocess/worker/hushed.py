"""Imports whose prints were printed at the other end. May import: the standard library."""

from __future__ import annotations

import contextlib
import os
import sys

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any


class _Stream:
    """A stream that says nothing for a while. What keeps it (a default of a function) writes to the real one later."""

    def __init__(self, real: Any, only: Callable[[Any], bool] | None = None) -> None:
        self._real, self._quiet, self._only = real, True, only

    def write(self, text: str) -> Any:
        left_out = self._quiet and (self._only is None or self._only(sys._getframe(1)))
        return len(text) if left_out else self._real.write(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def heard(stream: Any) -> Any:
    """The real stream behind one that says nothing for a while."""
    while type(stream) is _Stream:
        stream = stream._real
    return stream


@contextlib.contextmanager
def hushed(*names: str, only: Callable[[Any], bool] | None = None) -> Iterator[None]:
    """Leave out what is written to ``sys.stdout`` (or ``sys.stderr``) while the block runs, by handlers of logging
    that have it already, too; with ``only`` what a frame writes of which it is true."""
    real = {name: getattr(sys, name) for name in names}
    quiet = {name: _Stream(stream, only) for name, stream in real.items()}
    for name, stream in quiet.items():
        setattr(sys, name, stream)
        hand_over(real[name], stream)
    try:
        yield
    finally:
        for name, stream in quiet.items():
            stream._quiet = False
            hand_over(stream, real[name])
            if getattr(sys, name) is stream:
                setattr(sys, name, real[name])


def _importing(frame: Any) -> bool:
    """Whether a module that runs below the frame is being imported."""
    while frame is not None:
        if getattr(frame.f_globals.get("__spec__"), "_initializing", False):
            return True
        frame = frame.f_back
    return False


@contextlib.contextmanager
def imports_hushed() -> Iterator[None]:
    """In a kernel: leave out what imports print, log and warn of. What else the block warns of stays (scikit-learn
    does, of a model that another version made).

    In a terminal, where that is descriptor 2 itself, so does what libraries write there.
    """
    descriptors = () if _number(sys.stderr) == 2 else (1, 2)
    with hushed("stdout", "stderr", only=_importing), hushed_descriptors(*descriptors):
        yield


def _number(stream: Any) -> int:
    try:
        return int(stream.fileno())
    except (AttributeError, OSError, ValueError):  # a kernel's streams may have none
        return -1


@contextlib.contextmanager
def hushed_descriptors(*descriptors: int) -> Iterator[dict[int, int]]:
    """Leave out what is written to descriptors (1, 2) themselves, as libraries in C++ do, while the block runs. Gives
    those that lead meanwhile to where they led."""
    real = {fd: os.dup(fd) for fd in descriptors}
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        for fd in real:
            os.dup2(null, fd)
        yield real
    finally:
        os.close(null)
        for fd, kept in real.items():
            os.dup2(kept, fd)
            os.close(kept)


def hand_over(old: Any, new: Any) -> None:
    """Handlers of logging that write to ``old`` write to ``new``."""
    for reference in list(getattr(sys.modules.get("logging"), "_handlerList", ())):
        handler: Any = reference()
        if handler is not None and vars(handler).get("stream", new) is old:
            handler.stream = new
