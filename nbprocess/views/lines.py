"""Which lines of a log a page shows, by row number: all with tracebacks folded, or those that match a search.

The log itself stays with the job. Here are only line numbers, four bytes a row, so a million lines cost 4 MB.
May import: ``nbprocess.state``.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from nbprocess.state import JobLike, LogEvent

LEVELS: Final = ("debug", "info", "warning", "error")
ERROR = re.compile(r"\b(?:error|exception|traceback|critical|fatal)\b|\w(?:Error|Exception)\b", re.IGNORECASE)
WARNING = re.compile(r"\bwarn(?:ing)?\b|\wWarning\b", re.IGNORECASE)
DEBUG = re.compile(r"\b(?:debug|trace)\b", re.IGNORECASE)
TRACEBACK = "Traceback (most recent call last)"
LINE_CHARACTERS = 2_000  # longer lines are cut on the way to the page; `detail` and the download have them whole
SLICE = 50_000  # events looked at in one go, so that no scan holds the interpreter for long


def level(text: str) -> int:
    """The place in ``LEVELS`` of a line, by the words that logging formats use."""
    if ERROR.search(text):
        return 3
    if WARNING.search(text):
        return 2
    return 0 if DEBUG.search(text) else 1


@dataclass(frozen=True)
class Selection:
    """What a page wants to see: a search text, the least level, one host (or all when empty)."""

    query: str = ""
    level: int = 0
    host: str = ""

    @classmethod
    def from_page(cls, value: Any) -> Selection:
        """Read what a page sent; anything that is not understood means no filter."""
        given = value if isinstance(value, dict) else {}
        least = given.get("level")
        return cls(
            str(given.get("query") or "")[:500],
            least if isinstance(least, int) and 0 <= least < len(LEVELS) else 0,
            str(given.get("host") or ""),
        )

    def to_page(self) -> dict[str, Any]:
        """The same as JSON, so that a page knows which of its requests is answered."""
        return {"query": self.query, "level": self.level, "host": self.host}


class Rows:
    """The rows of one selection over a job's log, found as the log grows."""

    def __init__(self, job: JobLike, selection: Selection | None = None) -> None:
        self.job = job
        self.selection = selection or Selection()
        self.scanned = 0
        self._numbers = array("I")  # row → index of the log event
        self._hidden: dict[int, int] = {}  # index of a traceback's first line → lines folded under it
        self._open: dict[str, int] = {}  # host → the traceback that is being printed
        self._needle = self.selection.query.casefold()

    def __len__(self) -> int:
        return len(self._numbers)

    def scan(self, limit: int = SLICE) -> bool:
        """Look at up to ``limit`` further events; True when there may be more."""
        events = self.job.log(self.scanned, self.scanned + limit)
        for event in events:
            if self._wanted(event):
                self._numbers.append(event.index)
        self.scanned += len(events)
        return len(events) == limit

    def _wanted(self, event: LogEvent) -> bool:
        chosen = self.selection
        if chosen.host and event.host != chosen.host:
            return False
        if self._needle or chosen.level:  # a search looks into tracebacks, so nothing is folded
            return (not self._needle or self._needle in event.text.casefold()) and (
                not chosen.level or level(event.text) >= chosen.level
            )
        text = event.text
        if event.host in self._open:
            if text.startswith((" ", "\t")):
                self._hidden[self._open[event.host]] += 1
                return False
            del self._open[event.host]
        if text.startswith(TRACEBACK):
            self._open[event.host] = event.index
            self._hidden[event.index] = 0
        return True

    def fetch(self, start: int, stop: int) -> list[list[Any]]:
        """Rows ``start`` to ``stop`` for the page: ``[line, time, text, stderr?, host, level, folded, cut?]`` each."""
        numbers = self._numbers[max(0, start) : max(0, stop)]
        return [self._row(event) for event in events_at(self.job, numbers)]

    def _row(self, event: LogEvent) -> list[Any]:
        text = event.text
        cut = len(text) > LINE_CHARACTERS
        return [
            event.index,
            event.time,
            text[:LINE_CHARACTERS] if cut else text,
            int(event.stream == "stderr"),
            event.host,
            level(text),
            self._hidden.get(event.index, 0),
            int(cut),
        ]


def events_at(job: JobLike, numbers: Sequence[int]) -> Iterable[LogEvent]:
    """The events of ascending line ``numbers``, read in as few calls as their gaps allow."""
    begin = 0
    while begin < len(numbers):
        end = begin + 1
        while end < len(numbers) and numbers[end] - numbers[end - 1] <= 8:  # reading a few too many beats another call
            end += 1
        first = numbers[begin]
        events = job.log(first, numbers[end - 1] + 1)
        yield from (events[number - first] for number in numbers[begin:end] if number - first < len(events))
        begin = end


def detail(job: JobLike, index: int) -> str:
    """The whole text of one line; of a traceback's first line, the traceback to its last."""
    events = job.log(index, index + 400)
    if not events:
        return ""
    first = events[0]
    if not first.text.startswith(TRACEBACK):
        return first.text
    kept = [first.text]
    for event in events[1:]:
        if event.host != first.host:
            continue
        kept.append(event.text)
        if not event.text.startswith((" ", "\t")):
            break
    return "\n".join(kept)
