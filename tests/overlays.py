"""Older releases beside the newest in the environment of the tests: folders that stand first on a process's path.

May import: the standard library, pytest.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest


def overlay(packages: Sequence[str], also: Sequence[str] = (), *, whole: bool = False) -> Path:
    """A folder with these releases (``name==version``), made once per environment.

    ``also``: what they need beside; ``whole``: all that they require. Skips the test where they cannot be had.
    """
    folder = Path(sys.prefix) / "overlays" / "-".join(packages).replace("==", "-")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # the workers of a parallel run make it once
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
