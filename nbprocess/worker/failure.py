"""An exception of the cell as the outcome tells it: the frames of the cell and what it calls, none of ours.

May import: the standard library.
"""

from __future__ import annotations

import builtins
import os
import sys

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any


def strip(error: BaseException) -> None:
    """Drop the worker's own frames from the front of the traceback."""
    tb = error.__traceback__
    while tb is not None and _ours(tb.tb_frame.f_code.co_filename):
        tb = tb.tb_next
    error.__traceback__ = tb


def has_group(error: BaseException | None) -> bool:
    """Whether it is an exception group (of Python 3.11), or came of one: IPython leaves both to Python."""
    group: Any = getattr(builtins, "BaseExceptionGroup", ())
    return error is not None and (isinstance(error, group) or has_group(error.__context__))


def _ours(filename: str) -> bool:
    # asyncio's frames stand between ours and the cell when an event loop drives it.
    return filename.startswith(_HERE) or f"{os.sep}asyncio{os.sep}" in filename


# As the code itself says it: in the archive, modules may be compiled already, under a name of their own.
_HERE = strip.__code__.co_filename.rpartition("failure.py")[0]


def describe(error: BaseException, render: Any) -> dict[str, object]:
    """The ``error`` entry without its value. ``render(error)`` gives the traceback's lines, or None for plain ones."""
    whole = error.__traceback__
    strip(error)
    if error.__traceback__ is None and whole is not None and not isinstance(error, SyntaxError):
        error.__traceback__ = whole  # raised inside the worker itself: better our frames than none
    import traceback

    kind = type(error)
    code: object = 1
    if isinstance(error, SystemExit):
        code = 0 if error.code is None else error.code if isinstance(error.code, int) else 1
    elif isinstance(error, KeyboardInterrupt):
        code = 130
    try:
        message = str(error)
    except Exception as broken:
        message = f"<{kind.__name__} whose str() raised {type(broken).__name__}>"
    lines = None
    try:
        lines = render(error)
    except Exception as broken:
        print(f"nbprocess: IPython could not format the traceback ({type(broken).__name__}: {broken})", file=sys.stderr)
    if lines is None:
        lines = [line.rstrip("\n") for line in traceback.format_exception(kind, error, error.__traceback__)]
    frames = [[f.filename, f.lineno, f.name] for f in traceback.extract_tb(error.__traceback__)]
    return {
        "type": kind.__qualname__,
        "module": kind.__module__,
        "message": message,
        "traceback": lines,
        "value": None,
        "frames": frames,
        "exit_code": code,
    }
