"""The one thread that brings all views up to date.

A view asks for it (``request``); the thread calls its ``refresh`` in the context of the cell that made the view, so
that ipykernel 7 attributes messages to that cell, and at most every ``INTERVAL`` seconds, since Jupyter servers drop
messages above a rate. May import: the standard library.
"""

from __future__ import annotations

import logging
import threading
import time
import weakref
from contextvars import Context
from typing import Protocol

INTERVAL = 0.2
IDLE_SECONDS = 5.0  # the thread ends when nothing was asked of it for so long

log = logging.getLogger(__name__)


class Refreshable(Protocol):
    """What the thread needs of a view."""

    context: Context

    def refresh(self) -> float | None:
        """Bring the page up to date. Returns in how many seconds to come again, None when only on request."""


_wake = threading.Condition()
_due: weakref.WeakKeyDictionary[Refreshable, float] = weakref.WeakKeyDictionary()
_last: weakref.WeakKeyDictionary[Refreshable, float] = weakref.WeakKeyDictionary()
_thread: threading.Thread | None = None


def request(view: Refreshable, delay: float = 0.0) -> None:
    """Refresh ``view`` in ``delay`` seconds, later when it was refreshed just now. From any thread; returns at once."""
    global _thread
    with _wake:
        moment = max(time.monotonic() + delay, _last.get(view, 0.0) + INTERVAL)
        _due[view] = min(moment, _due.get(view, moment))
        if _thread is None or not _thread.is_alive():
            _thread = threading.Thread(target=_run, name="nbprocess-views", daemon=True)
            _thread.start()
        _wake.notify()


def forget(view: Refreshable) -> None:
    """Never refresh ``view`` again (a refresh under way is not interrupted)."""
    with _wake:
        _due.pop(view, None)


def _next() -> Refreshable | None:
    """Wait for the next view that is due; None when there was nothing to do for a while."""
    global _thread
    with _wake:
        while True:
            now = time.monotonic()
            view, moment = min(_due.items(), key=lambda item: item[1], default=(None, now + IDLE_SECONDS))
            if view is not None and moment <= now:
                del _due[view]
                _last[view] = now
                return view
            had_work = view is not None
            view = None  # no reference while waiting, so that a dropped view can go
            if not _wake.wait(moment - now) and not had_work and not _due:
                _thread = None
                return None


def _run() -> None:
    while (view := _next()) is not None:
        try:
            again = view.context.run(view.refresh)
        except Exception:  # one broken view must not stop the others; the job itself is not touched
            log.warning("A job view could not be brought up to date", exc_info=True)
            again = None
        if again is not None:
            request(view, again)
        del view
