"""ONE thread that polls for all jobs of this kernel which nobody waits for in the foreground.

May import: the standard library. It knows a job only by ``refresh()``, ``name`` and ``poll_seconds``.
"""

from __future__ import annotations

import contextvars
import random
import threading
import time
from typing import Protocol

_JITTER = random.Random()
"""Not the module's own generator: its numbers are the notebook's."""


class Watched(Protocol):
    """What the watcher needs of a job."""

    name: str
    poll_seconds: tuple[float, float]

    def refresh(self) -> bool:
        """Look once; True when something changed. Must not raise for a fault that may pass."""

    def finished(self) -> bool:
        """Nothing more will change."""

    def driven(self) -> bool:
        """Somebody waits for the job in the foreground and refreshes it meanwhile."""


class Watcher:
    """Polls each job with a delay that grows while nothing changes, with jitter, so that calls do not bunch up."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._jobs: dict[int, tuple[Watched, float, float]] = {}
        self._thread: threading.Thread | None = None

    def add(self, job: Watched) -> None:
        """Watch the job until it is finished."""
        with self._lock:
            self._jobs[id(job)] = (job, job.poll_seconds[0], time.monotonic())
            if self._thread is None or not self._thread.is_alive():
                # ipykernel 7 routes output by context variables: a copy keeps the launching cell's.
                self._thread = threading.Thread(
                    target=contextvars.copy_context().run, args=(self._run,), name="nbprocess-watcher", daemon=True
                )
                self._thread.start()
            self._lock.notify()

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._jobs:
                    self._lock.wait(timeout=60)
                    if not self._jobs:
                        self._thread = None
                        return
                now = time.monotonic()
                due = [key for key, (_, _, at) in self._jobs.items() if at <= now]
                if not due:
                    self._lock.wait(timeout=max(0.01, min(at for _, _, at in self._jobs.values()) - now))
                    continue
            for key in due:
                job, delay, _ = self._jobs[key]
                low, high = job.poll_seconds
                delay = low if not job.driven() and job.refresh() else min(high, delay * 1.5)
                with self._lock:
                    if job.finished():
                        self._jobs.pop(key, None)
                    else:
                        self._jobs[key] = (job, delay, time.monotonic() + delay * _JITTER.uniform(0.8, 1.2))


WATCHER = Watcher()
"""The watcher of this process."""
