"""``nbprocess jobs``: the job browser's list in a terminal, by ``rich`` where that is installed, as text, or as JSON.

May import: ``api``, ``state``, ``views``; rich when a terminal is written to.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

from .state import JobState

STATUSES = ("InProgress", "Completed", "Failed", "Stopping", "Stopped")
_STYLES = {"ok": "green", "error": "red", "warn": "yellow", "busy": "blue"}
_UNITS = {"h": 3600.0, "d": 86_400.0}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The filters of the job browser."""
    parser.add_argument("search", nargs="*", help="only jobs with these words in name, notebook, machine or headline")
    parser.add_argument("--status", choices=STATUSES)
    parser.add_argument("--notebook", help="its path or file name", default="")
    parser.add_argument("--instance", help="such as ml.m5.xlarge", default="")
    parser.add_argument("--since", type=_period, default=0.0, metavar="7d", help="made in the last 12h, 7d, ...")
    parser.add_argument("--limit", type=int, default=20)
    parser.add_argument("--json", action="store_true", help="one JSON array, for programs")


def run(arguments: argparse.Namespace) -> int:
    """Print the newest jobs that the arguments choose."""
    states = list(itertools.islice(_found(arguments), max(0, arguments.limit)))
    if arguments.json:
        print(json.dumps([_plain(state) for state in states], indent=1))
    elif sys.stdout.isatty() and _printed_by_rich(states):
        pass
    else:
        from .views import table

        print(table(states))
        if states:
            print(_sums(states))
    return 0


def _found(arguments: argparse.Namespace) -> Iterator[JobState]:
    """Newest first; each is described when its turn comes, so a short list asks little."""
    from .api import glance, iter_jobs
    from .errors import JobNotFound
    from .views.source import Query, select

    query = Query(" ".join(arguments.search), arguments.status or "", instance=arguments.instance)
    now = time.time()
    filters = {"StatusEquals": arguments.status} if arguments.status else {}
    for job in iter_jobs(arguments.backend, problem=_say, **filters):
        state = job.state()
        if arguments.since and now - state.created > arguments.since:
            return
        if job.store is None:
            try:
                state = glance(job).state()
            except JobNotFound:  # deleted since the listing
                continue
        if arguments.notebook not in ("", state.notebook, state.notebook.rpartition("/")[2]):
            continue
        yield from select([state], query, now)


def _say(problem: str) -> None:
    print(f"nbprocess: {problem}", file=sys.stderr)


def _sums(states: Sequence[JobState]) -> str:
    """What the listed jobs are and cost, in the browser's words."""
    from .views.source import total
    from .views.words import money, number

    sums = total(states, time.time())
    jobs = f"{number(sums.jobs)} job{'' if sums.jobs == 1 else 's'}"
    spent = sum(state.cost or 0.0 for state in states)
    return f"{jobs} listed: {sums.running} running, {money(spent)} in all, {money(sums.today)} of it today (UTC)"


def _printed_by_rich(states: Sequence[JobState]) -> bool:
    try:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text
    except ImportError:
        return False
    from .views.jobtable import TITLES, JobTable
    from .views.words import status_tone

    listing = JobTable(states)
    rows = listing.cells()
    used = [at for at, title in enumerate(TITLES) if title in TITLES[:3] or any(row[at] for row in rows)]
    shown = Table(box=None, pad_edge=False, header_style="dim")
    for at in used:
        right = TITLES[at] in ("time", "cost")
        shown.add_column(TITLES[at], justify="right" if right else "left", overflow="fold", no_wrap=right)
    for state, row in zip(states, rows, strict=True):
        style = {1: _STYLES[status_tone(state)]}
        shown.add_row(*(Text(row[at], style=style.get(at, "")) for at in used))
    console = Console()
    if states:
        console.print(shown)
        console.print(Text(_sums(states), style="dim"))
    else:
        console.print(str(listing))
    return True


def _plain(state: JobState) -> dict[str, Any]:
    return dataclasses.asdict(dataclasses.replace(state, usage=(), links=dict(state.links)))


def _period(text: str) -> float:
    number, unit = text[:-1], text[-1:]
    try:
        seconds = float(number) * _UNITS[unit]
    except (ValueError, KeyError):
        raise argparse.ArgumentTypeError(f"{text!r} is no period; write it like 12h or 7d") from None
    if seconds <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no period; write it like 12h or 7d")
    return seconds
