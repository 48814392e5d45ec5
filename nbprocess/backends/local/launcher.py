"""Starting a job's supervisor: a fresh process.

May import: its neighbours, the standard library.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def launch(spec: dict[str, Any], lock: int, preload: Sequence[str] = ()) -> None:
    """Start the supervisor of the job that ``spec`` describes; it inherits the record's ``lock``."""
    from .supervisor import start_fresh

    start_fresh(spec, lock)
