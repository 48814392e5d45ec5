"""How deep calls can go from a cell: a kernel stands on more frames than a job, where endless recursion would end some
calls later, and say so. Measured at one end, made so at the other. May import: the standard library.
"""

from __future__ import annotations

import sys
import threading

_MOST = 4000  # calls: before Python 3.11 each takes its part of the process's stack, whatever limit somebody set


def room() -> int | None:
    """How many calls fit on the running cell, or the module, that called this; None where none did, and where it is not
    safe to try: in a thread, whose stack may be small, and with a high limit."""
    if sys.getrecursionlimit() > _MOST or threading.current_thread() is not threading.main_thread():
        return None
    frame, between = sys._getframe(1), 1
    while frame is not None and frame.f_code.co_name != "<module>":
        frame, between = frame.f_back, between + 1  # type: ignore[assignment]
    # Twice: one call less fits before Python has specialised the code of ``_left``.
    return None if frame is None else between + max(_left(), _left())


def _left() -> int:
    try:
        return 1 + _left()
    except RecursionError:
        return 0
