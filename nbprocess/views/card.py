"""The job's card as an anywidget: what the page gets, and what the page asks for.

Its state travels as one trait, its log as custom messages in batches; lines that the page does not hold it asks for by
row. Everything here may run in any thread. May import: anywidget (so import this module only when a widget is wanted).
"""

from __future__ import annotations

import os
import re
from typing import Any

import anywidget
import traitlets

from nbprocess.state import JobLike
from nbprocess.views import assets, pump
from nbprocess.views.logfeed import LogFeed
from nbprocess.views.snapshot import snapshot


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
        self.feed = LogFeed(job)
        super().__init__(state=snapshot(job.state()), waiting=waiting, kernel_id=current_kernel_id())
        self.on_msg(lambda _widget, content, _buffers: self.receive(content))
        pump.register(self.comm, self.receive)

    def pull(self) -> bool:
        """Send what changed since the last time. True when there is more to look at."""
        self.state = snapshot(self._job.state())
        messages, more = self.feed.changes()
        for message in messages:
            self.send(message)
        return more

    def repeat(self) -> None:
        """Send the state and the end of the log once more: servers drop messages above their rate limits."""
        self.send_state(["state", "waiting"])
        for message in self.feed.ends():
            self.send(message)

    def receive(self, content: Any) -> None:
        """Answer one message of the page; what is not understood is ignored."""
        kind = content.get("type") if isinstance(content, dict) else None
        if kind == "ready":
            self.send(self.feed.end())
        elif kind == "file":
            for part, data in self.feed.parts():
                self.send(part, buffers=[data])
        elif kind == "stop":
            self._job.stop()
            self.send({"type": "stopping"})
        elif answer := self.feed.answer(content):
            self.send(answer)
            if kind == "rows":
                self.wanted()

    def wanted(self) -> None:
        """Called when the page asked for something that takes further ``pull`` calls; the view sets it."""


def current_kernel_id() -> str:
    """The id under which a Jupyter server knows this kernel, read off its connection file; empty when there is none."""
    try:
        from ipykernel.connect import get_connection_file

        name = os.path.basename(get_connection_file())
    except Exception:  # not in a kernel, or one without a connection file: the page then has one way less to stop
        return ""
    found = re.fullmatch(r"kernel-([0-9a-fA-F-]{36})\.json", name)
    return found[1] if found else ""
