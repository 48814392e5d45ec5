"""Run one notebook cell on another machine. ``%load_ext nbprocess``, then ``%%processing`` on top of a cell.

Imports nothing heavy: every name below is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .api import attach, browser, jobs, progress, run_container, submit, submit_script
    from .job import Job

__version__ = "0.1.0"
__all__ = [
    "Job",
    "attach",
    "browser",
    "jobs",
    "load_ipython_extension",
    "progress",
    "run_container",
    "submit",
    "submit_script",
    "unload_ipython_extension",
]

_WHERE = {"Job": "job"} | dict.fromkeys(
    ("attach", "browser", "jobs", "progress", "run_container", "submit", "submit_script"), "api"
)


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        import importlib

        return getattr(importlib.import_module(f".{_WHERE[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load_ipython_extension(shell: InteractiveShell) -> None:
    """``%load_ext nbprocess``: register the magics and the completion of their options."""
    from .magics import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """``%unload_ext nbprocess``: take them away again."""
    from .magics import unload

    unload(shell)


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "nbprocess"}]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    from .server import extension_points

    points: list[dict[str, Any]] = extension_points()
    return points
