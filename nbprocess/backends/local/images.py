"""Local images: ``local/python:3.12`` names an interpreter of this machine, ``local:/path/python`` gives one.

May import: ``nbprocess.errors``, the standard library.
"""

from __future__ import annotations

import functools
import glob
import json
import os
import re
import shutil
import subprocess
import sys
from typing import Any

from ...errors import BackendError

_PROBE = "import json,sys;print(json.dumps([list(sys.version_info[:3]),sys.path]))"


def default_image() -> str:
    """The image of the interpreter that runs this."""
    return f"local/python:{sys.version_info[0]}.{sys.version_info[1]}"


def image_uri(given: str | None) -> str:
    """The ImageUri for ``--image``: a version, a path of an interpreter, or an ImageUri of this backend.

    Raises:
        BackendError: there is no such interpreter here.
    """
    if not given:
        return default_image()
    if re.fullmatch(r"\d+\.\d+", given):
        given = "local/python:" + given
    elif given.startswith(("/", "~", "./")):
        given = "local:" + os.path.abspath(os.path.expanduser(given))
    interpreter_of(given)
    return given


@functools.cache
def interpreter_of(image: str) -> str:
    """The path of the interpreter that an image stands for.

    Raises:
        BackendError: there is no such interpreter here.
    """
    if image.startswith("local:"):
        path = image[len("local:") :]
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return path
        raise BackendError(f"--image {image}: {path} cannot be executed. Give the path of a Python interpreter.")
    if image == default_image():
        return sys.executable
    known = available()
    if image in known:
        return known[image]
    raise BackendError(
        f"--image {image}: the local backend runs interpreters of this machine, not containers. "
        f"There are: {', '.join(sorted(known))}; or give the path of one."
    )


def available() -> dict[str, str]:
    """ImageUri → path of the interpreters that were found in PATH and in pyenv's folder."""
    found = {default_image(): sys.executable}
    for minor in range(9, 20):
        path = shutil.which(f"python3.{minor}")
        if not path or "/shims/" in path:
            root = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
            installed = sorted(glob.glob(f"{glob.escape(root)}/versions/3.{minor}.*/bin/python"))
            path = installed[-1] if installed else None
        if path:
            found.setdefault(f"local/python:3.{minor}", path)
    return found


def describe(path: str) -> dict[str, Any]:
    """Version and packages of an interpreter; another one than this is asked once.

    Returns:
        ``{"python": [3, 11, 7], "packages": {normalised distribution name: version}, "path": path}``.

    Raises:
        BackendError: it does not run.
    """
    if path == sys.executable:
        version, folders = list(sys.version_info[:3]), sys.path
    else:
        version, folders = _ask(path)
    packages: dict[str, str] = {}
    for folder in reversed(folders):  # the first that has a package wins
        if os.path.basename(folder) not in ("site-packages", "dist-packages"):
            continue
        try:
            changed = os.stat(folder).st_mtime_ns
        except OSError:
            continue
        packages.update(_packages(folder, changed))
    return {"python": version, "packages": packages, "path": path}


@functools.cache
def _ask(path: str) -> tuple[list[int], list[str]]:
    try:
        done = subprocess.run([path, "-c", _PROBE], capture_output=True, text=True, timeout=60, check=True, env={})
        version, folders = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise BackendError(f"--image {path}: it is no working Python interpreter ({error}).") from None
    return version, folders


@functools.lru_cache(maxsize=32)
def _packages(folder: str, changed: int) -> dict[str, str]:
    # The names of the folders say it all, and reading each METADATA (importlib.metadata) takes a hundred times as long.
    found = {}
    for name in os.listdir(folder):
        if name.endswith(".dist-info"):
            distribution, _, version = name[: -len(".dist-info")].partition("-")
            found[re.sub(r"[-_.]+", "-", distribution).lower()] = version
    return found
