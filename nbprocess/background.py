"""Cells with ``--background``: their names come in when the job is done; a later cell that reads one waits for it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .job import Job


class Background:
    """The pending jobs of one kernel."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self._pending: dict[str, tuple[Job, frozenset[str]]] = {}

    def install(self) -> None:
        """Look at every cell before it runs."""
        self.shell.events.register("pre_run_cell", self._before)

    def uninstall(self) -> None:
        """Stop looking."""
        self.shell.events.unregister("pre_run_cell", self._before)

    def find(self, name: str) -> Job | None:
        """The pending job of that name."""
        found = self._pending.get(name)
        return found[0] if found else None

    def add(self, job: Job, binds: Iterable[str]) -> None:
        """Follow a job from the background; its view stays under the cell that started it."""
        from . import views

        names = frozenset(binds)
        self._pending[job.name] = (job, names)
        view = views.show(job)

        def finished(job: Job) -> None:
            # From here on the names are there; a cell that waits in `_before` finds the job loaded.
            try:
                job.load(self.shell.user_ns)
            finally:
                self._pending.pop(job.name, None)
                view.finish(job.events())

        job.add_done_callback(finished)
        job.watch()

    def _before(self, info: Any) -> None:
        if not self._pending or not info.raw_cell:
            return
        from .capture import reads

        wanted = {name for _, names in self._pending.values() for name in names}
        try:
            code = self.shell.transform_cell(info.raw_cell)
            needed = reads(code, wanted, self.shell.user_ns)
        except SyntaxError:  # the cell will say so itself
            return
        for job, names in list(self._pending.values()):
            asked = sorted(names & needed)
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
