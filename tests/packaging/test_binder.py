"""Binder's set-up: as repo2docker reads it, and its steps done here in a fresh environment, without Docker."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.overlays import overlay

from .conftest import CACHE, ROOT
from .freshenv import make, wheel_requirements

SAYS = {
    "quickstart": "AUC on unseen flights",
    "data_preparation": "nothing missing: True",
    "model_evaluation": "cases judged",
}
EXAMPLES = sorted(path.name for path in (ROOT / "examples").glob("*.ipynb"))
REPO2DOCKER = "jupyter-repo2docker==2026.4.0"
DETECT = """
import json, os, sys
from repo2docker.app import Repo2Docker
os.chdir(sys.argv[1])
app = Repo2Docker()
for kind in app.buildpacks:
    pack = kind(app.base_image)
    if pack.detect():
        break
else:
    raise SystemExit("no build pack takes this repository")
print(json.dumps({
    "pack": type(pack).__name__, "folder": pack.binder_dir, "python": pack.python_version,
    "start": pack.get_start_script(), "after": pack.get_post_build_scripts(),
    "assemble": [text for _, text in pack.get_assemble_scripts()],
}))
"""
GUARD = """
import os, socket
_connect, _resolve = socket.socket.connect, socket.getaddrinfo
_HERE = ("127.", "localhost", "::1", "0.0.0.0")
def _refuse(what):
    with open(os.environ["NETWORK_GUARD"], "a") as log:
        log.write(f"{os.getpid()} {what}\n")
    raise OSError(f"no network in this test: {what}")
def connect(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6) and not str(address[0]).startswith(_HERE):
        _refuse(address)
    return _connect(self, address)
def getaddrinfo(host, *arguments, **options):
    name = host.decode() if isinstance(host, bytes) else host
    if name and not name.startswith(_HERE) and name != socket.gethostname():
        _refuse(name)
    return _resolve(host, *arguments, **options)
