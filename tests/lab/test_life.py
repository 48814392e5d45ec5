"""From an untouched installation to results, and through what goes wrong on the way, in the newest JupyterLab and 4.4."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.browser_lab import (
    KERNEL_IDLE,
    LAB_4_4,
    NEWEST,
    Lab,
    free_port,
    front_environment,
    open_notebook,
    run_all,
    run_command,
    running_lab,
    write_settings,
)

from .following import drag, named, refresh, row, show_sidebar, source, submit, wait_for

pytestmark = pytest.mark.browser
both_labs = pytest.mark.parametrize("lab", [NEWEST, LAB_4_4], indirect=True, ids=lambda front: front.name)


@both_labs
def test_from_the_dialog_to_a_job_that_is_stopped_while_the_kernel_is_busy(
    lab: Lab, page: Any, screenshots: Path
) -> None:
    """Nothing is loaded or configured in the notebook before."""
    code = "import time\nready = [1, 2, 3]\nprint('begun', flush=True)\ntime.sleep(600)"
    lab.notebook("untouched.ipynb", [code])
    open_notebook(page, lab, "untouched.ipynb")
    show_sidebar(page)
    cell = page.locator(".jp-CodeCell").first
    cell.click()
    cell.get_by_role("button", name="Run this cell as a processing job").click()
    dialog = page.locator(".jp-Dialog")
    dialog.locator("select[name=backend]").select_option("local")
    dialog.locator("input[name=timeout]").fill("15m")
    dialog.get_by_role("button", name="Run", exact=True).click()
    cell.get_by_text("begun").first.wait_for()
    name = named(lab, "untouched")
    wait_for(lab, name, "InProgress")
    refresh(page)
    page.locator(f".nbp-Job[data-job='{name}'][data-status=InProgress]").wait_for()
    cell.locator(".jp-InputPrompt", has_text="[*]").wait_for()  # the kernel is busy
    row(page, name).locator(".nbp-Job-open").click()
    page.locator(".nbp-JobPage [role=log]").get_by_text("begun").wait_for()
    page.get_by_role("tab", name="Metrics").click()
    page.locator(".nbp-Metrics li", has_text="Memory").wait_for()
    page.screenshot(path=str(screenshots / "job-metrics.png"))
    row(page, name).get_by_role("button", name=f"Stop: {name}").click()
    wait_for(lab, name, "Stopped")
    refresh(page)
    page.locator(f".nbp-Job[data-job='{name}'][data-status=Stopped]").wait_for()
    run_command(page, "docmanager:open", {"path": "untouched.ipynb"})
    cell.get_by_text("Stopped").first.wait_for()
    assert source(page).startswith("%%processing --backend local --timeout 15m\n")
    assert page.problems == []


@both_labs
def test_a_job_that_fails_says_why_in_notification_sidebar_and_tab(lab: Lab, page: Any, screenshots: Path) -> None:
    lab.notebook("fails.ipynb", ["x = 1"])
    open_notebook(page, lab, "fails.ipynb")
    show_sidebar(page)
    gate = lab.root / "go"
    waits = f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.1)\n"
    submit(lab, "fails-late", waits + "raise ValueError('learning rate must be > 0')")
    refresh(page)
    row(page, "fails-late").wait_for()
    gate.touch()
    wait_for(lab, "fails-late", "Failed")
    refresh(page)
    page.locator(".nbp-Job[data-job=fails-late][data-status=Failed]", has_text="learning rate must be > 0").wait_for()
    page.get_by_text("Job fails-late failed: ").first.wait_for()
    row(page, "fails-late").locator(".nbp-Job-open").click()
    page.locator(".nbp-Failure", has_text="learning rate must be > 0").wait_for()
    page.get_by_text("The job printed nothing.").wait_for()
    page.screenshot(path=str(screenshots / "job-failed.png"))
    assert page.problems == []


@both_labs
def test_the_server_is_restarted_in_the_middle_of_a_job(tmp_path: Path, lab: Lab, page: Any, screenshots: Path) -> None:
    """The page stays open: it says that the server is away, and goes on when it is back. The job notices nothing."""
    start = {"front": lab.front, "environment": front_environment(lab.front, tmp_path)}
    start |= {"port": free_port(), "token": "again"}
    with running_lab(tmp_path, **start) as first:
        first.notebook("middle.ipynb", ["x = 1"])
        open_notebook(page, first, "middle.ipynb", kernel=False)
        show_sidebar(page)
        gate = first.root / "go"
        waits = f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.1)\n"
        submit(first, "lives-on", f"print('begun', flush=True)\n{waits}print('gone on')\nvalue = 42")
        refresh(page)
        page.locator(".nbp-Job[data-job=lives-on][data-status=InProgress]").wait_for()
        row(page, "lives-on").locator(".nbp-Job-open").click()
        log = page.locator(".nbp-JobPage [role=log]")
        log.get_by_text("begun").wait_for()
    page.locator(".nbp-JobLog .nbp-Notice", has_text="The log cannot be read").wait_for()
    assert log.get_by_text("begun").count() == 1
    page.locator(".nbp-Sidebar .nbp-Notice", has_text="Jobs cannot be listed").wait_for()
    row(page, "lives-on").wait_for()  # what was seen last stays
    page.screenshot(path=str(screenshots / "server-away.png"))
    with running_lab(tmp_path, **start) as second:
        assert wait_for(second, "lives-on", "InProgress")["terminal"] is False
        gate.touch()
        wait_for(second, "lives-on", "Completed")
        dialog = page.locator(".jp-Dialog", has_text="Server Connection Error")
        if dialog.count():  # JupyterLab's own
            dialog.get_by_role("button").last.click()
        refresh(page)
        page.locator(".nbp-Sidebar .nbp-Notice").wait_for(state="detached")
        page.locator(".nbp-Job[data-job=lives-on][data-status=Completed]").wait_for()
        log.get_by_text("gone on").wait_for()
        page.locator(".nbp-JobLog .nbp-Notice").wait_for(state="hidden")
        assert log.get_by_text("begun").count() == 1
        second.notebook("after.ipynb", ["%load_ext nbprocess", "print('value is', value)"])
        run_command(page, "docmanager:open", {"path": "after.ipynb"})
        notebook = page.locator(".jp-NotebookPanel:visible", has_text="print('value is', value)")
        notebook.wait_for()
        page.wait_for_function(KERNEL_IDLE)
        drag(page, row(page, "lives-on"), notebook.locator(".jp-CodeCell").nth(1))
        page.wait_for_function("window.jupyterapp.shell.currentWidget.content.widgets.length === 3")
        run_all(page)
        page.locator(".jp-OutputArea-output", has_text="value is 42").wait_for()
        second.end_sessions()


def test_a_wrong_token_and_a_request_without_xsrf_are_refused(lab: Lab, page: Any) -> None:
    submit(lab, "guarded", "import time\ntime.sleep(600)")
    stop = f"{lab.url}nbprocess/api/jobs/guarded/stop"
    wrong = urllib.request.Request(stop, method="POST", data=b"", headers={"Authorization": "token wrong"})
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(wrong, timeout=30)
    lab.notebook("guard.ipynb", ["x = 1"])
    open_notebook(page, lab, "guard.ipynb", kernel=False)
    # The page of a person who is logged in, as a script of another origin would use it: cookies, but no XSRF header.
    status = page.evaluate("url => fetch(url, {method: 'POST', body: ''}).then(answer => answer.status)", stop)
    assert status == 403
    assert wait_for(lab, "guarded", "InProgress")["stop_requested"] is False
    lab.api("nbprocess/api/jobs/guarded/stop", "POST")
    wait_for(lab, "guarded", "Stopped")


def test_without_the_server_extension_cells_run_and_the_sidebar_says_so(
    tmp_path: Path, lab: Lab, page: Any, screenshots: Path
) -> None:
    environment = front_environment(NEWEST, tmp_path, server_extension=False)
    write_settings(tmp_path / "home", "nbprocess:plugin", {"pollSeconds": 3600})  # the longest that the schema has
    with running_lab(tmp_path, environment=environment) as bare:
        bare.notebook("plain.ipynb", ["%load_ext nbprocess", "%%processing\nx = 41 + 1", "print('x is', x)"])
        open_notebook(page, bare, "plain.ipynb", theme="JupyterLab Dark")
        show_sidebar(page)
        page.locator(".nbp-Notice", has_text="does not run the nbprocess server extension").wait_for()
        run_all(page)
        page.locator(".jp-OutputArea-output", has_text="x is 42").wait_for()
        page.screenshot(path=str(screenshots / "without-server.png"))
        assert page.locator(".jp-toast-message, .Toastify__toast").count() == 0
        assert page.problems == []
        bare.end_sessions()
