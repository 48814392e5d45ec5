"""The job's card as an anywidget: what the page gets, and what the page asks for.

Its state travels as one trait, its log as custom messages in batches; lines that the page does not hold it asks for by
row. Everything here may run in any thread. May import: anywidget (so import this module only when a widget is wanted).
"""

from __future__ import annotations

import os
import re
import threading
from collections import OrderedDict
from typing import Any

import anywidget
import traitlets

from nbprocess.state import JobLike
from nbprocess.views import assets, pump
from nbprocess.views.lines import Rows, Selection, detail
from nbprocess.views.snapshot import snapshot

PUSH_ROWS = 500  # rows per batch: more than a page shows; faster logs are fetched by row when one scrolls back
FETCH_ROWS = 2_000
SELECTIONS = 4  # searches of one card that are kept up to date
FILE_PART = 20_000  # lines per message of a download


class JobCard(anywidget.AnyWidget):
    """The widget of one job. ``pull`` brings it up to date; ``receive`` answers the page."""

    _esm = assets.script("job.js")
    _css = assets.style("theme.css", "log.css", "spark.css", "job.css")

    state = traitlets.Dict().tag(sync=True)
    waiting = traitlets.Bool(False, help="Whether a cell waits for the job, so that an interrupt stops it.").tag(
        sync=True
    )
    kernel_id = traitlets.Unicode("").tag(sync=True)

    def __init__(self, job: JobLike, *, waiting: bool = False) -> None:
        self._job = job
        self._lock = threading.RLock()
        self._selections: OrderedDict[Selection, Rows] = OrderedDict({Selection(): Rows(job)})
        self._sent: dict[Selection, tuple[int, int]] = {}
        super().__init__(state=snapshot(job.state()), waiting=waiting, kernel_id=current_kernel_id())
        self.on_msg(lambda _widget, content, _buffers: self.receive(content))
        pump.register(self.comm, self.receive)

    def pull(self) -> bool:
        """Send what changed since the last time. True when there is more to look at."""
        self.state = snapshot(self._job.state())
        more = False
        with self._lock:
            for selection, rows in list(self._selections.items()):
                more = rows.scan() or more
                mark = (len(rows), rows.scanned)
                before = self._sent.get(selection, (0, 0))
                if mark != before:
                    self._send_rows(selection, rows, max(before[0], len(rows) - PUSH_ROWS), len(rows))
        return more

    def repeat(self) -> None:
        """Send the state and the end of the log once more: servers drop messages above their rate limits."""
        self.send_state(["state", "waiting"])
        with self._lock:
            for selection, rows in self._selections.items():
                self._send_rows(selection, rows, len(rows) - PUSH_ROWS, len(rows))

    def receive(self, content: Any) -> None:
        """Answer one message of the page; what is not understood is ignored."""
        kind = content.get("type") if isinstance(content, dict) else None
        if kind == "ready":
            with self._lock:
                rows = self._selections[Selection()]
                self._send_rows(Selection(), rows, len(rows) - PUSH_ROWS, len(rows))
        elif kind == "rows":
            self._answer_rows(content)
        elif kind == "detail" and isinstance(content.get("index"), int):
            text = detail(self._job, content["index"])
            self.send({"type": "detail", "index": content["index"], "text": text})
        elif kind == "file":
            self._send_file()
        elif kind == "stop":
            self._job.stop()
            self.send({"type": "stopping"})

    def _answer_rows(self, content: dict[str, Any]) -> None:
        selection = Selection.from_page(content.get("selection"))
        start, stop = content.get("start"), content.get("stop")
        with self._lock:
            rows = self._selections.get(selection)
            if rows is None:
                rows = self._selections[selection] = Rows(self._job, selection)
                rows.scan()
                while len(self._selections) > SELECTIONS:  # the first is the unfiltered one, which stays
                    oldest = list(self._selections)[1]
                    del self._selections[oldest]
                    self._sent.pop(oldest, None)
            elif selection != Selection():
                self._selections.move_to_end(selection)
            if isinstance(start, int) and isinstance(stop, int):
                self._send_rows(selection, rows, start, min(stop, start + FETCH_ROWS))
            else:
                self._send_rows(selection, rows, len(rows) - PUSH_ROWS, len(rows))
        self.wanted()

    def wanted(self) -> None:
        """Called when the page asked for something that takes further ``pull`` calls; the view sets it."""

    def _send_rows(self, selection: Selection, rows: Rows, start: int, stop: int) -> None:
        start = max(0, start)
        self._sent[selection] = (len(rows), rows.scanned)
        self.send(
            {
                "type": "rows",
                "selection": selection.to_page(),
                "start": start,
                "rows": rows.fetch(start, stop),
                "total": len(rows),
                "scanned": rows.scanned,
                "lines": max(rows.scanned, self._job.state().log_lines),
            }
        )

    def _send_file(self) -> None:
        """The whole log as binary parts, so that no page-side request per range is needed."""
        start, several = 0, len(self._job.state().hosts) > 1
        while True:
            events = self._job.log(start, start + FILE_PART)
            text = "".join(f"[{e.host}] {e.text}\n" if several else f"{e.text}\n" for e in events)
            last = len(events) < FILE_PART
            self.send({"type": "file", "start": start, "last": last}, buffers=[text.encode("utf-8", "replace")])
            if last:
                return
            start += len(events)


def current_kernel_id() -> str:
    """The id under which a Jupyter server knows this kernel, read off its connection file; empty when there is none."""
    try:
        from ipykernel.connect import get_connection_file

        name = os.path.basename(get_connection_file())
    except Exception:  # not in a kernel, or one without a connection file: the page then has one way less to stop
        return ""
    found = re.fullmatch(r"kernel-([0-9a-fA-F-]{36})\.json", name)
    return found[1] if found else ""