socket.socket.connect, socket.getaddrinfo = connect, getaddrinfo
"""


@pytest.mark.parametrize("name", ["postBuild", "start"])
def test_binder_scripts_can_be_executed(name: str) -> None:
    script = ROOT / "binder" / name
    assert os.access(script, os.X_OK)
    # A login shell would reset PATH outside Binder.
    assert script.read_text().startswith("#!/bin/bash\n")
    subprocess.run(["bash", "-n", str(script)], check=True)


def test_repo2docker_reads_the_set_up(checkout: Path) -> None:
    """repo2docker's own classes on a fresh copy: nothing is built, Docker is not needed."""
    environment = {**os.environ, "PYTHONPATH": str(overlay((REPO2DOCKER,), whole=True))}
    done = subprocess.run(
        [sys.executable, "-c", DETECT, str(checkout)], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert (found["pack"], found["folder"], found["python"]) == ("PythonBuildPack", "binder", "3.11")
    assert Path(found["start"]).name == "start"
    assert [Path(script).name for script in found["after"]] == ["postBuild"]
    assert any('install --no-cache-dir -r "binder/requirements.txt"' in script for script in found["assemble"])
    assert not (checkout / ".binder").exists()  # with both, repo2docker refuses


def test_binder_starts_with_the_local_backend_and_passes_arguments_on() -> None:
    done = subprocess.run(
        [
            str(ROOT / "binder" / "start"),
            sys.executable,
            "-c",
            "import os, sys; print(os.environ['NBPROCESS_BACKEND'], sys.argv[1])",
            "a b",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "local a b\n"


@pytest.fixture(scope="module")
def image(checkout: Path, distributions: tuple[Path, Path]) -> Iterator[Path]:
    """An environment as Binder's image has it: fresh, and made by ``pip install -r binder/requirements.txt``.

    The packages that the requirements name are linked from here beforehand, so that pip finds them without a network;
    one that is not declared is not there. ``.`` is the wheel of this checkout.
    """
    lines = (checkout / "binder" / "requirements.txt").read_text().split()
    wheel = distributions[0]
    CACHE.mkdir(exist_ok=True)
    environment = Path(tempfile.mkdtemp(prefix="binder-", dir=CACHE))
    own = [line for line in lines if line.startswith(".")]
    assert own == [".[examples]"]
    make(environment, [*(set(lines) - set(own)), *wheel_requirements(wheel, "examples")])
    here = environment / "requirements.txt"
    here.write_text("\n".join(f"nbprocess[examples] @ {wheel.as_uri()}" if line in own else line for line in lines))
    pip = [sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python"), "install", "-q"]
    done = subprocess.run(
        [*pip, "--no-compile", "--no-index", "-r", str(here)], capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stdout + done.stderr
    yield environment
    shutil.rmtree(environment, ignore_errors=True)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of the image's user: what ``postBuild`` leaves there is there in each session."""
    return tmp_path_factory.mktemp("home")


def in_image(
    image: Path, checkout: Path, home: Path, *command: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    kept = {key: os.environ[key] for key in ("LANG", "TMPDIR") if key in os.environ}
    path = os.pathsep.join([str(image / "bin"), "/usr/bin", "/bin"])
    environment = {**kept, "PATH": path, "HOME": str(home), "MPLCONFIGDIR": str(home / "matplotlib"), **variables}
    return subprocess.run(
        command, cwd=checkout, env=environment, capture_output=True, text=True, timeout=280, stdin=subprocess.DEVNULL
    )


def test_post_build_finds_the_sidebar_and_the_server_extension(image: Path, checkout: Path, home: Path) -> None:
    done = in_image(image, checkout, home, str(checkout / "binder" / "postBuild"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nbprocess v0.1.0" in done.stdout
    assert "nbprocess 0.1.0" in done.stdout


def test_without_the_sidebar_the_image_is_not_built(image: Path, checkout: Path, tmp_path: Path) -> None:
    """postBuild fails then, so that a broken image is never shown to anybody."""
    (tmp_path / "jupyter").write_text("#!/bin/bash\necho 'nothing here'\n")
    (tmp_path / "jupyter").chmod(0o755)
    script = str(checkout / "binder" / "postBuild")
    path = os.pathsep.join([str(tmp_path), str(image / "bin"), "/usr/bin", "/bin"])
    assert in_image(image, checkout, tmp_path, script, PATH=path).returncode != 0


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_runs_without_a_network(
    image: Path, checkout: Path, home: Path, tmp_path: Path, example: str
) -> None:
    """As a visitor of Binder does: ``start``, then all cells. Every connection that leaves the machine is refused."""
    guard, attempts = tmp_path / "guard", tmp_path / "attempts"
    guard.mkdir()
    (guard / "sitecustomize.py").write_text(GUARD, encoding="utf-8")
    arguments = ["--to", "notebook", "--execute", "--output-dir", str(tmp_path), str(checkout / "examples" / example)]
    done = in_image(
        image,
        checkout,
        home,
        str(checkout / "binder" / "start"),
        str(image / "bin" / "jupyter"),
        "nbconvert",
        *arguments,
        PYTHONPATH=str(guard),
        NETWORK_GUARD=str(attempts),
        NBPROCESS_HOME=str(tmp_path / "nbprocess"),
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert not attempts.exists(), attempts.read_text()
    cells = json.loads((tmp_path / example).read_text())["cells"]
    offloaded = [c for c in cells if c["cell_type"] == "code" and "".join(c["source"]).startswith("%%processing")]
    assert offloaded
    shown = json.dumps(cells)
    assert "Completed" in shown and SAYS[example.removesuffix(".ipynb")] in shown


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_says_first_what_one_learns(example: str) -> None:
    first = json.loads((ROOT / "examples" / example).read_text())["cells"][0]
    text = "".join(first["source"])
    assert first["cell_type"] == "markdown" and text.startswith("# ")
    assert "learn" in text or "will see" in text


def test_the_badge_opens_an_example_that_exists() -> None:
    readme = (ROOT / "README.md").read_text()
    start = readme.index("https://mybinder.org/v2/gh/nbprocess/nbprocess/")
    link = readme[start : readme.index(")", start)]
    assert link.endswith("?urlpath=lab/tree/examples/quickstart.ipynb")
    assert "quickstart.ipynb" in EXAMPLES
