"""While objects are numbered: Python's cyclic collector rests, which would walk millions of them again and again, and
pickle may go deeper than a notebook's own code (the parts of a figure hold each other in long chains).

May import: the standard library.
"""

from __future__ import annotations

import contextlib
import gc
import sys
from typing import Iterator

_DEPTH = 5000
"""Calls into pickle's C code, up to Python 3.11 counted as Python's own; some 3 MB of a stack of 8."""


@contextlib.contextmanager
def resting() -> Iterator[None]:
    """No collection while the block runs (1,000,000 dicts are dumped in a tenth of the time), and deep recursion."""
    active, depth = gc.isenabled(), sys.getrecursionlimit()
    gc.disable()
    sys.setrecursionlimit(max(depth, _DEPTH))
    try:
        yield
    finally:
        sys.setrecursionlimit(depth)
        if active:
            gc.enable()
