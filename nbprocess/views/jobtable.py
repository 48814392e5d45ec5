"""Many jobs as a static table, in text and HTML: for terminals, saved notebooks and hosts without widgets.

May import: ``nbprocess.state``, ``nbprocess.views.words``, ``text`` (for cleaning), ``markup``.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from nbprocess.state import JobState
from nbprocess.views import words
from nbprocess.views.html import BORDER, MONO, MUTED, TONES
from nbprocess.views.markup import element
from nbprocess.views.text import plain

TITLES = ("name", "status", "where", "machine", "created", "time", "cost", "notebook")


def table(states: Iterable[JobState], now: float | None = None, note: str = "") -> JobTable:
    """The table of ``states`` in the given order; shows itself in notebooks and, by ``str()``, in terminals."""
    return JobTable(tuple(states), now, note)


class JobTable:
    """A displayable table of jobs. ``now`` is the POSIX time for which durations are true (default: when shown).

    ``note`` is a line under it.
    """

    def __init__(self, states: Sequence[JobState], now: float | None = None, note: str = "") -> None:
        self.states = tuple(states)
        self._now = now
        self._note = note

    def cells(self) -> list[tuple[str, ...]]:
        """One row of texts per job, in the order of ``TITLES``."""
        now = self._now if self._now is not None else time.time()
        return [
            (
                plain(s.name),
                words.status_word(s),
                s.backend,
                plain(words.machine(s)) if s.instance_type else "",
                words.clock(s.created),
                words.duration(s.elapsed(now)),
                words.money(s.cost) if s.cost is not None else "",
                plain(s.notebook),
            )
            for s in self.states
        ]

    def __len__(self) -> int:
        return len(self.states)

    def __str__(self) -> str:
        rows = self.cells()
        if not rows:
            return "No jobs."
        used = [i for i, title in enumerate(TITLES) if title in TITLES[:3] or any(row[i] for row in rows)]
        widths = {i: max(len(TITLES[i]), *(len(row[i]) for row in rows)) for i in used}
        lines = [
            "  ".join(
                row[i].rjust(widths[i]) if TITLES[i] in ("time", "cost") else row[i].ljust(widths[i]) for i in used
            ).rstrip()
            for row in [TITLES, *rows]
        ]
        return "\n".join([*lines, *filter(None, [self._note])])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        if not self.states:
            return element("em", "No jobs.")
        cell = f"text-align:left;padding:3px 14px 3px 0;border-bottom:{BORDER};white-space:nowrap"
        body = []
        for state, row in zip(self.states, self.cells(), strict=True):
            colour = TONES[words.status_tone(state)]
            body.append(
                element(
                    "tr",
                    element("th", element("code", row[0], style=f"{MONO};white-space:nowrap"), scope="row", style=cell),
                    element("td", element("span", "● ", aria_hidden="true"), row[1], style=f"{cell};color:{colour}"),
                    [element("td", text, style=cell) for text in row[2:]],
                )
            )
        head = element("tr", [element("th", title, scope="col", style=cell) for title in TITLES], style=MUTED)
        listed = element(
            "table",
            element("thead", head),
            element("tbody", body),
            style="border-collapse:collapse;font-size:var(--jp-ui-font-size1, 13px)",
        )
        return element("div", listed, element("p", self._note, style=MUTED)) if self._note else listed

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": self._repr_html_()}
