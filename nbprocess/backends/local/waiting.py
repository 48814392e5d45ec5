"""Waiting for a change in a job's folder without polling.

May import: ``libc``, the standard library.
"""

from __future__ import annotations

import os
import select
import struct
import threading
import time

from . import libc

_MASK = libc.IN_MODIFY | libc.IN_MOVED_TO | libc.IN_CREATE | libc.IN_DELETE_SELF
_EVENT = struct.Struct("iIII")  # watch, mask, cookie, length of the name that follows: inotify(7)


class _Watches:
    """One inotify descriptor with a watch per folder; closing a descriptor takes the kernel milliseconds."""

    def __init__(self) -> None:
        self._fd = libc.inotify()
        self._numbers: dict[str, int] = {}
        self._changed: set[int] = set()

    def __del__(self) -> None:
        if hasattr(self, "_fd"):
            os.close(self._fd)

    def add(self, folder: str) -> bool:
        """False when the folder was watched already. Raises OSError when it cannot be."""
        if folder in self._numbers:
            return False
        self._numbers[folder] = libc.inotify_watch(self._fd, folder, _MASK)
        while len(self._numbers) > 64:
            self.forget(next(iter(self._numbers)))
        return True

    def forget(self, folder: str) -> None:
        number = self._numbers.pop(folder, None)
        if number is not None:
            self._changed.discard(number)
            libc.inotify_forget(self._fd, number)

    def wait(self, folder: str, timeout: float) -> None:
        number, deadline = self._numbers[folder], time.monotonic() + timeout
        while number not in self._changed:
            if not select.select([self._fd], [], [], max(0.0, deadline - time.monotonic()))[0]:
                return
            self._read()
        self._read()
        self._changed.discard(number)

    def _read(self) -> None:
        """Note which folders have changed: another one is waited for later."""
        try:
            while data := os.read(self._fd, 65536):
                at = 0
                while at < len(data):
                    number, mask, _, length = _EVENT.unpack_from(data, at)
                    self._changed.add(number)
                    if mask & libc.IN_IGNORED:  # the folder is gone; one of the same name is another
                        self._numbers = {folder: n for folder, n in self._numbers.items() if n != number}
                    at += _EVENT.size + length
        except BlockingIOError:
            pass  # all is read


class Waiter:
    """One per backend. Each thread has its own watches, kept between calls so that no change is missed."""

    def __init__(self) -> None:
        self._local = threading.local()

    def wait(self, folder: str, timeout: float) -> None:
        """Return when something changed in ``folder`` since this thread's last call, or after ``timeout`` seconds."""
        try:
            watches = self._watches()
            if watches.add(folder):
                return  # what changed before the watch stood is not known
        except OSError:
            self._poll(folder, timeout)
            return
        watches.wait(folder, timeout)

    def forget(self, folder: str) -> None:
        """End this thread's watch of a job that has ended."""
        watches = self._local.__dict__.get("watches")
        if watches is not None:
            watches.forget(folder)

    def _watches(self) -> _Watches:
        found: _Watches | None = self._local.__dict__.get("watches")
        if found is None:
            found = self._local.watches = _Watches()
        return found

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
