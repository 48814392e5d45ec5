"""Fixtures that all tests share: a home of its own for everything that nbprocess keeps, and a live kernel."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .live_kernel import Kernel
from .overlays import ALSO, OLD, overlay


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
        OMP_WAIT_POLICY="PASSIVE",  # tests share the processors: nothing spins while it waits
        MPLCONFIGDIR=os.environ.get("MPLCONFIGDIR", str(base / "matplotlib")),
    )
    yield base / "home"
    os.environ.clear()
    os.environ.update(kept)
    shutil.rmtree(base, ignore_errors=True)


@pytest.fixture(scope="session")
def old_ipython() -> str:
    """A folder with IPython 8.37 and ipykernel 6.29, to stand first on a kernel's path. Made once per environment."""
    return str(overlay(OLD, ALSO))


@pytest.fixture(scope="module", params=["newest IPython", "IPython 8.37"])
def kernel(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, _own_home: Path
) -> Iterator[Kernel]:
    """A live kernel with ``%load_ext nbprocess`` done; shared by the tests of a module, once per IPython."""
    old = request.param == "IPython 8.37"
    environment = {"PYTHONPATH": request.getfixturevalue("old_ipython")} if old else {}
    home = _own_home / ("old" if old else "new")
    home.mkdir(parents=True, exist_ok=True)
    with Kernel(tmp_path_factory.mktemp("notebook"), home, environment) as running:
        running.ok("%load_ext nbprocess\nimport IPython")
        assert running.value("IPython.__version__").startswith("'8.37") == old
        yield running
