"""Fixtures for browser tests: a live JupyterLab or Notebook with its own port, token, HOME and settings, and a
Chromium on it.

Use it as ``from tests.browser_lab import browser, lab, page, profile`` (pytest fixtures) and mark the tests
``browser``. A server of each front end is started once and shared by all modules.
May import: the standard library, pytest, playwright, ``tests.overlays``.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .overlays import overlay

playwright_api = pytest.importorskip("playwright.sync_api")

REPOSITORY = Path(__file__).resolve().parent.parent
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or "/usr/bin/chromium"
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
VIEWPORT = {"width": 1280, "height": 900}
WAIT_MS = 90_000  # generous: machines that run tests are loaded
BUILT = REPOSITORY / "nbprocess" / "labextension"


@dataclass(frozen=True)
class Front:
    """A front end to test in. ``packages`` are older releases than those of the tests' own environment."""

    name: str
    module: str = "jupyterlab"
    app: str = "LabApp"
    packages: tuple[str, ...] = ()


NEWEST = Front("newest JupyterLab")
LAB_4_4 = Front("JupyterLab 4.4", packages=("jupyterlab==4.4.10", "notebook==7.4.7"))
NOTEBOOK_7 = Front("Notebook 7", "notebook", "JupyterNotebookApp")
NOTEBOOK_7_4 = Front("Notebook 7.4", "notebook", "JupyterNotebookApp", LAB_4_4.packages)


@dataclass
class Lab:
    """A running server. ``root`` is its notebook folder, ``url`` ends with a slash."""

    url: str
    token: str
    root: Path
    home: Path
    process: subprocess.Popen[bytes]
    log: Path
    front: Front = NEWEST

    def notebook(self, name: str, cells: Sequence[str], kernel: str = "python3") -> Path:
        """Write a notebook of code cells (ids and kernelspec included, or JupyterLab asks for a kernel)."""
        path = self.root / name
        path.write_text(
            json.dumps(
                {
                    "cells": [
                        {
                            "cell_type": "code",
                            "id": f"cell-{number}",
                            "execution_count": None,
                            "metadata": {},
                            "outputs": [],
                            "source": source,
                        }
                        for number, source in enumerate(cells)
                    ],
                    "metadata": {"kernelspec": {"display_name": kernel, "language": "python", "name": kernel}},
                    "nbformat": 4,
                    "nbformat_minor": 5,
                }
            ),
            encoding="utf-8",
        )
        return path

    def add_kernel(self, name: str, python: str | Path, *start: str) -> None:
        """Register the ipykernel of another interpreter under ``name``; ``start``: what launches it there."""
        folder = self.home / "data" / "kernels" / name
        folder.mkdir(parents=True, exist_ok=True)
        spec = {
            "argv": [str(python), *(start or ("-m", "ipykernel_launcher")), "-f", "{connection_file}"],
            "display_name": name,
            "language": "python",
        }
        (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")

    def api(self, path: str, method: str = "GET", body: Any = None) -> Any:
        """A call of the server's REST API with its token; JSON in and out."""
        request = urllib.request.Request(
            self.url + path.lstrip("/"),
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {self.token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                content = response.read()
        except urllib.error.HTTPError as error:
            error.msg += f": {error.read(2000).decode(errors='replace')}"  # the reason, which the status does not tell
            raise
        return json.loads(content) if content else None

    def end_sessions(self) -> None:
        """Shut down all kernels that notebooks have started."""
        for session in self.api("api/sessions"):
            with contextlib.suppress(urllib.error.HTTPError):  # it ended meanwhile
                self.api(f"api/sessions/{session['id']}", "DELETE")

    def end_jobs(self) -> None:
        """Stop all jobs: one that a failed test has left would keep its slot, and the next tests' jobs would wait."""
        for job in self.api("nbprocess/api/jobs")["jobs"]:
            with contextlib.suppress(urllib.error.HTTPError):  # it has ended
                self.api(f"nbprocess/api/jobs/{job['name']}/stop", "POST")


def free_port() -> int:
    """A TCP port of the loopback interface that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def lab_environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a server that shares nothing with the person who runs the tests."""
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("JUPYTER", "IPYTHON", "NBPROCESS"))
    }
    folders = {
        "HOME": home,
        "IPYTHONDIR": home / "ipython",
        "JUPYTER_CONFIG_DIR": home / "config",
        "JUPYTER_DATA_DIR": home / "data",
        "JUPYTER_RUNTIME_DIR": home / "runtime",
        "JUPYTERLAB_SETTINGS_DIR": home / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces",
        "NBPROCESS_HOME": home / "nbprocess",
    }
    for key, folder in folders.items():
        folder.mkdir(parents=True, exist_ok=True)
        environment[key] = str(folder)
    environment["NBPROCESS_LOCAL_SLOTS"] = "8"  # what an earlier test left running keeps no job of a later one waiting
    environment.update(extra or {})
    environment["PYTHONPATH"] = os.pathsep.join([str(REPOSITORY), *filter(None, [environment.get("PYTHONPATH")])])
    return environment


def write_settings(home: Path, plugin: str, settings: Mapping[str, Any]) -> None:
    """User settings of a JupyterLab plugin such as ``@jupyterlab/apputils-extension:notification``."""
    package, _, name = plugin.partition(":")
    path = home / "settings" / package / f"{name}.jupyterlab-settings"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(settings), encoding="utf-8")


