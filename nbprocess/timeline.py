"""The phases of one job, with the time that each began and ended. May import: ``state``."""

from __future__ import annotations

import time

from .state import PHASES, Phase, PhaseTime


class Timeline:
    """Phases follow one another and never turn back, whatever late or skewed clock they are told by."""

    def __init__(self) -> None:
        self._phases: list[PhaseTime] = []
        self._over = False

    def __call__(self) -> tuple[PhaseTime, ...]:
        """The phases so far."""
        return tuple(self._phases)

    @property
    def phase(self) -> Phase:
        """The present one."""
        return self._phases[-1].phase if self._phases else "waiting"

    def enter(self, phase: Phase, at: float | None = None) -> None:
        """``phase`` begins, at a moment in POSIX seconds, by default now. An earlier phase than the present is ignored.

        What was told of the end stays: only what happens here afterwards (loading, done) may follow.
        """
        moment = time.time() if at is None else at
        if self._phases:
            last = self._phases[-1]
            if PHASES.index(phase) <= PHASES.index(last.phase) or (self._over and phase not in ("loading", "done")):
                return
            moment = max(moment, last.start)
            if last.end is None:
                self._phases[-1] = PhaseTime(last.phase, last.start, moment)
        self._phases.append(PhaseTime(phase, moment, moment if phase == "done" else None))

    def end(self, at: float) -> None:
        """The job ended: the phase that lasted lasts no longer."""
        self._over = True
        if self._phases and self._phases[-1].end is None and self._phases[-1].phase not in ("loading", "done"):
            last = self._phases[-1]
            self._phases[-1] = PhaseTime(last.phase, last.start, max(at, last.start))
