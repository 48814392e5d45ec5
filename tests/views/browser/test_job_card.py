"""The job view in a live JupyterLab: what people see while a job runs, when it ends, and when they come back later."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from tests.axe import serious_violations
from tests.browser_lab import Lab, open_notebook, run_all, run_code, run_command, save_notebook

pytestmark = pytest.mark.browser

IMPORTS = "from tests.views.fake_job import *\nfrom nbprocess.views import show\n"
SHOW = IMPORTS + "job = running()\nview = show(job)"
WAIT = IMPORTS + (
    "import time\n"
    "job = running()\n"
    "job.on_stop = lambda: stopped(job)\n"
    "view = show(job, waiting=True)\n"
    "limit = time.monotonic() + 60\n"
    "try:\n"
    "    while not job.done.is_set() and time.monotonic() < limit:\n"
    "        {step}\n"
    "        time.sleep(0.05)\n"
    "except KeyboardInterrupt:\n"
    "    print('interrupted'); job.stop()\n"
    "print('stops', job.stops)"
)
OTHER_KERNELS = [path for path in os.environ.get("NBPROCESS_TEST_KERNELS", "").split(os.pathsep) if path]


def open_running(page: Any, lab: Lab, name: str, *cells: str, **options: Any) -> Any:
    lab.notebook(name, cells)
    open_notebook(page, lab, name, **options)
    run_all(page)
    card = page.locator(".nbp-card").first
    card.wait_for()
    return card


def test_a_running_job_shows_what_it_does_and_text_stays_text(page: Any, lab: Lab, screenshots: Path) -> None:
    card = open_running(page, lab, "running.ipynb", SHOW)
    assert card.locator(".nbp-word").inner_text() == "Running"
    assert card.get_by_role("progressbar").get_attribute("aria-valuenow") == "45"
    assert card.locator("[aria-current=step]").inner_text().startswith("running")
    rows = card.locator(".nbp-log-row")
    rows.nth(6).wait_for()
    assert "<script>window.hacked = 1</script>" in rows.nth(5).inner_text()
    assert page.evaluate("window.hacked") is None
    assert card.locator(".nbp-ansi-fg-green").first.inner_text() == "epoch 1/20"
    before = card.locator(".nbp-elapsed").inner_text()
    page.wait_for_function(
        "before => document.querySelector('.nbp-elapsed').textContent !== before", arg=before
    )  # it ticks without a message of the kernel
    card.screenshot(path=str(screenshots / "job-running.png"))
    assert serious_violations(page, ".nbp-card") == []
    assert page.problems == []


@pytest.mark.parametrize("end", ["finish", "fail", "stopped"])
def test_the_end_of_a_job_is_seen_live_and_stays_when_the_notebook_is_opened_without_kernel(
    page: Any, lab: Lab, screenshots: Path, end: str
) -> None:
    word = {"finish": "Completed", "fail": "Failed", "stopped": "Stopped"}[end]
    card = open_running(page, lab, f"{end}.ipynb", SHOW)
    run_code(page, f"{end}(job)")
    card.locator(".nbp-word", has_text=word).wait_for()
    assert card.locator("tr", has_text="scores").inner_text().split() == [
        "scores",
        "DataFrame",
        "20",
        "×",
        "4",
        "1.9",
        "KiB",
        "loaded",
    ]
    assert not card.get_by_role("button", name="Stop").is_visible()
    card.screenshot(path=str(screenshots / f"job-{word.lower()}.png"))
    run_code(page, "view.finish()")
    static = page.locator(".nbprocess-static")
    static.wait_for()
    static.screenshot(path=str(screenshots / f"static-{word.lower()}.png"))
    save_notebook(page)
    for session in lab.api("api/sessions"):
        lab.api(f"api/sessions/{session['id']}", method="DELETE")
    open_notebook(page, lab, f"{end}.ipynb", kernel=False)
    page.locator(".nbprocess-static strong", has_text=word).wait_for()
    assert "model not found" not in page.locator(".jp-Notebook").inner_text()
    saved = (lab.root / f"{end}.ipynb").read_text()
    assert "widget-view" not in saved
    assert f"{word} · 4:" in saved  # the text form, which GitHub and diff tools show


def test_a_reloaded_page_shows_the_state_and_the_log_again_and_follows_on(page: Any, lab: Lab) -> None:
    card = open_running(page, lab, "reload.ipynb", SHOW)
    card.locator(".nbp-log-row").nth(6).wait_for()
    save_notebook(page)
    page.reload()
    card = page.locator(".nbp-card").first
    card.wait_for()
    card.locator(".nbp-log-row", has_text="loading 336,776 flights").wait_for()
    page.wait_for_function(
        "window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
    )
    run_code(page, "finish(job); view.finish()")
    card.locator(".nbp-word", has_text="Completed").wait_for()


def test_a_second_tab_shows_the_same_to_the_end(page: Any, profile: Any, lab: Lab) -> None:
    card = open_running(page, lab, "twice.ipynb", SHOW)
    save_notebook(page)
    second = profile.new_page()
    second.set_default_timeout(90_000)
    open_notebook(second, lab, "twice.ipynb")
    other = second.locator(".nbp-card").first
    other.locator(".nbp-log-row", has_text="loading 336,776 flights").wait_for()
    assert other.locator(".nbp-word").inner_text() == card.locator(".nbp-word").inner_text() == "Running"
    run_code(page, "finish(job); view.finish()")
    other.locator(".nbp-word", has_text="Completed").wait_for()
    page.locator(".nbprocess-static strong", has_text="Completed").wait_for()
    assert "model not found" not in second.locator(".jp-Notebook").inner_text()
    second.close()


def stop_and_wait(page: Any, card: Any) -> str:
    card.get_by_role("button", name="Stop").click()
    output = page.locator(".jp-OutputArea-output", has_text="stops")
    output.wait_for()
    card.locator(".nbp-word", has_text="Stopped").wait_for()
    return str(output.inner_text())


@pytest.mark.parametrize("python", ["", *OTHER_KERNELS])
def test_stop_works_while_its_cell_blocks(page: Any, lab: Lab, python: str) -> None:
    kernel = "python3"
    if python:
        kernel = Path(python).parent.parent.name
        lab.add_kernel(kernel, python)
    lab.notebook(f"stop-{kernel}.ipynb", [WAIT.format(step="view.tick()")], kernel=kernel)
    open_notebook(page, lab, f"stop-{kernel}.ipynb")
    run_all(page)
    card = page.locator(".nbp-card").first
    card.wait_for()
    assert "stops 1" in stop_and_wait(page, card)
    assert not page.locator(".jp-OutputArea-output", has_text="interrupted").count()


def test_stop_interrupts_the_waiting_cell_when_the_kernel_hears_nothing(page: Any, lab: Lab) -> None:
    deaf = WAIT.format(step="pass").replace(
        "view = show", "import nbprocess.views.card as c\nc.JobCard.receive = lambda *a: None\nview = show"
    )
    card = open_running(page, lab, "deaf.ipynb", deaf)
    stop_and_wait(page, card)
    page.locator(".jp-OutputArea-output", has_text="interrupted").wait_for()


def test_a_search_finds_lines_that_the_page_does_not_hold_and_none_is_lost(page: Any, lab: Lab) -> None:
    card = open_running(page, lab, "search.ipynb", IMPORTS + "job = FakeJob()\njob.enter('running')\nview = show(job)")
    run_code(page, "for n in range(200): job.write(*(f'line {n * 1000 + i:06d}' for i in range(1000)))")
    page.wait_for_function("document.querySelector('.nbp-log-summary').textContent.includes('200,000 lines')")
    card.locator(".nbp-log-row", has_text="line 199999").wait_for()
    rows = card.get_by_role("log", name="Log of the job")
    rows.focus()
    page.keyboard.press("Home")
    card.locator(".nbp-log-row", has_text="line 000000").wait_for()
    assert card.get_by_role("button", name="Follow").get_attribute("aria-pressed") == "false"
    rows.evaluate("node => { node.scrollTop = node.scrollHeight / 2; }")
    card.locator(".nbp-log-row", has_text=re.compile("line 1000")).first.wait_for()
    page.keyboard.press("/")
    page.keyboard.type("line 123456")
    card.locator(".nbp-log-note", has_text="1 match").wait_for()
    assert "line 123456" in card.locator(".nbp-log-row mark").inner_text()
    with page.expect_download() as download:
        card.get_by_role("button", name="Download").click()
    text = Path(download.value.path()).read_text()
    assert text.splitlines() == [f"line {n:06d}" for n in range(200_000)]


def test_the_keyboard_alone_is_enough(page: Any, lab: Lab) -> None:
    card = open_running(page, lab, "keys.ipynb", SHOW + "\njob.write(*TRACEBACK, stream='stderr')")
    card.locator(".nbp-fold").wait_for()
    card.get_by_role("button", name="Stop").focus()
    names = []
    for _ in range(8):
        page.keyboard.press("Tab")
        names.append(
            page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.textContent")
        )
    assert names[:7] == [
        "Log · 13 lines",
        "Search the log",
        "Least level",
        "Following",
        "Copy",
        "Download",
        "Log of the job",
    ]
    card.get_by_role("log", name="Log of the job").focus()
    page.keyboard.press("Enter")  # opens the folded traceback
    detail = card.get_by_role("region", name="Log line in full")
    detail.wait_for()
    assert "learning rate must be > 0" in detail.inner_text()
    page.keyboard.press("Escape")
    detail.wait_for(state="hidden")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "log"
    card.get_by_role("button", name="Stop").focus()
    page.keyboard.press("Enter")
    card.locator(".nbp-word", has_text="Stopping").wait_for()


def test_dark_theme_narrow_column_and_two_hosts(page: Any, lab: Lab, screenshots: Path) -> None:
    page.set_viewport_size({"width": 620, "height": 900})
    two = (
        IMPORTS
        + "job = running()\njob.measure(hosts=('algo-1', 'algo-2'))\njob.write('from two', host='algo-2')\nview = show(job)"
    )
    card = open_running(page, lab, "dark.ipynb", two, theme="JupyterLab Dark")
    run_command(page, "application:toggle-left-area")
    card.get_by_role("button", name="algo-2").click()
    card.locator(".nbp-log-note", has_text="1 match").wait_for()
    background = card.evaluate("node => getComputedStyle(node).backgroundColor")
    assert max(int(part) for part in re.findall(r"\d+", background)[:3]) < 80
    assert card.evaluate("node => node.scrollWidth <= node.clientWidth")
    card.screenshot(path=str(screenshots / "job-dark-narrow.png"))
    assert serious_violations(page, ".nbp-card") == []
