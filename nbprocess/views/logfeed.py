"""What a log pane shows of one job: rows of its selections as messages, whole lines, and the file to download.

The pane (``static/log.js``) is the same in the job's card, the job browser and JupyterLab's job tab; only the way of
its messages differs.
Everything here may run in any thread. May import: ``nbprocess.state``, ``nbprocess.views.lines``.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from nbprocess.state import JobLike
from nbprocess.views.lines import Rows, Selection, detail

PUSH_ROWS = 500  # rows per batch: more than a page shows; faster logs are fetched by row when one scrolls back
FETCH_ROWS = 2_000
SELECTIONS = 4  # searches of one feed that are kept up to date
FILE_PART = 20_000  # lines per part of a download

Message = dict[str, Any]


class LogFeed:
    """The rows of one job's log for one pane."""

    def __init__(self, job: JobLike) -> None:
        self.job = job
        self._lock = threading.RLock()
        self._selections: OrderedDict[Selection, Rows] = OrderedDict({Selection(): Rows(job)})
        self._sent: dict[Selection, tuple[int, int]] = {}

    def __len__(self) -> int:
        """How many selections are kept."""
        return len(self._selections)

    def changes(self) -> tuple[list[Message], bool]:
        """Messages about what is new since the last ones, and whether there is more to look at."""
        found, more = [], False
        with self._lock:
            for selection, rows in list(self._selections.items()):
                more = rows.scan() or more
                before = self._sent.get(selection, (0, 0))
                if (len(rows), rows.scanned) != before:
                    found.append(self._rows(selection, rows, max(before[0], len(rows) - PUSH_ROWS), len(rows)))
        return found, more

    def ends(self) -> list[Message]:
        """The end of each selection once more: servers drop messages above their rate limits."""
        with self._lock:
            return [self._rows(s, rows, len(rows) - PUSH_ROWS, len(rows)) for s, rows in self._selections.items()]

    def end(self) -> Message:
        """The end of the whole log."""
        with self._lock:
            rows = self._selections[Selection()]
            return self._rows(Selection(), rows, len(rows) - PUSH_ROWS, len(rows))

    def answer(self, content: Any) -> Message | None:
        """The answer to one message of a pane; None for what is not understood, and for a download (``parts``)."""
        kind = content.get("type") if isinstance(content, dict) else None
        if kind == "rows":
            return self.rows(Selection.from_page(content.get("selection")), content.get("start"), content.get("stop"))
        if kind == "detail" and isinstance(content.get("index"), int):
            return {"type": "detail", "index": content["index"], "text": detail(self.job, content["index"])}
        return None

    def rows(self, selection: Selection, start: Any = None, stop: Any = None, seconds: float | None = None) -> Message:
        """Rows ``start`` to ``stop`` of ``selection``; without ``stop`` its last ones, at most from ``start`` on.

        A new selection has been looked for in the beginning of the log only; ``changes`` goes on, or, for a pane that
        asks again and is not told, up to ``seconds`` of looking before each answer.
        """
        with self._lock:
            rows = self._selections.get(selection)
            if rows is None:
                rows = self._selections[selection] = Rows(self.job, selection)
                rows.scan()
                while len(self._selections) > SELECTIONS:  # the first is the unfiltered one, which stays
                    oldest = list(self._selections)[1]
                    del self._selections[oldest]
                    self._sent.pop(oldest, None)
            elif selection != Selection():
                self._selections.move_to_end(selection)
            until = time.monotonic() + (seconds or 0)
            while seconds is not None and rows.scan() and time.monotonic() < until:
                pass
            if isinstance(start, int) and isinstance(stop, int):
                return self._rows(selection, rows, start, min(stop, start + FETCH_ROWS))
            first = max(start if isinstance(start, int) else 0, len(rows) - PUSH_ROWS)
            return self._rows(selection, rows, first, len(rows))

    def _rows(self, selection: Selection, rows: Rows, start: int, stop: int) -> Message:
        start = max(0, start)
        self._sent[selection] = (len(rows), rows.scanned)
        return {
            "type": "rows",
            "selection": selection.to_page(),
            "start": start,
            "rows": rows.fetch(start, stop),
            "total": len(rows),
            "scanned": rows.scanned,
            "lines": max(rows.scanned, self.job.state().log_lines),
        }

    def parts(self) -> Iterator[tuple[Message, bytes]]:
        """The whole log as binary parts, so that no page-side request per range is needed."""
        start, several = 0, len(self.job.state().hosts) > 1
        while True:
            events = self.job.log(start, start + FILE_PART)
            text = "".join(f"[{e.host}] {e.text}\n" if several else f"{e.text}\n" for e in events)
            last = len(events) < FILE_PART
            yield {"type": "file", "start": start, "last": last}, text.encode("utf-8", "replace")
            if last:
                return
            start += len(events)
