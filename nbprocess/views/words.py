"""Numbers and states in words, the same in every view: durations, sizes, money, the word and colour of a status.

May import: the standard library, ``nbprocess.state``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Final

from nbprocess.state import JobState, Phase, PhaseTime, Progress, Transfer, Variable, VariableStatus

PHASE_WORDS: Final[dict[Phase, str]] = {
    "packing": "packing",
    "uploading": "uploading",
    "waiting": "waiting for the machine",
    "starting": "starting",
    "running": "running",
    "saving": "saving",
    "loading": "loading results",
    "done": "done",
}

BRIEF = 0.05
"""Seconds; a phase that ended sooner is shown as 0.0 s, and so not at all."""

VARIABLE_WORDS: Final[dict[VariableStatus, str]] = {
    "loaded": "loaded",
    "updated": "updated in place",
    "unchanged": "unchanged",
    "deleted": "deleted",
    "lazy": "fetched when read",
    "kept": "yours was kept",
    "failed": "did not come back",
    "saved": "in the store",
}


def status_word(state: JobState) -> str:
    """One word (or two) for what the job does now, such as ``Uploading``, ``Running``, ``Completed``."""
    if state.status == "Completed" and state.phase == "loading":
        return "Loading results"
    if state.status != "InProgress":
        return state.status
    if state.stop_requested:
        return "Stopping"
    if state.phase == "waiting" and not state.instance_type:
        return "In progress"  # of a listing, which tells no more than that
    return PHASE_WORDS[state.phase].capitalize()


def status_tone(state: JobState) -> str:
    """``ok``, ``error``, ``warn`` or ``busy``: what colour stands beside the word."""
    if state.status == "Completed":
        return "busy" if state.phase == "loading" else "ok"
    return {"Failed": "error", "Stopped": "warn", "Stopping": "warn"}.get(state.status, "busy")


def duration(seconds: float) -> str:
    """``0.4 s``, ``12 s``, ``3:07``, ``1:02:33``, ``2 d 03:10``."""
    seconds = max(0.0, seconds)
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}:{rest:02d}"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}:{minutes:02d}:{rest:02d}"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours:02d}:{minutes:02d}"


def size(count: float) -> str:
    """Bytes with a binary unit: ``17 B``, ``1.5 KiB``, ``2.0 GiB``."""
    value = float(count)
    if abs(value) < 1024:
        return f"{value:.0f} B"
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        value /= 1024
        if abs(value) < 1023.95 or unit == "TiB":
            break
    return f"{value:.1f} {unit}" if value < 99.95 else f"{value:.0f} {unit}"


def money(dollars: float) -> str:
    """US dollars: ``$0``, ``$0.0012``, ``$0.74``, ``$1,204.00``."""
    if dollars and dollars < 0.01:
        return f"${dollars:.4f}"
    return f"${dollars:,.2f}" if dollars else "$0"


def number(value: float) -> str:
    """A count with thousands separators, without needless decimals."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def clock(moment: float) -> str:
    """A POSIX time as ``2026-11-21 01:10:05 UTC``: saved notebooks are read in other time zones."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(moment))


def cost(state: JobState) -> str:
    """Cost so far and the most it can become; where there is no price, why."""
    if state.cost is None:
        return "no cost" if state.backend == "local" else state.price_note
    parts = [money(state.cost) if state.terminal else f"{money(state.cost)} so far"]
    if state.cost_max is not None and not state.terminal:
        parts.append(f"at most {money(state.cost_max)}")
    return ", ".join(parts)


def machine(state: JobState) -> str:
    """``2 × ml.g4dn.xlarge · eu-west-1``; ``this machine``, whatever type stands in a local job's request."""
    if state.backend == "local":
        return "this machine" if state.instance_count == 1 else f"this machine, as {state.instance_count} hosts"
    kind = state.instance_type or state.backend
    if state.instance_count > 1:
        kind = f"{state.instance_count} × {kind}"
    return " · ".join(filter(None, [kind, state.region]))


def place(target: str) -> str:
    """A URL or path as it is shown; what lies in the reader's home begins with ``~``."""
    home = os.path.expanduser("~").rstrip(os.sep)
    return f"~{target[len(home) :]}" if home and target.startswith(home + os.sep) else target


def progress(value: Progress) -> str:
    """``epochs 3/10 it · 1.2 it/s``."""
    amount = (
        number(value.n) + (f"/{number(value.total)}" if value.total else "") + (f" {value.unit}" if value.unit else "")
    )
    rate = f" · {value.rate:.3g} {value.unit}/s" if value.rate else ""
    return f"{value.desc} {amount}{rate}".strip()


def transfer(value: Transfer) -> str:
    """``sending df 1.0 MiB of 20.0 MiB · 5.0 MiB/s``."""
    verb = "sending" if value.direction == "up" else "fetching"
    what = f" {value.what}" if value.what else ""
    rate = f" · {size(value.rate)}/s" if value.rate else ""
    return f"{verb}{what} {size(value.sent)} of {size(value.total)}{rate}"


def fraction(state: JobState) -> float | None:
    """How far the bar is, 0 to 1: the transfer under way, else the cell's own progress; None when unknown."""
    if state.terminal and state.phase == "done":
        return 1.0 if state.status == "Completed" else None
    if state.transfer is not None and state.transfer.total > 0:
        return min(1.0, state.transfer.sent / state.transfer.total)
    if state.phase == "running" and state.progress is not None and state.progress.total:
        return min(1.0, max(0.0, state.progress.n / state.progress.total))
    return None


def doing(state: JobState) -> str:
    """What the bar measures, in words."""
    if state.terminal and state.phase == "done":
        return ""
    if state.transfer is not None:
        return transfer(state.transfer)
    if state.progress is not None and state.phase == "running":
        return progress(state.progress)
    return ""


def phases(state: JobState) -> list[PhaseTime]:
    """The phases that are worth a word: the one that lasts, and those that took a moment."""
    return [p for p in state.phases if p.phase != "done" and (p.end is None or p.end - p.start >= BRIEF)]


def phase_seconds(phase: PhaseTime, now: float) -> float:
    """How long a phase took, or takes until ``now``."""
    return max(0.0, (phase.end if phase.end is not None else now) - phase.start)


def peak_memory(state: JobState) -> str:
    """``1.2 GiB of 16.0 GiB`` (the machine's memory only where it was measured)."""
    if state.peak_memory is None:
        return ""
    total = max((sample.memory_total or 0 for sample in state.usage), default=0)
    return size(state.peak_memory) + (f" of {size(total)}" if total else "")


def changed(variables: Sequence[Variable]) -> list[Variable]:
    """Variables worth a line of their own: not inputs that came back as they went, nor modules that were imported."""
    return [v for v in variables if v.status != "unchanged" and not _imported(v)]


def unchanged(variables: Sequence[Variable]) -> str:
    """The other ones, as one line; empty when there is none."""
    imported = [v.name for v in variables if v.status != "unchanged" and _imported(v)]
    names = [v.name for v in variables if v.status == "unchanged"]
    parts = [("sent and not changed", names), ("imported", imported)]
    return " · ".join(f"{what}: {', '.join(found)}" for what, found in parts if found)


def _imported(variable: Variable) -> bool:
    return variable.type == "module" and variable.status in ("loaded", "saved")


def reason(state: JobState) -> str:
    """What is to be said of a failure beside the headline, which often has its first line; empty when nothing."""
    first, _, rest = state.failure.partition("\n")
    return rest.strip() if first and state.headline.endswith(first) else state.failure
