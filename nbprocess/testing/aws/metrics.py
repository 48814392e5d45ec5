"""CloudWatch's metrics of the jobs that the emulator runs: measured on their processes, kept by the minute.

May import: ``catalog``, ``worker.usage`` for the measuring, the standard library; the jobs come in as an object.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...catalog import find
from ...errors import NbprocessError
from ...worker.usage import Sampler

NAMESPACE = "/aws/sagemaker/ProcessingJobs"
PERIOD = 60
_EVERY = 0.5


class Metrics:
    """Samples while jobs run. ``machines`` is the local backend that runs them, below the folder ``base``."""

    def __init__(self, machines: Any, base: Path) -> None:
        self._machines, self._base = machines, base
        self._kept: dict[tuple[str, str], dict[int, list[float]]] = {}  # (host, metric) → minute → values
        self._running: dict[str, dict[str, _Host]] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def watch(self, job: str) -> None:
        """Measure a job until it ends."""
        with self._lock:
            self._running[job] = {}
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="emulator-metrics", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            with self._lock:
                running = list(self._running)
                if not running:
                    self._thread = None
                    return
            for job in running:
                try:
                    over = not self._measure(job)
                except (NbprocessError, OSError):  # the job was deleted, or its processes ended between two looks
                    over = True
                if over:
                    with self._lock:
                        self._running.pop(job, None)
            time.sleep(_EVERY)

    def _measure(self, job: str) -> bool:
        """One sample of each host; False when the job has ended."""
        describe = self._machines.describe(job)
        if "ProcessingEndTime" in describe:
            return False
        cluster = describe["ProcessingResources"]["ClusterConfig"]
        hosts = self._running.get(job, {})
        count = int(cluster.get("InstanceCount") or 1)
        if len(hosts) < count:
            for pid in _hosts(self._base / "instances" / job)[:count]:
                if pid not in [host.pid for host in hosts.values()]:
                    hosts[f"algo-{len(hosts) + 1}"] = _Host(pid, str(self._base))
        kind = find(str(cluster.get("InstanceType") or cluster["InstancePreferences"][0]["InstanceType"]))
        minute = int(time.time()) // PERIOD * PERIOD
        for name, host in hosts.items():
            with self._lock:
                for metric, value in host.percentages(kind).items():
                    self._kept.setdefault((f"{job}/{name}", metric), {}).setdefault(minute, []).append(value)
        return True

    def answer(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """GetMetricData of metrics in ``MetricStat`` form. Raises ValueError for what CloudWatch refuses."""
        queries = given.get("MetricDataQueries") or []
        if not 0 < len(queries) <= 500:
            raise ValueError(f"The collection MetricDataQueries must have 1 to 500 members, not {len(queries)}.")
        start, end = given["StartTime"], given["EndTime"]
        if start >= end:
            raise ValueError("The parameter StartTime must be less than the parameter EndTime.")
        latest = given.get("ScanBy", "TimestampDescending") == "TimestampDescending"
        room = skip = 0
        limit = int(given.get("MaxDatapoints") or 100_800)
        skip = int(given.get("NextToken") or 0)
        results, seen = [], 0
        for query in queries:
            found = sorted(self._values(query["MetricStat"], start, end), reverse=latest)
            part = found[max(0, skip - seen) : max(0, skip + limit - seen)]
            seen += len(found)
            room += len(part)
            results.append(
                {
                    "Id": query["Id"],
                    "Label": query.get("Label") or query["MetricStat"]["Metric"]["MetricName"],
                    "Timestamps": [moment for moment, _ in part],
                    "Values": [value for _, value in part],
                    "StatusCode": "Complete" if seen <= skip + limit else "PartialData",
                }
            )
        more = {"NextToken": str(skip + room)} if skip + room < seen else {}
        return {"MetricDataResults": results, "Messages": [], **more}

    def _values(self, stat: Mapping[str, Any], start: float, end: float) -> Iterator[tuple[int, float]]:
        metric, period = stat["Metric"], int(stat["Period"])
        if period % PERIOD:
            raise ValueError(f"The period {period} is no multiple of {PERIOD}.")
        host = next((item["Value"] for item in metric.get("Dimensions", ()) if item["Name"] == "Host"), "")
        with self._lock:
            minutes = {k: list(v) for k, v in self._kept.get((host, metric["MetricName"]), {}).items()}
        if metric["Namespace"] != NAMESPACE:
            return
        together: dict[int, list[float]] = {}
        for minute, values in minutes.items():
            together.setdefault(minute // period * period, []).extend(values)
        for moment, values in together.items():
            if start <= moment < end:
                yield moment, _STATISTICS[stat["Stat"]](values)


_STATISTICS: dict[str, Any] = {
    "Average": lambda values: sum(values) / len(values),
    "Maximum": max,
    "Minimum": min,
    "Sum": sum,
    "SampleCount": lambda values: float(len(values)),
}


class _Host(Sampler):
    """A container: the process ``pid`` and all below it."""

    def __init__(self, pid: int, folder: str) -> None:
        super().__init__(folder)
        self.pid, self._where = pid, folder

    def percentages(self, kind: Any) -> dict[str, float]:
        """Metric → value, as SageMaker sends it: memory of the instance type's, a GPU's load where the type has one.

        Nothing once the host has ended.
        """
        sample: dict[str, Any] = self.sample(self.pid)
        if not sample["memory"]:  # it has ended, and nobody took its exit code yet
            return {}
        disk = os.statvfs(self._where)
        found = {
            "MemoryUtilization": min(100.0, 100 * sample["memory"] / (kind.memory if kind else sample["memory_total"])),
            "DiskUtilization": 100 * (1 - disk.f_bfree / disk.f_blocks),
        }
        if "cpu" in sample:
            found["CPUUtilization"] = sample["cpu"]
        if kind and kind.gpus:
            found["GPUUtilization"] = float(sample.get("gpu", 0.0))
            found["GPUMemoryUtilization"] = 100 * sample.get("gpu_memory", 0) / kind.gpu_memory
        return found

    def _processes(self, session: int) -> tuple[float, int]:
        """CPU seconds and bytes of memory of ``session`` and what it started."""
        found = _processes()
        below, ticks, pages = {session}, 0, 0
        for pid in sorted(found):  # a child nearly always has the higher number
            if found[pid][0] in below or pid in below:
                below.add(pid)
                ticks, pages = ticks + found[pid][3], pages + found[pid][4]
        return ticks / self._tick, pages * self._page


def _processes() -> dict[int, tuple[int, int, int, int, int]]:
    """Process → its parent, session, start, ticks of CPU with those of its ended children, and pages of memory."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError, IndexError):  # it ended between the two looks
                # after the command in parentheses: state ppid pgrp session ... 4 times ... start size rss
                fields = Path(f"/proc/{name}/stat").read_text(errors="replace").rpartition(")")[2].split()
                ticks = sum(int(value) for value in fields[11:15])
                found[int(name)] = (int(fields[1]), int(fields[3]), int(fields[19]), ticks, int(fields[21]))
    return found


def _hosts(record: Path) -> list[int]:
    """The processes of a job's hosts, in the order of their start: sessions that the job's supervisor began."""
    found = _processes()
    for supervisor in found:
        if not _holds(supervisor, str(record)):
            continue
        own = [
            (start, pid)
            for pid, (parent, session, start, *_) in found.items()
            if parent == supervisor and session == pid
        ]
        if own:
            return [pid for _, pid in sorted(own)]
    return []


def kill(record: Path) -> None:
    """All processes of a job's hosts, at once: its machines are gone, and nothing of it could say goodbye."""
    sessions = _hosts(record)
    for pid, (_, session, *_) in _processes().items():
        if session in sessions or pid in sessions:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)


def _holds(pid: int, record: str) -> bool:
    """Whether a process has the job's control pipe open: its supervisor does."""
    with contextlib.suppress(OSError):  # another user's process, or one that ended
        for entry in os.scandir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                if os.readlink(entry.path) == f"{record}/control":
                    return True
    return False
