"""What a cell raised in its job, as an exception of this kernel: its real type, and the traceback text of the worker.

May import: ``errors``.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib
from collections.abc import Mapping
from typing import Any

from .errors import RemoteError


def exception(error: Mapping[str, Any], value: BaseException | None, job: str) -> BaseException:
    """The exception to raise here.

    Args:
        error: the ``error`` entry of an outcome.
        value: the exception itself, where it travelled.
        job: the job's name, for the line that says where its log is.
    """
    found = _rebuilt(error) if value is None else value
    lines = [str(line) for line in error.get("traceback") or ()]
    message = str(error.get("message", ""))
    if error.get("type") == "KeyboardInterrupt" and not any(message in line for line in lines):
        lines.append(message + ".")  # the worker's word on why it interrupted the cell: its time was up
    lines.append(f"Job {job}; its log: %processing_logs {job}")
    with contextlib.suppress(AttributeError, TypeError):  # a type with __slots__ takes none: IPython shows ours then
        found._render_traceback_ = lambda: lines  # type: ignore[attr-defined]
    return found


def _rebuilt(error: Mapping[str, Any]) -> BaseException:
    """The exception from its type's name and message: the value itself could not travel."""
    name, message = str(error.get("type")), str(error.get("message", ""))
    kind: Any = None
    module = str(error.get("module") or "builtins")
    if module == "builtins":
        kind = getattr(builtins, name, None)
    elif module.split(".")[0] != "__main__":
        with contextlib.suppress(ImportError):
            kind = getattr(importlib.import_module(module), name, None)
    if isinstance(kind, type) and issubclass(kind, BaseException):
        with contextlib.suppress(Exception):  # its __init__ wants other arguments: fall through to a stand-in
            return kind(message)
    stand_in: type[BaseException] = type(name, (RemoteError,), {"__module__": module})
    return stand_in(message)
