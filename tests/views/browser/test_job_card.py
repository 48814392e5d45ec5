"""The job view in a live JupyterLab: what people see while a job runs, when it ends, and when they come back later."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.axe import serious_violations
from tests.browser_lab import KERNEL_IDLE, Lab, new_page, open_notebook, run_all, run_code, save_notebook

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
Cells = Callable[..., None]
ENDS = {"finish": "Completed", "fail": "Failed", "stopped": "Stopped"}
OTHER_KERNELS = [path for path in os.environ.get("NBPROCESS_TEST_KERNELS", "").split(os.pathsep) if path]


def first_card(page: Any) -> Any:
    card = page.locator(".nbp-card").first
    card.wait_for()
    return card


def test_a_running_job_shows_what_it_does_and_text_stays_text(page: Any, cells: Cells, screenshots: Path) -> None:
    cells([SHOW])
    card = first_card(page)
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


def test_a_reloaded_page_shows_the_state_and_the_log_again_and_follows_on(page: Any, cells: Cells) -> None:
    cells([SHOW])
    first_card(page).locator(".nbp-log-row").nth(6).wait_for()
    save_notebook(page)
    page.reload()
    card = first_card(page)
    card.locator(".nbp-log-row", has_text="loading 336,776 flights").wait_for()
    page.wait_for_function(KERNEL_IDLE)
    run_code(page, "finish(job); view.finish()")
    card.locator(".nbp-word", has_text="Completed").wait_for()


def stop_and_wait(page: Any, card: Any) -> str:
    card.get_by_role("button", name="Stop").click()
    output = page.locator(".jp-OutputArea-output", has_text="stops")
    output.wait_for()
    card.locator(".nbp-word", has_text="Stopped").wait_for()
    return str(output.inner_text())


@pytest.mark.parametrize("python", ["", *OTHER_KERNELS])
def test_stop_works_while_its_cell_blocks(page: Any, profile: Any, lab: Lab, cells: Cells, python: str) -> None:
    blocking = WAIT.format(step="view.tick()")
    if python:
        kernel = Path(python).parent.parent.name
        lab.add_kernel(kernel, python)
        lab.notebook(f"stop-{kernel}.ipynb", [blocking], kernel=kernel)
        page = new_page(profile)
        open_notebook(page, lab, f"stop-{kernel}.ipynb")
        run_all(page)
    else:
        cells([blocking])
    assert "stops 1" in stop_and_wait(page, first_card(page))
    assert not page.locator(".jp-OutputArea-output", has_text="interrupted").count()
    if python:
        page.close()


def test_stop_interrupts_the_waiting_cell_when_the_kernel_hears_nothing(page: Any, cells: Cells) -> None:
    deaf = WAIT.format(step="pass").replace(
        "view = show",
        "import nbprocess.views.card as c\nhears, c.JobCard.receive = c.JobCard.receive, lambda *a: None\nview = show",
    )
    cells([deaf])
    stop_and_wait(page, first_card(page))
    page.locator(".jp-OutputArea-output", has_text="interrupted").wait_for()
    run_code(page, "c.JobCard.receive = hears")


def test_a_search_finds_lines_that_the_page_does_not_hold_and_none_is_lost(page: Any, cells: Cells) -> None:
    cells([IMPORTS + "job = FakeJob()\njob.enter('running')\nview = show(job)"])
    card = first_card(page)
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


def test_the_keyboard_alone_is_enough(page: Any, cells: Cells) -> None:
    cells([SHOW + "\njob.write(*TRACEBACK, stream='stderr')\njob.write('long ' + 'x' * 900 + ' end')"])
    card = first_card(page)
    card.locator(".nbp-log-row", has_text="long x").wait_for()
    card.get_by_role("button", name="Stop").focus()
    names = []
    for _ in range(8):
        page.keyboard.press("Tab")
        names.append(
            page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.textContent")
        )
    assert names[:7] == [
        "Log · 14 lines",
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
    page.keyboard.press("ArrowUp")  # to the last line, which is longer than the column
    card.locator(".nbp-log-row.nbp-current", has_text="long x").wait_for()
    page.keyboard.press("Enter")
    detail.wait_for()
    assert detail.inner_text().endswith("x end")
    page.keyboard.press("Escape")
    card.get_by_role("button", name="Stop").focus()
    page.keyboard.press("Enter")
    card.locator(".nbp-word", has_text="Stopping").wait_for()


def test_dark_theme_narrow_column_and_two_hosts(page: Any, cells: Cells, screenshots: Path) -> None:
    page.set_viewport_size({"width": 620, "height": 900})
    two = (
        IMPORTS
        + "job = running()\njob.measure(hosts=('algo-1', 'algo-2'))\njob.write('from two', host='algo-2')\nview = show(job)"
    )
    cells([two], theme="JupyterLab Dark")
    card = first_card(page)
    card.get_by_role("button", name="algo-2").click()
    card.locator(".nbp-log-note", has_text="1 match").wait_for()
    background = card.evaluate("node => getComputedStyle(node).backgroundColor")
    assert max(int(part) for part in re.findall(r"\d+", background)[:3]) < 80
    assert card.evaluate("node => node.scrollWidth <= node.clientWidth")
    row = card.locator(".nbp-spark-row").first  # in columns, also when the job browser's sheet was loaded later
    assert row.evaluate("node => getComputedStyle(node).display") == "grid"
    card.screenshot(path=str(screenshots / "job-dark-narrow.png"))
    assert serious_violations(page, ".nbp-card") == []


def test_the_end_of_a_job_is_seen_live_in_every_tab_and_stays_when_the_notebook_is_opened_without_kernel(
    page: Any, desk: Any, profile: Any, lab: Lab, cells: Cells, screenshots: Path
) -> None:
    lasting = IMPORTS + "going = running(name='still-running')\nlast = show(going)"
    listing = (
        "from tests.views.fake_source import FakeSource\nfrom nbprocess.views import browser\nbrowser(FakeSource(60))"
    )
    cells([*(IMPORTS + f"job_{end} = running()\nview_{end} = show(job_{end})" for end in ENDS), lasting, listing])
    page.locator(".nbp-card").nth(3).wait_for()
    page.locator(".nbp-browser .nbp-row[data-number='0']").wait_for()
    page.locator(".nbp-log-row", has_text="loading 336,776 flights").nth(3).wait_for()
    assert not page.locator(".nbp-saved").first.is_visible()  # the widgets have their place
    save_notebook(page)

    second = new_page(profile)
    open_notebook(second, lab, "desk.ipynb")
    second.locator(".nbp-log-row", has_text="loading 336,776 flights").nth(3).wait_for()
    page.bring_to_front()  # a page that is not in front takes seconds for a picture
    for at, (end, word) in enumerate(ENDS.items()):
        card, other = page.locator(".nbp-card").nth(at), second.locator(".nbp-card").nth(at)
        assert card.locator(".nbp-word").inner_text() == other.locator(".nbp-word").inner_text() == "Running"
        run_code(page, f"{end}(job_{end})")
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
        other.locator(".nbp-word", has_text=word).wait_for()
    for end, word in ENDS.items():
        run_code(page, f"view_{end}.finish()")
        static = page.locator(".nbprocess-static:visible", has_text=word)
        static.wait_for()
        static.screenshot(path=str(screenshots / f"static-{word.lower()}.png"))
    assert page.locator(".nbp-card").count() == 1

    run_code(page, "going.enter('saving')")
    page.locator(".nbp-saved strong", has_text="Saving").wait_for(state="attached")
    page.evaluate("() => { void window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart(); }")
    gone = page.locator(".nbp-card .nbp-stop-note", has_text="%processing_attach still-running")
    gone.wait_for()
    page.locator(".nbp-browser .nbp-note", has_text="Run %processing_jobs again").wait_for()
    assert re.match(r"As of \d\d:\d\d:\d\d: the kernel", gone.inner_text())
    elapsed = page.locator(".nbp-card .nbp-elapsed").inner_text()
    page.screenshot(path=str(screenshots / "job-kernel-gone.png"))
    save_notebook(page)
    saved = (lab.root / "desk.ipynb").read_text()
    assert [f"{word} · 4:" in saved for word in ENDS.values()] == [True] * 3  # the text form, as diff tools show it
    assert page.locator(".nbp-card .nbp-elapsed").inner_text() == elapsed  # nobody knows whether it goes on

    lab.end_sessions()
    second.bring_to_front()
    open_notebook(second, lab, "desk.ipynb", kernel=False)
    for word in [*ENDS.values(), "Saving"]:
        second.locator(".nbprocess-static:visible strong", has_text=word).wait_for()
    second.locator(".nbp-saved:visible", has_text="-00060").wait_for()
    assert "so far, at most $0.74" in second.locator(".nbprocess-static:visible", has_text="still-running").inner_text()
    assert not second.get_by_text("model not found").and_(second.locator(":visible")).count()
    second.screenshot(path=str(screenshots / "saved.png"))
    second.close()
    desk.close()  # its kernel is gone
