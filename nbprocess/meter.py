"""How far a transfer is: bytes, rate and what is being moved, said a few times a second. May import: ``state``."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Literal, TypeVar

from .state import Transfer

T = TypeVar("T")

EVERY = 0.2
"""Seconds between two reports."""

_RECENT = 5.0  # seconds over which the rate is taken


class Meter:
    """Counts a transfer of ``total`` bytes; ``note`` is the ``progress`` of a BlobWriter or BlobReader.

    Args:
        direction: ``up`` or ``down``.
        total: bytes in all.
        report: called with the state, from whatever thread moves the bytes; None when it is over.
    """

    def __init__(self, direction: Literal["up", "down"], total: int, report: Callable[[Transfer | None], None]) -> None:
        self._direction: Literal["up", "down"] = direction
        self._total, self._report = total, report
        self._lock = threading.Lock()
        self._done, self._what, self._said = 0, "", time.monotonic()
        self._spoke = False
        self._marks = [(time.monotonic(), 0)]

    def note(self, done: int, total: int, what: str) -> None:
        """``done`` bytes are through; the last belonged to ``what``."""
        now = time.monotonic()
        with self._lock:
            self._done, self._what = max(done, self._done), what or self._what
            self._marks.append((now, self._done))
            while len(self._marks) > 2 and now - self._marks[1][0] > _RECENT:
                del self._marks[0]
            due = now - self._said >= EVERY
            if due:
                self._said, self._spoke = now, True
        if due:
            self._report(self.transfer())

    def transfer(self) -> Transfer:
        """The state now."""
        with self._lock:
            (start, before), (_, after) = self._marks[0], self._marks[-1]
            seconds = time.monotonic() - start
            rate = (after - before) / seconds if after > before and seconds > 0 else None
            return Transfer(self._direction, self._done, max(self._total, self._done), rate, self._what)

    @property
    def seconds_left(self) -> float | None:
        """Until it is through, at the present rate; None when that is not known."""
        state = self.transfer()
        return (state.total - state.sent) / state.rate if state.rate else None

    def over(self) -> None:
        """It is through, or was given up."""
        if self._spoke:
            self._report(None)


def beside(work: Callable[[], T], tick: Callable[[], None]) -> T:
    """Do ``work`` in another thread and call ``tick()`` in this one meanwhile, so that it can be interrupted.

    An interrupt is raised at once, while ``work`` goes on until what it uses is closed.
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="nbprocess-sending")
    try:
        task: Future[T] = pool.submit(work)
        over = threading.Event()
        task.add_done_callback(lambda _: over.set())
        while not over.wait(EVERY):
            tick()
        return task.result()
    finally:
        pool.shutdown(wait=False)
