"""The log in the job tab of JupyterLab, as the card has it: here without any kernel, from the server extension."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.axe import serious_violations
from tests.browser_lab import Lab, open_notebook, run_command

from .following import row, show_sidebar, submit, wait_for

pytestmark = pytest.mark.browser

PRINTS = r"""
import os, sys, time, traceback
print("\x1b[32mready\x1b[0m to \x1b[1;31mgo\x1b[0m", flush=True)
print("<img src=x onload=alert(1)>", flush=True)
print("WARNING: slow disk", file=sys.stderr, flush=True)
try:
    {}["rate"]
except KeyError:
    traceback.print_exc()
gate = %r
while not os.path.exists(gate + ".more"): time.sleep(0.05)
for n in range(20_000):
    print(f"step {n}")
print("waiting", flush=True)
while not os.path.exists(gate): time.sleep(0.05)
print("the very last line", flush=True)
"""


def test_the_log_of_a_job_has_colours_search_levels_and_the_whole_as_a_file(
    lab: Lab, page: Any, tmp_path: Path, screenshots: Path
) -> None:
    gate = tmp_path / "go"
    submit(lab, "printing", PRINTS % str(gate))
    lab.notebook("log.ipynb", ["x = 1"])
    open_notebook(page, lab, "log.ipynb", kernel=False)
    show_sidebar(page)
    row(page, "printing").locator(".nbp-Job-open").click()
    tab = page.locator(".nbp-JobPage")
    log = tab.locator("[role=log]")
    log.get_by_text("KeyError: 'rate'").wait_for()  # stdout and stderr are two pipes: what comes later stands below
    Path(f"{gate}.more").touch()
    log.get_by_text("waiting").wait_for()  # the end is in view

    log.focus()
    page.keyboard.press("Home")
    assert log.get_by_text("ready").evaluate("node => node.className") == "nbp-ansi-fg-green"
    colours = {
        text: log.get_by_text(text, exact=True).evaluate("n => getComputedStyle(n).color") for text in ("ready", "go")
    }
    assert len({*colours.values(), log.evaluate("n => getComputedStyle(n).color")}) == 3
    assert log.get_by_text("<img src=x onload=alert(1)>").count() == 1  # as text
    assert log.locator("img").count() == 0
    page.screenshot(path=str(screenshots / "job-log.png"))
    log.get_by_text("Traceback (most recent call last)").click()
    tab.locator(".nbp-detail-text", has_text="KeyError: 'rate'").wait_for()
    tab.get_by_role("button", name="Close").click()
    rows = log.locator(".nbp-log-row").count()
    assert rows < 100, "rows that nobody sees are no elements of the page"

    page.keyboard.press("/")
    page.keyboard.type("step 19999")
    tab.get_by_text("1 match", exact=True).wait_for()
    log.locator("mark").first.wait_for()  # rows are drawn in the frame after the count
    assert log.locator("mark").all_inner_texts() == ["step 19999"]
    tab.get_by_label("Search the log").fill("")
    tab.get_by_label("Least level").select_option("Warnings and errors")
    tab.get_by_text("3 matches").wait_for()
    log.locator(".nbp-log-text").nth(2).wait_for()
    assert [text.split("\n")[-1] for text in log.locator(".nbp-log-text").all_inner_texts()] == [
        "WARNING: slow disk",
        "Traceback (most recent call last):",
        "KeyError: 'rate'",
    ]

    # In the dark, and behind another part of the job, it keeps its filter and goes on.
    run_command(page, "apputils:change-theme", {"theme": "JupyterLab Dark"})
    page.wait_for_function("document.body.dataset.jpThemeLight === 'false'")
    tab.get_by_role("tab", name="Code").click()
    tab.get_by_text("the very last line").wait_for()  # in the code
    gate.touch()
    wait_for(lab, "printing", "Completed")
    tab.get_by_role("tab", name="Log").click()
    assert tab.get_by_label("Least level").input_value() == "2"
    tab.get_by_label("Least level").select_option("All levels")
    log.get_by_text("the very last line").wait_for()
    page.screenshot(path=str(screenshots / "job-log-dark.png"))
    assert serious_violations(page, ".nbp-JobTab") == []

    with page.expect_download() as download:
        tab.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "printing.log"
    request = urllib.request.Request(
        f"{lab.url}nbprocess/api/jobs/printing/log/file", headers={"Authorization": f"token {lab.token}"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        whole = answer.read()
    assert Path(download.value.path()).read_bytes() == whole
    lines = whole.decode().split("\n")
    assert [line for line in lines if line.startswith("step ")] == [f"step {n}" for n in range(20_000)]
    assert "\x1b[32mready\x1b[0m to \x1b[1;31mgo\x1b[0m" in lines
    assert "the very last line" in lines
    assert page.problems == []
