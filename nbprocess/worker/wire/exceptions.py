"""Exceptions: made again without their ``__init__`` where that is Python code, so that odd signatures do no harm.

Pickle calls ``cls(*args)``, which fails or doubles the text for many user classes.

May import: the standard library, this folder.
"""

from __future__ import annotations

import types
from typing import Any, Dict, Tuple

from . import states, tracebacks


def reduce_exception(pickler: Any, error: BaseException) -> Any:
    """The reduction of an exception: class, ``args``, attributes, cause, notes, and where its traceback leads."""
    state = sent(error)
    pickler.files.update(state["texts"])
    made = (make_exception, (type(error), error.args))
    if _knows_how(type(error)):
        made = error.__reduce__()[:2]  # type: ignore[assignment, index]
        state["args"] = error.args
    return (*made, state, None, None, set_exception)


def _knows_how(kind: type) -> bool:
    """Whether a library's code in C says how such an exception is made: what pydantic's hold is not in ``args``."""
    for base in kind.__mro__:
        if "__reduce__" in vars(base):
            return base.__module__ != "builtins" and not isinstance(vars(base)["__reduce__"], types.FunctionType)
    return False


def held_by(error: BaseException) -> Dict[str, Any]:
    """What an exception holds beside its attributes."""
    return {
        "args": error.args,
        "cause": error.__cause__,
        "context": error.__context__,
        "suppress": error.__suppress_context__,
        "traceback": error.__traceback__,
    }


def sent(error: BaseException) -> Dict[str, Any]:
    """What ``set_exception`` needs."""
    places = tracebacks.places_of(error.__traceback__)
    state: Dict[str, Any] = {
        "dict": dict(error.__dict__),
        "slots": states.slots_of(error, type(error)),
        "cause": error.__cause__,
        "context": error.__context__ if error.__cause__ is None else None,
        "suppress": error.__suppress_context__,
        "traceback": places,
        "texts": tracebacks.texts_of(places),
    }
    if isinstance(error, OSError):
        state["file"] = (error.filename, error.filename2)
    return state


def _builtin_base(cls: type) -> type:
    return next(base for base in cls.__mro__ if base.__module__ == "builtins")


def make_exception(cls: type, args: Tuple[Any, ...]) -> BaseException:
    """``cls.__new__`` and the initialiser of the nearest built-in base."""
    base: Any = _builtin_base(cls)
    made: BaseException = cls.__new__(cls, *args) if base.__new__ is cls.__new__ else base.__new__(cls, *args)
    try:
        base.__init__(made, *args)
    except TypeError:  # a built-in that wants other arguments than it keeps (UnicodeDecodeError made by hand)
        made.args = args
    return made


def set_exception(error: BaseException, state: Dict[str, Any]) -> None:
    """Attributes, cause, context and traceback."""
    if "args" in state:
        error.args = state["args"]
    error.__dict__.update({k: v for k, v in state["dict"].items() if k != "_render_traceback_"})
    for name, value in state["slots"].items():  # pyparsing's exceptions have all that they say there
        object.__setattr__(error, name, value)
    error.__cause__ = state["cause"]
    if state["context"] is not None:
        error.__context__ = state["context"]
    error.__suppress_context__ = state["suppress"]
    tracebacks.remember(state["texts"])
    error.__traceback__ = tracebacks.make_traceback(state["traceback"])
    if "file" in state and isinstance(error, OSError) and error.filename is None:
        name, second = state["file"]
        if name is not None:
            error.filename = name
        if second is not None:
            error.filename2 = second
