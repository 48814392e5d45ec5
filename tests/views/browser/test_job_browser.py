"""The job browser over 10,000 jobs in a live JupyterLab: filters, sorting, details, actions, keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.axe import serious_violations
from tests.browser_lab import run_code

pytestmark = pytest.mark.browser

Cells = Callable[..., None]
CELL = (
    "from tests.views.fake_source import FakeSource\n"
    "from nbprocess.views import browser\n"
    "source = FakeSource({count})\n"
    "jobs = browser(source)\n"
    "jobs"
)


def open_browser(page: Any, cells: Cells, count: int = 10_000, theme: str = "") -> Any:
    cells([CELL.format(count=count)], theme)
    widget = page.locator(".nbp-browser")
    widget.locator(".nbp-row[data-number='0']").wait_for()
    return widget


def names(widget: Any, count: int = 3) -> list[str]:
    return [widget.locator(f".nbp-row[data-number='{n}'] [data-column=name]").inner_text() for n in range(count)]


def test_ten_thousand_jobs_are_listed_filtered_sorted_and_paged(page: Any, cells: Cells, screenshots: Path) -> None:
    widget = open_browser(page, cells)
    assert "3 running" in widget.locator(".nbp-totals").inner_text()
    assert "10,000 jobs" in widget.locator(".nbp-totals").inner_text()
    assert names(widget)[0].endswith("10000")
    widget.screenshot(path=str(screenshots / "browser.png"))
    assert serious_violations(page, ".nbp-browser") == []
    widget.locator(".nbp-jobs").evaluate("node => { node.scrollTop = node.scrollHeight; }")
    widget.locator(".nbp-row", has_text="-00001").wait_for()  # the oldest comes from the last page
    assert widget.locator(".nbp-row").count() < 40  # only what is visible exists
    widget.get_by_label("Status", exact=True).select_option("Failed")
    widget.locator(".nbp-totals", has_text=" of 10,000 jobs").wait_for()
    assert re.fullmatch(
        r"[\d,]+ of 10,000 jobs", widget.get_by_role("status").first.inner_text()
    )  # read out; costs are not
    widget.locator(".nbp-row[data-number='0']", has_text="Failed").wait_for()
    costs = widget.get_by_label("Notebook", exact=True).locator("option").all_inner_texts()
    assert re.fullmatch(r"features\.ipynb · \$[\d,]+\.\d\d", costs[1])
    widget.get_by_label("Notebook", exact=True).select_option("flights.ipynb")
    widget.locator(".nbp-row[data-number='0'] [data-column=notebook]", has_text="flights.ipynb").wait_for()
    widget.get_by_label("Search jobs").fill("p3.2xlarge")
    widget.locator(".nbp-row[data-number='0'] [data-column=machine]", has_text="ml.p3.2xlarge").wait_for()
    widget.get_by_role("button", name="Cost").click()
    page.wait_for_function(
        """() => { const costs = [...document.querySelectorAll('.nbp-row[data-number] [data-column=cost]')]
             .map(node => Number(node.textContent.slice(1).replace(',', '')));
           return costs.length > 3 && costs.every((cost, i) => !i || cost <= costs[i - 1]); }"""
    )
    widget.get_by_label("Search jobs").fill("no such job")
    widget.get_by_text("No job matches these filters.").wait_for()
    assert page.problems == []


def test_details_and_actions_by_keyboard_alone(page: Any, cells: Cells, screenshots: Path) -> None:
    widget = open_browser(page, cells, 200)
    widget.get_by_label("Search jobs").focus()
    page.keyboard.press("ArrowDown")
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    widget.locator(".nbp-row[data-number='3'][aria-selected=true]").wait_for()
    page.keyboard.press("Enter")
    details = widget.get_by_label("Job details")
    details.get_by_role("tab", name="Overview").wait_for()
    assert not details.get_by_role("button", name="Stop").count()  # it ended: stopping is not offered
    details.get_by_role("tab", name="Overview").focus()
    page.keyboard.press("ArrowRight")
    assert "model = train(flights, epochs=20)" in details.get_by_role("tabpanel").inner_text()
    details.get_by_role("tab", name="Log").click()
    details.locator(".nbp-log-row", has_text="<script>window.hacked = 1</script>").wait_for()
    widget.screenshot(path=str(screenshots / "browser-details.png"))
    assert serious_violations(page, ".nbp-browser") == []
    name = details.locator("code").inner_text()
    details.get_by_role("button", name="Copy as cell").press("Enter")
    widget.get_by_text("Copied: paste it into a cell.").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == f"%%processing --name {name}\nx = 1"
    delete = details.get_by_role("button", name="Delete")
    delete.press("Enter")
    sure = details.get_by_role("button", name="Delete for good?")
    sure.wait_for()
    assert widget.locator(".nbp-row", has_text=name).count() == 1
    sure.press("Enter")
    widget.get_by_text(f"{name} was deleted.").wait_for()
    widget.locator(".nbp-row", has_text=name).wait_for(state="detached")
    assert page.evaluate("window.hacked") is None


def test_the_log_tab_has_colours_search_copy_and_download_and_follows_the_job(
    page: Any, cells: Cells, screenshots: Path
) -> None:
    widget = open_browser(page, cells, 60)
    widget.locator(".nbp-row[data-number='1']").click()
    details = widget.get_by_label("Job details")
    details.get_by_role("tab", name="Log").click()
    run_code(page, r"source.jobs[1].write('\x1b[1;31mred alert\x1b[0m over', *(f'line {n}' for n in range(3000)))")
    details.locator(".nbp-log-row", has_text="line 2999").wait_for()  # followed, without a click
    details.get_by_label("Search the log").fill("red alert")
    details.locator(".nbp-log-note", has_text="1 match").wait_for()
    details.get_by_label("Search the log").fill("")
    rows = details.get_by_role("log", name="Log of the job")
    rows.press("Home")
    red = details.locator(".nbp-log-row", has_text="red alert").locator(".nbp-ansi-fg-red.nbp-ansi-bold")
    red.wait_for()
    assert red.inner_text() == "red alert"
    widget.screenshot(path=str(screenshots / "browser-log.png"))
    assert serious_violations(page, ".nbp-browser") == []
    with page.expect_download() as download:
        details.get_by_role("button", name="Download").click()
    assert Path(download.value.path()).read_text().endswith("line 2998\nline 2999\n")
    details.get_by_role("tab", name="Code").click()
    details.get_by_role("tab", name="Log").click()
    details.locator(".nbp-log-row", has_text="red alert").wait_for()  # where one was
    widget.get_by_role("grid", name="Jobs").press("End")
    page.keyboard.press("Enter")  # the oldest ended without a line
    details.locator("code", has_text="-00001").wait_for()
    details.get_by_role("tab", name="Log").click()
    details.get_by_text("The job printed nothing.").wait_for()
    assert page.problems == []


def test_dark_and_narrow(page: Any, cells: Cells, screenshots: Path) -> None:
    page.set_viewport_size({"width": 600, "height": 1000})
    widget = open_browser(page, cells, 200, theme="JupyterLab Dark")
    widget.locator(".nbp-row[data-number='1']").click()
    widget.get_by_role("tab", name="Overview").wait_for()
    assert widget.evaluate("node => node.scrollWidth <= node.clientWidth")
    widget.screenshot(path=str(screenshots / "browser-dark-narrow.png"))
    assert serious_violations(page, ".nbp-browser") == []
