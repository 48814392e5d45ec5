"""The fork server changes how fast a job starts, and nothing else."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nbprocess.backends.local import launcher
from nbprocess.backends.local.forkserver import Worker

from .conftest import Local


@pytest.fixture
def server(local: Local, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A running server; it is told to end by taking its place away."""
    # Other tests may install something meanwhile, after which another server is used.
    monkeypatch.setattr(launcher, "_site_packages", lambda: "/")
    path = launcher.socket_path()
    assert path is not None
    local.run("pass")
    deadline = time.monotonic() + 60
    while not os.path.exists(path):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    yield path
    os.unlink(path)


def test_jobs_are_forked_from_it(local: Local, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a fresh process was started")

    monkeypatch.setattr(launcher, "start_fresh", refuse)
    done = [local.run("print('hi')") for _ in range(5)]
    assert {d["ProcessingJobStatus"] for d in done} == {"Completed"}
    assert local.text("job-3") == "hi"


def test_without_it_a_fresh_process_is_used(local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBPROCESS_FORKSERVER", "0")
    assert launcher.socket_path() is None
    assert local.run("pass")["ProcessingJobStatus"] == "Completed"


def test_only_the_pinned_worker_runs_in_it(tmp_path: Path) -> None:
    import sys

    from nbprocess.bundle.archive import ENTRYPOINT

    worker = Worker(tmp_path)
    folder = tmp_path / "ml/processing/input/nbprocess"
    folder.mkdir(parents=True)
    (folder / "worker.pyz").write_bytes(b"something else")
    environ = {"NBPROCESS_ML_ROOT": str(tmp_path / "ml")}
    command = [sys.executable, "-c", ENTRYPOINT, worker.digest, "0" * 64]
    assert worker.run(command, environ) is None
    assert worker.run([sys.executable, "-c", "pass"], environ) is None
    assert worker.run(command, {**environ, "PYTHONPATH": "/x"}) is None


def test_it_ends_when_its_home_is_gone(tmp_path: Path) -> None:
    from nbprocess.backends.local import forkserver

    home = tmp_path / "home"
    home.mkdir()
    child = os.fork()
    if not child:
        forkserver.LOOK = 0.05
        try:
            forkserver.Server(str(tmp_path / "socket"), None, str(home)).serve()  # type: ignore[arg-type]
        finally:
            os._exit(0)
    while not (tmp_path / "socket").exists():
        time.sleep(0.01)
    assert os.waitpid(child, os.WNOHANG)[0] == 0
    home.rmdir()
    assert os.waitpid(child, 0)[0] == child
    assert not (tmp_path / "socket").exists()


def test_libraries_are_imported_once_however_often_they_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each cell asks again until the warm server answers: on a slow machine that once was an import for each cell."""
    from nbprocess.backends.local import forkserver

    (tmp_path / "slowly.py").write_text(
        "import os, time\n"
        f"open({str(tmp_path)!r} + f'/began-{{os.getpid()}}', 'w').write(os.environ['FORCE_COLOR'])\ntime.sleep(1)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    home = tmp_path / "home"
    home.mkdir()
    path = str(tmp_path / "socket")
    child = os.fork()
    if not child:
        forkserver.LOOK = 0.05
        try:
            worker: Any = SimpleNamespace(recorder=contextlib.nullcontext, environ={"FORCE_COLOR": "yes"})
            forkserver.Server(path, worker, str(home)).serve()
        finally:
            os._exit(0)
    while not os.path.exists(path):
        time.sleep(0.01)
    for _ in range(5):
        assert launcher._send(path, {"preload": ["slowly"]}, None)
        time.sleep(0.05)
    deadline = time.monotonic() + 60
    while not os.path.exists(path + ".warm"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    began = list(tmp_path.glob("began-*"))
    home.rmdir()
    os.waitpid(child, 0)
    assert len(began) == 2, "a trial, and the server itself"
    assert [path.read_text() for path in began] == ["yes"] * 2, "as in the jobs, for libraries that look at it once"
