"""How many jobs run at once: a slot is a locked file; those that wait stand in a queue, first come, first served.

May import: ``libc``, the standard library.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
from collections.abc import Callable

from . import libc


def limit() -> int:
    """``$NBPROCESS_LOCAL_SLOTS``, or the number of processors, at least 2."""
    given = os.environ.get("NBPROCESS_LOCAL_SLOTS", "")
    return max(1, int(given)) if given.isdigit() else max(2, os.cpu_count() or 1)


class Slot:
    """One place among ``count`` in ``folder``; ``order`` (any sortable text) says who came first."""

    def __init__(self, folder: str, count: int, order: str) -> None:
        self._folder, self._count, self._order = folder, count, order
        self._held: int | None = None

    def wait(self, control: int, stop: Callable[[], bool]) -> bool:
        """Wait for a slot; False when ``stop()`` was asked for meanwhile (``control`` becomes readable then)."""
        queue = self._folder + "/queue"
        os.makedirs(queue, mode=0o700, exist_ok=True)
        if not os.listdir(queue) and self._try():
            return True
        path = f"{queue}/{self._order}"
        ticket = os.open(f"{self._folder}/{self._order}.new", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(ticket, fcntl.LOCK_EX)
        # Only now in the queue: a ticket without a lock is taken for that of a process that was killed.
        os.rename(f"{self._folder}/{self._order}.new", path)
        poll = select.poll()
        poll.register(control, select.POLLIN)
        changes = -1
        try:
            with contextlib.suppress(OSError):  # without inotify the timeout alone wakes us
                changes = libc.inotify()
                libc.inotify_watch(changes, self._folder, libc.IN_MODIFY)
                poll.register(changes, select.POLLIN)
            while True:
                if stop():
                    return False
                if self._first(queue) and self._try():
                    return True
                # A holder that was killed frees its slot without a word, hence the timeout.
                if any(fd == changes for fd, _ in poll.poll(1000)):
                    os.read(changes, 65536)
        finally:
            os.unlink(path)
            os.close(ticket)
            self._announce()
            if changes >= 0:
                os.close(changes)

    def release(self) -> None:
        """Give the slot to the next."""
        if self._held is not None:
            os.close(self._held)
            self._held = None
            self._announce()

    def _announce(self) -> None:
        with open(self._folder + "/changed", "wb") as file:
            file.write(b"1")

    def _try(self) -> bool:
        for index in range(self._count):
            descriptor = os.open(f"{self._folder}/{index}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                continue
            self._held = descriptor
            return True
        return False

    def _first(self, queue: str) -> bool:
        for name in sorted(os.listdir(queue)):
            if name == self._order:
                return True
            try:
                other = os.open(f"{queue}/{name}", os.O_RDWR | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            try:
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False  # somebody who came earlier still waits
            finally:
                os.close(other)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{queue}/{name}")  # its owner was killed
        return True
