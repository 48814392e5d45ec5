"""A wheel and an sdist of a fresh copy: what is in them, and that both install where there is no Node."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from .conftest import ROOT

DATA = "nbprocess-0.1.0.data/data"
SIDEBAR = f"{DATA}/share/jupyter/labextensions/nbprocess"


def contents(path: Path) -> dict[str, bytes]:
    """Names and bytes of the files in a wheel or an sdist."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    with tarfile.open(path) as archive:
        members = [member for member in archive.getmembers() if member.isfile()]
        return {member.name: archive.extractfile(member).read() for member in members}  # type: ignore[union-attr]


def test_the_wheel_brings_everything_once(distributions: tuple[Path, Path]) -> None:
    names = list(contents(distributions[0]))
    assert f"{DATA}/etc/jupyter/jupyter_server_config.d/nbprocess.json" in names
    assert {f"{SIDEBAR}/{name}" for name in ("package.json", "install.json", "schemas/nbprocess/plugin.json")} <= set(
        names
    )
    assert any(re.fullmatch(rf"{SIDEBAR}/static/remoteEntry\.\w+\.js", name) for name in names)
    assert {"nbprocess/server/app.py", "nbprocess/views/static/job.js", "nbprocess/worker/__main__.py"} <= set(names)
    assert not [name for name in names if name.startswith(("nbprocess/labextension", "tests", "labextension"))]


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_no_source_map_and_no_local_path_inside(distributions: tuple[Path, Path], checkout: Path, kind: str) -> None:
    found = contents(distributions[kind == "sdist"])
    assert not [name for name in found if name.endswith(".map") or name.endswith("build_log.json")]
    for name, data in found.items():
        assert not [path for path in (checkout, ROOT, sys.prefix) if str(path).encode() in data], name
        if "/static/" in name:  # css-loader has the word in a string; what a browser follows is a comment
            assert not re.search(rb"^//[#@] ?sourceMappingURL=", data, re.MULTILINE), name


def test_building_leaves_the_lockfile_as_it_is(distributions: tuple[Path, Path], checkout: Path) -> None:
    assert (checkout / "labextension" / "yarn.lock").read_bytes() == (ROOT / "labextension" / "yarn.lock").read_bytes()


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_it_installs_without_node_and_is_found_by_jupyter(
    distributions: tuple[Path, Path], tmp_path: Path, kind: str
) -> None:
    target = tmp_path / "environment"
    venv.create(target, with_pip=False)
    python = str(target / "bin" / "python")
    # The packages that nbprocess needs come from here: what is tested is what nbprocess itself brings.
    purelib = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], capture_output=True
    )
    (Path(purelib.stdout.decode().strip()) / "here.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("JUPYTER", "PYTHON", "VIRTUAL_ENV"))},
        "PATH": str(target / "bin"),  # no node, no jlpm
        "HOME": str(tmp_path),
    }

    def run(*command: str) -> str:
        done = subprocess.run(
            [python, *command], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=240
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)

    offline = ["--no-deps", "--no-index", "--no-build-isolation", "--ignore-installed"]
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "--python",
            python,
            "install",
            "-q",
            *offline,
            str(distributions[kind == "sdist"]),
        ],
        env=environment,
        check=True,
        timeout=240,
    )
    assert str(target) in run("-c", "import nbprocess; print(nbprocess.__file__)")
    sidebars = run("-m", "jupyterlab.labextensions", "list")
    assert re.search(r"nbprocess v0\.1\.0 +enabled +OK", sidebars), sidebars
    assert str(target / "share" / "jupyter" / "labextensions") in sidebars
    servers = run("-m", "jupyter_server.extension.serverextension", "list")
    assert re.search(
        r"Config dir: \S*/environment/etc/jupyter\n +nbprocess enabled[\s\S]*nbprocess 0\.1\.0 OK", servers
    ), servers
    assert "jobs" in run("-m", "nbprocess.cli", "--help")
