"""The packages of a job: installed once, packed, and unpacked by the jobs that want the same. Standard library only."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any

NAME = "layer.tar"
_MOST = 2 * 1024**3  # a larger layer is quicker installed than sent twice


def provide(manifest: Any, layout: Any, log: Any) -> Any:
    """Put the packages of the manifest's ``requirements`` before the image's own.

    Returns:
        What the outcome says of a layer that was packed for later jobs (``key``, ``sha256``, ``size``), or None.

    Raises:
        Refused: they cannot be installed.
    """
    wanted = manifest.get("requirements")
    if not wanted:
        return None
    target = layout.work + "/site"
    packed = None
    if not (wanted.get("layer") and _unpack(layout, wanted["layer"], target, log)):
        _install(wanted["text"], layout.work + "/requirements.txt", target, log)
        if wanted.get("key") and layout.host == "algo-1":
            packed = _pack(target, f"{layout.out}/{NAME}", wanted["key"], log)
    sys.path.insert(0, target)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [target, os.environ.get("PYTHONPATH", "")]))
    return packed


def _install(text: str, source: str, target: str, log: Any) -> None:
    from .parent import Refused

    with open(source, "w", encoding="utf-8") as file:
        file.write(text)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    log.say("installing the requirements")
    code = subprocess.call([*command, "--target", target, "-r", source], stdin=subprocess.DEVNULL)
    if code:
        raise Refused(
            "JobFailed",
            f"the requirements could not be installed (pip ended with exit code {code}; the log says why). Correct "
            "--requirements, or choose an image that has these packages; under network isolation none can be had.",
        )


def _unpack(layout: Any, layer: Any, target: str, log: Any) -> bool:
    """Whether the packed layer is there, is the one that the manifest pins, and was unpacked."""
    path = f"{layout.layer}/{NAME}"
    try:
        if _digest(path) != layer["sha256"]:
            log.say("the packed requirements are not those that were pinned: installing them anew")
            return False
        with tarfile.open(path) as archive:
            if hasattr(tarfile, "fully_trusted_filter"):  # the digest says that a worker of ours made it
                archive.extractall(target, filter="fully_trusted")
            else:
                archive.extractall(target)
    except (OSError, tarfile.TarError) as error:
        log.say(f"the packed requirements cannot be read ({error}): installing them anew")
        return False
    return True


def _pack(target: str, path: str, key: str, log: Any) -> Any:
    size = sum(os.path.getsize(f"{folder}/{name}") for folder, _, names in os.walk(target) for name in names)
    if size > _MOST:
        log.say(f"the requirements take {size / 1e9:.1f} GB: they are not kept for later jobs")
        return None
    part = f"{os.path.dirname(path)}/.{NAME}.tmp"
    try:
        with tarfile.open(part, "w") as archive:
            archive.add(target, ".")
        found = {"key": key, "sha256": _digest(part), "size": os.path.getsize(part)}
        os.replace(part, path)
    except OSError as error:  # a full disk: the job itself may still have room
        log.say(f"the requirements are not kept for later jobs: {error}")
        if os.path.exists(part):
            os.unlink(part)
        return None
    return found


def _digest(path: str) -> str:
    found = hashlib.sha256()
    with open(path, "rb") as file:
        while True:
            piece = file.read(1 << 20)
            if not piece:
                return found.hexdigest()
            found.update(piece)
