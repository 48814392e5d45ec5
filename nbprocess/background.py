"""Values that are not here yet: of jobs in the background, and those that were left in the store. A cell that reads one
waits for it, or fetches it; every other cell runs at once."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from .errors import NbprocessError

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .handover import Handed
    from .job import Job
    from .options import Options
    from .views import View


class _Pending:
    """A job whose values are not here yet.

    Args:
        names: what a cell waits for when it reads it. inputs: what was sent.
    """

    def __init__(self, job: Job, names: frozenset[str], inputs: frozenset[str]) -> None:
        self.job, self.names, self.inputs = job, names, inputs
        self.seen: set[str] = set()
        """Inputs that cells have read here meanwhile."""

    def tell(self) -> None:
        """Say which inputs the job has changed although its text did not show it, after cells have read them here."""
        changed = {variable.name for variable in self.job.variables() if variable.status == "updated"}
        late = sorted(changed & self.seen - self.names)
        if late:
            self.job.notice(
                f"{', '.join(late)}: changed in place by the job; cells that ran here meanwhile saw the old state. Run "
                "them again, or run this cell in the foreground."
            )


class Background:
    """The pending names of one kernel."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self._pending: dict[str, _Pending] = {}
        self._kept: dict[str, Job] = {}

    def install(self) -> None:
        """Look at every cell before it runs."""
        self.shell.events.register("pre_run_cell", self._before)

    def uninstall(self) -> None:
        """Stop looking."""
        self.shell.events.unregister("pre_run_cell", self._before)

    def find(self, name: str) -> Job | None:
        """The pending job of that name."""
        found = self._pending.get(name)
        return found.job if found else None

    def keep(self, job: Job) -> None:
        """Fetch what the job has left in the store when a cell reads it. Its names are no other job's any more."""
        for other in list(self._kept.values()):
            assert other.results is not None
            for variable in job.variables() if other is not job else ():
                if variable.name in other.results.waiting() and variable.status != "unchanged":
                    other.results.names.forget(variable.name)
        if job.results is not None and job.results.waiting():
            self._kept[job.name] = job
        else:
            job.let_go()

    def add(
        self, job: Job, binds: Iterable[str], lazy: int | None = None, code: str = "", inputs: Collection[str] = ()
    ) -> None:
        """Follow a job from the background; its view stays under the cell that started it.

        Args:
            binds: names that the cell binds. lazy: results over this size stay in the store.
            code: the cell's Python. inputs: names that were sent; those that it changes in place are waited for, too.
        """
        from . import views
        from .capture import changed_in_place

        job.note_inputs()
        changes = changed_in_place(code, self.shell.user_ns, inputs)
        self._wait_for(_Pending(job, frozenset(binds) | changes, frozenset(inputs)), views.show(job), lazy)

    def attach(self, job: Job) -> None:
        """Bring the results of a job here when it ends, whoever started it; cells that read what its cell binds wait.

        Its log and state are shown elsewhere.
        """
        from .capture import analyse
        from .options import resolve

        binds: frozenset[str] = frozenset()
        with contextlib.suppress(SyntaxError):  # a cell of another version of Python
            binds = frozenset(analyse(self.shell.transform_cell(job.source.cell)).binds)
        self._wait_for(_Pending(job, binds, frozenset()), None, resolve({}).lazy)

    def _wait_for(self, pending: _Pending, view: View | None, lazy: int | None) -> None:
        job = pending.job
        self._pending[job.name] = pending

        def finished(job: Job) -> None:
            # From here on the names are there; a cell that waits in `_before` finds the job loaded.
            try:
                job.load(self.shell.user_ns, lazy=lazy)
                self.keep(job)
                pending.tell()
            finally:
                self._pending.pop(job.name, None)
                if view is not None:
                    view.finish(job.events())

        job.add_done_callback(finished)
        job.watch()

    def _before(self, info: Any) -> None:
        if not (self._pending or self._kept) or not info.raw_cell:
            return
        raw = info.raw_cell.lstrip()
        if raw.startswith("%%processing"):  # what the cell below it reads may go to its job as it lies in the store
            raw = raw.partition("\n")[0] + "\n"
        try:
            code = self.shell.transform_cell(raw)
        except SyntaxError:  # the cell will say so itself
            return
        self.provide(code)

    def provide(self, code: str, options: Options | None = None) -> list[Handed]:
        """Wait for, or fetch, what ``code`` (after IPython's transform) reads.

        Args:
            options: of the job that ``code`` will run in.

        Returns:
            What need not be fetched, as that job can have it from the store.
        """
        if not (self._pending or self._kept):
            return []
        from .capture import reads

        all_pending = list(self._pending.values())
        wanted = {name for pending in all_pending for name in pending.names | pending.inputs} | self._left_behind()
        needed = reads(code, wanted, self.shell.user_ns)
        for pending in all_pending:
            job, asked = pending.job, sorted(pending.names & needed)
            pending.seen |= pending.inputs & needed
            if asked:
                print(f"Waiting for {', '.join(asked)} of the background job {job.name} ...", file=sys.stderr)
                job.wait()
                error = job.error()
                if error is not None:
                    reason = f"{type(error).__name__}: {error}".splitlines()[0]
                    print(
                        f"The background job {job.name} did not complete ({reason}). What was ready has come in; "
                        f"%processing_logs {job.name} shows the rest.",
                        file=sys.stderr,
                    )
        handed = self._offers(needed, options) if options is not None else []
        self._fetch(needed - {name for item in handed for name in item.names})
        return handed

    def _offers(self, needed: set[str], options: Options) -> list[Handed]:
        from .handover import takes

        found: list[Handed] = []
        for job in self._kept.values():
            assert job.results is not None
            asked = job.results.waiting() & needed
            if asked and takes(options, job):
                found += job.results.offers(job, asked)
        return found

    def _left_behind(self) -> set[str]:
        """Names that wait in the store; those that were bound anew meanwhile are forgotten."""
        left: set[str] = set()
        for job in list(self._kept.values()):
            assert job.results is not None
            for name in job.results.waiting():
                if name in self.shell.user_ns:
                    job.results.names.forget(name)
                else:
                    left.add(name)
            if not job.results.waiting():
                del self._kept[job.name]
                job.let_go()
        return left

    def _fetch(self, needed: set[str]) -> None:
        for job in list(self._kept.values()):
            results = job.results
            assert results is not None
            asked = sorted(results.waiting() & needed)
            if not asked:
                continue
            size = results.size_of(asked) / 1e6
            print(f"Fetching {', '.join(asked)} ({size:,.0f} MB) of job {job.name} ...", file=sys.stderr)
            try:
                results.fetch(job, asked, self.shell.user_ns)
            except NbprocessError as error:
                print(f"{', '.join(asked)} could not be fetched: {error}", file=sys.stderr)
            if not results.waiting():
                del self._kept[job.name]
                job.let_go()
