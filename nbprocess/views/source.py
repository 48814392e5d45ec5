"""Where the job browser gets its jobs: the protocol ``JobSource``, and ``ListedJobs`` over any list of ``JobLike``.

May import: ``nbprocess.state``, ``nbprocess.views.words``.
"""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Protocol

from nbprocess.state import JobLike, JobState
from nbprocess.views.words import money, number, status_word

DAY = 86_400.0
FRESH_SECONDS = 1.0  # a job that is looked at is brought up to date no more often
OPENED = 8  # jobs that are kept whole after somebody looked at them
FULL_SECONDS = 60.0  # how often everything is listed anew; between, only what is newer than KNOWN_ENOUGH known jobs
KNOWN_ENOUGH = 50


@dataclass(frozen=True)
class Query:
    """Which jobs, in which order. Empty fields do not filter; ``since`` is in seconds back from now."""

    search: str = ""
    status: str = ""
    backend: str = ""
    notebook: str = ""
    instance: str = ""
    since: float = 0.0
    sort: str = "created"
    descending: bool = True

    @classmethod
    def from_page(cls, value: Any) -> Query:
        """Read what a page sent; fields of another type than theirs are left out."""
        given = value if isinstance(value, dict) else {}
        known = {f.name: type(f.default) for f in fields(cls)}
        taken: dict[str, Any] = {}
        for name, kind in known.items():
            found = given.get(name)
            if kind is float and isinstance(found, int):
                found = float(found)
            if isinstance(found, kind):
                taken[name] = found
        if taken.get("sort") not in SORTS:
            taken.pop("sort", None)
        return cls(**taken)

    def to_page(self) -> dict[str, Any]:
        """The same as JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Page:
    """A stretch of what a query finds: ``rows`` from ``start`` of ``total``; ``complete`` once all jobs are known."""

    rows: Sequence[JobState]
    start: int
    total: int
    complete: bool = True


@dataclass(frozen=True)
class Totals:
    """Over all jobs. Costs in USD; ``notebooks`` gives the cost of each notebook's jobs.

    ``unpriced``: jobs of the last seven days whose machine, and so their cost, was not looked up yet.
    """

    jobs: int = 0
    running: int = 0
    today: float = 0.0
    week: float = 0.0
    notebooks: Mapping[str, float] | None = None
    unpriced: int = 0


@dataclass(frozen=True)
class Section:
    """One tab of the details: ``content`` is text, JSON text, rows of a table (first row: titles), an image's ``data:``
    URL, HTML, which the page shows in a frame without scripts, files (``[output, path, bytes]`` each, which ``preview``
    shows), or, of ``parts``, sections one below the other. ``note`` is a quiet line under it."""

    title: str
    kind: Literal["text", "code", "json", "table", "image", "html", "files", "parts"]
    content: Any
    note: str = ""


class JobSource(Protocol):
    """What the browser needs. All may be slow: they are called from a thread of the browser's own."""

    def refresh(self) -> bool:
        """Look again. True when something changed since the last time."""

    def learn(self, seconds: float) -> tuple[bool, bool]:
        """Look up, for about ``seconds``, what a listing does not tell of its jobs (machine, cost, notebook): those
        that a page shows first, then the newest. Whether something was learned, and whether there is more."""

    def page(self, query: Query, start: int, count: int) -> Page:
        """``count`` of the jobs that ``query`` finds, from ``start``."""

    def totals(self) -> Totals:
        """How many run, and what was spent."""

    def choices(self) -> Mapping[str, Sequence[str]]:
        """Field of ``Query`` → the values it can have here (``backend``, ``notebook``, ``instance``)."""

    def details(self, name: str) -> Sequence[Section]:
        """The tabs of one job, beside its state and its log."""

    def preview(self, name: str, output: str, path: str) -> Section:
        """What one of a job's files shows of itself. Raises with a clear message."""

    def job(self, name: str) -> JobLike:
        """The job itself, brought up to date; the same object from call to call while it is looked at."""

    def actions(self, name: str) -> Mapping[str, str]:
        """What can be done with a job now: action → label, in the order of the buttons."""

    def act(self, action: str, name: str) -> str:
        """Do it. Returns a line for the person, for ``copy`` the clipboard's text. Raises with a clear message."""

    def find(self, name: str) -> JobState | None:
        """The state of one job."""


SORTS: Mapping[str, Callable[[JobState], Any]] = {
    "created": lambda s: s.created,
    "name": lambda s: s.name,
    "status": status_word,
    "backend": lambda s: s.backend,
    "machine": lambda s: (machine(s), s.instance_count),
    "notebook": lambda s: s.notebook,
    "time": lambda s: s.elapsed(time.time()),
    "cost": lambda s: s.cost or 0.0,
}

