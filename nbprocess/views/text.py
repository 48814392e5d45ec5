"""A job as plain text: one line for a terminal, a summary for logs, GitHub and ``text/plain`` outputs.

May import: ``nbprocess.state``, ``nbprocess.views.words``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from nbprocess.state import JobState, Variable
from nbprocess.views import words

CONTROL = re.compile(
    r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
)
"""Terminal sequences, control and direction characters: a name or a log line must not steer the reader's terminal."""


def plain(text: str) -> str:
    """``text`` without anything that a terminal would obey."""
    return CONTROL.sub("", text)


def line(state: JobState, now: float) -> str:
    """One line of status, such as ``nbprocess-x · Running · 12 s · ml.m5.large · 45% epochs 9/20 it``."""
    parts = [state.name, words.status_word(state), words.duration(state.elapsed(now)), words.machine(state)]
    if not state.terminal:
        done = words.fraction(state)
        percent = "" if done is None else f"{done:.0%} "
        doing = words.doing(state)
        parts.append(percent + doing if doing else "")
    parts.append(words.cost(state))
    return plain(" · ".join(filter(None, parts)))


def summary(state: JobState, now: float | None = None) -> str:
    """Everything that matters of a job in a few lines: what it is, how it went, what came back, where to look.

    ``now`` (POSIX seconds) is needed while the job lasts; the text then says as of when it is true.
    """
    moment = now if now is not None else (state.ended or state.created)
    lines = [line(state, moment)]
    if state.headline:
        lines.append(plain(state.headline))
    if words.reason(state):
        lines += ["Reason: " + plain(words.reason(state))]
    spent = [
        f"{words.PHASE_WORDS[p.phase]} {words.duration(words.phase_seconds(p, moment))}" for p in words.phases(state)
    ]
    if spent:
        lines.append("Phases: " + ", ".join(spent))
    if words.changed(state.variables):
        lines += variable_lines(words.changed(state.variables))
    if words.unchanged(state.variables):
        lines.append(plain(words.unchanged(state.variables)))
    if state.peak_memory is not None:
        lines.append(f"Peak memory: {words.peak_memory(state)}")
    lines += [f"Note: {plain(notice)}" for notice in state.notices]
    lines += [f"{plain(title)}: {plain(words.place(target))}" for title, target in state.links.items()]
    if not state.terminal:
        lines.append(f"As of {words.clock(moment)}. Current state: %processing_attach {plain(state.name)}")
    else:
        lines.append(f"Print the log: %processing_logs {plain(state.name)}")
    return "\n".join(lines)


def variable_lines(variables: Sequence[Variable]) -> list[str]:
    """The results as an aligned table, a line each, those that did not come back last."""
    rows = [
        (
            plain(v.name),
            plain(v.type),
            plain(v.shape),
            words.size(v.size) if v.size else "",
            words.VARIABLE_WORDS[v.status] + (f": {plain(v.reason)}" if v.reason else ""),
        )
        for v in sorted(variables, key=lambda v: v.status == "failed")
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return ["Variables:"] + [
        "  " + "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]]).rstrip()
        for row in rows
    ]
