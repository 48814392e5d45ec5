"""The namespace that a load rebuilds functions and classes in. May import: the standard library."""

from __future__ import annotations

import contextlib
import sys
import threading
from typing import Any, Callable, Dict, Iterator, List, Optional

_local = threading.local()


def namespace() -> Dict[str, Any]:
    """The globals of what is being rebuilt; ``__main__`` outside of a load."""
    found: Dict[str, Any] = getattr(_local, "namespace", None) or vars(sys.modules["__main__"])
    return found


def module_name(name: str) -> str:
    """The text that functions have as ``__module__`` where it is that of the namespace, so that they stay one object:
    which texts are one is in the bytes of cloudpickle, by which Dask tells functions apart."""
    own = namespace().get("__name__")
    return own if own == name else name


def adopts() -> bool:
    """Whether a class that is bound here may be the one that a stream brings, when its words are the same."""
    return bool(getattr(_local, "adopts", True))


def later(action: Callable[[], None]) -> None:
    """Do this when the names that are being read are bound: what compiles a function needs its globals."""
    waiting: Optional[List[Callable[[], None]]] = getattr(_local, "waiting", None)
    if waiting is None:
        action()
    else:
        waiting.append(action)


@contextlib.contextmanager
def within(scope: Dict[str, Any], adopt: bool = True) -> Iterator[List[Callable[[], None]]]:
    """Rebuild into ``scope`` while the block runs. Gives the list of what ``later`` is told.

    Args:
        adopt: see ``adopts``; where the stream comes back from a job of this notebook, all that this end had is known
            there by its number or token, and what else comes was made by the cell.
    """
    before = getattr(_local, "namespace", None), adopts(), getattr(_local, "waiting", None)
    waiting: List[Callable[[], None]] = []
    _local.namespace, _local.adopts, _local.waiting = scope, adopt, waiting
    scope.setdefault("__name__", "__main__")
    try:
        yield waiting
    finally:
        _local.namespace, _local.adopts, _local.waiting = before