@contextlib.contextmanager
def running_lab(
    folder: Path,
    *,
    front: Front = NEWEST,
    environment: Mapping[str, str] | None = None,
    arguments: Sequence[str] = (),
    port: int = 0,
    token: str = "",
) -> Iterator[Lab]:
    """Start JupyterLab or Notebook under ``folder`` and end it, with all its kernels, afterwards.

    ``port`` and ``token`` are those of an earlier server when that one comes back.
    """
    home, root = folder / "home", folder / "notebooks"
    root.mkdir(parents=True, exist_ok=True)
    variables = lab_environment(home, environment)
    write_settings(
        home, "@jupyterlab/apputils-extension:notification", {"fetchNews": "false", "checkForUpdates": False}
    )
    token, port = token or uuid.uuid4().hex, port or free_port()
    log = folder / "lab.log"
    with log.open("ab") as sink:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                front.module,
                "--no-browser",
                "--allow-root",
                f"--ServerApp.port={port}",
                "--ServerApp.port_retries=0",
                "--ServerApp.ip=127.0.0.1",
                f"--IdentityProvider.token={token}",
                f"--ServerApp.root_dir={root}",
                f"--{front.app}.expose_app_in_browser=True",
                *(["--LabApp.news_url=None"] if front.app == "LabApp" else []),
                *arguments,
            ],
            cwd=root,
            env=variables,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
    lab = Lab(f"http://127.0.0.1:{port}/", token, root, home, process, log, front)
    try:
        wait_until_up(lab)
        yield lab
    finally:
        process.terminate()  # jupyter_server shuts its kernels down on SIGTERM
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_up(lab: Lab, seconds: float = 200) -> None:
    """Wait until the server answers; its log is in the error when it does not."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if lab.process.poll() is not None:
            break
        try:
            lab.api("api/status")
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not start:\n{lab.log.read_text(errors='replace')[-4000:]}")


def front_environment(front: Front, folder: Path, *, server_extension: bool = True) -> dict[str, str]:
    """Variables that give a server the checkout's own sidebar and server extension, laid out under ``folder`` as a
    wheel would, and the packages of ``front``. Skips where the sidebar is not built."""
    if not (BUILT / "package.json").exists():
        pytest.skip("the sidebar is not built: `make test` builds it where Node 20 or later is")
    (folder / "share" / "labextensions").mkdir(parents=True)
    (folder / "share" / "labextensions" / "nbprocess").symlink_to(BUILT)
    environment = {"JUPYTER_PATH": str(folder / "share")}
    (folder / "etc").mkdir()
    config = folder / "etc" / "jupyter_server_config.d"
    environment["JUPYTER_CONFIG_PATH"] = str(
        folder / "etc"
    )  # before the environment's own, where nbprocess is installed
    if server_extension:
        config.symlink_to(REPOSITORY / "nbprocess" / "jupyter_server_config.d")
    else:
        config.mkdir()
        disabled = {"ServerApp": {"jpserver_extensions": {"nbprocess": False}}}
        (config / "nbprocess.json").write_text(json.dumps(disabled), encoding="utf-8")
    if front.packages:
        older = overlay(front.packages)
        environment |= {
            "PYTHONPATH": str(older),
            "JUPYTERLAB_DIR": str(older / "share" / "jupyter" / "lab"),
            "JUPYTER_PATH": os.pathsep.join([environment["JUPYTER_PATH"], str(older / "share" / "jupyter")]),
        }
    return environment


_LABS: pytest.StashKey[dict[Front, Lab]] = pytest.StashKey()


def shared_lab(request: pytest.FixtureRequest, front: Front) -> Lab:
    """The one server of ``front`` in this test run; started by the first test that asks, ended with the run."""
    if not shutil.which(CHROMIUM):
        pytest.skip("there is no Chromium here (Debian: apt-get install chromium)")
    labs = request.config.stash.setdefault(_LABS, {})
    if front not in labs:
        factory: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
        folder = factory.mktemp(front.module)
        running = contextlib.ExitStack()
        labs[front] = running.enter_context(
            running_lab(folder, front=front, environment=front_environment(front, folder))
        )
        request.config.add_cleanup(running.close)
    return labs[front]


@pytest.fixture
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """The newest JupyterLab, or the front end that the test is parametrised with (``indirect``); no kernel stays."""
    server = shared_lab(request, getattr(request, "param", NEWEST))
    failed = request.session.testsfailed
    yield server
    server.end_sessions()
    if request.session.testsfailed > failed:
        server.end_jobs()


@contextlib.contextmanager
def running_browser() -> Iterator[Any]:
    """One Chromium. While it is there, no other and no asyncio test: sync Playwright keeps a loop running."""
    with playwright_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS, headless=True)
        yield chromium
        chromium.close()


@contextlib.contextmanager
def new_profile(chromium: Any) -> Iterator[Any]:
    """One profile for several pages, so that the front end's code is fetched and compiled once."""
    context = chromium.new_context()
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield context
    context.close()


