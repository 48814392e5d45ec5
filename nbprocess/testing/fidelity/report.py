"""How a comparison is told: cell by cell as it goes, then in one line; and as JSON. Pure."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from .compare import Difference
from .run import CellResult, Report

_MOST = 12
_WIDTH = 300


def cell_text(cell: CellResult) -> str:
    """One line for a cell; what differs on lines of its own."""
    first = next((line for line in cell.source.splitlines() if line.strip()), "")[:60]
    reason = f": {_short(cell.reason)}" if cell.reason else ""
    lines = [
        f"[{cell.number:>3}] {cell.verdict:<12} {cell.seconds[0]:6.2f} s {cell.seconds[1]:6.2f} s  {first}{reason}"
    ]
    if cell.verdict == "differs":
        lines += [_difference(difference) for difference in cell.differences[:_MOST]]
        if len(cell.differences) > _MOST:
            lines.append(f"        and {len(cell.differences) - _MOST} more")
    return "\n".join(lines)


def _difference(difference: Difference) -> str:
    said = "  (the job's summary says so)" if difference.said else ""
    return (
        f"        {difference.where}{said}\n"
        f"            in place:  {_at(difference.in_place, difference.offloaded)}\n"
        f"            offloaded: {_at(difference.offloaded, difference.in_place)}"
    )


def _at(text: str | None, other: str | None) -> str:
    """The part of a text in which it differs from the other."""
    if text is None:
        return "not there"
    if other is None or len(text) <= _WIDTH:
        return repr(text[:_WIDTH])
    same = next((i for i, (a, b) in enumerate(zip(text, other)) if a != b), min(len(text), len(other)))  # noqa: B905
    start = max(0, same - 60)
    return f"[{len(text)} characters, from {start}] {text[start : start + _WIDTH]!r}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 160 else line[:157] + "..."


def summary(report: Report) -> str:
    """The numbers of a notebook."""
    same, runnable = report.count("identical"), report.runnable
    share = f" ({100 * same / runnable:.1f} %)" if runnable else ""
    silent = sum(1 for cell in report.cells if cell.verdict == "differs" and cell.silent)
    lines = [
        f"{same} of {runnable} runnable cells identical{share}",
        f"identical {same}, refused with a reason {report.count('refused')}, differs {report.count('differs')} "
        f"(of these {silent} with something of which nothing was said), not runnable in place "
        f"{report.count('not runnable')}, for the kernel itself {report.count('home')}",
    ]
    if report.broken:
        lines.append(f"The comparison ended early: {report.broken}")
    return "\n".join(lines)


def to_json(report: Report) -> dict[str, Any]:
    """The report as a JSON-able dict."""
    counts = {verdict: report.count(verdict) for verdict in ("identical", "differs", "refused", "not runnable", "home")}  # type: ignore[arg-type]
    return {**asdict(report), "counts": counts, "runnable": report.runnable}
