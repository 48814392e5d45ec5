"""``Job``: one offloaded cell, from submission to its results. Every front end holds one of these and nothing else.

May import: ``state``, ``errors``, ``watch``, ``observation``, ``results``; backends and stores come in as objects.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import BackendError, IntegrityError, JobFailed, JobStopped, NbprocessError, StoreError
from .joboutputs import JobOutputs
from .observation import Observation
from .state import TERMINAL, JobState, LogEvent, Transfer, Usage, Variable
from .watch import WATCHER

if TYPE_CHECKING:
    from .backends.base import Backend
    from .bundle.stores import Store
    from .results import Results


_COMPARED = 500_000
"""Objects among the inputs up to which it pays to look whether they are changed here: a second at most."""


@dataclass
class Source:
    """What the home side knows about a job and the request does not say; kept in the store as ``home.json``."""

    notebook: str = ""
    cell_id: str = ""
    cell: str = ""
    options: str = ""
    began: float = 0.0
    """When the cell was entered, in POSIX seconds; packing begins."""
    submitted: float = 0.0
    """When all was accepted, and sending began."""
    names: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Source:
        """Raises TypeError for entries that this version does not know."""
        return cls(**{**data, "names": tuple(data.get("names", ()))})


class Job:
    """One job. Made by ``nbprocess.submit`` and ``nbprocess.attach``.

    Attributes:
        name: the job's name, unique in its backend.
        values: names → values that came back. Complete after ``load()`` (or ``result()``).
    """

    def __init__(
        self,
        name: str,
        backend: Backend,
        *,
        store: Store | None,
        describe: Mapping[str, Any],
        source: Source | None = None,
    ) -> None:
        self.name = name
        self.backend = backend
        self.store = store
        self.source = source or Source()
        self.values: dict[str, Any] = {}
        self.results: Results | None = None
        self.namespace: dict[str, Any] | None = None
        self.folder: Path | None = None
        """Where files that the cell wrote are put; None leaves them in the store."""
        self.memo: Any = None
        """The objects that were sent, by their number on the wire; None in another kernel."""
        self.bound: dict[str, Any] | None = None
        """What the names were bound to when the cell was submitted here; None in another kernel."""
        self.ambient: Mapping[str, Any] | None = None
        """Random states, options and the like, as they were sent; None in another kernel."""
        self.before: Any = None
        """How those objects were when they were sent; None where nothing changes them before the results are in."""
        self.alone = False
        """The cell that submitted it waits: nothing else binds names of this kernel meanwhile."""
        self.poll_seconds: tuple[float, float] = getattr(backend, "poll_seconds", (0.05, 1.0))
        self.price_per_hour: float | None = None
        self.price_note = ""
        self._seen = Observation(name, backend, describe, self.source.began, self.source.submitted)
        self._lock = threading.RLock()
        self._transfer: Transfer | None = None
        self._notices: list[str] = []
        self._priced: str | None = None
        self._stop_requested = False
        self._outcome_error: NbprocessError | None = None
        self._collected = False
        self._driven = 0
        self._delay = self._next_poll = 0.0
        self._done = threading.Event()
        self._listeners: list[Callable[[], Any]] = []
        self._callbacks: list[Callable[[Job], Any]] = []

    def __repr__(self) -> str:
        return f"<Job {self.name}: {self.status} on {self.backend.name}>"

    # -- what it is doing --------------------------------------------------------------------------------------------

    @property
    def status(self) -> str:
        """AWS's word: InProgress, Completed, Failed, Stopping or Stopped."""
        status = self._seen.status
        return "Stopping" if self._stop_requested and status == "InProgress" else status

    def describe(self) -> Mapping[str, Any]:
        """The DescribeProcessingJob response, as last seen."""
        return dict(self._seen.describe)

    def done(self) -> bool:
        """Whether the job has ended and its outcome was read."""
        return self._done.is_set()

    def state(self) -> JobState:
        """Everything that a view shows, at this moment. Reads memory only."""
        from .summary import STOPPED, failure_text, headline

        with self._lock:
            results = self.results
            state = replace(
                self._seen.state(self.price_per_hour, self.price_note, self._stop_requested),
                transfer=self._transfer,
                variables=results.variables() if results else (),
                notices=tuple(dict.fromkeys((*self._notices, *(results.notices if results else ())))),
                links=self._links(),
                notebook=self.source.notebook,
                cell_id=self.source.cell_id,
            )
            if results is not None:
                state = replace(state, peak_memory=results.peak_memory)
            failure = failure_text(state, self._seen.describe, results, self._outcome_error, self._seen.fault)
            shown = "" if failure == STOPPED else failure  # what was wished is no failure
            return replace(state, failure=shown, headline=headline(state, results, shown))

    def _links(self) -> dict[str, str]:
        links = dict(self.backend.links(self._seen.describe))
        if self.store is not None:
            folder = self.store.path(f"jobs/{self.name}")
            links["Folder"] = str(folder) if folder else self.store.url(f"jobs/{self.name}/")
        return links

    def log(self, start: int = 0, stop: int | None = None) -> Sequence[LogEvent]:
        """Log lines ``start`` to ``stop``, counted from the first; from memory, or read again from the backend."""
        return self._seen.log.read(start, stop)

    def metrics(self) -> tuple[Usage, ...]:
        """What its machines use: CPU, memory, disk and GPU of each host, oldest first.

        A cell says it itself, every few seconds. Of other jobs the platform is asked, here and once a minute while the
        job runs: CloudWatch has one sample a minute, some minutes late.

        Raises:
            BackendError: the platform may not be asked; says which permission is missing.
        """
        with self._lock:
            if not self._seen.gauge.own:
                self._seen.gauge.ask(self._seen.describe)
        if self._seen.gauge.refused and not self._seen.gauge.samples:
            raise BackendError(self._seen.gauge.refused)
        return self._seen.gauge.samples

    def logs(self, follow: bool = False) -> Generator[LogEvent, None, None]:
        """Iterate over the log from its first line; with ``follow`` until the job has ended."""
        seen = 0
        while True:
            finished = self.done() or not follow
            if self.done():
                with self._lock:
                    self._seen.log.pull()  # what the platform delivered after the end
            self.refresh()
            for event in self._seen.log.read(seen):
                seen = event.index + 1
                yield event
            if finished:
                return
            self.backend.wait(self.name, 0.5)

    # -- following it ------------------------------------------------------------------------------------------------

    def subscribe(self, callback: Callable[[], Any]) -> Callable[[], None]:
        """Call ``callback()`` after each change, from whatever thread made it. Returns a function that ends it."""
        self._listeners.append(callback)

        def unsubscribe() -> None:
            with contextlib.suppress(ValueError):
                self._listeners.remove(callback)

        return unsubscribe

    def add_done_callback(self, callback: Callable[[Job], Any]) -> None:
        """Call ``callback(job)`` when the job has ended and its outcome was read; at once when it already has."""
        with self._lock:
            if not self._done.is_set():
                self._callbacks.append(callback)
                return
        callback(self)

    def changed(self) -> None:
        """Tell the views that something changed."""
        for listener in list(self._listeners):
            listener()

    def transferring(self, transfer: Transfer | None) -> None:
        """Show the progress of an upload or download."""
        self._transfer = transfer
        self.changed()

    def notice(self, text: str) -> None:
        """Add one line for the person."""
        self._notices.append(text)

    def note_inputs(self) -> None:
        """Remember how the inputs are, for a job that is not waited for: changes made here meanwhile are then seen."""
        from .worker import wire

        if self.memo is None:
            return
        if len(self.memo.objects) <= _COMPARED:
            self.before = wire.snapshot(self.memo)
        else:
            self.notice(
                f"The inputs hold more than {_COMPARED:,} objects. Do not change them here before the job has ended: "
                "what it changes in place would replace that."
            )

    def watch(self) -> None:
        """Let the kernel's one watcher follow the job."""
        WATCHER.add(self)

    def driven(self) -> bool:
        """Whether a foreground wait refreshes the job."""
        return self._driven > 0

    def finished(self) -> bool:
        """Nothing more will change."""
        return self._done.is_set()

    def refresh(self) -> bool:
        """Look once at the backend; True when something changed. A fault that may pass is shown, not raised."""
        if self._done.is_set():
            return False
        with self._lock:
            changed, over = self._seen.look()
            self.look_up_price()
            if self._seen.no_log and self._seen.no_log not in self._notices:
                self.notice(self._seen.no_log)
            if over:
                self._collect()
        if changed or self._done.is_set():
            self.changed()
        return changed

    def look_up_price(self) -> None:
        """What the machine costs that it was given: one of several types, or one that another kernel asked for."""
        cluster = self._seen.describe.get("ProcessingResources", {}).get("ClusterConfig", {})
        kind = str(cluster.get("SelectedInstanceType") or cluster.get("InstanceType") or "")
        if cluster and kind != self._priced:
            from .setting import price_of

            self._priced = kind
            self.price_per_hour, self.price_note = price_of(self.backend, self._seen.describe)

    def _collect(self) -> None:
        """Read and verify the outcome, once, after the job has ended."""
        from .results import Results

        if self._collected:
            return
        self._collected = True
        if self.store is not None and self.has_cell:
            try:
                self.results = Results.read(self.store, self.name, self._seen.describe.get("ExitMessage") or "")
            except (IntegrityError, StoreError) as error:
                self._outcome_error = error
            if self.results is None:
                from .bundle.known import forget_listing

                forget_listing(self.store)  # it may have missed a blob that was deleted behind our back
        self._done.set()
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(self)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end of the job.

        Args:
            timeout: seconds; None waits as long as it takes.

        Returns:
            Whether the job has ended.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        self._driven += 1
        low, high = self.poll_seconds
        try:
            while not self._done.is_set():
                if time.monotonic() >= self._next_poll:
                    changed = self.refresh()
                    if self._done.is_set():
                        break
                    # A backend that is asked over the network is asked less and less often while nothing changes.
                    self._delay = low if changed else min(high, max(low, self._delay * 1.2))
                    self._next_poll = time.monotonic() + (self._delay if low >= 0.1 else 0.0)
                left = 0.2 if deadline is None else min(0.2, deadline - time.monotonic())
                if left <= 0:
                    return False
                self.backend.wait(self.name, left)
            return True
        finally:
            self._driven -= 1

    # -- ending it ---------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Ask the backend to stop the job; what is ready comes back. Returns at once; a job that ended is no error."""
        if self._done.is_set():
            return
        self._stop_requested = True
        self.backend.stop(self.name)
        self.changed()

    def delete(self) -> None:
        """Delete an ended job: its record and what the store keeps of it (blobs that others use stay).

        Raises:
            BackendError: the job has not ended.
        """
        if self.status not in TERMINAL:
            raise BackendError(f"Job {self.name} is {self.status}: stop it first, then delete it.")
        if self.store is not None:
            for key, _ in list(self.store.list(f"jobs/{self.name}/")):
                self.store.delete(key)
        self.backend.delete(self.name)

    # -- its results -------------------------------------------------------------------------------------------------

    def error(self) -> BaseException | None:
        """Why the job did not complete, as an exception: the cell's own, with its real type; None when it completed."""
        from .summary import failure_text

        if self._outcome_error is not None:
            return self._outcome_error
        if self.status == "Completed":  # also after `sys.exit()`
            return None
        if self.results is not None and self.results.raised:
            return self.results.exception(self)
        text = failure_text(self.state(), self._seen.describe, self.results, None, self._seen.fault)
        return JobStopped(text) if self.status == "Stopped" else JobFailed(text)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait, then return the error (see ``error``).

        Raises:
            TimeoutError: the job has not ended within ``timeout`` seconds.
        """
        if not self.wait(timeout):
            raise TimeoutError(f"Job {self.name} has not ended within {timeout} s; it is {self.status}.")
        return self.error()

    def load(self, namespace: dict[str, Any] | None = None, *, lazy: int | None = None) -> JobState:
        """Load the verified results into ``values``, and bind them in a namespace.

        Args:
            namespace: where the names are bound; default the one that the cell was submitted from, if any.
            lazy: values over this size, in bytes, are left in the store until ``load`` is called again or, in a
                notebook, a cell reads their names; None loads everything.

        Raises:
            IntegrityError: the outcome or a value has not the digest that the control plane pinned.
        """
        if not self._done.is_set():
            raise BackendError(
                f"Job {self.name} is {self.status}: its results come when it has ended. Wait for it first."
            )
        if self._outcome_error is not None:
            raise self._outcome_error
        target = self.namespace if namespace is None else namespace
        if self.results is not None:
            self._seen.phases.enter("loading")
            self.changed()
            self.results.load(self, target, lazy)
        self._seen.phases.enter("done")
        self.changed()
        return self.state()

    def let_go(self) -> None:
        """Hold none of this kernel's objects any longer, once all results are in: views keep the job for its log, and
        what the notebook deletes is to be freed. From here on it is as a job of another kernel."""
        if self.results is None or not self.results.loaded or self.results.waiting():
            return
        if all(variable.status != "kept" for variable in self.variables()):  # ``values`` alone has what was kept
            self.results.let_go()
            self.memo = self.before = self.bound = self.namespace = None
            self.values = {}

    def result(self, timeout: float | None = None) -> Any:
        """Wait for the job, load its results and return the value of the cell's last expression.

        Raises:
            TimeoutError: the job has not ended within ``timeout`` seconds.
            BaseException: what the cell raised, with its real type.
            JobFailed, JobStopped, IntegrityError: the job did not complete.
        """
        if not self.wait(timeout):
            raise TimeoutError(f"Job {self.name} has not ended within {timeout} s; it is {self.status}.")
        self.load()
        error = self.error()
        if error is not None:
            raise error
        return self.results.value if self.results else None

    def __await__(self) -> Generator[Any, None, Any]:
        async def finish() -> Any:
            await asyncio.get_running_loop().run_in_executor(None, self.wait)
            return self.result()

        return finish().__await__()

    def events(self, host: str = "") -> list[dict[str, Any]]:
        """What the cell printed and displayed, in order, as nbformat-like messages (verified)."""
        return self.results.events(host) if self.results else []

    def variables(self) -> tuple[Variable, ...]:
        """What became of each name."""
        return self.results.variables() if self.results else ()

    @property
    def outputs(self) -> JobOutputs:
        """The job's own outputs (``--output``) by name: their URI, their files, ``open``, ``read_csv``."""
        return JobOutputs(self._seen.describe, self.backend)

    @property
    def has_cell(self) -> bool:
        """Whether a captured cell runs in it; else a script or a container, whose prints are its log."""
        return self._seen.has_cell

    def code(self) -> str:
        """The cell's text, as it was submitted."""
        return self.source.cell

    def request(self) -> dict[str, Any]:
        """The CreateProcessingJob request, as sent; from the store."""
        if self.store is None:
            return {}
        request: dict[str, Any] = json.loads(self.store.get(f"jobs/{self.name}/request.json"))
        return request


def store_of(backend: Backend, describe: Mapping[str, Any]) -> Store | None:
    """The store that keeps a job, found from its request; None for a job that nbprocess did not make.

    Whatever nbprocess sends or keeps of a job lies below ``<store>/jobs/<job>/``.
    """
    outputs = (describe.get("ProcessingOutputConfig") or {}).get("Outputs", ())
    entries = [*outputs, *(describe.get("ProcessingInputs") or ())]
    for entry in entries:
        uri = str((entry.get("S3Output") or entry.get("S3Input") or {}).get("S3Uri", ""))
        root, found, _ = uri.partition(f"/jobs/{describe.get('ProcessingJobName')}/")
        if found:
            return backend.open_store(root)
    return None
