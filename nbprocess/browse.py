"""The job browser's source: all jobs of all backends, and what can be done with one from a notebook.

May import: ``api``, ``rerun``, ``views.source``, ``options``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from .state import TERMINAL, JobLike
from .views.source import Action, ListedJobs, Section

if TYPE_CHECKING:
    from .job import Job

_PREVIEW_FILES = 200


def source() -> ListedJobs:
    """A source over every job that the backends know, newest first."""
    return ListedJobs(_all, actions=ACTIONS, sections=_sections, opened=_whole)


def _all() -> Iterator[Job]:
    from .api import iter_jobs

    return iter_jobs()


def _whole(listed: Any, whole: Any) -> Any:
    """A listing has little more of a job than its status: not its code, its log, its results."""
    if whole is None:
        from .api import attach

        return attach(listed.name, listed.backend.name)
    whole.refresh()
    return whole


def _ended(job: Any) -> bool:
    return job.status in TERMINAL


def _ours(job: Any) -> bool:
    return job.store is not None


def _load(job: Any) -> str:
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is None:
        raise RuntimeError("Results are loaded into a notebook's kernel, and there is none here.")
    job.load(shell.user_ns)
    back = [v.name for v in job.variables() if v.status in ("loaded", "updated", "lazy")]
    return f"Loaded {', '.join(back) or 'nothing'} from {job.name}."


def _stop(job: Any) -> str:
    job.stop()
    return f"{job.name} is being stopped; what is ready is kept."


def _rerun(job: Any) -> str:
    from .rerun import rerun

    return f"Started again as {rerun(job)}."


def _copy(job: Any) -> str:
    options = job.source.options
    return f"%%processing{' ' + options if options else ''}\n{job.code()}"


def _delete(job: Any) -> str:
    job.delete()
    return f"{job.name} is deleted."


ACTIONS: dict[str, Action] = {
    "load": ("Load results here", lambda job: _ended(job) and _ours(job), _load),
    "stop": ("Stop", lambda job: not _ended(job), _stop),
    "rerun": ("Run again", lambda job: _ended(job) and _ours(job), _rerun),
    "copy": ("Copy as cell", _ours, _copy),
    "delete": ("Delete", _ended, _delete),
}


def _sections(job: JobLike) -> Iterable[Section]:
    found: Any = job
    if not _ours(found):
        return
    if found.code():
        yield Section("Code", "code", found.code())
    variables = found.variables()
    if variables:
        rows = [["Name", "Type", "Shape", "Bytes", "Status", "Reason"]]
        rows += [[v.name, v.type, v.shape, str(v.size), v.status, v.reason] for v in variables]
        yield Section("Variables", "table", rows)
    for event in found.events():
        data = event.get("data") or {}
        if "image/png" in data:
            yield Section("Display", "image", "data:image/png;base64," + "".join(data["image/png"].split()))
        elif "text/html" in data:
            yield Section("Display", "html", data["text/html"])
    rows = [["Output", "File", "Bytes"]]
    for name, output in found.outputs.items():
        for key, size in output.list().items() if output.uri else ():
            if len(rows) <= _PREVIEW_FILES:
                rows.append([name, key, str(size)])
    if len(rows) > 1:
        yield Section("Outputs", "table", rows)
    try:
        yield Section("Request as sent", "json", json.dumps(found.request(), indent=1))
    except OSError:  # cleaned away: the browser shows DescribeProcessingJob all the same
        return
