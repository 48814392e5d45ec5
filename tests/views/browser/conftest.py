"""One Chromium and one page of a live JupyterLab for all browser tests of the views.

Opening JupyterLab and starting a kernel take longer than most of these tests; each puts its own cells in the place of
the ones before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.browser_lab import (
    NEWEST,
    VIEWPORT,
    Lab,
    new_page,
    new_profile,
    open_notebook,
    run_command,
    running_browser,
    screenshots,
    shared_lab,
    show_cells,
)

__all__ = ["screenshots"]


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    with running_browser() as chromium:
        yield chromium


@pytest.fixture(scope="package")
def profile(browser: Any) -> Iterator[Any]:
    with new_profile(browser) as context:
        yield context


class Desk:
    """A page with a notebook whose kernel is idle."""

    def __init__(self, profile: Any, lab: Lab) -> None:
        self.profile, self.lab = profile, lab
        self.page: Any = None

    def open(self) -> Any:
        """The page; a new one where a test left it broken."""
        if self.page is None:
            self.page = new_page(self.profile)
            self.lab.notebook("desk.ipynb", [""])
            open_notebook(self.page, self.lab, "desk.ipynb")
            run_command(self.page, "application:toggle-left-area")
        return self.page

    def close(self) -> None:
        """Away with the page and its kernel."""
        if self.page is not None:
            self.page.close()
            self.page = None
            self.lab.end_sessions()


@pytest.fixture(scope="package")
def desk(profile: Any, request: pytest.FixtureRequest) -> Iterator[Desk]:
    made = Desk(profile, shared_lab(request, NEWEST))
    yield made
    made.close()


@pytest.fixture
def lab(desk: Desk) -> Lab:
    """The server behind the page."""
    return desk.lab


@pytest.fixture
def page(desk: Desk, request: pytest.FixtureRequest, screenshots: Path) -> Iterator[Any]:
    """The one page, as a new one would be but for its kernel; a test that fails leaves a picture and no page."""
    failed = request.session.testsfailed
    tab = desk.open()
    tab.problems.clear()
    tab.set_viewport_size(VIEWPORT)
    yield tab
    if request.session.testsfailed > failed:
        tab.screenshot(path=str(screenshots / f"failed-{request.node.originalname}.png"))
        desk.close()


@pytest.fixture
def cells(page: Any) -> Iterator[Callable[..., None]]:
    """Run these cells in the page, in ``theme`` where one is given."""
    themed = []

    def use(theme: str) -> None:
        run_command(page, "apputils:change-theme", {"theme": theme})
        light = "false" if "Dark" in theme else "true"
        page.wait_for_function(f"document.body.dataset.jpThemeLight === '{light}'")

    def run(sources: Sequence[str], theme: str = "") -> None:
        if theme:
            themed.append(theme)
            use(theme)
        show_cells(page, sources)

    yield run
    if themed and not page.is_closed():
        use("JupyterLab Light")
