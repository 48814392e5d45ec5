"""``Board``: what the REST answers, as plain functions that block. Knows nothing of HTTP.

May import: the job API (``nbprocess.api``, ``backends`` for listing), ``state``, ``errors``, ``options``, ``catalog``,
``views.logfeed`` and ``snapshot``.
"""

from __future__ import annotations

import dataclasses
import heapq
import itertools
import json
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import NbprocessError, OptionError
from ..state import JobState
from ..views.lines import Selection, detail
from ..views.logfeed import LogFeed
from ..views.snapshot import snapshot
from .displays import brief
from .files import list_files, read_range

if TYPE_CHECKING:
    from ..catalog import Price
    from ..job import Job

QUOTA_SECONDS = 600
CATCH_UP_SECONDS = 1.0
CATCH_UP_LINES = 5_000  # so many new lines in one look: there are more
SEARCH_SECONDS = 0.5  # of searching a log per answer; the page asks again
WORDS = ("word", "tone", "phases", "machine", "cost_words", "fraction", "doing", "variables", "attach")
"""What a page shows of a state as every view does."""
FEEDS = 8  # logs whose rows are kept; four bytes a row and search


class JobSource(Protocol):
    """Where the jobs come from."""

    def newest(self, limit: int) -> tuple[list[Job], list[str]]:
        """The newest jobs, refreshed, and what could not be asked, in plain words."""

    def find(self, name: str) -> Job:
        """The job of that name, refreshed. Raises JobNotFound."""

    def forget(self, name: str) -> None:
        """The job is gone."""


class KnownJobs:
    """The jobs of all backends. A job that was seen once is refreshed, not read anew: its log is pulled only once."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._looked: dict[str, float] = {}
        self._lock = threading.Lock()

    def newest(self, limit: int) -> tuple[list[Job], list[str]]:
        from .. import backends
        from ..errors import JobNotFound
        from ..plan import known_backends

        listings, problems = [], []
        for place in known_backends():
            try:
                found = list(itertools.islice(backends.get(place).jobs(), limit))
            except NbprocessError as error:  # one backend that is away does not hide the jobs of the other
                problems.append(f"{place}: {error}")
            else:
                listings.append([(place, summary) for summary in found])
        merged = heapq.merge(*listings, key=lambda pair: pair[1]["CreationTime"], reverse=True)
        jobs = []
        for place, summary in itertools.islice(merged, limit):
            try:
                jobs.append(self.find(summary["ProcessingJobName"], place))
            except JobNotFound:  # deleted since the listing
                continue
        return jobs, problems

    def find(self, name: str, backend: str | None = None) -> Job:
        from ..api import attach

        with self._lock:
            job = self._jobs.get(name)
        if job is None:
            job = attach(name, backend)  # looks once
            with self._lock:
                job = self._jobs.setdefault(name, job)
            due = job.state().log_lines >= CATCH_UP_LINES
        else:
            due = self._due(job)
        if due and not job.finished():
            _look(job)
        return job

    def _due(self, job: Job) -> bool:
        """Whether to ask the backend again: a page that scrolls a log asks often, and an account's calls are few."""
        with self._lock:
            now = time.monotonic()
            if now - self._looked.get(job.name, -math.inf) < job.poll_seconds[0]:
                return False
            self._looked[job.name] = now
            return True

    def forget(self, name: str) -> None:
        with self._lock:
            self._jobs.pop(name, None)
            self._looked.pop(name, None)


def _look(job: Job) -> None:
    """Refresh; again and again, for a second, while the log has much that was not read yet, as after a restart."""
    until = time.monotonic() + CATCH_UP_SECONDS
    while True:
        before = job.state().log_lines
        job.refresh()
        if job.finished() or job.state().log_lines - before < CATCH_UP_LINES or time.monotonic() > until:
            return


