"""The child's side of the pipes: ``sys.stdout``, ``sys.stderr``, displays, progress. Standard library only."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import sys
import threading
import time
from collections.abc import Iterator

from .hushed import hand_over, hushed_descriptors
from .page import VIEW

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any


class Channel:
    """Speaks to the parent. A message with a place in the order of outputs waits until the parent has put it there."""

    def __init__(self, control: int, answer: int) -> None:
        self._control, self._answer = control, answer
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._sequence = 0
        self._answers = b""
        self._last = ""
        self._progress_at = 0.0
        self._kept: list[object] | None = None
        self._moved: dict[int, int] = {}
        self.page: Any = None
        """What knows the widgets of this process."""
        self.pictures = 0
        """How many pictures it showed."""

    def event(self, event: dict[str, object]) -> None:
        """Add a display or a result to the events, after everything printed so far."""
        data: Any = event.get("data")
        if isinstance(data, dict) and VIEW in data and self.page is not None:
            data = self.page.show(data)
            event = {**event, "data": data}
        self.pictures += isinstance(data, dict) and any(mime.startswith("image/") for mime in data)
        if self._kept is not None:
            self._kept.append(event)
        else:
            self._ordered({"type": "event", "event": event})

    @contextlib.contextmanager
    def held(self, into: list[object]) -> Iterator[None]:
        """Collect events into a list instead of showing them."""
        before, self._kept = self._kept, into
        try:
            yield
        finally:
            self._kept = before

    def phase(self, phase: str) -> None:
        """Tell what happens now: ``running`` or ``saving``. It has no place among the outputs, so nobody waits."""
        self._send({"type": "phase", "phase": phase})

    def report(self, report: dict[str, object]) -> None:
        """The child's last word: its part of the outcome."""
        self._ordered({"type": "report", "report": report})

    def progress(self, progress: dict[str, object], final: bool = False) -> None:
        """Tell the views how far the cell is; at most ten times a second unless ``final``."""
        now = time.monotonic()
        if final or now - self._progress_at >= 0.1:
            self._progress_at = now
            self._send({"type": "progress", "progress": progress})

    def stream(self, name: str, fd: int, data: bytes) -> None:
        """Write to the stream's own descriptor; the two streams keep their order when Python writes to them in turn."""
        with self._lock:
            if name != self._last:
                if self._last:
                    self._ordered({"type": "turn"})
                self._last = name
            view, fd = memoryview(data), self._moved.get(fd, fd)
            while view:
                view = view[os.write(fd, view) :]

    @contextlib.contextmanager
    def only_python(self) -> Iterator[None]:
        """Leave out what libraries write to the descriptors 1 and 2 themselves: Python's own streams go on."""
        with hushed_descriptors(1, 2) as self._moved:
            try:
                yield
            finally:
                self._moved = {}

    def _ordered(self, message: dict[str, object]) -> None:
        if os.getpid() != self._pid:  # a process forked by the cell: its prints go straight to the descriptor
            if message["type"] == "event":
                self._send(message)
            return
        with self._lock:
            self._sequence += 1
            mine = self._sequence
            self._send({**message, "seq": mine})
            # Answers may be left over from a wait that an interrupt broke off, so they carry numbers.
            while True:
                line, newline, rest = self._answers.partition(b"\n")
                if newline:
                    self._answers = rest
                    if int(line) >= mine:
                        return
                    continue
                data = os.read(self._answer, 4096)
                if not data:
                    raise BrokenPipeError("the worker's parent process is gone")
                self._answers += data

    def _send(self, message: dict[str, object]) -> None:
        data = json.dumps(message, default=plain, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            view = memoryview(data)
            while view:
                view = view[os.write(self._control, view) :]


class _Raw(io.RawIOBase):
    """The binary layer under ``sys.stdout``: no buffer, so that nothing is lost when the process dies."""

    def __init__(self, channel: Channel, name: str, fd: int) -> None:
        self._channel, self.name, self._fd = channel, name, fd  # the kernel's stream has that name, too

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._fd

    def write(self, data: Any) -> int:
        data = bytes(data)
        self._channel.stream(self.name, self._fd, data)
        return len(data)


def open_streams(channel: Channel) -> None:
    """Make ``sys.stdout``, ``sys.stderr`` (also their dunder names) write to the parent."""
    for name, fd in (("stdout", 1), ("stderr", 2)):
        raw = _Raw(channel, name, fd)
        # Never fails on odd characters: the notebook shows them, as it would here.
        stream = io.TextIOWrapper(raw, "utf-8", "backslashreplace", newline="\n", write_through=True)  # type: ignore[type-var]
        hand_over(getattr(sys, name), stream)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    sys.stdin = sys.__stdin__ = open(os.devnull)  # type: ignore[misc]


def plain(value: object) -> object:
    """What JSON does not know, in displays: bytes (base64), NumPy scalars, dates, sets."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(bytes(value)).decode("ascii")
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, (set, frozenset, tuple)) or hasattr(value, "__next__"):
        return list(value)  # type: ignore[call-overload]
    if hasattr(value, "__index__"):
        return int(value)
    if hasattr(value, "__float__"):
        return float(value)
    return repr(value)
