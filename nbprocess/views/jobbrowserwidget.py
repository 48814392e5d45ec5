"""The job browser as an anywidget: pages of jobs on demand, details, actions; one thread of its own asks the source.

May import: anywidget (so import this module only when a widget is wanted).
"""

from __future__ import annotations

import queue
import threading
import time
from contextvars import copy_context
from dataclasses import asdict, replace
from typing import Any

import anywidget

from nbprocess.state import JobState
from nbprocess.views import assets, beside, pump, words
from nbprocess.views.html import MUTED
from nbprocess.views.jobtable import table
from nbprocess.views.logfeed import LogFeed, Message
from nbprocess.views.markup import element
from nbprocess.views.snapshot import snapshot
from nbprocess.views.source import JobSource, Query, Section

ROWS = 500  # at most per message
REFRESH_SECONDS = 5.0
LEARN_SECONDS = 0.5  # how long no message is answered while what a listing does not tell is looked up
LOG_SECONDS = 2.0  # how often the log that somebody reads is followed
FIRST_SECONDS = 2.0  # how long a cell waits for the jobs that its saved form shows
ASLEEP_SECONDS = 30.0  # no refreshing when no page asked for so long (pages ask while they are visible)

VIEW = "application/vnd.jupyter.widget-view+json"


class JobBrowser(anywidget.AnyWidget):
    """The widget. ``close()`` ends its thread."""

    _esm = assets.script("browser.js")
    _css = assets.style("theme.css", "log.css", "spark.css", "browser.css")

    def __init__(self, source: JobSource) -> None:
        self._source = source
        self._asks: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._heard = time.monotonic()
        self._asked = threading.Event()  # the source, for the first time
        self._news, self._told = (
            False,
            0.0,
        )  # whether something was learned that the page was not told of, and when it was
        self._feed: LogFeed | None = None  # of the job whose log the page shows
        super().__init__()
        self.on_msg(lambda _widget, content, _buffers: self.receive(content))
        pump.register(self.comm, self.receive)
        self._thread = threading.Thread(
            target=copy_context().run, args=(self._work,), name="nbprocess-browser", daemon=True
        )
        self._thread.start()

    def receive(self, content: Any) -> None:
        """Take one message of the page; it is answered by the thread."""
        if isinstance(content, dict):
            self._heard = time.monotonic()
            self._asks.put(content)

    def close(self) -> None:
        """Take the widget away and end its thread."""
        self._asks.put(None)
        super().close()

    def _ipython_display_(self, **_: Any) -> None:
        """The newest jobs as a table, and the widget, which takes its place where there is one.

        A saved notebook has both: opened without its kernel it shows the table, and no model that is not found.
        """
        from IPython.display import display

        represented: Any = super()._repr_mimebundle_()
        data, metadata = represented if isinstance(represented, tuple) else (represented, {})
        self._asked.wait(FIRST_SECONDS)
        listing = table(self._source.page(Query(), 0, 20).rows)._repr_mimebundle_()
        if beside.pages_have_siblings():
            asof = f"As of {words.clock(time.time())}; %processing_jobs shows how they are now."
            note = element("p", asof, style=MUTED)
            display({**listing, "text/html": beside.saved(listing["text/html"] + note)}, raw=True)  # type: ignore[no-untyped-call]
            listing = {"text/plain": ""}
        display({**listing, VIEW: data[VIEW]}, metadata=metadata, raw=True)  # type: ignore[no-untyped-call]

    def _work(self) -> None:
        refreshed, unknown = 0.0, True
        while True:
            awake = time.monotonic() - self._heard < ASLEEP_SECONDS
            if not refreshed or (awake and time.monotonic() - refreshed >= REFRESH_SECONDS):
                self._refresh()
                self._asked.set()
                refreshed, unknown = time.monotonic(), True
            pause = LOG_SECONDS if self._follow(awake) else REFRESH_SECONDS
            if unknown and awake and self._asks.empty():
                unknown = self._learn()
                pause = LEARN_SECONDS if unknown else pause
            try:
                content = self._asks.get(timeout=pause)
            except queue.Empty:
                continue
            if content is None:
                return
            try:
                self._answer(content)
            except Exception as error:  # the page shows it; the browser goes on
                self.send({"type": "error", "text": _message(error), "name": str(content.get("name", ""))})

    def _follow(self, awake: bool) -> bool:
        """Send what is new in the log that is looked at; whether there may be more soon."""
        feed = self._feed
        if feed is None or not awake:
            return False
        try:
            ended = feed.job.state().terminal  # before the lines: the last ones of a job that ends now are still sent
            if not ended and (job := self._source.job(feed.job.name)) is not feed.job:
                feed = self._feed = LogFeed(job)  # the source had let go of it
            more = True
            while more and self._asks.empty():
                messages, more = feed.changes()
                for message in messages:
                    self._send_log(feed, message)
        except Exception as error:  # the job was deleted, no network: said once in the page
            self._feed = None
            self.send({"type": "error", "text": _message(error), "name": feed.job.name})
            return False
        return more or not ended

    def _send_log(self, feed: LogFeed, message: Message, data: bytes | None = None) -> None:
        wrapped = {"type": "log", "name": feed.job.name, "message": message}
        self.send(wrapped, buffers=None if data is None else [data])

    def _answer_log(self, name: str, content: Any) -> None:
        if self._feed is None or self._feed.job.name != name:
            self._feed = LogFeed(self._source.job(name))
        feed = self._feed
        if isinstance(content, dict) and content.get("type") == "file":
            for part, data in feed.parts():
                self._send_log(feed, part, data)
        elif answer := feed.answer(content):
            self._send_log(feed, answer)

    def _learn(self) -> bool:
        """Whether there is more to look up."""
        try:
            learned, more = self._source.learn(LEARN_SECONDS)
        except Exception:  # refused, no network: the next look tries again
            return False
        self._news = self._news or learned
        if self._news and (not more or time.monotonic() - self._told > LOG_SECONDS):
            self._news, self._told = False, time.monotonic()
            self.send({"type": "changed"})
        return more

    def _refresh(self) -> None:
        try:
            if self._source.refresh():
                self.send({"type": "changed"})
        except Exception as error:  # no network, expired credentials: said in the page, tried again later
            self.send({"type": "error", "text": _message(error), "name": ""})

    def _answer(self, content: dict[str, Any]) -> None:
        kind, name = content.get("type"), str(content.get("name", ""))
        if kind == "jobs":
            self._send_page(Query.from_page(content.get("query")), content.get("start"), content.get("stop"))
        elif kind == "refresh":
            self._refresh()
        elif kind == "details":
            state = self._source.find(name)
            self.send(
                {
                    "type": "details",
                    "name": name,
                    "state": None if state is None else snapshot(state),
                    "sections": [asdict(section) for section in self._source.details(name)],
                    "actions": dict(self._source.actions(name)),
                }
            )
        elif kind == "preview":
            place = {"name": name, "output": str(content.get("output")), "path": str(content.get("path"))}
            try:
                section = self._source.preview(**place)
            except Exception as error:  # deleted, refused, unreadable: said where the file would stand
                section = Section("", "text", _message(error))
            self.send({"type": "preview", **place, "section": asdict(section)})
        elif kind == "log":
            self._answer_log(name, content.get("content"))
        elif kind == "act":
            action = str(content.get("action", ""))
            text = self._source.act(action, name)
            self.send({"type": "done", "action": action, "name": name, "text": text})
            self._refresh()
            self.send({"type": "changed"})

    def _send_page(self, query: Query, start: Any, stop: Any) -> None:
        first = start if isinstance(start, int) and start >= 0 else 0
        last = stop if isinstance(stop, int) else first + ROWS
        page = self._source.page(query, first, max(0, min(ROWS, last - first)))
        self.send(
            {
                "type": "jobs",
                "query": query.to_page(),
                "start": page.start,
                "rows": [row(state) for state in page.rows],
                "total": page.total,
                "complete": page.complete,
                "totals": asdict(self._source.totals()),
                "choices": {field: list(values) for field, values in self._source.choices().items()},
            }
        )


def row(state: JobState) -> list[Any]:
    """``[name, tone, word, backend, machine, notebook, created, ended, cost, headline]`` for one line of the list."""
    return [
        state.name,
        words.status_tone(state),
        words.status_word(state),
        state.backend,
        words.machine(replace(state, region="")) if state.instance_type else "",
        state.notebook,
        state.created,
        state.ended,
        "" if state.cost is None else words.money(state.cost),
        state.headline,
    ]


def _message(error: Exception) -> str:
    return str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error) or type(error).__name__
