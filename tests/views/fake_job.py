"""A job that does what a test says: the tiny named fake that the views are tested with. Also used inside notebooks."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from nbprocess.state import (
    PHASES,
    JobState,
    LogEvent,
    Phase,
    PhaseTime,
    Progress,
    Status,
    Usage,
    Variable,
)

NAME = "nbprocess-flights-20261121-0110"


class FakeJob:
    """In memory, thread-safe, with every method of ``JobLike``."""

    def __init__(self, name: str = NAME, **changes: Any) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._events: list[LogEvent] = []
        self._callbacks: list[Callable[[], Any]] = []
        self.stops = 0
        self.on_stop: Callable[[], None] | None = None
        self.done = threading.Event()
        now = time.time()
        self._state = replace(
            JobState(
                name=name,
                backend="sagemaker",
                status="InProgress",
                phase="packing",
                created=now,
                phases=(PhaseTime("packing", now),),
                instance_type="ml.g4dn.xlarge",
                region="eu-west-1",
                timeout=3600,
                price_per_hour=0.74,
                cost=0.0,
                cost_max=0.74,
                price_note="on-demand price of 2026-11-01",
                headline="Packing flights, train and evaluate",
                links={"Console": "https://console.aws.amazon.com/sagemaker", "Outputs": "s3://bucket/jobs/x/out/"},
            ),
            **changes,
        )

    def state(self) -> JobState:
        with self._lock:
            return replace(self._state, log_lines=len(self._events))

    def log(self, start: int = 0, stop: int | None = None) -> Sequence[LogEvent]:
        return self._events[start:stop]

    def subscribe(self, callback: Callable[[], Any]) -> Callable[[], None]:
        self._callbacks.append(callback)

        def unsubscribe() -> None:
            with contextlib.suppress(ValueError):
                self._callbacks.remove(callback)

        return unsubscribe

    def stop(self) -> None:
        self.stops += 1
        self.change(stop_requested=True, status="Stopping", headline="Stopping: saving what is ready")
        if self.on_stop is not None:
            self.on_stop()

    def describe(self) -> Mapping[str, Any]:
        return {"ProcessingJobName": self.name, "ProcessingJobStatus": self._state.status}

    # what a test makes it do

    def change(self, **changes: Any) -> None:
        with self._lock:
            self._state = replace(self._state, **changes)
        self.tell()

    def tell(self) -> None:
        for callback in list(self._callbacks):
            callback()

    def write(self, *lines: str, stream: Any = "stdout", host: str = "algo-1") -> None:
        now = time.time()
        for text in lines:
            self._events.append(LogEvent(len(self._events), now, text, stream, host))
        self.tell()

    def enter(self, phase: Phase, headline: str = "", **changes: Any) -> None:
        """End the current phase and begin the next."""
        now = time.time()
        phases = tuple(replace(p, end=now) if p.end is None else p for p in self._state.phases)
        self.change(phase=phase, phases=(*phases, PhaseTime(phase, now)), headline=headline, **changes)

    def backdate(self, seconds: Mapping[Phase, float]) -> None:
        """As if the job had begun long ago: these phases took so long, the last of them still lasts."""
        moment = started = time.time() - sum(seconds.values())
        phases = []
        for phase, spent in seconds.items():
            phases.append(PhaseTime(phase, moment, moment + spent))
            moment += spent
        phases[-1] = replace(phases[-1], end=None)
        self.change(created=started, phases=tuple(phases), phase=phases[-1].phase)

    def measure(self, points: int = 60, gpu: bool = True, hosts: Sequence[str] = ("algo-1",)) -> None:
        """Plausible curves."""
        now = time.time()
        self.change(
            hosts=tuple(hosts),
            instance_count=len(hosts),
            usage=tuple(
                Usage(
                    now - 2 * (points - i),
                    cpu=190 + 120 * math.sin(i / 5 + shift),
                    memory=int((2 + 5 * i / points) * 2**30),
                    memory_total=16 * 2**30,
                    disk=int((3 + i / 30) * 2**30),
                    gpu=min(100.0, 60 + 38 * math.sin(i / 7 + shift)) if gpu else None,
                    host=host,
                )
                for i in range(points)
                for shift, host in enumerate(hosts)
            ),
        )

    def end(self, status: Status, headline: str, **changes: Any) -> None:
        """The job is over and its results are in."""
        now = time.time()
        phases = tuple(replace(p, end=now) if p.end is None else p for p in self._state.phases)
        self.change(status=status, phase="done", phases=phases, ended=now, headline=headline, transfer=None, **changes)
        self.done.set()


RESULTS = (
    Variable("model", "loaded", "GradientBoostingRegressor", "", 5_400_000),
    Variable("scores", "loaded", "DataFrame", "20 × 4", 1_912),
    Variable("flights", "updated", "DataFrame", "336,776 × 24", 74_000_000),
    Variable(
        "connection", "failed", "sqlite3.Connection", "", 0, "a sqlite3.Connection cannot be sent; close it in the cell"
    ),
)

TRACEBACK = """Traceback (most recent call last):
  File "Cell In[7]", line 4, in <module>
    model = train(flights, epochs=20)
  File "Cell In[3]", line 9, in train
    raise ValueError("learning rate must be > 0")
ValueError: learning rate must be > 0""".splitlines()

LOG = (
    "2026-11-21 01:10:02 INFO  loading 336,776 flights",
    "2026-11-21 01:10:03 DEBUG columns: year month day dep_time",
    "2026-11-21 01:10:04 WARNING 9,430 rows without arr_delay were dropped",
    "\x1b[32mepoch 1/20\x1b[0m loss \x1b[1m0.8812\x1b[0m",
    "\x1b[32mepoch 2/20\x1b[0m loss \x1b[1m0.7120\x1b[0m",
    "<script>window.hacked = 1</script> & <b>not bold</b>",
    "\x1b[32mepoch 3/20\x1b[0m loss \x1b[1m0.6034\x1b[0m",
)


def running(**changes: Any) -> FakeJob:
    """A job in the middle of its cell."""
    job = FakeJob(**changes)
    job.backdate({"packing": 0.4, "uploading": 6.2, "waiting": 84, "starting": 21, "running": 143})
    job.measure()
    job.write(*LOG)
    job.change(progress=Progress(9, 20, "epochs", "it", 0.06), cost=0.05, headline="Training in your cell, line 4")
    return job


def finish(job: FakeJob) -> None:
    job.enter("saving")
    job.enter("loading")
    job.end(
        "Completed",
        "model, scores and flights came back; connection did not",
        variables=RESULTS,
        peak_memory=7 * 2**30,
        cost=0.06,
    )


def fail(job: FakeJob) -> None:
    job.write(*TRACEBACK, stream="stderr")
    job.end(
        "Failed",
        "ValueError in line 4 of your cell",
        failure="ValueError: learning rate must be > 0\nEverything that was ready came back; see the traceback below.",
        variables=RESULTS[1:2],
        cost=0.06,
        peak_memory=5 * 2**30,
    )


def stopped(job: FakeJob) -> None:
    job.end("Stopped", "Stopped on request after 4:15; scores came back", variables=RESULTS[1:2], cost=0.05)


assert PHASES[-1] == "done"
