"""What tests of the sidebar do again and again: start a job elsewhere, wait for it, find its row.

May import: the standard library, ``tests.browser_lab``.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.browser_lab import REPOSITORY, Lab, run_command

ELSEWHERE = """
import json, sys
answers, sys.stdout = sys.stdout, sys.stderr
import nbprocess
for line in sys.stdin:
    code, options = json.loads(line)
    try:
        nbprocess.submit(code, {}, **options)
        problem = ""
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
    print(json.dumps(problem), file=answers, flush=True)
"""
_elsewhere: dict[Path, subprocess.Popen[str]] = {}


def submit(lab: Lab, name: str, code: str, **options: Any) -> None:
    """Start a job from another process, as another kernel would. ``options`` are those of ``nbprocess.submit``.

    One process for all jobs of a server: starting it takes longer than starting a job.
    """
    if lab.home not in _elsewhere:
        environment = {**os.environ, "NBPROCESS_HOME": str(lab.home / "nbprocess"), "PYTHONPATH": str(REPOSITORY)}
        command = [sys.executable, "-c", ELSEWHERE]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        _elsewhere[lab.home] = subprocess.Popen(command, env=environment, **pipes)
        atexit.register(_elsewhere[lab.home].kill)
    process = _elsewhere[lab.home]
    assert process.stdin and process.stdout
    process.stdin.write(json.dumps([code, {"name": name, "backend": "local", "timeout": "10m", **options}]) + "\n")
    process.stdin.flush()
    assert json.loads(process.stdout.readline()) == ""


def wait_for(lab: Lab, name: str, *statuses: str) -> dict[str, Any]:
    """Until the REST says so; with what it says when it does not."""
    limit, job = time.monotonic() + 90, {}
    while time.monotonic() < limit:
        job = lab.api(f"nbprocess/api/jobs/{name}")
        if job["status"] in statuses:
            return job
        time.sleep(0.2)
    raise AssertionError(f"{name} never became {statuses}: {job}")


def named(lab: Lab, start: str) -> str:
    """The name of the newest job that begins so, once the server lists it."""
    limit = time.monotonic() + 30
    while time.monotonic() < limit:
        for job in lab.api("nbprocess/api/jobs")["jobs"]:
            if job["name"].startswith(start):
                return str(job["name"])
        time.sleep(0.2)
    raise AssertionError(f"no job begins with {start}")


def row(page: Any, name: str) -> Any:
    return page.locator(f".nbp-Job[data-job='{name}']")


def show_sidebar(page: Any) -> None:
    run_command(page, "nbprocess:show-jobs")
    page.locator(".nbp-Sidebar-body").wait_for()


def refresh(page: Any) -> None:
    page.get_by_role("button", name="Refresh the list of jobs").click()


def source(page: Any, cell: int = 0) -> str:
    return str(
        page.evaluate(f"window.jupyterapp.shell.currentWidget.content.widgets[{cell}].model.sharedModel.getSource()")
    )


def drag(page: Any, job: Any, cell: Any) -> None:
    """Drag a row of the sidebar onto a cell."""
    start, target = job.bounding_box(), cell.bounding_box()
    page.mouse.move(start["x"] + 60, start["y"] + 15)
    page.mouse.down()
    page.mouse.move(target["x"] + 80, target["y"] + 10, steps=8)
    page.mouse.up()
