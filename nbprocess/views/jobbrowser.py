"""The job browser: all jobs of a ``JobSource``, as a widget or, where there is none, as a static table.

May import: ``nbprocess.views``; ``jobbrowserwidget`` (anywidget) only when a widget is shown.
"""

from __future__ import annotations

from typing import Any

from nbprocess.views.jobtable import table
from nbprocess.views.source import JobSource, Query, summed

STATIC_JOBS = 50
STATIC_SECONDS = 5.0  # how long a table waits for what a listing does not tell of its jobs


def browser(source: JobSource) -> Any:
    """Something to display: the browser widget in a kernel, a table of the newest jobs elsewhere.

    Notebooks that nbconvert or papermill executes get the table too: the widget would be blank in what they write.
    The source is asked right here only for the table; the widget asks from a thread of its own.
    """
    from nbprocess.views.view import attended, host_form

    if host_form() == "widget" and attended():
        try:
            from nbprocess.views.jobbrowserwidget import JobBrowser

            return JobBrowser(source)
        except ImportError:  # a widget stack that cannot be imported: the table shows the same jobs
            pass
    source.refresh()
    source.page(Query(), 0, STATIC_JOBS)  # these first
    source.learn(STATIC_SECONDS)
    return table(source.page(Query(), 0, STATIC_JOBS).rows, note=summed(source.totals()))
