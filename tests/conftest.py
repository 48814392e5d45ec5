"""Fixtures that all tests share: a home of its own for everything that nbprocess keeps, and a live kernel."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def _own_home() -> Iterator[Path]:
    """No test touches the user's jobs, configuration or AWS account."""
    base = Path(tempfile.mkdtemp(prefix="nbp"))
    kept = dict(os.environ)
    for name in list(os.environ):
        if name.startswith(("AWS_", "NBPROCESS_")) and name != "NBPROCESS_SCREENSHOTS":
            del os.environ[name]
    os.environ.update(
        NBPROCESS_HOME=str(base / "home"),
        XDG_CONFIG_HOME=str(base / "config"),
        AWS_SHARED_CREDENTIALS_FILE=str(base / "none"),
        AWS_CONFIG_FILE=str(base / "none"),
        AWS_EC2_METADATA_DISABLED="true",
        MPLCONFIGDIR=os.environ.get("MPLCONFIGDIR", str(base / "matplotlib")),
    )
    yield base / "home"
    os.environ.clear()
    os.environ.update(kept)
    shutil.rmtree(base, ignore_errors=True)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory, _own_home: Path) -> Iterator[object]:
    """A live kernel with ``%load_ext nbprocess`` done; shared by the tests of a module."""
    from .live_kernel import Kernel

    with Kernel(tmp_path_factory.mktemp("notebook"), _own_home) as running:
        running.ok("%load_ext nbprocess")
        yield running
