"""Ten thousand jobs of several notebooks, backends and ages: a ``ListedJobs`` for tests, notebooks and the benchmark."""

from __future__ import annotations

import random
import time
from dataclasses import replace

from nbprocess.state import JobLike, PhaseTime, Progress
from nbprocess.views.source import ListedJobs, Section
from tests.views.fake_job import LOG, RESULTS, FakeJob

NOTEBOOKS = ("flights.ipynb", "churn/train.ipynb", "churn/features.ipynb", "quality.ipynb", "")
MACHINES = ("ml.m5.xlarge", "ml.g4dn.xlarge", "ml.c5.4xlarge", "ml.p3.2xlarge")
ENDS = ("Completed", "Completed", "Completed", "Completed", "Failed", "Stopped")


class FakeSource(ListedJobs):
    """``jobs``, newest first; ``done`` records the actions."""

    def __init__(self, count: int = 10_000) -> None:
        self.jobs = [make(number, count) for number in range(count)]
        self.done: list[tuple[str, str]] = []
        super().__init__(
            lambda: list(self.jobs),
            actions={
                "load": ("Load results here", lambda job: job.state().terminal, self._recorded("load")),
                "stop": ("Stop", lambda job: not job.state().terminal, self._recorded("stop")),
                "rerun": ("Run again", lambda job: True, self._recorded("rerun")),
                "copy": ("Copy as cell", lambda job: True, lambda job: f"%%processing --name {job.name}\nx = 1"),
                "delete": ("Delete", lambda job: job.state().terminal, self._delete),
            },
            sections=lambda job: [
                Section("Code", "code", "model = train(flights, epochs=20)\nscores = evaluate(model, flights)"),
                Section("Outputs", "table", [["file", "size"], ["scores.parquet", "1.9 KiB"]]),
            ],
        )

    def _recorded(self, action: str):
        def act(job: JobLike) -> str:
            self.done.append((action, job.name))
            return f"{action}: {job.name}"

        return act

    def _delete(self, job: JobLike) -> str:
        self.done.append(("delete", job.name))
        self.jobs = [other for other in self.jobs if other.name != job.name]
        return f"{job.name} was deleted."


def make(number: int, count: int) -> FakeJob:
    """Job ``number``, the newest being 0; the three newest still run."""
    dice = random.Random(number)
    created = time.time() - number * 1700 - dice.random() * 900
    spent = dice.lognormvariate(5, 1.2)
    status = "InProgress" if number < 3 else dice.choice(ENDS)
    notebook = dice.choice(NOTEBOOKS)
    stem = notebook.rpartition("/")[2].removesuffix(".ipynb") or "console"
    job = FakeJob(f"nbprocess-{stem}-{count - number:05d}")
    job._events = []
    job._state = replace(
        job._state,
        backend=dice.choice(("local", "sagemaker", "sagemaker")),
        status=status,
        phase="done" if number >= 3 else "running",
        created=created,
        ended=created + spent if number >= 3 else None,
        phases=(PhaseTime("running", created, created + spent if number >= 3 else None),),
        instance_type=dice.choice(MACHINES),
        notebook=notebook,
        cost=spent / 3600 * dice.choice((0.23, 0.74, 3.8)),
        headline="ValueError in line 4 of your cell" if status == "Failed" else "",
        failure="ValueError: learning rate must be > 0" if status == "Failed" else "",
        variables=RESULTS if status == "Completed" else (),
        progress=Progress(9, 20, "epochs") if number < 3 else None,
    )
    if number < 50:
        job.write(*LOG)
    return job
