"""``log.jsonl``: each line of a container's output with its host, stream and time, in the order of arrival.

May import: ``backends.base``, the standard library.
"""

from __future__ import annotations

import codecs
import json
import os
import time

from ..base import LogLine, LogPage

MAX_EVENT = 256 * 1024
"""Characters after which a line is continued in the next event, as CloudWatch Logs does: memory stays bounded."""


class LogWriter:
    """Appends to the log. ``feed`` takes bytes as they come out of a pipe."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._open: dict[tuple[str, str], tuple[codecs.IncrementalDecoder, list[str], int]] = {}

    def feed(self, host: str, stream: str, data: bytes, final: bool = False) -> None:
        """Take bytes of a stream; with ``final`` also a last line without a line feed. Raises OSError (disk full)."""
        decoder, held, size = self._open.get((host, stream)) or (
            codecs.getincrementaldecoder("utf-8")(errors="replace"),
            [],
            0,
        )
        lines = decoder.decode(data, final).split("\n")
        moment = round(time.time(), 6)
        events: list[str] = []
        for index, part in enumerate(lines):
            held.append(part)
            size += len(part)
            while size > MAX_EVENT:
                whole = "".join(held)
                events.append(self._event(moment, whole[:MAX_EVENT], stream, host, more=True))
                held, size = [whole[MAX_EVENT:]], size - MAX_EVENT
            if index < len(lines) - 1 or (final and size):
                events.append(self._event(moment, "".join(held), stream, host))
                held, size = [], 0
        self._open[(host, stream)] = (decoder, held, size)
        if events:
            self._write("".join(events).encode())

    def note(self, text: str) -> None:
        """A line of the instance itself."""
        self._write(self._event(round(time.time(), 6), text, "stderr", "algo-1").encode())

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)

    def _event(self, moment: float, text: str, stream: str, host: str, more: bool = False) -> str:
        event: dict[str, object] = {"time": moment, "host": host, "stream": stream, "text": text}
        if more:
            event["more"] = True
        return json.dumps(event, separators=(",", ":")) + "\n"

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]


def read_log(path: str, cursor: int, limit: int) -> LogPage:
    """Up to ``limit`` whole lines after byte ``cursor``."""
    lines: list[LogLine] = []
    with open(path, "rb") as file:
        file.seek(cursor)
        while len(lines) < limit:
            raw = file.readline()
            if not raw.endswith(b"\n"):
                break  # nothing more, or an event that is being written
            cursor += len(raw)
            event = json.loads(raw)
            lines.append(LogLine(event["time"], event["text"], event["stream"], event["host"]))
    return LogPage(tuple(lines), cursor)
