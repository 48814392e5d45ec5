"""The sidebar and "Run on…" on a live JupyterLab, with real jobs on the embedded backend."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.browser_lab import REPOSITORY, Lab, open_notebook, run_command

pytestmark = pytest.mark.browser


def submit(lab: Lab, name: str, code: str) -> None:
    """Start a job from another process, as another kernel would."""
    script = f"import nbprocess; nbprocess.submit({code!r}, {{}}, backend='local', name={name!r}, timeout='10m')"
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


def test_a_job_is_followed_and_stopped_while_the_kernel_is_busy(lab: Lab, page: Any, screenshots: Path) -> None:
    lab.notebook("busy.ipynb", ["import time; time.sleep(600)"])
    open_notebook(page, lab, "busy.ipynb")
    run_command(page, "notebook:run-all-cells")
    submit(lab, "endless", "import time\nprint('begun', flush=True)\nwhile True: time.sleep(0.1)")
    submit(lab, "failing", "raise ValueError('learning rate must be > 0')")
    wait_for(lab, "failing", "Failed")
    show_sidebar(page)
    refresh(page)
    row(page, "endless").wait_for()
    assert row(page, "failing").get_attribute("data-status") == "Failed"
    page.locator(".nbp-Status").wait_for()
    page.screenshot(path=screenshots / "sidebar.png")

    page.get_by_label("Search jobs by name, notebook or instance").fill("endl")
    row(page, "failing").wait_for(state="detached")
    row(page, "endless").locator(".nbp-Job-open").click()
    page.locator(".nbp-JobPage [role=log]").get_by_text("begun").wait_for()
    page.screenshot(path=screenshots / "job-tab.png")

    row(page, "endless").get_by_role("button", name="Stop: endless").click()
    wait_for(lab, "endless", "Stopped")
    page.locator(".nbp-Job[data-job=endless][data-status=Stopped]").wait_for()
    page.get_by_text(re.compile("^Job endless: ")).wait_for()  # the notification
    assert page.problems == []


def test_the_dialog_writes_the_magic_line_and_runs_the_cell(lab: Lab, page: Any, screenshots: Path) -> None:
    lab.notebook("dialog.ipynb", ["answer = 6 * 7", "print('the answer is', answer)"])
    open_notebook(page, lab, "dialog.ipynb")
    page.locator(".jp-CodeCell").first.click()
    run_command(page, "nbprocess:run-on")
    dialog = page.locator(".jp-Dialog")
    dialog.locator("select[name=backend]").select_option("local")
    dialog.locator("input[name=timeout]").fill("5m")
    dialog.get_by_role("button", name="Show what would be sent").click()
    dialog.locator(".nbp-Plan", has_text="local").wait_for()
    page.screenshot(path=screenshots / "run-on.png")
    dialog.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_function(
        "window.jupyterapp.shell.currentWidget.content.widgets[0].model.executionCount > 0"
        " && window.jupyterapp.shell.currentWidget.content.widgets[0].model.executionState !== 'running'"
    )
    assert source(page) == "%%processing --backend local --timeout 5m\nanswer = 6 * 7"
    page.locator(".jp-CodeCell.nbp-mod-offloaded").wait_for()
    page.locator(".jp-CodeCell").nth(1).click()
    run_command(page, "notebook:run-cell")
    page.locator(".jp-OutputArea-output", has_text="the answer is 42").wait_for()
    page.screenshot(path=screenshots / "offloaded.png")

    page.locator(".jp-CodeCell").first.click()
    run_command(page, "nbprocess:run-on")
    assert dialog.locator("input[name=timeout]").input_value() == "5m"
    page.keyboard.press("Escape")
    run_command(page, "nbprocess:run-here")
    page.wait_for_function(
        "window.jupyterapp.shell.currentWidget.content.widgets[0].model.sharedModel.getSource() === 'answer = 6 * 7'"
    )
    assert page.problems == []


def test_a_job_dragged_into_a_notebook_becomes_the_cell_that_loads_it(lab: Lab, page: Any) -> None:
    submit(lab, "made-elsewhere", "value = list(range(5))")
    wait_for(lab, "made-elsewhere", "Completed")
    lab.notebook("drag.ipynb", ["%load_ext nbprocess", "print('value is', value)"])
    open_notebook(page, lab, "drag.ipynb")
    show_sidebar(page)
    refresh(page)
    start = row(page, "made-elsewhere").bounding_box()
    target = page.locator(".jp-CodeCell").nth(1).bounding_box()
    page.mouse.move(start["x"] + 60, start["y"] + 15)
    page.mouse.down()
    page.mouse.move(target["x"] + 80, target["y"] + 10, steps=8)
    page.mouse.up()
    page.wait_for_function("window.jupyterapp.shell.currentWidget.content.widgets.length === 3")
    assert source(page, 1) == "%processing_attach made-elsewhere"
    run_command(page, "notebook:run-all-cells")
    page.locator(".jp-OutputArea-output", has_text="value is [0, 1, 2, 3, 4]").wait_for()
    assert page.problems == []


def test_without_the_server_extension_it_says_so_quietly(lab: Lab, page: Any, screenshots: Path) -> None:
    page.route(
        re.compile(r"/nbprocess/api/"),
        lambda route: route.fulfill(status=404, content_type="application/json", body='{"message": "Not Found"}'),
    )
    lab.notebook("plain.ipynb", ["x = 1"])
    open_notebook(page, lab, "plain.ipynb", theme="JupyterLab Dark")
    show_sidebar(page)
    page.locator(".nbp-Notice", has_text="does not run the nbprocess server extension").wait_for()
    page.screenshot(path=screenshots / "without-server.png")
    assert page.locator(".jp-toast-message, .Toastify__toast").count() == 0
    assert page.problems == []
