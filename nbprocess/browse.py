"""The job browser's source: all jobs of all backends, and what can be done with one from a notebook.

May import: ``api``, ``previews``, ``rerun``, ``views``, ``errors``, ``catalog``.
"""

from __future__ import annotations

import base64
import itertools
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from .errors import JobNotFound, NbprocessError
from .state import TERMINAL, JobLike
from .views.source import Action, ListedJobs, Section

if TYPE_CHECKING:
    from .background import Background
    from .job import Job

_FILES = 500
_DISPLAYS = 100
_CHARACTERS = 4_000_000
"""What the tab of a job's displays may weigh; the newest ones are kept."""


def source() -> ListedJobs:
    """A source over every job that the backends know, newest first."""
    return ListedJobs(_all, actions=ACTIONS, sections=_sections, opened=_whole, previews=_preview, described=_described)


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


def _described(listed: Any) -> Any:
    from .api import glance

    try:
        return glance(listed)
    except JobNotFound:  # it is gone; the next listing has it no more
        return listed


def _ended(job: Any) -> bool:
    return job.status in TERMINAL


def _ours(job: Any) -> bool:
    return job.store is not None


def _shell() -> Any:
    return sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None


def _background() -> Background | None:
    """The pending names of this kernel; None where the extension is not loaded."""
    magics = getattr(_shell(), "magics_manager", None)
    found = magics.registry.get("ProcessingMagics") if magics is not None else None
    return getattr(found, "background", None)


def _loadable(job: Any) -> bool:
    return _ended(job) and _ours(job) and bool(job.has_cell)


def _load(job: Any) -> str:
    shell = _shell()
    if shell is None:
        raise RuntimeError("Results are loaded into a notebook's kernel, and there is none here.")
    job.load(shell.user_ns)
    back = [v.name for v in job.variables() if v.status in ("loaded", "updated", "lazy")]
    return f"Loaded {', '.join(back) or 'nothing'} from {job.name}."


def _attachable(job: Any) -> bool:
    background = _background()
    return not _ended(job) and _ours(job) and job.has_cell and background is not None and not background.find(job.name)


def _attach(job: Any) -> str:
    background = _background()
    if background is None:
        raise RuntimeError("A job is attached to a notebook that has %load_ext nbprocess, and this is none.")
    background.attach(job)
    return f"{job.name} is attached: its results come into this notebook when it ends."


def _stop(job: Any) -> str:
    job.stop()
    return f"{job.name} is being stopped; what is ready is kept."


def _rerun(job: Any) -> str:
    from .rerun import rerun

    return f"Started again as {rerun(job)}."


def _larger(job: Any) -> str:
    """The next larger machine; "" where the job runs here, or had the largest of its family."""
    from .catalog import larger

    found = larger(job.state().instance_type) if job.backend.name != "local" else None
    return found.name if found else ""


def _bigger_label(job: Any) -> str:
    return f"Run again on {_larger(job)}"


def _bigger(job: Any) -> str:
    from .rerun import rerun

    instance = _larger(job)
    return f"Started again on {instance} as {rerun(job, instance)}."


def _copy(job: Any) -> str:
    options = job.source.options
    return f"%%processing{' ' + options if options else ''}\n{job.code()}"


def _delete(job: Any) -> str:
    job.delete()
    try:
        job.backend.describe(job.name)
    except JobNotFound:
        return f"{job.name} is deleted."
    return f"{job.name}: what the store kept of it is deleted. The platform itself goes on listing the job."


ACTIONS: dict[str, Action] = {
    "load": ("Load results here", _loadable, _load),
    "attach": ("Attach", _attachable, _attach),
    "stop": ("Stop", lambda job: not _ended(job), _stop),
    "rerun": ("Run again", lambda job: _ended(job) and _ours(job), _rerun),
    "bigger": (_bigger_label, lambda job: _ended(job) and _ours(job) and bool(_larger(job)), _bigger),
    "copy": ("Copy as cell", _ours, _copy),
    "delete": ("Delete", _ended, _delete),
}


