"""The sidebar and "Run on…" on a live JupyterLab, with real jobs on the embedded backend."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.axe import serious_violations
from tests.browser_lab import KERNEL_IDLE, Lab, open_notebook, run_command

from .following import drag, refresh, row, show_sidebar, source, submit, wait_for

pytestmark = pytest.mark.browser
LABELS = "nodes => nodes.map(node => node.getAttribute('aria-label'))"
WITHOUT = """
import sys
from importlib.abc import MetaPathFinder
from ipykernel.kernelapp import launch_new_instance
class Hide(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "nbprocess": raise ModuleNotFoundError("No module named 'nbprocess'", name=name)
sys.meta_path.insert(0, Hide())
launch_new_instance()
"""
OTHER = """
from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import launch_new_instance
IPythonKernel.language_info = {"name": "R"}
launch_new_instance()
"""


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
    refresh(page)
    page.locator(".nbp-Job[data-job=endless][data-status=Stopped]").wait_for()
    page.get_by_text(re.compile("^Job endless: ")).wait_for()  # the notification
    assert page.problems == []


def test_the_dialog_writes_the_magic_line_and_runs_the_cell(lab: Lab, page: Any, screenshots: Path) -> None:
    lab.notebook("dialog.ipynb", ["answer = 6 * 7", "print('the answer is', answer)"])
    open_notebook(page, lab, "dialog.ipynb")
    page.locator(".jp-CodeCell").first.click()
    run_command(page, "nbprocess:run-on")
    dialog = page.locator(".jp-Dialog")
    backend = dialog.locator("select[name=backend]")
    backend.locator("option", has_text="As configured: A process on this machine").wait_for(state="attached")

    # The catalogue: found by what a machine has, chosen by keyboard; a GPU and a type contradict each other.
    backend.select_option("sagemaker")
    dialog.locator("input[name=gpu]").fill("T4")
    dialog.locator("input[name=instance]").fill("16 GB t4")
    types = dialog.get_by_role("listbox", name="Instance types").get_by_role("option")
    types.first.wait_for()
    assert all("16 GiB · T4" in label for label in types.evaluate_all(LABELS))
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    assert dialog.locator("input[name=instance]").input_value() == "ml.g4dn.xlarge"
    assert dialog.locator("input[name=gpu]").input_value() == ""
    dialog.locator(".nbp-Instances", has_text="No AWS region is set").wait_for()
    assert serious_violations(page, ".jp-Dialog") == []
    dialog.locator("input[name=gpu]").fill("T4")
    assert dialog.locator("input[name=instance]").input_value() == ""
    dialog.locator("input[name=gpu]").fill("")

    backend.select_option("local")
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
    # Pressed there: the form takes the focus only after its first rendering, a key before that is the notebook's.
    dialog.locator("input[name=timeout]").press("Escape")
    dialog.wait_for(state="detached")  # it gives the focus back as it goes: not after a later command
    has_source = (
        "text => window.jupyterapp.shell.currentWidget.content.widgets[0].model.sharedModel.getSource() === text"
    )
    run_command(page, "nbprocess:run-here")
    page.wait_for_function(has_source, arg="answer = 6 * 7")
    run_command(page, "notebook:enter-edit-mode")
    page.wait_for_function("document.activeElement.closest('.jp-CodeCell .cm-content') !== null")
    page.keyboard.press("Control+z")  # one step, the cell is a job again
    page.wait_for_function(has_source, arg="%%processing --backend local --timeout 5m\nanswer = 6 * 7")
    assert page.problems == []


@pytest.mark.parametrize(
    ("code", "says", "runs"),
    [
        (WITHOUT, 'Run "%pip install nbprocess" in a cell', "%%processing\nx = 1"),
        (OTHER, "The kernel of this notebook runs R.", "x = 1"),
    ],
    ids=["without nbprocess", "of another language"],
)
def test_a_kernel_that_cannot_offload_is_told(lab: Lab, page: Any, code: str, says: str, runs: str) -> None:
    lab.add_kernel("other", sys.executable, "-c", code)
    lab.notebook("other.ipynb", ["x = 1"], kernel="other")
    open_notebook(page, lab, "other.ipynb")
    page.locator(".jp-CodeCell").first.click()
    run_command(page, "nbprocess:run-on")
    dialog = page.locator(".jp-Dialog")
    dialog.get_by_role("button", name="Show what would be sent").click()
    dialog.locator(".nbp-Plan", has_text=says).wait_for()
    dialog.get_by_role("button", name="Run", exact=True).click()
    dialog.get_by_text(says).wait_for()
    assert source(page) == runs
    dialog.get_by_role("button").last.click()
    assert page.problems == []


def test_on_a_busy_kernel_the_cell_runs_that_was_chosen(lab: Lab, page: Any, tmp_path: Path) -> None:
    """Whatever one clicks while it waits; the dialog says why there is no plan yet."""
    gate = tmp_path / "go"
    busy = f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.05)"
    lab.notebook("queue.ipynb", [busy, "chosen = 1", "another = 2"])
    open_notebook(page, lab, "queue.ipynb")
    cells = page.locator(".jp-CodeCell")
    cells.nth(0).click()
    run_command(page, "notebook:run-cell")
    page.wait_for_function(KERNEL_IDLE.replace("idle", "busy"))
    cells.nth(1).click()
    run_command(page, "nbprocess:run-on")
    dialog = page.locator(".jp-Dialog")
    dialog.get_by_role("button", name="Show what would be sent").click()
    dialog.locator(".nbp-Plan", has_text="The kernel is busy").wait_for()
    dialog.get_by_role("button", name="Run", exact=True).click()
    cells.nth(1).locator(".jp-InputPrompt", has_text="[*]").wait_for()
    cells.nth(2).click()
    gate.touch()
    cells.nth(1).get_by_text("Completed").first.wait_for()
    assert [source(page, n) for n in (1, 2)] == ["%%processing\nchosen = 1", "another = 2"]
    assert cells.nth(2).locator(".jp-InputPrompt").inner_text().strip() == "[ ]:"


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
