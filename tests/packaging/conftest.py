"""What the slow packaging tests share: a fresh copy of the checkout, and the wheel and sdist that are built from it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.overlays import one_at_a_time

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(sys.prefix) / "overlays"
"""What took long to make and depends on few files; ``make clean`` removes it."""


def digest_of(paths: Iterable[Path], *more: str) -> str:
    """One digest of files (their names and contents)."""
    found = hashlib.sha256("\0".join(more).encode())
    for path in sorted(paths):
        found.update(f"\0{path.name}\0".encode() + path.read_bytes())
    return found.hexdigest()[:16]


def copy_checkout(folder: Path) -> Path:
    """The files that a clone would have, changes that are not committed included, and nothing that was built."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True
    )
    if listed.returncode:
        pytest.skip("this is no git checkout")
    for name in filter(None, listed.stdout.decode().split("\0")):
        source, target = ROOT / name, folder / name
        if source.is_file():  # removed, but not yet committed
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    return folder


@pytest.fixture(scope="session")
def node() -> str:
    """The folder of a Node that can build the sidebar."""
    found = shutil.which("node")
    script = "process.exit(Number(process.versions.node.split('.')[0]) < 20 ? 1 : 0)"
    if found is None or subprocess.run([found, "-e", script]).returncode:
        pytest.skip("there is no Node 20 or later here, which builds the sidebar")
    return str(Path(found).parent)


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh copy of the checkout."""
    return copy_checkout(tmp_path_factory.mktemp("clone"))


@pytest.fixture(scope="session")
def distributions(checkout: Path, node: str) -> tuple[Path, Path]:
    """Wheel and sdist of a fresh copy, sidebar included, as ``make dist`` builds them.

    The sidebar is built once for its sources, also by the workers of a parallel run, with the Node packages of this
    checkout where it has them: to fetch, unpack and delete 26,000 files takes minutes. Wheel and sdist are built always.
    """
    pytest.importorskip("hatch_jupyter_builder")
    pytest.importorskip("build")
    pane = checkout / "nbprocess" / "views" / "static"  # the sidebar's job tab is built from it, too
    sources = [path for folder in (checkout / "labextension", pane) for path in folder.rglob("*") if path.is_file()]
    kept = CACHE / f"sidebar-{digest_of([*sources, checkout / 'pyproject.toml'])}"
    with one_at_a_time(CACHE / "sidebar"):
        return _built(checkout, node, kept)


def _built(checkout: Path, node: str, kept: Path) -> tuple[Path, Path]:
    built = checkout / "nbprocess" / "labextension"
    packages = ROOT / "labextension" / "node_modules"
    if kept.exists():
        shutil.copytree(kept, built)
    elif packages.exists():
        (checkout / "labextension" / "node_modules").symlink_to(packages)
    environment = {**os.environ, "PATH": os.pathsep.join([sysconfig.get_path("scripts"), node, os.environ["PATH"]])}
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(checkout / "dist"), str(checkout)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_name(f"{kept.name}.{os.getpid()}")
        shutil.copytree(built, part)
        part.rename(kept)
    (wheel,) = (checkout / "dist").glob("*.whl")
    (sdist,) = (checkout / "dist").glob("*.tar.gz")
    return wheel, sdist
