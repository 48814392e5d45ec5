"""The same in every supported front end: JupyterLab 4.4, Notebook 7 and 7.4. All else tests the newest JupyterLab."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser_lab import LAB_4_4, NOTEBOOK_7, NOTEBOOK_7_4, Lab, open_notebook, run_command

from .following import refresh, row, show_sidebar, wait_for

pytestmark = [
    pytest.mark.browser,
    pytest.mark.parametrize("lab", [LAB_4_4, NOTEBOOK_7, NOTEBOOK_7_4], indirect=True, ids=lambda f: f.name),
]

FINISHES = """%%processing --name {name}
total = sum(range(10))
print("summed up")"""
WAITS = """%%processing --name {name}
import time
ready = 41
print("started", flush=True)
time.sleep(300)"""


THEIR_OWN = {NOTEBOOK_7: {"Cannot read properties of undefined (reading 'schema')"}}
"""Errors that a front end throws without nbprocess too: Notebook 7.6.5 on each of its pages."""


def problems(lab: Lab, page: Any) -> list[str]:
    """Script errors and errors of the console."""
    return [text for text in [*page.problems, *page.errors] if text not in THEIR_OWN.get(lab.front, ())]


def run_cell(page: Any, number: int) -> None:
    """Run one cell of the notebook in front (does not wait for it)."""
    page.evaluate("number => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = number; }", number)
    run_command(page, "notebook:run-cell")


def label(lab: Lab) -> str:
    """A front end as part of a job's or a file's name."""
    return lab.front.name.lower().replace(" ", "-").replace(".", "-")


def test_a_job_is_followed_and_stopped_in_its_card_and_in_the_sidebar(lab: Lab, page: Any, screenshots: Path) -> None:
    """One walk, since opening a front end is most of what it takes."""
    runs, waits, busy = (f"{what}-{label(lab)}" for what in ("sums", "waits", "busy"))
    cells = [FINISHES.format(name=runs), "print('total', total)", WAITS.format(name=waits), WAITS.format(name=busy)]
    lab.notebook(f"{runs}.ipynb", ["%load_ext nbprocess", *cells])
    open_notebook(page, lab, f"{runs}.ipynb")
    version = str(page.evaluate("window.jupyterapp.version"))
    assert all(version.startswith(v.rpartition("==")[2]) for v in lab.front.packages if v.startswith(lab.front.module))

    for cell in range(3):
        run_cell(page, cell)
    page.get_by_text("total 45").wait_for()
    page.locator(".jp-Cell").nth(1).get_by_text("summed up").first.wait_for()

    run_cell(page, 3)
    card = page.locator(".jp-Cell").nth(3)
    card.get_by_text("started").first.wait_for()
    card.get_by_role("button", name="Stop").click()
    card.get_by_text("Stopped").first.wait_for()
    wait_for(lab, waits, "Stopped")

    show_sidebar(page)
    run_cell(page, 4)
    page.locator(".jp-Cell").nth(4).get_by_text("started").first.wait_for()
    refresh(page)
    row(page, busy).get_by_role("button", name=f"Stop: {busy}").click()
    wait_for(lab, busy, "Stopped")
    page.locator(".jp-Cell").nth(4).get_by_text("Stopped").first.wait_for()

    refresh(page)
    page.locator(f".nbp-Job[data-job='{runs}'][data-status=Completed]").wait_for()
    row(page, runs).locator(".nbp-Job-open").click()
    page.locator(".nbp-JobPage [role=log]").get_by_text("summed up").wait_for()
    page.screenshot(path=str(screenshots / f"front-{label(lab)}.png"))
    assert problems(lab, page) == []