Action = tuple["str | Callable[[JobLike], str]", Callable[[JobLike], bool], Callable[[JobLike], "str | None"]]
"""Label, or what makes it for a job; whether it is offered for a job; and what it does (its text is shown)."""


class ListedJobs:
    """A source over a listing function, such as ``nbprocess.api.iter_jobs``; filters and sorts in memory.

    Args:
        listing: gives all jobs, newest first; called again by each ``refresh``, but read to its end only now and
            then, so it should be lazy and make jobs from a listing's summaries, without a call for each.
        actions: action → ``Action``; the well-known ones are ``load``, ``attach``, ``stop``, ``rerun``, ``bigger``,
            ``copy`` (its text goes to the clipboard) and ``delete`` (the page asks once more).
        sections: further tabs of a job beside request and log, such as its code, outputs or metrics.
        opened: makes a listed job whole when somebody looks at it, and (given the whole one, the second argument)
            brings that one up to date.
        previews: what a file, by its output and path, shows of itself.
        described: gives a listed job with its machine, cost and notebook, where a listing has no more than its status;
            one call each, so ``learn`` makes them little by little.
    """

    def __init__(
        self,
        listing: Callable[[], Iterable[JobLike]],
        *,
        actions: Mapping[str, Action] | None = None,
        sections: Callable[[JobLike], Iterable[Section]] = lambda job: (),
        opened: Callable[[JobLike, JobLike | None], JobLike] = lambda listed, whole: listed,
        previews: Callable[[JobLike, str, str], Section] | None = None,
        described: Callable[[JobLike], JobLike] | None = None,
    ) -> None:
        self._listing = listing
        self._actions = dict(actions or {})
        self._sections = sections
        self._open = opened
        self._previews = previews
        self._describe = described
        self._described: dict[str, JobLike] = {}
        self._looked_at: list[str] = []  # of the page that was shown last
        self._opened: OrderedDict[str, tuple[JobLike, float]] = OrderedDict()
        self._lock = threading.Lock()
        self._jobs: dict[str, JobLike] = {}
        self._states: list[JobState] = []
        self._complete = False
        self._full_at = 0.0
        self._found: tuple[Query, list[JobState]] | None = None

    def refresh(self) -> bool:
        full = not self._complete or time.monotonic() - self._full_at > FULL_SECONDS
        with self._lock:
            known = {state.name: state for state in self._states}
        jobs: dict[str, JobLike] = {}
        states: list[JobState] = []
        seen = 0
        for job in self._listing():
            state = self._state(job)
            jobs[job.name] = job
            states.append(state)
            seen = seen + 1 if state.terminal and known.get(job.name) == state else 0
            if not full and seen >= KNOWN_ENOUGH:
                break
            if not self._complete and len(states) % 500 == 0:  # show the newest while older ones are still listed
                self._take(dict(jobs), list(states), complete=False)
        if full:
            self._full_at = time.monotonic()
        else:
            jobs = {**self._jobs, **jobs}
            last = states[-1].created if states else 0.0
            newest = {s.name for s in states[-KNOWN_ENOUGH:]}
            states += [s for s in known.values() if s.created <= last and s.name not in newest]
        changed = not self._complete or states != self._states
        self._take(jobs, states, complete=True)
        return changed

    def _state(self, job: JobLike) -> JobState:
        """As the listing has it, or as it was described, where that is not older."""
        state, described = job.state(), self._described.get(job.name)
        if described is None:
            return state
        told = described.state()
        if told.status == state.status:
            return told
        del self._described[job.name]  # it ended since
        return state

    def learn(self, seconds: float) -> tuple[bool, bool]:
        if self._describe is None:
            return False, False
        until, learned = time.monotonic() + seconds, False
        with self._lock:
            places = {s.name: at for at, s in enumerate(self._states) if not s.instance_type}
        for name in [*filter(places.__contains__, self._looked_at), *places]:
            if name in self._described:
                continue
            if time.monotonic() > until:
                return learned, True
            self._described[name] = self._describe(self._jobs[name])
            with self._lock:
                self._states[places[name]] = self._described[name].state()
                self._found = None
            learned = True
        return learned, False

    def _take(self, jobs: dict[str, JobLike], states: list[JobState], *, complete: bool) -> None:
        with self._lock:
            self._jobs, self._states, self._complete, self._found = jobs, states, complete, None

    def page(self, query: Query, start: int, count: int) -> Page:
        with self._lock:
            if self._found is None or self._found[0] != query:
                self._found = (query, select(self._states, query, time.time()))
            found = self._found[1]
            rows = found[max(0, start) : start + count]
            if count > 1:  # a page asks for one row now and then, to say that somebody looks
                self._looked_at = [state.name for state in rows]
            return Page(rows, max(0, start), len(found), self._complete)

    def totals(self) -> Totals:
        with self._lock:
            return total(self._states, time.time())

    def choices(self) -> Mapping[str, Sequence[str]]:
        with self._lock:
            return {
                "backend": sorted({s.backend for s in self._states} - {""}),
                "notebook": sorted({s.notebook for s in self._states} - {""})[:500],
                "instance": sorted({machine(s) for s in self._states} - {""})[:500],
            }

    def find(self, name: str) -> JobState | None:
        return self.job(name).state() if name in self._jobs else None

    def details(self, name: str) -> Sequence[Section]:
        job = self.job(name)
        request = json.dumps(job.describe(), indent=2, default=str)
        return [*self._sections(job), Section("Description", "json", request)]

    def preview(self, name: str, output: str, path: str) -> Section:
        if self._previews is None:
            raise KeyError("Files cannot be looked at here.")
        return self._previews(self.job(name), output, path)

    def actions(self, name: str) -> Mapping[str, str]:
        job = self.job(name)
        labels = {key: (label(job) if callable(label) else label) for key, (label, _, _) in self._actions.items()}
        return {key: labels[key] for key, (_, offered, _) in self._actions.items() if offered(job)}

    def act(self, action: str, name: str) -> str:
        if action not in self._actions:
            raise KeyError(f"{action} is not possible here; there are: {', '.join(self._actions) or 'no actions'}.")
        label, _, do = self._actions[action]
        if name in self._opened:
            self._opened[name] = (self._opened[name][0], -FRESH_SECONDS)  # as it is now, not a moment ago
        job = self.job(name)
        said = do(job) or f"{label(job) if callable(label) else label}: {name}"
        if action == "delete":
            with self._lock:  # a short listing might not come to where it was
                self._states, self._found = [s for s in self._states if s.name != name], None
                self._jobs.pop(name, None)
        return said

    def job(self, name: str) -> JobLike:
        listed = self._jobs.get(name)
        if listed is None:
            self._opened.pop(name, None)
            raise KeyError(f"There is no job {name} any more. It was deleted, or the list is older than the job.")
        whole, at = self._opened.get(name, (None, 0.0))
        if whole is None or time.monotonic() - at > FRESH_SECONDS:
            whole = self._open(listed, whole)
            self._opened[name] = (whole, time.monotonic())
        self._opened.move_to_end(name)
        while len(self._opened) > OPENED:
            self._opened.popitem(last=False)
        return whole


