"""The namespace that a load rebuilds functions and classes in. May import: the standard library."""

from __future__ import annotations

import contextlib
import sys
import threading
from typing import Any, Dict, Iterator

_local = threading.local()


def namespace() -> Dict[str, Any]:
    """The globals of what is being rebuilt; ``__main__`` outside of a load."""
    found: Dict[str, Any] = getattr(_local, "namespace", None) or vars(sys.modules["__main__"])
    return found


@contextlib.contextmanager
def within(scope: Dict[str, Any]) -> Iterator[None]:
    """Rebuild into ``scope`` while the block runs."""
    before = getattr(_local, "namespace", None)
    _local.namespace = scope
    scope.setdefault("__name__", "__main__")
    try:
        yield
    finally:
        _local.namespace = before
