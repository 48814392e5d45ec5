"""The container's log: the cell's output as it comes, and the markers that views read. Standard library only."""

from __future__ import annotations

import json
import os
import time

MARKER = "\x1enbprocess "
_HOLD = 1.0  # seconds that a marker waits for the cell to end a line it has begun


class ContainerLog:
    """Writes to the worker's own stdout and stderr at once. Markers only ever start a line."""

    def __init__(self) -> None:
        self._midline = False
        self._waiting: list[bytes] = []
        self._since = 0.0
        self._progress_at = 0.0
        self._progress: dict[str, object] | None = None

    def output(self, fd: int, data: bytes) -> None:
        """Pass on what the cell wrote to ``fd`` (1 or 2)."""
        if fd == 2:
            if self._waiting and b"\n" in data:
                head, _, tail = data.partition(b"\n")
                data = head + b"\n" + b"".join(self._waiting) + tail
                self._waiting.clear()
            self._midline = not data.endswith(b"\n")
        write_all(fd, data)

    def say(self, text: str) -> None:
        """A line of the worker's own, for people."""
        self._marker(("nbprocess: " + text + "\n").encode("utf-8", "backslashreplace"))

    def marker(self, **fields: object) -> None:
        """A line for the views: ``phase=``, ``progress=`` or ``usage=``."""
        self._marker((MARKER + json.dumps(fields, separators=(",", ":")) + "\n").encode())

    def progress(self, progress: dict[str, object]) -> None:
        """A progress marker, at most four a second; ``tick`` writes the last one held back."""
        self._progress = progress
        if progress.get("total") is not None and progress.get("n") == progress.get("total"):
            self._progress_at = 0.0
        self.tick()

    def tick(self, final: bool = False) -> float | None:
        """Write what waited long enough (all when ``final``). Returns seconds until it wants to be called again."""
        now = time.monotonic()
        if self._progress is not None and (final or now - self._progress_at >= 0.25):
            self._progress_at = now
            progress, self._progress = self._progress, None
            self.marker(progress=progress)
        if self._waiting and (final or now - self._since >= _HOLD):
            write_all(2, b"\n" + b"".join(self._waiting))
            self._waiting.clear()
            self._midline = False
        if self._progress is not None:
            return 0.25
        return _HOLD if self._waiting else None

    def _marker(self, line: bytes) -> None:
        if self._midline:
            if not self._waiting:
                self._since = time.monotonic()
            self._waiting.append(line)
        else:
            write_all(2, line)


def write_all(fd: int, data: bytes) -> None:
    """Write all of ``data``; a log that nobody reads any more is no reason to lose the results."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            time.sleep(0.005)
        except OSError:
            return