def _sections(job: JobLike) -> Iterable[Section]:
    found: Any = job
    if _ours(found):
        if found.code():
            yield Section("Code", "code", found.code())
        displays = list(_displays(found.events()))
        if displays:
            yield Section("Displays", "parts", [asdict(part) for part in displays])
    files = _files(found)
    if files is not None:
        yield files
    if not _ours(found):
        return
    try:
        if found.has_cell:
            yield _plan(json.loads(found.store.get(f"jobs/{found.name}/bundle/manifest.json")))
        yield Section("Request", "json", json.dumps(found.request(), indent=1))
    except OSError:  # cleaned away: the browser shows DescribeProcessingJob all the same
        return


def _displays(events: Iterable[Mapping[str, Any]]) -> Iterator[Section]:
    """What the cell printed and displayed, as it would stand under it."""
    from .views.outputs import visible

    kept: list[Section] = []
    room = _CHARACTERS
    shown = visible([*events])
    for event in reversed(shown[-_DISPLAYS:]):
        part = _display(event)
        room -= len(part.content)
        if room < 0:
            break
        kept.append(part)
    if len(kept) < len(shown):
        yield Section(
            "", "text", f"… {len(shown) - len(kept)} earlier outputs are left out here; the results have them."
        )
    yield from reversed(kept)


def _display(event: Mapping[str, Any]) -> Section:
    if event["type"] == "stream":
        return Section("", "text", event["text"])
    data = {
        kind: value if isinstance(value, str) else "".join(value)
        for kind, value in (event.get("data") or {}).items()
        if isinstance(value, (str, list))
    }
    text = data.get("text/plain", "")
    for kind in ("image/png", "image/jpeg", "image/gif", "image/webp"):
        if kind in data:
            return Section(text or "image", "image", f"data:{kind};base64,{''.join(data[kind].split())}")
    if "image/svg+xml" in data:
        drawn = base64.b64encode(data["image/svg+xml"].encode()).decode()
        return Section(text or "image", "image", f"data:image/svg+xml;base64,{drawn}")
    if "text/html" in data:
        return Section(text or "display", "html", data["text/html"])
    return Section("", "text", text or data.get("text/markdown", ""))


def _files(job: Any) -> Section | None:
    """The files of the job's own outputs; None where it has no output."""
    outputs = job.outputs.uris()
    if not outputs:
        return None
    rows: list[list[Any]] = []
    try:
        for name, uri in outputs.items():
            listed = job.backend.open_store(uri.rstrip("/")).list(
                ""
            )  # page by page: an output may have a million files
            rows += sorted([name, path, size] for path, size in itertools.islice(listed, _FILES - len(rows)))
    except NbprocessError as error:  # a bucket of somebody else
        return Section("Outputs", "files", rows, str(error))
    empty = "No files." if _ended(job) else "No files yet: most jobs write them at their end."
    return Section(
        "Outputs", "files", rows, f"The first {_FILES} files." if len(rows) == _FILES else "" if rows else empty
    )


def _preview(job: Any, output: str, path: str) -> Section:
    from .previews import preview

    return preview(job.outputs[output] / path)


def _plan(manifest: Mapping[str, Any]) -> Section:
    """What was sent, as the manifest that the job ran with has it."""
    from .views.words import size

    rows = [["Sent", "As", "Size", ""]]
    weights = []
    for group in manifest["groups"]:
        bytes_sent = group["stream"]["size"] + sum(blob["size"] for blob in group["buffers"])
        names = [name for name in group["names"] if not name.startswith("\0")]
        if names:
            codecs = sorted({group["codecs"].get(name, "") for name in names})
            weights.append((bytes_sent, [", ".join(names), ", ".join(filter(None, codecs)), size(bytes_sent), ""]))
    rows += [row for _, row in sorted(weights, key=lambda pair: -pair[0])] or [["nothing but the code", "", "", ""]]
    for group in manifest.get("handed", ()):
        rows.append([", ".join(group["names"]), "", "", "from an earlier job, within the store"])
    rows += [[item["path"], item["kind"], size(item["blob"]["size"]), ""] for item in manifest["files"]]
    rows += [[name, "", "", f"not sent: {reason}"] for name, reason in manifest["tombstones"].items()]
    home = manifest.get("home") or {}
    python = ".".join(str(part) for part in home.get("python", ()))
    return Section("Plan", "table", rows, f"Sent by Python {python}." if python else "")
