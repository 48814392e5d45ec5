"""Plain words about a job: the one-line headline and the reason of a failure, with the way out.

May import: ``state``, the standard library.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .state import JobState

if TYPE_CHECKING:
    from .results import Results

STOPPED = "The job was stopped."

_DOING = {
    "packing": "Packing what the cell needs",
    "uploading": "Sending the bundle",
    "waiting": "Waiting for the machine",
    "starting": "Starting",
    "running": "Running the cell",
    "saving": "Saving the results",
    "loading": "Loading the results",
}


def duration(seconds: float) -> str:
    """``0.4 s``, ``12 s``, ``3 min 05 s``, ``2 h 14 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"
    return f"{int(seconds) // 3600} h {int(seconds) % 3600 // 60:02d} min"


def size(number: float) -> str:
    """``812 B``, ``3.4 kB``, ``1.2 GB`` (powers of 1000, as disks and bills count)."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000 or unit == "GB":
            return f"{number:.0f} {unit}" if unit == "B" or number >= 100 else f"{number:.1f} {unit}"
        number /= 1000
    raise AssertionError("unreachable")


def headline(state: JobState, results: Results | None, failure: str) -> str:
    """One line: what happens now, or how the job ended."""
    if not state.terminal:
        if state.status == "Stopping":
            return "Stopping: what is ready is being saved"
        text = _DOING.get(state.phase, "Working")
        p = state.progress
        if state.phase == "running" and p is not None:
            of = f" of {p.total:g}" if p.total else ""
            return f"{text}: {p.desc + ' ' if p.desc else ''}{p.n:g}{of} {p.unit}"
        return text
    took = duration((state.ended or state.created) - (state.started or state.created))
    states = ("loaded", "updated", "lazy", "saved")
    back = [v.name for v in state.variables if v.status in states and v.type != "module"]
    came = f"; {_list(back)} came back" if back else ""
    if state.status == "Completed":
        return f"Completed in {took}{came}"
    first = failure.splitlines()[0] if failure else ""
    if first:
        return f"{state.status} after {took}: {first}"
    return f"{'Stopped on request' if state.status == 'Stopped' else state.status} after {took}{came}"


def _list(names: list[str], most: int = 5) -> str:
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def failure_text(
    state: JobState,
    describe: Mapping[str, Any],
    results: Results | None,
    outcome_error: BaseException | None,
    fault: str,
) -> str:
    """Why the job did not complete, and the way out; empty when it did or still runs.

    MaxRuntime exceeded ends as Stopped with no FailureReason, so the two kinds of Stopped are told apart by time.
    """
    if outcome_error is not None:
        return str(outcome_error)
    if not state.terminal:
        return f"The backend cannot be asked just now: {fault}" if fault else ""
    logs = f"%processing_logs {state.name}"
    error = results.error if results is not None else None
    if state.status == "Stopped":
        ran = (state.ended or 0.0) - (state.started or 0.0)
        if state.timeout and not state.stop_requested and state.started and ran >= state.timeout - 1:
            return (
                f"The job ran out of time: its maximum runtime is {duration(state.timeout)}. "
                "Give it more with --timeout, or let the cell do less."
            )
        return STOPPED
    if state.status != "Failed":
        return ""
    if error is not None:
        kind, message = error.get("type", ""), error.get("message", "")
        if kind:
            return f"{kind}: {message}" if message else str(kind)
        if message:
            return str(message)
    code = describe.get("ExitCode")
    reason = str(describe.get("FailureReason") or "")
    if results is None and code in (137, -9):
        return (
            "The worker was killed (exit code 137): most often it ran out of memory. "
            f"Choose a larger instance with --instance or --memory. Its last lines: {logs}"
        )
    if results is None and isinstance(code, int) and code > 128:
        name = signal.Signals(code - 128).name if code - 128 in signal.valid_signals() else str(code - 128)
        return f"The worker was killed by {name}. Its last lines: {logs}"
    return f"{reason or 'The job failed without a reason.'} Its log: {logs}"
