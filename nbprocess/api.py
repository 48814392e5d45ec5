"""The Python API: the same job as the magic's, without IPython.

May import: everything but ``magics``, ``server`` and ``cli``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from . import backends
from .errors import JobNotFound, NbprocessError
from .job import Job, Source, store_of
from .launch import launch
from .options import resolve
from .plan import Context, Plan, known_backends, prepare

if TYPE_CHECKING:
    from .script import ScriptPlan

T = TypeVar("T")


def plan(code: str, namespace: dict[str, Any] | None = None, **options: Any) -> Plan | ScriptPlan:
    """What ``submit`` would send, where and for how much. Writes nothing. Arguments and errors as ``submit``."""
    from . import script
    from .capture import make_cell
    from .sdkobjects import expand

    names = {} if namespace is None else namespace
    resolved = resolve(expand(options, names))
    context = Context(folder=Path.cwd())
    if resolved.command:
        return script.prepare(script.from_cell(code, resolved), resolved, context)
    return prepare(make_cell(code), names, resolved, context)


def submit(code: str, namespace: dict[str, Any] | None = None, **options: Any) -> Job:
    """Run code as a job, with the names it needs.

    Args:
        code: Python source, as it would stand in a cell.
        namespace: where its names come from and where ``Job.load()`` binds the results.
        **options: those of the magic, with ``_`` for ``-``: ``gpu="T4"``, ``env={"A": "b"}``, ``timeout="30m"``.

    Returns:
        The job, started.

    Raises:
        SyntaxError: the code is no Python.
        OptionError, CaptureError, RequestError: refused before anything was written.
        BackendError, StoreError: the backend or store failed; nothing of the job is left behind.
    """
    from . import script

    names = {} if namespace is None else namespace
    made = plan(code, names, **options)
    job = launch(made, names) if isinstance(made, Plan) else script.launch(made)
    job.note_inputs()
    job.watch()
    return job


def submit_script(file: str | Path, arguments: Sequence[str] = (), **options: Any) -> Job:
    """Run a file as a job: Python, R, Julia, a shell script, a Spark application, or a whole project.

    Args:
        file: a path, or an ``s3://`` URI; with ``source_dir=`` relative to that folder.
        arguments: what the script gets on its command line.
        **options: those of the magic: ``framework="sklearn"``, ``source_dir="src"``, ``requirements="needs.txt"``,
            ``command="bash"``, ``input={"data": "s3://bucket/in/"}``, ``output=["model"]``, ``processor=my_processor``.

    Returns:
        The job, started; its prints are its log, its results are ``job.outputs``.

    Raises:
        OptionError, RequestError: refused before anything was written.
        BackendError, StoreError: the backend or store failed; nothing of the job is left behind.
    """
    from . import script
    from .sdkobjects import expand

    given = {**expand(options, {}), "arg": tuple(map(str, arguments))}
    resolved = resolve(given)
    job = script.launch(script.prepare(script.from_file(str(file), resolved), resolved))
    job.watch()
    return job


def run_container(**options: Any) -> Job:
    """Run a container with its own program and no code: ``run_container(image=URI, entrypoint=[...], ...)``.

    Args:
        **options: those of the magic; ``processor=my_processor`` takes those of an SDK object.

    Returns:
        The job, started. Raises as ``submit_script``.
    """
    from . import script
    from .sdkobjects import expand

    job = script.launch(script.prepare(script.Script(), resolve(expand(options, {}, code=False))))
    job.watch()
    return job


def attach(name: str, backend: str | None = None, region: str | None = None) -> Job:
    """Find a job by its name, from any kernel.

    Args:
        name: the job's name.
        backend: where to look; by default on this machine, then on SageMaker where that is set up.
        region: the AWS region to look in; by default the configured one.

    Raises:
        JobNotFound: no backend knows a job of that name.
    """
    where = [backend] if backend else ["sagemaker"] if region else known_backends()
    asked = []
    for place in where:
        found: Any = backends.found(place, region)
        try:
            return _job(found, found.describe(name))
        except JobNotFound:
            asked.append(f"{place}, {found.region}" if place == "sagemaker" else place)
    further = "; --region looks in another region" if "sagemaker" in where else ""
    raise JobNotFound(
        f"There is no job named {name} ({'; '.join(asked)}). %processing_jobs lists the jobs there are{further}."
    )


def glance(job: Job) -> Job:
    """A job of a listing with its machine, cost and notebook; ``attach`` reads its log and outcome, too.

    Raises:
        JobNotFound: it is gone.
    """
    return _job(job.backend, job.backend.describe(job.name), look=False)


def _job(backend: backends.Backend, describe: dict[str, Any], *, look: bool = True) -> Job:
    import json

    store = store_of(backend, describe)
    source = None
    name = describe["ProcessingJobName"]
    if store is not None:
        try:
            known = json.loads(store.get(f"jobs/{name}/home.json"))
            source = Source.from_json(known)
        except (OSError, ValueError, TypeError):
            source = None  # made by another version, or cleaned away: the job itself can still be followed
    job = Job(name, backend, store=store, describe=describe, source=source)
    job.look_up_price()
    if look:
        job.refresh()
    return job


def jobs(
    backend: str | None = None,
    limit: int = 50,
    *,
    problem: Callable[[str], Any] = lambda text: None,
    **filters: Any,
) -> list[Job]:
    """The newest jobs.

    Args:
        backend: ``local`` or ``sagemaker``; by default this machine's and, where it is set up, SageMaker's.
        limit: at most so many.
        problem: told why a backend that was not named cannot be asked; the jobs of the other are listed all the same.
        **filters: those of ListProcessingJobs: ``NameContains``, ``StatusEquals``, ``CreationTimeAfter``, ...
    """
    listed = itertools.islice(iter_jobs(backend, problem=problem, **filters), limit)
    return [job if job.store is not None else attach(job.name, job.backend.name) for job in listed]


def iter_jobs(
    backend: str | None = None, *, problem: Callable[[str], Any] = lambda text: None, **filters: Any
) -> Iterator[Job]:
    """The jobs of all backends, newest first, listed page by page and described as they are reached. As ``jobs``."""
    import heapq

    where = [backend] if backend else known_backends()
    listings = []
    for place in where:
        found = backends.get(place)
        summaries = found.jobs(**filters)
        try:
            first = list(itertools.islice(summaries, 1))
        except NbprocessError as error:
            if backend or place == "local":
                raise
            problem(f"{place}: {error}")
            continue
        listed = itertools.islice(itertools.chain(first, summaries), 10_000)
        listings.append(zip(itertools.repeat(found), listed))
    merged = heapq.merge(*listings, key=lambda pair: pair[1]["CreationTime"], reverse=True)
    for found, summary in merged:
        name = summary["ProcessingJobName"]
        if found.name != "local":
            # A description of each would run into the account's API limits; who opens a job gets it whole.
            yield Job(name, found, store=None, describe=summary)
            continue
        try:
            yield _job(found, found.describe(name))
        except JobNotFound:  # deleted since the listing
            continue


def progress(iterable: Iterable[T], total: float | None = None, desc: str = "", unit: str = "it") -> Iterator[T]:
    """Iterate and drive the job view's progress bar. Where no job runs, it only iterates."""
    yield from iterable


def browser() -> Any:
    """The job browser: a widget over all jobs of all kernels; a static table where there are no widgets."""
    from .browse import source
    from .views import browser as show

    return show(source())
