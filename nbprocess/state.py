"""What can be seen of a job: plain, frozen values that every front end (widget, browser, server, CLI) renders.

May import: the standard library only. ``Job`` produces these; views never look at anything else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Status = Literal["InProgress", "Completed", "Failed", "Stopping", "Stopped"]
"""AWS's own words: DescribeProcessingJob, ``ProcessingJobStatus``."""

TERMINAL: frozenset[str] = frozenset({"Completed", "Failed", "Stopped"})

Phase = Literal["packing", "uploading", "waiting", "starting", "running", "saving", "loading", "done"]
PHASES: tuple[Phase, ...] = ("packing", "uploading", "waiting", "starting", "running", "saving", "loading", "done")


@dataclass(frozen=True)
class PhaseTime:
    """One phase with its start and end (POSIX seconds; ``end`` is None while it lasts)."""

    phase: Phase
    start: float
    end: float | None = None


@dataclass(frozen=True)
class Progress:
    """What tqdm or ``nbprocess.progress()`` in the cell last said."""

    n: float
    total: float | None = None
    desc: str = ""
    unit: str = "it"
    rate: float | None = None


@dataclass(frozen=True)
class Transfer:
    """A transfer under way: ``sent`` of ``total`` bytes, ``rate`` in bytes per second."""

    direction: Literal["up", "down"]
    sent: int
    total: int
    rate: float | None = None
    what: str = ""


@dataclass(frozen=True)
class Usage:
    """One sample of the instance. ``cpu`` and ``gpu`` in percent of one core or device, the rest in bytes."""

    time: float
    cpu: float | None = None
    memory: int | None = None
    memory_total: int | None = None
    disk: int | None = None
    gpu: float | None = None
    gpu_memory: int | None = None
    host: str = "algo-1"


VariableStatus = Literal["loaded", "updated", "unchanged", "deleted", "lazy", "kept", "failed", "saved"]


@dataclass(frozen=True)
class Variable:
    """One name of the cell's results.

    ``status``: ``loaded`` (bound), ``updated`` (changed in place), ``unchanged``, ``deleted``, ``lazy`` (in the store,
    fetched when it is read), ``kept`` (the name was rebound here meanwhile: the remote value is in ``job.values``),
    ``failed`` (could not come back; ``reason`` says why), ``saved`` (in the store, not yet loaded).
    """

    name: str
    status: VariableStatus
    type: str = ""
    shape: str = ""
    size: int = 0
    reason: str = ""


@dataclass(frozen=True)
class LogEvent:
    """One line of the log. ``index`` counts from 0 within the job and never changes."""

    index: int
    time: float
    text: str
    stream: Literal["stdout", "stderr"] = "stdout"
    host: str = "algo-1"


@dataclass(frozen=True)
class JobState:
    """Everything that a view shows of a job at one moment. Times are POSIX seconds, sizes bytes, costs USD."""

    name: str
    backend: str
    status: Status
    phase: Phase
    created: float
    phases: tuple[PhaseTime, ...] = ()
    started: float | None = None
    ended: float | None = None
    instance_type: str = ""
    instance_count: int = 1
    region: str = ""
    image: str = ""
    timeout: int | None = None
    price_per_hour: float | None = None
    cost: float | None = None
    cost_max: float | None = None
    price_note: str = ""
    progress: Progress | None = None
    transfer: Transfer | None = None
    usage: tuple[Usage, ...] = ()
    hosts: tuple[str, ...] = ("algo-1",)
    headline: str = ""
    """One line in plain words: what happens now, or how it ended."""
    failure: str = ""
    """The reason of a failure in plain words, with the way out; empty otherwise."""
    stop_requested: bool = False
    variables: tuple[Variable, ...] = ()
    notices: tuple[str, ...] = ()
    peak_memory: int | None = None
    links: Mapping[str, str] = field(default_factory=dict)
    """Title → URL or path: console, log group, outputs, the job's folder."""
    notebook: str = ""
    cell_id: str = ""
    log_lines: int = 0
    """How many log events there are so far."""

    @property
    def terminal(self) -> bool:
        """Whether the job ended (its results may still be loading: see ``phase``)."""
        return self.status in TERMINAL

    def elapsed(self, now: float) -> float:
        """Seconds from creation to the end, or to ``now`` while the job lasts."""
        return (self.ended if self.ended is not None else now) - self.created


class JobLike(Protocol):
    """The part of ``nbprocess.job.Job`` that views use; a test may bring a fake of it."""

    name: str

    def state(self) -> JobState:
        """The current state. Cheap: reads memory, never the network."""

    def log(self, start: int = 0, stop: int | None = None) -> Sequence[LogEvent]:
        """Log events ``start`` to ``stop`` (all that are known when None), from memory or from the store."""

    def subscribe(self, callback: Callable[[], Any]) -> Callable[[], None]:
        """Call ``callback()`` (from any thread) after a change. Returns a function that ends it."""

    def stop(self) -> None:
        """Ask the backend to stop the job. Returns at once; idempotent."""

    def describe(self) -> Mapping[str, Any]:
        """The DescribeProcessingJob response."""
