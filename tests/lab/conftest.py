"""A live JupyterLab that has the checkout's own built sidebar and server extension, whatever is installed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.browser_lab import CHROMIUM, REPOSITORY, Lab, browser, page, running_lab, screenshots

__all__ = ["browser", "page", "screenshots"]

BUILT = REPOSITORY / "nbprocess" / "labextension"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One JupyterLab for a module's tests. ``share`` and ``etc`` as a wheel would lay them out."""
    if not shutil.which(CHROMIUM):
        pytest.skip("there is no Chromium here (Debian: apt-get install chromium)")
    if not (BUILT / "package.json").exists():
        pytest.skip("the sidebar is not built: `make test` builds it where Node 20 or later is")
    folder = tmp_path_factory.mktemp("lab")
    (folder / "share" / "labextensions").mkdir(parents=True)
    (folder / "share" / "labextensions" / "nbprocess").symlink_to(BUILT)
    (folder / "etc").mkdir()
    (folder / "etc" / "jupyter_server_config.d").symlink_to(REPOSITORY / "nbprocess" / "jupyter_server_config.d")
    environment = {"JUPYTER_PATH": str(folder / "share"), "JUPYTER_CONFIG_PATH": str(folder / "etc")}
    with running_lab(folder, environment=environment) as server:
        yield server
