"""What the job uses, from /proc and the cgroup, and why a process died. Standard library only."""

from __future__ import annotations

import os
import signal
import time

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any


def read(path: str) -> str:
    """A small file's text; empty where it cannot be read (another kernel, no such cgroup)."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def memory_total() -> int:
    """Bytes of memory that this container may use; 0 when unknown."""
    totals = []
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        text = read(path).strip()
        if text.isdigit():
            totals.append(int(text))
    for line in read("/proc/meminfo").splitlines():
        if line.startswith("MemTotal:"):
            totals.append(int(line.split()[1]) * 1024)
    return min(totals, default=0)


def oom_kills() -> int:
    """How many processes of this cgroup the kernel has killed for want of memory so far."""
    for path in ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"):
        for line in read(path).splitlines():
            fields = line.split()
            if fields[:1] == ["oom_kill"]:
                return int(fields[1])
    return 0


_WORDS = {
    signal.SIGSEGV: "segmentation fault",
    signal.SIGABRT: "aborted",
    signal.SIGBUS: "bus error",
    signal.SIGFPE: "arithmetic error",
    signal.SIGILL: "illegal instruction",
    signal.SIGKILL: "killed from outside",
    signal.SIGTERM: "terminated",
}


def death(number: int, peak: int, kills: int) -> str:
    """Why a process that got signal ``number`` died, in plain words, with the way out."""
    total = memory_total()
    if number == signal.SIGKILL and (kills > 0 or (total and peak > 0.9 * total)):
        of = f" of {gigabytes(total)}" if total else ""
        return (
            f"out of memory: the kernel killed the process at {gigabytes(peak)}{of}. "
            "Choose an instance with more memory (--instance), or work on less data at a time"
        )
    word = _WORDS.get(signal.Signals(number) if number in list(signal.Signals) else number, "")  # type: ignore[call-overload]
    tail = ". The log shows where" if number == signal.SIGSEGV else ""
    if number == signal.SIGKILL:
        tail = ". Most often the memory ran out: choose an instance with more memory (--instance)"
    return f"killed by signal {number}" + (f" ({word})" if word else "") + f", exit code {128 + number}{tail}"


def gigabytes(size: int) -> str:
    """For people: ``15.2 GB``."""
    return f"{size / 1e9:.1f} GB"


class Sampler:
    """Samples of the cell's processes. ``folder`` tells which disk is meant."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._tick = os.sysconf("SC_CLK_TCK")
        self._page = os.sysconf("SC_PAGE_SIZE")
        self._cpu: tuple[float, float] | None = None
        self._gpu: Any = None
        self._gpu_value: dict[str, object] = {}
        folders = os.environ.get("PATH", "/usr/bin:/bin").split(os.pathsep)
        self._nvidia = next((f + "/nvidia-smi" for f in folders if os.access(f + "/nvidia-smi", os.X_OK)), "")

    def sample(self, pid: int) -> dict[str, object]:
        """Usage of the session that ``pid`` leads: cpu in percent of one core, the rest in bytes."""
        cpu, memory = self._processes(pid)
        now = time.monotonic()
        sample: dict[str, object] = {"memory": memory, "memory_total": memory_total()}
        if self._cpu is not None and now > self._cpu[0]:
            sample["cpu"] = round(max(0.0, cpu - self._cpu[1]) / (now - self._cpu[0]) * 100, 1)
        self._cpu = (now, cpu)
        try:
            disk = os.statvfs(self._folder)
            sample["disk"] = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
        except OSError:
            pass  # the folder is gone: no figure is better than a wrong one
        sample.update(self._gpus())
        return sample

    def _processes(self, session: int) -> tuple[float, int]:
        ticks = pages = 0
        try:
            names = os.listdir("/proc")
        except OSError:
            return 0.0, 0
        for name in names:
            if name.isdigit():
                # after the command in parentheses: state ppid pgrp session ... utime(11) stime cutime cstime ... rss
                fields = read(f"/proc/{name}/stat").rpartition(")")[2].split()
                if len(fields) > 21 and int(fields[3]) == session:
                    ticks += sum(int(value) for value in fields[11:15])
                    pages += int(fields[21])
        return ticks / self._tick, pages * self._page

    def _gpus(self) -> dict[str, object]:
        if not self._nvidia:
            return {}
        import subprocess

        if self._gpu is not None and self._gpu.poll() is not None:
            rows = [line.split(",") for line in self._gpu.stdout.read().decode("utf-8", "replace").splitlines()]
            try:
                self._gpu_value = {
                    "gpu": round(sum(float(row[0]) for row in rows), 1),
                    "gpu_memory": int(sum(float(row[1]) for row in rows) * 1024 * 1024),
                }
            except (ValueError, IndexError):
                self._gpu_value = {}  # "[N/A]" on devices that do not tell
            self._gpu.stdout.close()
            self._gpu = None
        if self._gpu is None:  # read at the next sample: the loop never waits for it
            query = ["--query-gpu=utilization.gpu,memory.used", "--format=csv,noheader,nounits"]
            try:
                self._gpu = subprocess.Popen(
                    [self._nvidia, *query], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
                )
            except OSError:
                self._nvidia = ""
        return self._gpu_value
