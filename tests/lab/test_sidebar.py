"""The sidebar and "Run on…" on a live JupyterLab, with real jobs on the embedded backend."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.axe import serious_violations
from tests.browser_lab import Lab, open_notebook, run_command

from .following import drag, refresh, row, show_sidebar, source, submit, wait_for

pytestmark = pytest.mark.browser


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
    assert serious_violations(page, "#nbprocess-jobs") == []

    page.get_by_label("Search jobs by name, notebook or instance").fill("endl")
    row(page, "failing").wait_for(state="detached")
    row(page, "endless").locator(".nbp-Job-open").click()
    page.locator(".nbp-JobPage [role=log]").get_by_text("begun").wait_for()
    page.screenshot(path=screenshots / "job-tab.png")
    assert serious_violations(page, ".nbp-JobTab") == []

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
    assert serious_violations(page, ".jp-Dialog") == []
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
    drag(page, row(page, "made-elsewhere"), page.locator(".jp-CodeCell").nth(1))
    page.wait_for_function("window.jupyterapp.shell.currentWidget.content.widgets.length === 3")
    assert source(page, 1) == "%processing_attach made-elsewhere"
    run_command(page, "notebook:run-all-cells")
    page.locator(".jp-OutputArea-output", has_text="value is [0, 1, 2, 3, 4]").wait_for()
    assert page.problems == []
