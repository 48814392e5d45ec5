"""Where a job runs. ``get(name)`` returns the backend; all share the protocol in ``base``."""

from __future__ import annotations

from .base import Backend, LogPage, found, get

__all__ = ["Backend", "LogPage", "found", "get"]
