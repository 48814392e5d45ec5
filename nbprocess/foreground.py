"""Following one job in a cell: wait, show, load, replay what it displayed, raise what it raised.

May import: IPython's shell comes in as an object; ``job``, ``views``, ``shownwidgets``.
"""

from __future__ import annotations

import contextlib
import linecache
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .job import Job

_QUIET_SECONDS = 0.4
"""A job that is over sooner gets its static summary only; setting up a widget would take longer than the cell."""


def remember(shell: InteractiveShell, line: str, cell: str, code: str, lines: int = 1) -> str:
    """Register the cell's text in ``linecache`` under a name of its own; its first lines stand for the magic's.

    Functions that the cell defines and tracebacks then show the notebook's lines, and later cells can send those
    functions as source.
    """
    raw = f"%%processing {line}\n{cell}"
    compiler = shell.compile
    number = cell_number(shell)
    filename: str = compiler.get_code_name(raw, "#\n" + code, number)
    text = "# %%processing " + line + "\n" * lines + code
    entry = (len(text), None, text.splitlines(True), filename)
    linecache.cache[filename] = entry
    # IPython maps this name to "Cell In[n]" in tracebacks: CachingCompiler._filename_map, IPython 8 and 9.
    if isinstance(getattr(compiler, "_filename_map", None), dict):
        compiler._filename_map[filename] = number
    return filename


def cell_number(shell: InteractiveShell) -> int:
    """The number of the cell that runs now: newer IPythons count before they run a cell, older ones after it."""
    return int(shell.displayhook.prompt_count)


def follow(shell: InteractiveShell, job: Job, lazy: int | None = None) -> None:
    """Wait for the job in the foreground, then load and replay; values over ``lazy`` bytes stay in the store.

    An interrupt stops the job, waits for what is ready, loads it, and is raised again. A second one gives up waiting.
    """
    from . import views

    if job.namespace is None:
        job.namespace = shell.user_ns
    view = None
    interrupted = False
    try:
        try:
            if not job.wait(_QUIET_SECONDS):
                view = views.show(job, waiting=True)
                while not job.wait(0.2):
                    view.tick()
        except KeyboardInterrupt:
            interrupted = True
            job.stop()
            job.wait(120)
        if job.done():
            job.load(shell.user_ns, lazy=lazy)
    finally:
        if view is not None:
            view.finish()
        else:
            views.summary(job)
    replay(shell, job)
    if interrupted:
        raise Interrupted(job)
    error = job.error()
    if error is None and job.results is not None and job.results.raised:
        error = job.results.exception(job)  # `sys.exit()`: a good end for a job, but no cell after it is to run
    if error is not None:
        raise error


class Interrupted(KeyboardInterrupt):
    """The person interrupted the waiting cell; the job was stopped."""

    def __init__(self, job: Job) -> None:
        super().__init__(f"{job.name} was stopped")
        self.job = job

    def _render_traceback_(self) -> list[str]:
        state = self.job.state()
        back = [v.name for v in state.variables if v.status in ("loaded", "updated", "lazy")]
        came = f" What was ready came back: {', '.join(back)}." if back else ""
        return [f"KeyboardInterrupt: job {state.name} was stopped ({state.status}).{came}"]


def replay(shell: InteractiveShell, job: Job) -> None:
    """Show what the cell printed and displayed as ordinary outputs of this cell, in order."""
    from IPython.display import clear_output

    from .shownwidgets import ShownWidgets
    from .worker.page import INTO, OUT_OF

    results = job.results
    if not job.has_cell:
        for line in job.log():
            print(line.text, file=sys.stderr if line.stream == "stderr" else sys.stdout)
        return
    if results is None:
        return
    publish, bound = shell.display_pub.publish, False
    widgets = ShownWidgets(results.data.get("closed") or ())
    for event in job.events():
        kind = event.get("type")
        if kind == "stream":
            out = sys.stderr if event["name"] == "stderr" else sys.stdout
            out.write(event["text"])
            out.flush()
        elif kind in ("display_data", "update_display_data"):
            transient = {"display_id": event["display_id"]} if event.get("display_id") else {}
            publish(
                widgets.display(event["data"]),
                event.get("metadata") or {},
                transient=transient,
                update=kind.startswith("update"),
            )
        elif kind == "clear_output":
            clear_output(wait=bool(event.get("wait")))
        elif kind == "error":
            shown = type(event["ename"], (Exception,), {})
            shell._showtraceback(shown, event["evalue"], event["traceback"])
        elif kind in (INTO, OUT_OF):
            widgets.turn(event)
        elif kind == "execute_result":
            event = {**event, "data": widgets.display(event["data"])}
            _show_result(shell, event, results)
            bound = bound or bool(event.get("final", True))
    widgets.end()
    if results.has_value and not bound:  # a value that could not be formatted is a result all the same
        shell.displayhook.update_user_ns(results.value)


def _show_result(shell: InteractiveShell, event: dict[str, Any], results: Any) -> None:
    """The cell's result: shown as the worker formatted it; bound to ``_`` and ``Out[n]`` where its value came back."""
    hook = shell.displayhook
    hook.start_displayhook()
    hook.write_output_prompt()
    hook.write_format_data(event["data"], event.get("metadata") or {})
    if results.has_value and event.get("final", True):
        hook.update_user_ns(results.value)
        with contextlib.suppress(AttributeError):  # outside run_cell there is no result to fill
            hook.fill_exec_result(results.value)
    hook.finish_displayhook()
