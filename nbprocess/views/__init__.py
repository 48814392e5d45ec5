"""Job view, job browser and their static forms. They look only at ``nbprocess.state``. Nothing heavy is imported here.

``show(job)`` shows one job, ``browser(source)`` many, ``table(states)`` gives the static table of many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbprocess.views.jobbrowser import browser
    from nbprocess.views.jobtable import JobTable, table
    from nbprocess.views.source import JobSource, ListedJobs
    from nbprocess.views.view import View, show, summary

__all__ = ["JobSource", "JobTable", "ListedJobs", "View", "browser", "show", "summary", "table"]

_PLACES = {
    "JobSource": "source",
    "JobTable": "jobtable",
    "ListedJobs": "source",
    "View": "view",
    "browser": "jobbrowser",
    "show": "view",
    "summary": "view",
    "table": "jobtable",
}


def __getattr__(name: str) -> Any:
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{place}"), name)
