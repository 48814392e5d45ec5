"""What a job's machines use: the samples of the worker inside; where there is none or it fell silent, the platform's.

May import: ``state``, ``errors``, the standard library; the backend comes in as an object.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .errors import BackendError, NotAllowed
from .state import TERMINAL, Usage

if TYPE_CHECKING:
    from .backends.base import Backend

KEEP = 600
SILENT = 90.0
"""Seconds without a sample of the worker's after which the platform is asked."""
EVERY = 60.0
"""Seconds between two questions: the platform has one sample a minute."""
_LATE = 180.0  # CloudWatch takes minutes until it has the last point of every host


class Gauge:
    """The samples of one job."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._own: list[Usage] = []
        self._theirs: dict[tuple[float, str], Usage] = {}
        self._asked = self._heard = 0.0
        self.refused = ""
        """Why the platform does not tell; it is not asked again."""

    @property
    def own(self) -> bool:
        """Whether the worker in the job says what it uses."""
        return bool(self._own)

    @property
    def samples(self) -> tuple[Usage, ...]:
        """The newest ones, oldest first."""
        if not self._theirs:
            return tuple(self._own)
        theirs = [self._theirs[key] for key in sorted(self._theirs)]
        if self._own:  # what the worker said is finer; the platform's fill what came after it
            theirs = [sample for sample in theirs if sample.time > self._own[-1].time]
        return (*self._own, *theirs)[-KEEP:]

    @property
    def peak_memory(self) -> int | None:
        """The most memory of a host in any sample, in bytes; None where there is no sample."""
        return max((sample.memory for sample in self.samples if sample.memory is not None), default=None)

    def take(self, sample: Mapping[str, Any], moment: float) -> None:
        """One sample out of the worker's markers."""
        known = {k: v for k, v in sample.items() if k in Usage.__dataclass_fields__}
        known.setdefault("time", moment)
        self._own.append(Usage(**known))
        del self._own[:-KEEP]
        self._heard = time.time()

    def due(self, describe: Mapping[str, Any], worker: bool) -> bool:
        """Whether the platform is to be asked now. ``worker``: one of ours is in the job, and speaks unless it died."""
        started = describe.get("ProcessingStartTime")
        if started is None or self.refused:
            return False
        now = time.time()
        ended = describe.get("ProcessingJobStatus") in TERMINAL
        if worker:
            # An ended job says itself what it used; only one whose worker fell silent is asked after.
            end = describe.get("ProcessingEndTime")
            until = end.timestamp() if ended and end else now
            last = max(started.timestamp(), self._own[-1].time if self._own else 0.0, 0.0 if ended else self._heard)
            if until - last < SILENT:
                return False
        return ended or now - max(self._asked, started.timestamp()) >= EVERY

    def ask(self, describe: Mapping[str, Any]) -> bool:
        """Take in the platform's samples; True when there are new ones. Never raises: metrics never fail a job."""
        now = self._asked = time.time()
        started, ended = describe.get("ProcessingStartTime"), describe.get("ProcessingEndTime")
        if started is None:
            return False
        first = started.timestamp() - started.timestamp() % EVERY - 1.0
        since = max(first, max((moment for moment, _ in self._theirs), default=0.0) - _LATE, now - KEEP * EVERY)
        # The minute that runs has no average yet; at the end of the job it is all there will be.
        until = ended.timestamp() + 1.0 if ended else now - now % EVERY
        if until <= since:
            return False
        before = dict(self._theirs)
        try:
            found = self._backend.usage(describe, since, until)
        except BackendError as error:
            if isinstance(error, NotAllowed):
                self.refused = str(error)
            return False  # the next minute's question asks for these samples again
        self._theirs.update({(sample.time, sample.host): sample for sample in found})
        return self._theirs != before
