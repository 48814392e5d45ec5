"""What an installation brings: versions that agree, the wheel's contents, Binder's files. Nothing is downloaded."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import nbprocess

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "nbprocess" / "labextension"


def test_all_versions_agree() -> None:
    declared = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    package = json.loads((ROOT / "labextension" / "package.json").read_text())
    assert declared is not None
    assert {declared[1], package["version"], nbprocess.__version__} == {nbprocess.__version__}


def test_the_lockfile_names_no_host() -> None:
    assert "http" not in (ROOT / "labextension" / "yarn.lock").read_text()


def test_the_settings_belong_to_the_plugin() -> None:
    tokens = (ROOT / "labextension" / "src" / "tokens.ts").read_text()
    assert "PLUGIN_ID = 'nbprocess:plugin'" in tokens
    schema = json.loads((ROOT / "labextension" / "schema" / "plugin.json").read_text())
    commands = set(re.findall(r"'(nbprocess:[a-z\-]+)'", tokens))
    named = set(re.findall(r'"command": "([^"]+)"', json.dumps(schema)))
    assert named <= commands


def test_the_wheel_has_server_extension_and_sidebar_but_no_local_paths(tmp_path: Path) -> None:
    pytest.importorskip("hatch_jupyter_builder")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "-w", str(tmp_path), str(ROOT)],
        env={**os.environ, "HATCH_JUPYTER_BUILDER_SKIP_NPM": "1"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    data = "nbprocess-0.1.0.data/data"
    assert f"{data}/etc/jupyter/jupyter_server_config.d/nbprocess.json" in names
    assert f"{data}/share/jupyter/labextensions/nbprocess/install.json" in names
    assert "nbprocess/server/app.py" in names
    assert not [name for name in names if name.startswith(("nbprocess/labextension", "tests", "labextension"))]
    assert (f"{data}/share/jupyter/labextensions/nbprocess/package.json" in names) == BUILT.exists()


def test_ci_runs_what_a_person_runs() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert "make test" in (ROOT / ".ci" / "run").read_text()