def machine(state: JobState) -> str:
    """What a list is searched and sorted by: the type, or that it ran here, whatever type its request names."""
    return "this machine" if state.backend == "local" else state.instance_type


def select(states: Iterable[JobState], query: Query, now: float) -> list[JobState]:
    """The states that ``query`` finds, in its order (equal ones stay newest first)."""
    needle = query.search.casefold().split()
    found = [
        s
        for s in states
        if (not query.status or query.status in (s.status, status_word(s)))
        and (not query.backend or s.backend == query.backend)
        and (not query.notebook or s.notebook == query.notebook)
        and (not query.instance or machine(s) == query.instance)
        and (not query.since or now - s.created <= query.since)
        and (
            not needle or all(word in f"{s.name} {s.notebook} {machine(s)} {s.headline}".casefold() for word in needle)
        )
    ]
    found.sort(key=lambda s: s.created, reverse=True)
    if query.sort != "created" or not query.descending:
        found.sort(key=SORTS[query.sort], reverse=query.descending)
    return found


def summed(totals: Totals) -> str:
    """The totals as a line, as the page writes them."""
    parts = [
        f"{number(totals.running)} running",
        f"{money(totals.today)} today",
        f"{money(totals.week)} this week",
        f"{number(totals.jobs)} job{'' if totals.jobs == 1 else 's'}",
    ]
    return " · ".join([*parts, *([f"{number(totals.unpriced)} not priced yet"] if totals.unpriced else [])])


def total(states: Sequence[JobState], now: float) -> Totals:
    """Sums over ``states``. Today is the UTC day, a week the last seven days."""
    midnight = now - now % DAY
    notebooks: dict[str, float] = {}
    for s in states:
        if s.notebook and s.cost:
            notebooks[s.notebook] = notebooks.get(s.notebook, 0.0) + s.cost
    return Totals(
        len(states),
        sum(not s.terminal for s in states),
        sum(s.cost or 0.0 for s in states if s.created >= midnight),
        sum(s.cost or 0.0 for s in states if s.created >= now - 7 * DAY),
        notebooks,
        sum(not s.instance_type for s in states if s.created >= now - 7 * DAY),
    )
