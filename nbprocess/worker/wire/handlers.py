"""Handlers of ``logging``: without their locks; those that write to the cell's output or to a file of the notebook's
folder write to the same at the other end.

May import: the standard library, this folder, the worker's ``hushed``.
"""

from __future__ import annotations

import io
import os
import sys
from typing import Any, Collection, Dict, Optional

from ..hushed import heard
from .refuse import Refused

_STREAMS = ("stdout", "stderr")
_OPEN = "file"
"""Stands for the open stream of a handler that writes to a file."""


def is_handler(obj: Any) -> bool:
    """Whether it is a handler of ``logging``, of any kind."""
    logging: Any = sys.modules.get("logging")
    return logging is not None and isinstance(obj, getattr(logging, "Handler", ()))


def state_of(handler: Any) -> Dict[str, Any]:
    """What a handler holds; a word for its stream."""
    state = {name: value for name, value in vars(handler).items() if name not in ("lock", "stream")}
    if "stream" in vars(handler):
        state["stream"] = _stream(handler)
    return state


def _stream(handler: Any) -> Any:
    if hasattr(handler, "baseFilename"):
        return None if handler.stream is None else _OPEN
    for name in _STREAMS:  # a kernel's streams are not those of the process
        if handler.stream in (getattr(sys, name), getattr(sys, f"__{name}__")):
            return name
    return handler.stream


def path_of(handler: Any) -> Optional[str]:
    """The handler's file as seen from the current directory; None for one without a file, or with one elsewhere."""
    path = os.path.relpath(getattr(handler, "baseFilename", os.pardir))
    return None if path.split(os.sep)[0] == os.pardir or os.path.isabs(path) else path


def can_be_sent(handler: Any) -> bool:
    """Whether a handler can do at the other end what it does here, as far as its kind tells."""
    logging: Any = sys.modules["logging"]
    root = (type(handler).__module__ or "").split(".")[0]
    if root not in ("logging", "__main__"):
        return False
    if isinstance(handler, logging.FileHandler):
        return path_of(handler) is not None
    if isinstance(handler, logging.StreamHandler):
        return isinstance(_stream(handler), (str, io.StringIO))
    return root == "__main__" or type(handler) in (logging.Handler, logging.NullHandler)


def reduce_handler(handler: Any) -> Any:
    """The reduction of a handler."""
    if not can_be_sent(handler):
        where = getattr(handler, "baseFilename", "")
        if where:
            raise Refused(f"it writes to {where}, outside of this notebook's folder. Make it inside the cell.")
        raise Refused("what it writes to belongs to this process. Make it inside the cell.")
    return make_handler, (type(handler), path_of(handler)), sent(handler), None, None, set_handler


def sent(handler: Any) -> Dict[str, Any]:
    """``state_of`` as it travels: each end has the file at a place of its own."""
    return {name: value for name, value in state_of(handler).items() if name not in ("baseFilename", "_builtin_open")}


def make_handler(kind: Any, path: Optional[str]) -> Any:
    """A handler of that kind, with nothing in it yet."""
    import logging

    handler = kind.__new__(kind)
    logging.Handler.__init__(handler)
    if path is not None:
        handler.baseFilename, handler.stream, handler._builtin_open = os.path.abspath(path), None, open
    return handler


def set_handler(handler: Any, state: Dict[str, Any]) -> None:
    """Give a handler what the one at the other end holds."""
    kept = ("lock", "stream", "baseFilename", "_builtin_open")
    for name in [name for name in vars(handler) if name not in kept and name not in state]:
        del vars(handler)[name]
    vars(handler).update({name: value for name, value in state.items() if name not in ("stream", "_name")})
    if state.get("_name") != handler._name:
        handler.set_name(state.get("_name"))
    stream = state.get("stream")
    if hasattr(handler, "baseFilename"):
        if stream == _OPEN:
            _open(handler)
        elif handler.stream is not None:
            handler.stream.close()
            handler.stream = None
    elif "stream" in state and stream != _stream(handler) if "stream" in vars(handler) else "stream" in state:
        handler.stream = heard(getattr(sys, stream)) if stream in _STREAMS else stream


def _open(handler: Any) -> None:
    """Open the handler's file at its end: what was written there before stays."""
    if handler.stream is not None:
        handler.stream.close()
    encoding = None if handler.encoding == "locale" else handler.encoding
    handler.stream = open(handler.baseFilename, "a", encoding=encoding, errors=getattr(handler, "errors", None))


def reopen(paths: Collection[str]) -> None:
    """Let handlers that write to one of these files, which were written anew, go on at its end."""
    logging: Any = sys.modules.get("logging")
    for reference in list(getattr(logging, "_handlerList", ())):
        handler = reference()
        if getattr(handler, "baseFilename", None) in paths and getattr(handler, "stream", None) is not None:
            with handler.lock:
                _open(handler)