class Board:
    """Answers of the REST. All methods block and may be called from any thread.

    Args:
        max_jobs, max_log_lines: most entries in one answer.
        max_read: most bytes in one answer.
        max_events: most characters of a job's prints, and eight times as many of its displays; the log has all prints.
        list_seconds: for how long one listing answers all who ask.
    """

    def __init__(
        self,
        source: JobSource,
        *,
        max_jobs: int = 200,
        max_log_lines: int = 5_000,
        max_read: int = 8 * 2**20,
        max_events: int = 2 * 2**20,
        list_seconds: float = 2.0,
    ) -> None:
        self._source = source
        self._max_jobs, self._max_log_lines, self._max_read = max_jobs, max_log_lines, max_read
        self._max_events = max_events
        self._list_seconds = list_seconds
        self._listing = threading.Lock()  # many tabs that ask at once share one listing
        self._listed: tuple[float, list[Job], list[str]] | None = None
        self._asked_quotas: dict[str, tuple[float, Mapping[str, float]]] = {}
        self._feeds: OrderedDict[str, LogFeed] = OrderedDict()
        self._feeding = threading.Lock()

    def jobs(self, limit: int | None = None, fresh: bool = False) -> dict[str, Any]:
        """The newest jobs with their totals; ``problems`` says which backend could not be asked.

        ``fresh``: a person asks, who knows of a job that was started a moment ago.
        """
        with self._listing:
            if fresh or self._listed is None or time.monotonic() - self._listed[0] > self._list_seconds:
                jobs, problems = self._source.newest(self._max_jobs)
                self._listed = (time.monotonic(), jobs, problems)
            _, jobs, problems = self._listed
        states = [job.state() for job in jobs]
        count = self._max_jobs if limit is None else max(0, min(limit, self._max_jobs))
        return {"jobs": [_row(s) for s in states[:count]], "totals": totals(states, time.time()), "problems": problems}

    def job(self, name: str) -> dict[str, Any]:
        """One job in full: state, code, events (prints and displays), outputs and description."""
        job = self._source.find(name)
        return {
            **_row(job.state(), usage=600),
            "code": job.code(),
            "options": job.source.options,
            "events": brief(job.events(), self._max_events),
            "outputs": job.outputs.uris(),
            "describe": json.loads(json.dumps(job.describe(), default=str)),
        }

    def log(self, name: str, cursor: int = 0, limit: int | None = None) -> dict[str, Any]:
        """Lines from ``cursor`` on; ``cursor`` in the answer is where to go on, ``complete`` that nothing follows."""
        job = self._source.find(name)
        count = self._max_log_lines if limit is None else max(1, min(limit, self._max_log_lines))
        events = list(job.log(cursor, cursor + count))
        state = job.state()
        after = events[-1].index + 1 if events else cursor
        return {
            "lines": [dataclasses.asdict(event) for event in events],
            "cursor": after,
            "total": state.log_lines,
            "complete": job.finished() and after >= state.log_lines,
        }

    def rows(self, name: str, selection: Selection, start: int | None, stop: int | None) -> dict[str, Any]:
        """What a log pane shows (``views.logfeed``): rows of a search, tracebacks folded where there is none.

        Without ``stop``: the last rows, from ``start`` on. ``complete``: all was looked at and nothing follows.
        """
        job = self._source.find(name)
        over = job.finished()  # before the look at the log: what it finds then is all
        found = self._feed(job).rows(selection, start, stop, SEARCH_SECONDS)
        return {**found, "complete": over and found["scanned"] >= found["lines"]}

    def line(self, name: str, index: int) -> dict[str, Any]:
        """One line in full, or the traceback that begins there."""
        return {"type": "detail", "index": index, "text": detail(self._source.find(name), index)[: self._max_read]}

    def text(self, name: str) -> Iterator[bytes]:
        """The whole log, part by part."""
        feed = LogFeed(self._source.find(name))
        return (part for _, part in feed.parts())

    def _feed(self, job: Job) -> LogFeed:
        with self._feeding:
            feed = self._feeds.get(job.name)
            if feed is None or feed.job is not job:
                feed = self._feeds[job.name] = LogFeed(job)
            self._feeds.move_to_end(job.name)
            while len(self._feeds) > FEEDS:
                self._feeds.popitem(last=False)
            return feed

    def stop(self, name: str) -> dict[str, Any]:
        """Ask the backend to stop the job; its state at once."""
        job = self._source.find(name)
        job.stop()
        self._changed()
        return _row(job.state())

    def delete(self, name: str) -> None:
        """Delete an ended job and its results. Raises BackendError while it runs."""
        self._source.find(name).delete()
        self._source.forget(name)
        with self._feeding:
            self._feeds.pop(name, None)
        self._changed()

    def rerun(self, name: str) -> dict[str, Any]:
        """Start the same bundle again under a new name, without a kernel."""
        from ..rerun import rerun

        fresh = rerun(self._source.find(name))
        self._changed()
        return _row(self._source.find(fresh).state())

    def files(self, name: str, output: str) -> dict[str, Any]:
        """The files of one of the job's own outputs."""
        return list_files(self._source.find(name), output)

    def read(self, name: str, output: str, key: str, start: int, size: int) -> tuple[bytes, int]:
        """Bytes of a file of an output and the file's whole size."""
        return read_range(self._source.find(name), output, key, start, min(size, self._max_read))

    def catalogue(self, backend: str = "") -> dict[str, Any]:
        """Instance types and GPUs as ``backend`` (empty: the configured one) has them.

        ``memory`` in bytes, ``price`` in USD per hour in the backend's region, ``quota``: how many may run at once in
        this account; price and quota are None where they are not known, ``problem`` says why.
        """
        from .. import backends
        from ..catalog import find, gpu_names, instance_names, price
        from ..plan import default_backend

        place, region, problem = backends.get(backend or default_backend()), "", ""
        quotas: Mapping[str, float] = {}
        listed: Mapping[str, Price] = {}
        try:
            region = str(getattr(place, "region", ""))
            listed = place.prices() if hasattr(place, "prices") else {}
            quotas = self._quotas(place)
        except NbprocessError as error:  # no region, no credentials, no permission: with what could be had before
            problem = str(error)
        rows: list[dict[str, Any]] = []
        for kind in instance_names():
            found, cost = find(kind), listed.get(kind) or price(kind, region)
            rows.append({"name": kind, "price": cost.usd_per_hour if cost else None, "quota": quotas.get(kind)})
            if found:
                gpu = f"{found.gpus} × {found.gpu}" if found.gpus > 1 else found.gpu
                rows[-1] |= {"vcpus": found.vcpus, "memory": found.memory, "gpu": gpu}
            if cost:
                rows[-1]["as_of"] = str(cost.as_of)
        return {"instances": rows, "gpus": list(gpu_names()), "region": region, "problem": problem}

    def _quotas(self, place: Any) -> Mapping[str, float]:
        """What the backend tells of the account's quotas; kept, since asking takes AWS seconds."""
        ask = getattr(place, "quotas", None)
        if ask is None:
            return {}
        asked, known = self._asked_quotas.get(place.name, (0.0, {}))
        if not asked or time.monotonic() - asked > QUOTA_SECONDS:
            known = ask()
            self._asked_quotas[place.name] = (time.monotonic(), known)
        return known

    def options(self) -> dict[str, Any]:
        """The options of the magic with their help, and the configured defaults with where they stand."""
        from ..options import TABLE, configured, flag
        from ..plan import default_backend

        problem = ""
        try:
            settings = {key: {"value": value, "where": where} for key, (value, where) in configured().items()}
        except OptionError as error:  # a faulty file must not hide the options: the page shows what is wrong with it
            settings, problem = {}, str(error)
        rows = [
            {
                "name": name,
                "flag": flag(name),
                "help": row.help,
                "metavar": row.metavar,
                "choices": list(row.choices),
                "repeat": row.repeat,
            }
            for name, row in TABLE.items()
        ]
        return {"options": rows, "configured": settings, "default_backend": default_backend(), "problem": problem}

    def _changed(self) -> None:
        with self._listing:
            self._listed = None


def _row(state: JobState, usage: int = 1) -> dict[str, Any]:
    """A state as JSON, in words where views have them, with the last samples of its usage only."""
    plain = dataclasses.replace(state, usage=state.usage[-usage:], links=dict(state.links))
    shown = snapshot(plain)
    words = {key: shown[key] for key in WORDS}
    return {**dataclasses.asdict(plain), **words, "terminal": state.terminal, "elapsed": state.elapsed(time.time())}


def totals(states: list[JobState], now: float) -> Mapping[str, float]:
    """``running`` jobs, what they cost in USD ``per_hour``, and the cost ``today`` (UTC) of all jobs."""
    midnight = now - now % 86_400
    active = [s for s in states if not s.terminal]
    return {
        "running": len(active),
        "per_hour": sum((s.price_per_hour or 0.0) * s.instance_count for s in active),
        "today": sum(s.cost or 0.0 for s in states if s.created >= midnight),
    }
