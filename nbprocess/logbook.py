"""The log of one job: lines numbered from 0, markers taken out, memory bounded, the rest read again from the backend.

May import: ``state``, the standard library; the backend comes in as an object.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .state import LogEvent

if TYPE_CHECKING:
    from .backends.base import Backend, LogLine

MARKER = "\x1enbprocess "
"""A line of the container's stderr that starts so is for us: one JSON object follows."""

KEEP = 20_000
PAGE = 10_000


class Logbook:
    """Pulls a job's lines page by page; ``len()`` is the number of lines so far."""

    def __init__(self, job: str, backend: Backend) -> None:
        self._job, self._backend = job, backend
        self._cursor: Any = None
        self._count = 0
        self._tail: list[LogEvent] = []
        self._pages: list[tuple[int, Any]] = [(0, None)]  # index of a page's first line, cursor that leads to it
        self.hosts: list[str] = []
        self.grew = False
        self.more = False
        """Whether the last pull filled its page, so that another one is due."""

    def __len__(self) -> int:
        return self._count

    def pull(self) -> list[dict[str, Any]]:
        """Take in one page of new lines; returns the markers among them, oldest first."""
        page = self._backend.logs(self._job, self._cursor, PAGE)
        self.more = len(page.lines) >= PAGE
        events, markers = self._split(page.lines, self._count)
        self._cursor = page.cursor
        self.grew = bool(events)
        if events:
            self._count += len(events)
            self._tail += events
            for event in events:
                if event.host not in self.hosts:
                    self.hosts = sorted([*self.hosts, event.host], key=lambda host: (len(host), host))
            if self._count - self._pages[-1][0] >= PAGE:
                self._pages.append((self._count, self._cursor))
            if len(self._tail) > 2 * KEEP:
                self._tail = self._tail[-KEEP:]  # a new list: other threads read the old one
        return markers

    def _split(self, lines: Sequence[LogLine], index: int) -> tuple[list[LogEvent], list[dict[str, Any]]]:
        events: list[LogEvent] = []
        markers: list[dict[str, Any]] = []
        for line in lines:
            if line.text.startswith(MARKER):
                try:
                    marker = json.loads(line.text[len(MARKER) :])
                except ValueError:  # cut in the middle by a kill: nothing to learn from it
                    continue
                if isinstance(marker, Mapping):
                    markers.append({**marker, "host": line.host, "time": line.time})
                continue
            stream = "stderr" if line.stream == "stderr" else "stdout"
            events.append(LogEvent(index + len(events), line.time, line.text, stream, line.host))  # type: ignore[arg-type]
        return events, markers

    def read(self, start: int = 0, stop: int | None = None) -> list[LogEvent]:
        """Lines ``start`` to ``stop``; those that memory no longer holds are read again from the backend."""
        stop = self._count if stop is None else min(stop, self._count)
        if start >= stop:
            return []
        tail = self._tail
        first = tail[0].index if tail else self._count
        if start >= first:
            return tail[start - first : stop - first]
        index, cursor = next(page for page in reversed(self._pages) if page[0] <= start)
        events: list[LogEvent] = []
        while index < stop:
            page = self._backend.logs(self._job, cursor, PAGE)
            if not page.lines:
                break
            found, _ = self._split(page.lines, index)
            index, cursor = index + len(found), page.cursor
            events += [event for event in found if start <= event.index < stop]
        return events
