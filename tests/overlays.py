"""Older releases beside the newest in the environment of the tests: folders that stand first on a process's path; and
environments of other Pythons, for workers that are not of the kernel's version.

May import: the standard library, pytest, ``nbprocess.backends.local.images`` (it finds the interpreters).
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.metadata
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

OLD = ("ipython==8.37.0", "ipykernel==6.29.5")
"""What SageMaker Studio images carry, beside the newest in the environment of the tests."""
ALSO = ("nest_asyncio", "decorator")
"""What those need and the newest do not."""
_SAME = ("ipython", "numpy", "pandas", "pyarrow")
OTHERS = {
    "older": (-1, ("ipython==8.37.0", "numpy==1.26.4", "pandas==2.2.3", "pyarrow==17.0.0")),
    "newer": (+1, tuple(f"{name}=={importlib.metadata.version(name)}" for name in _SAME)),
}
"""Minor version, counted from this Python's, and what is installed there: other major versions, or those of here."""
_NAMED = [path for path in os.environ.get("NBPROCESS_OTHER_PYTHON", "").split(os.pathsep) if path]
"""Read early: tests run without the variables of this user."""


def other_python(which: str) -> str:
    """The interpreter of an environment with an ``older`` or ``newer`` Python, made once per environment.

    ``NBPROCESS_OTHER_PYTHON`` may name interpreters instead (the first for ``older``). Skips the test where none is
    found in PATH or among pyenv's, or where the packages cannot be had.
    """
    if _NAMED:
        return _NAMED[0 if which == "older" else -1]
    from nbprocess.backends.local.images import available

    step, packages = OTHERS[which]
    version = f"3.{sys.version_info[1] + step}"
    base = available().get(f"local/python:{version}", "")
    if not base:
        pytest.skip(f"no Python {version} in PATH or among pyenv's; NBPROCESS_OTHER_PYTHON can name one")
    folder = Path(sys.prefix) / "overlays" / "-".join([f"python-{version}", *packages]).replace("==", "-")
    with one_at_a_time(folder.parent):
        if not (folder / "made").exists():
            shutil.rmtree(folder, ignore_errors=True)
            python = str(folder / "bin" / "python")
            for command in ([base, "-m", "venv", str(folder)], [python, "-m", "pip", "install", "-q", *packages]):
                done = subprocess.run(command, capture_output=True, text=True)
                if done.returncode:
                    pytest.skip(f"no environment of Python {version} can be made: {done.stderr[-300:]}")
            (folder / "made").touch()
    return str(folder / "bin" / "python")


@contextlib.contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """The workers of a parallel run make what belongs there once."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def overlay(packages: Sequence[str], also: Sequence[str] = (), *, whole: bool = False) -> Path:
    """A folder with these releases (``name==version``), made once per environment.

    ``also``: what they need beside; ``whole``: all that they require. Skips the test where they cannot be had.
    """
    folder = Path(sys.prefix) / "overlays" / "-".join(packages).replace("==", "-")
    with one_at_a_time(folder.parent):
        if not folder.exists():
            part = folder.with_name(f"{folder.name}.part")
            shutil.rmtree(part, ignore_errors=True)
            command = [sys.executable, "-m", "pip", "install", "-q", "--target", str(part)]
            command += [] if whole else ["--no-deps"]
            done = subprocess.run([*command, *packages, *also], capture_output=True, text=True)
            if done.returncode:
                pytest.skip(f"{', '.join(packages)} cannot be installed here: {done.stderr[-300:]}")
            part.rename(folder)
    return folder
