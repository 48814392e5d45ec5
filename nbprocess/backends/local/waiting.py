"""Waiting for a change in a job's folder without polling.

May import: ``libc``, the standard library.
"""

from __future__ import annotations

import os
import select
import threading
import time

from . import libc

_MASK = libc.IN_MODIFY | libc.IN_MOVED_TO | libc.IN_CREATE | libc.IN_DELETE_SELF


class _Watch:
    """An open inotify descriptor, closed with its thread."""

    def __init__(self, folder: str) -> None:
        self.fd = libc.inotify(folder, _MASK)

    def __del__(self) -> None:
        if hasattr(self, "fd"):
            os.close(self.fd)


class Waiter:
    """One per backend. Each thread has its own watch per folder, kept between calls so that no change is missed."""

    def __init__(self) -> None:
        self._local = threading.local()

    def wait(self, folder: str, timeout: float) -> None:
        """Return when something changed in ``folder`` since this thread's last call, or after ``timeout`` seconds."""
        watches: dict[str, _Watch] = self._local.__dict__.setdefault("watches", {})
        watch = watches.get(folder)
        if watch is None:
            try:
                watches[folder] = _Watch(folder)
            except OSError:
                self._poll(folder, timeout)
            while len(watches) > 16:
                del watches[next(iter(watches))]
            return  # what changed before the watch stood is not known
        if select.select([watch.fd], [], [], max(0.0, timeout))[0]:
            try:
                while os.read(watch.fd, 65536):
                    pass
            except BlockingIOError:
                pass  # all is read

    def forget(self, folder: str) -> None:
        """Close this thread's watch of a job that has ended."""
        self._local.__dict__.get("watches", {}).pop(folder, None)

    def _poll(self, folder: str, timeout: float) -> None:
        """Without inotify: look with a growing pause."""
        deadline, pause, before = time.monotonic() + timeout, 0.002, _state(folder)
        while time.monotonic() < deadline and _state(folder) == before:
            time.sleep(min(pause, max(0.0, deadline - time.monotonic())))
            pause = min(0.1, pause * 1.5)


def _state(folder: str) -> tuple[tuple[int, int], ...]:
    facts = []
    for name in ("describe.json", "log.jsonl"):
        try:
            found = os.stat(f"{folder}/{name}")
            facts.append((found.st_mtime_ns, found.st_size))
        except OSError:
            facts.append((0, 0))
    return tuple(facts)
