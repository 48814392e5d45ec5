"""The other parts of a job's tab: its head, code, displays, results, request, previews of outputs, several machines."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

import pytest

from tests.axe import serious_violations
from tests.browser_lab import Lab, open_notebook

from .following import row, show_sidebar, submit, wait_for

pytestmark = pytest.mark.browser

WRITES = r"""
import csv, json, os, struct, zlib
from IPython.display import HTML, display
folder = "/opt/ml/processing/output/report/"
os.makedirs(folder, exist_ok=True)
with open(folder + "table.csv", "w") as file:
    csv.writer(file).writerows([["name", "note"], ["first", 'said "hi", <b>then</b> left'], ["second", "nothing"]])
with open(folder + "scores.json", "w") as file:
    json.dump({"accuracy": 0.93}, file)
with open(folder + "model.bin", "wb") as file:
    file.write(bytes(range(256)) * 100)
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
with open(folder + "dot.png", "wb") as file:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    file.write(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0\xff")) + chunk(b"IEND", b""))
display(HTML("<i>shown by the cell</i>"))
print("printed on a machine")
accuracy = 0.93
"""


def _layout_names(lab: Lab, what: str) -> bool:
    """Whether the layout names it: JupyterLab writes that anew some seconds after a change."""
    for file in (lab.home / "workspaces").glob("*"):
        with contextlib.suppress(FileNotFoundError):  # it is being replaced
            if what in file.read_text():
                return True
    return False


def test_all_that_there_is_of_a_job_is_in_its_tab(lab: Lab, page: Any, screenshots: Path) -> None:
    submit(lab, "reporting", WRITES, output="report", count=2)
    lab.notebook("tab.ipynb", ["x = 1"])
    open_notebook(page, lab, "tab.ipynb", kernel=False)
    wait_for(lab, "reporting", "Completed")
    show_sidebar(page)
    row(page, "reporting").locator(".nbp-Job-open").click()
    tab = page.locator(".nbp-JobPage")

    def part(name: str) -> Any:
        tab.get_by_role("tab", name=name).click()
        return tab.get_by_role("tabpanel", name=name)

    tab.locator(".nbp-Job-status", has_text="Completed").wait_for()
    tab.get_by_role("list", name="Phases").get_by_text("running").wait_for()
    tab.get_by_role("button", name="copy attach command").click()
    copied = "async text => await navigator.clipboard.readText() === text"
    page.wait_for_function(copied, arg="%processing_attach reporting")

    log = part("Log")
    log.get_by_role("button", name="algo-2").click()
    log.get_by_text("1 match").wait_for()  # until then the lines of both machines may be there
    log.get_by_text("printed on a machine").wait_for()

    part("Code").locator("code", has_text="accuracy = 0.93").wait_for()
    part("Displays").locator("i", has_text="shown by the cell").wait_for()
    part("Results").get_by_role("row", name="accuracy").get_by_text("float").wait_for()
    part("Request").locator("code", has_text='"InstanceCount": 2').wait_for()

    outputs = part("Outputs")
    files = outputs.get_by_role("list", name="Files of the outputs")
    files.get_by_text("report/dot.png").click()
    outputs.locator("figure img").wait_for()
    page.wait_for_function("document.querySelector('.nbp-Preview img').naturalWidth === 1")
    files.get_by_text("report/scores.json").click()
    outputs.locator("code", has_text='"accuracy": 0.93').wait_for()
    files.get_by_text("report/model.bin").click()
    outputs.get_by_text("A binary file of 25.0 KiB.").wait_for()
    with page.expect_download() as download:
        outputs.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "model.bin"
    assert Path(download.value.path()).read_bytes() == bytes(range(256)) * 100
    files.get_by_text("report/table.csv").click()
    outputs.get_by_role("columnheader", name="note").wait_for()
    assert outputs.get_by_role("cell").all_inner_texts() == [
        "first",
        'said "hi", <b>then</b> left',
        "second",
        "nothing",
    ]
    page.screenshot(path=str(screenshots / "job-tab-outputs.png"))
    assert serious_violations(page, ".nbp-JobTab") == []

    limit = time.monotonic() + 30
    while not _layout_names(lab, "nbprocess-job:reporting"):
        assert time.monotonic() < limit, "the layout does not name the tab"
        time.sleep(0.1)
    page.reload()
    tab.locator(".nbp-Job-status", has_text="Completed").wait_for()
    page.locator(".nbp-Sidebar-body").wait_for()
    assert page.problems == []
