"""One thread follows all jobs of a kernel, and asks less and less often while nothing changes."""

from __future__ import annotations

import threading
import time

from nbprocess.watch import Watcher


class Followed:
    """A job that changes at its first looks and then rests; ends after ``looks``."""

    def __init__(self, name: str, looks: int, changes: int = 0) -> None:
        self.name, self.left, self.changes = name, looks, changes
        self.poll_seconds = (0.02, 0.5)
        self.at: list[float] = []
        self.threads: set[int] = set()
        self.held = False

    def refresh(self) -> bool:
        self.at.append(time.monotonic())
        self.threads.add(threading.get_ident())
        self.left -= 1
        return len(self.at) <= self.changes

    def finished(self) -> bool:
        return self.left <= 0

    def driven(self) -> bool:
        return self.held


def ended(*jobs: Followed) -> None:
    deadline = time.monotonic() + 60
    while not all(job.finished() for job in jobs):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_many_jobs_share_one_thread() -> None:
    watcher = Watcher()
    jobs = [Followed(f"job-{number}", looks=3) for number in range(50)]
    for job in jobs:
        watcher.add(job)
    ended(*jobs)
    assert len(set().union(*(job.threads for job in jobs))) == 1


def test_a_job_that_rests_is_asked_less_and_less_often() -> None:
    watcher, job = Watcher(), Followed("rests", looks=8)
    watcher.add(job)
    ended(job)
    gaps = [later - earlier for earlier, later in zip(job.at, job.at[1:], strict=False)]
    # Delays are 0.03, 0.045, ... with a fifth of jitter: no look comes before its time, however slow the machine is.
    assert all(gap >= 0.8 * min(0.5, 0.02 * 1.5 ** (n + 1)) - 0.005 for n, gap in enumerate(gaps)), gaps


def test_what_somebody_waits_for_is_not_asked_twice() -> None:
    watcher, job, other = Watcher(), Followed("held", looks=1), Followed("other", looks=10)
    job.held = True
    watcher.add(job)
    watcher.add(other)
    ended(other)
    assert job.at == []
    job.held = False
    ended(job)
    assert len(job.at) == 1
