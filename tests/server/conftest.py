"""A Jupyter server in this process with the extension on it, and a named fake of the jobs that it shows."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pytest_jupyter.jupyter_server import *  # noqa: F403  (fixtures; pytest_plugins is for the top conftest only)

from nbprocess.bundle.stores.directory import DirectoryStore
from nbprocess.errors import BackendError, JobNotFound
from nbprocess.joboutputs import JobOutputs
from nbprocess.state import JobState, LogEvent


class FakeJob:
    """A job with a log and one output in a real directory store."""

    def __init__(self, name: str, store: Any, **state: Any) -> None:
        self.name = name
        self.store = store
        self.backend = SimpleNamespace(open_store=lambda uri: store)
        self.source = SimpleNamespace(options="--timeout 1h")
        self.stops = 0
        self.deleted = False
        self.lines = [LogEvent(n, 1_000.0 + n, f"line {n}") for n in range(10)]
        values: dict[str, Any] = {"status": "InProgress", "phase": "running", "created": time.time(), **state}
        self._state = {"name": name, "backend": "local", "log_lines": 10, **values}

    def state(self) -> JobState:
        return JobState(**self._state)

    def log(self, start: int = 0, stop: int | None = None) -> list[LogEvent]:
        return self.lines[start:stop]

    def finished(self) -> bool:
        return self.state().terminal

    def stop(self) -> None:
        self.stops += 1
        self._state["status"] = "Stopping"

    def delete(self) -> None:
        if not self.state().terminal:
            raise BackendError(f"Job {self.name} is {self.state().status}: stop it first, then delete it.")
        self.deleted = True

    def code(self) -> str:
        return "x = 1"

    def events(self) -> list[dict[str, Any]]:
        return [{"type": "stream", "name": "stdout", "text": "hello\n"}]

    @property
    def outputs(self) -> JobOutputs:
        report = {"OutputName": "report", "S3Output": {"S3Uri": "s3://nbprocess-local/report/"}}
        return JobOutputs({"ProcessingOutputConfig": {"Outputs": [report]}}, None)  # type: ignore[arg-type]

    def describe(self) -> dict[str, Any]:
        return {"ProcessingJobName": self.name}


class FakeSource:
    """Named jobs; ``failure`` is raised by every call."""

    def __init__(self, *jobs: FakeJob) -> None:
        self.known = {job.name: job for job in jobs}
        self.listings = 0
        self.failure: Exception | None = None

    def newest(self, limit: int) -> tuple[list[Any], list[str]]:
        self.listings += 1
        if self.failure:
            raise self.failure
        return list(self.known.values())[:limit], ["sagemaker: no credentials"]

    def find(self, name: str) -> Any:
        if self.failure:
            raise self.failure
        if name not in self.known:
            raise JobNotFound(f"There is no job named {name}.")
        return self.known[name]

    def forget(self, name: str) -> None:
        del self.known[name]


@pytest.fixture
def source(tmp_path: Path) -> FakeSource:
    store = DirectoryStore(tmp_path / "bucket", "s3://nbprocess-local")
    store.put("tables/a.csv", b"0123456789")
    store.put("page.html", b"<script>alert(1)</script>")
    (tmp_path / "secret.txt").write_text("not yours")
    return FakeSource(
        FakeJob("train-1", store, price_per_hour=0.5, instance_count=2),
        FakeJob("prepare-2", store, status="Completed", phase="done", cost=0.25),
    )


@pytest.fixture
def jp_server_config(jp_template_dir: Path) -> dict[str, Any]:
    return {"ServerApp": {"jpserver_extensions": {"nbprocess": True}, "allow_unauthenticated_access": False}}


@pytest.fixture
def rest(jp_serverapp: Any, source: FakeSource, jp_fetch: Any) -> Any:
    """``await rest("jobs", method="GET", **params)`` → the response; refusals come back too, they are not raised."""
    jp_serverapp.web_app.settings["nbprocess_board"]._source = source

    async def call(*path: str, **options: Any) -> Any:
        if options.get("method") in ("POST", "PUT", "PATCH"):
            options.setdefault("body", "")
        return await jp_fetch("nbprocess", "api", *path, raise_error=False, **options)

    return call
