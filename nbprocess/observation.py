"""What is seen of one job from outside: its description, log, phases, progress, and what its machines use.

May import: ``state``, ``errors``, ``gauge``, ``logbook``, ``timeline``, ``joboutputs``; the backend comes as an object.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .errors import BackendError, NotAllowed, StoreError
from .gauge import Gauge
from .joboutputs import RESULTS_OUTPUT
from .logbook import Logbook
from .state import TERMINAL, JobState, Progress
from .timeline import Timeline

if TYPE_CHECKING:
    from .backends.base import Backend


_LOG_PATIENCE = 60.0
"""Seconds for which an ended job's log is asked for in vain; its results do not wait longer."""


class Observation:
    """One job, as its backend tells of it. Not thread-safe: the job that owns it holds its lock meanwhile.

    Args:
        name: the job's. backend: who is asked.
        describe: what DescribeProcessingJob said.
        began, submitted: when the cell was entered, and when sending began, in POSIX seconds; 0: not known here.
    """

    def __init__(
        self, name: str, backend: Backend, describe: Mapping[str, Any], began: float = 0.0, submitted: float = 0.0
    ) -> None:
        self._name, self._backend = name, backend
        self.describe: dict[str, Any] = dict(describe)
        self.created = began or seconds(describe.get("CreationTime")) or time.time()
        self.log = Logbook(name, backend)
        self.phases = Timeline()
        if began:
            self.phases.enter("packing", began)
            self.phases.enter("uploading", submitted)
        self.phases.enter("waiting", seconds(describe.get("CreationTime")))
        self._started(self.describe)
        self.gauge = Gauge(backend)
        self.fault = ""
        """Why the backend did not answer the last time."""
        self.no_log = ""
        """Why there is no (more) log to be had; the job itself does not depend on that."""
        self._progress: Progress | None = None
        self._end_seen: float | None = None
        self._log_lost: float | None = None
        self._looked = False

    @property
    def status(self) -> str:
        """AWS's word: InProgress, Completed, Failed, Stopping or Stopped."""
        return str(self.describe.get("ProcessingJobStatus", "InProgress"))

    @property
    def has_cell(self) -> bool:
        """Whether a captured cell runs in it; else a script or a container, whose prints are its log."""
        outputs = (self.describe.get("ProcessingOutputConfig") or {}).get("Outputs", ())
        return any(output["OutputName"] == RESULTS_OUTPUT for output in outputs)

    def look(self) -> tuple[bool, bool]:
        """Ask the backend once: whether something changed, and whether the job and its log are at their end.

        A fault that may pass is noted, not raised.
        """
        try:
            describe = self._backend.describe(self._name)
        except (BackendError, StoreError) as error:
            fault, self.fault = self.fault, str(error)
            return fault != self.fault, False
        ended = describe.get("ProcessingJobStatus") in TERMINAL
        looked = time.time()
        markers, all_read = self._pull(ended)
        changed = bool(markers) or self.log.grew or describe != self.describe or bool(self.fault)
        self.fault = ""
        self._looked = True
        self.describe = describe
        self._started(describe)
        for marker in markers:
            self._mark(marker)
        if self.gauge.due(describe, self.has_cell):
            changed = self.gauge.ask(describe) or changed
        over = ended and (bool(self.no_log) or (all_read and not self._log_may_grow(looked)))
        if over:
            self.phases.end(seconds(describe.get("ProcessingEndTime")) or time.time())
        return changed, over

    def _pull(self, ended: bool) -> tuple[list[Mapping[str, Any]], bool]:
        """The markers among new lines, and whether all that there is was read."""
        markers: list[Mapping[str, Any]] = []
        self.log.grew = False
        try:
            markers += self.log.pull()
            while ended and self.log.more:
                markers += self.log.pull()
        except (BackendError, StoreError) as error:
            if ended and self._log_lost is None:
                self._log_lost = time.monotonic()
            late = self._log_lost is not None and time.monotonic() - self._log_lost > _LOG_PATIENCE
            if late or isinstance(error, NotAllowed):
                self.no_log = f"The log cannot be read: {error} The job and its results do not depend on it."
            return markers, False
        self.no_log, self._log_lost = "", None
        return markers, True

    def _started(self, describe: Mapping[str, Any]) -> None:
        """The platform's start; a cell says itself when it begins to run."""
        if describe.get("ProcessingStartTime"):
            self.phases.enter("starting" if self.has_cell else "running", seconds(describe["ProcessingStartTime"]))

    def _log_may_grow(self, looked: float) -> bool:
        """Whether lines of an ended job may still be on their way. They matter where the log is all that it says.

        Args:
            looked: when the log was asked for, in POSIX seconds.
        """
        lag = 0.0 if self.has_cell else getattr(self._backend, "log_seconds", 0.0)
        if not lag:
            return False
        if self._end_seen is None:
            self._end_seen = looked  # by our clock: AWS's may be ahead
        ended = seconds(self.describe.get("ProcessingEndTime")) or 0.0
        return looked - ended < lag and looked - self._end_seen < lag

    def _mark(self, marker: Mapping[str, Any]) -> None:
        if marker.get("phase") in ("running", "saving"):
            self.phases.enter(marker["phase"], marker["time"])
        if isinstance(marker.get("progress"), dict):
            p = marker["progress"]
            self._progress = Progress(
                n=float(p.get("n") or 0),
                total=None if p.get("total") is None else float(p["total"]),
                desc=str(p.get("desc") or ""),
                unit=str(p.get("unit") or "it"),
                rate=None if p.get("rate") is None else float(p["rate"]),
            )
        if isinstance(marker.get("usage"), dict):
            self.gauge.take(marker["usage"], marker["time"])

    def state(self, price_per_hour: float | None, price_note: str, stop_requested: bool) -> JobState:
        """What a view shows of it, as far as it is seen from outside. Reads memory only.

        Args:
            price_per_hour: USD of one instance. stop_requested: somebody here has asked to stop it.
        """
        d = self.describe
        cluster = d.get("ProcessingResources", {}).get("ClusterConfig", {})
        started, ended = seconds(d.get("ProcessingStartTime")), seconds(d.get("ProcessingEndTime"))
        timeout = d.get("StoppingCondition", {}).get("MaxRuntimeInSeconds")
        count = int(cluster.get("InstanceCount", cluster.get("SelectedInstanceCount", 1)))
        cost = cost_max = None
        if price_per_hour is not None:
            cost = price_per_hour * count * max(0.0, (ended or time.time()) - started) / 3600 if started else 0.0
            cost_max = price_per_hour * count * timeout / 3600 if timeout else None
        status = "Stopping" if stop_requested and self.status == "InProgress" else self.status
        phase = self.phases.phase
        if phase == "starting" and not self._looked:
            phase = "running"  # nobody has read in its log whether the cell runs; most of its time it does
        return JobState(
            name=self._name,
            backend=self._backend.name,
            status=status,  # type: ignore[arg-type]
            phase=phase,
            created=self.created,
            phases=self.phases(),
            started=started,
            ended=ended if status in TERMINAL else None,
            instance_type=str(cluster.get("SelectedInstanceType") or cluster.get("InstanceType", "")),
            instance_count=count,
            region=str(d.get("ProcessingJobArn", "::::").split(":")[3]),
            image=str(d.get("AppSpecification", {}).get("ImageUri", "")),
            timeout=timeout,
            price_per_hour=price_per_hour,
            cost=cost,
            cost_max=cost_max,
            price_note=price_note,
            progress=self._progress,
            usage=self.gauge.samples,
            hosts=tuple(self.log.hosts) or tuple(f"algo-{n + 1}" for n in range(count)),
            stop_requested=stop_requested,
            peak_memory=self.gauge.peak_memory,
            log_lines=len(self.log),
        )


def seconds(value: Any) -> float | None:
    """POSIX seconds of boto3's ``datetime``."""
    return None if value is None else float(value.timestamp())