def new_page(profile: Any) -> Any:
    """A page; ``page.problems`` gathers script errors, ``page.errors`` the console's."""
    tab = profile.new_page()
    tab.set_viewport_size(VIEWPORT)
    tab.set_default_timeout(WAIT_MS)
    tab.problems = []
    tab.on("pageerror", lambda error: tab.problems.append(str(error)))
    tab.errors = []
    tab.on("console", lambda entry: entry.type == "error" and tab.errors.append(f"{entry.text} ({entry.location})"))
    return tab


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One Chromium for a module's tests."""
    with running_browser() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def profile(browser: Any) -> Iterator[Any]:
    """One profile for a module's pages."""
    with new_profile(browser) as context:
        yield context


@pytest.fixture
def page(profile: Any, request: pytest.FixtureRequest, screenshots: Path) -> Iterator[Any]:
    """A fresh page; ``page.problems`` gathers script errors, ``page.errors`` the console's.

    What it showed when its test failed is kept as a picture, ``failed-<test>.png``.
    """
    tab = new_page(profile)
    failed = request.session.testsfailed
    yield tab
    if request.session.testsfailed > failed:
        tab.screenshot(path=str(screenshots / f"failed-{request.node.originalname}.png"))
    tab.close()
    profile.clear_cookies()


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for pictures: ``NBPROCESS_SCREENSHOTS``, or one of pytest's own."""
    given = os.environ.get("NBPROCESS_SCREENSHOTS")
    folder = Path(given) if given else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


# `?.` throughout: wait_for_function fails at once when its expression throws, and window.jupyterapp comes late.
KERNEL_IDLE = "window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"


def open_notebook(page: Any, lab: Lab, name: str, *, kernel: bool = True, theme: str = "") -> None:
    """Open ``name`` in a workspace of its own; with ``kernel`` wait until its kernel is idle.

    ``theme`` such as ``JupyterLab Dark`` is applied first.
    """
    workspace = f"lab/workspaces/test-{uuid.uuid4().hex[:8]}/tree/{name}?reset&"
    page.goto(f"{lab.url}{workspace if lab.front.module == 'jupyterlab' else f'notebooks/{name}?'}token={lab.token}")
    page.wait_for_function("!!window.jupyterapp?.shell?.currentWidget?.content?.widgets?.length")
    if theme:
        run_command(page, "apputils:change-theme", {"theme": theme})
        light = "false" if "Dark" in theme else "true"
        page.wait_for_function(f"document.body.dataset.jpThemeLight === '{light}'")
    if kernel:
        page.wait_for_function(KERNEL_IDLE)
    page.wait_for_function("!document.getElementById('jupyterlab-splash')")


def run_command(page: Any, command: str, arguments: Mapping[str, Any] | None = None) -> None:
    """Start a JupyterLab command; its promise is not awaited, since evaluate() has no time limit."""
    page.evaluate(
        "([command, args]) => { void window.jupyterapp.commands.execute(command, args); }",
        [command, dict(arguments or {})],
    )


def show_cells(page: Any, cells: Sequence[str]) -> None:
    """Put these code cells in the place of the notebook's, and run them (does not wait for them)."""
    page.evaluate(
        """(cells) => {
          const model = window.jupyterapp.shell.currentWidget.content.model.sharedModel;
          const made = cells.map(source => ({cell_type: 'code', source, metadata: {}, outputs: [], execution_count: null}));
          model.transact(() => { model.deleteCellRange(0, model.cells.length); model.insertCells(0, made); });
        }""",
        list(cells),
    )
    run_all(page)


def run_all(page: Any) -> None:
    """Run all cells (does not wait for them)."""
    run_command(page, "notebook:run-all-cells")


def run_code(page: Any, code: str) -> None:
    """Run code in the notebook's kernel beside its cells."""
    page.evaluate(
        "(code) => { void window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
        ".requestExecute({code}).done; }",
        code,
    )


def save_notebook(page: Any) -> None:
    """Save and wait until the notebook is no longer dirty."""
    run_command(page, "docmanager:save")
    page.wait_for_function("window.jupyterapp?.shell?.currentWidget?.context?.model?.dirty === false")
