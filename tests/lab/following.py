"""What tests of the sidebar do again and again: start a job elsewhere, wait for it, find its row.

May import: the standard library, ``tests.browser_lab``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any

from tests.browser_lab import REPOSITORY, Lab, run_command


def submit(lab: Lab, name: str, code: str, **options: Any) -> None:
    """Start a job from another process, as another kernel would. ``options`` are those of ``nbprocess.submit``."""
    options = {"backend": "local", "timeout": "10m", **options}
    script = f"import nbprocess; nbprocess.submit({code!r}, {{}}, name={name!r}, **{options!r})"
    environment = {**os.environ, "NBPROCESS_HOME": str(lab.home / "nbprocess"), "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


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
