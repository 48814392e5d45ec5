"""Where things lie in the container, and files that appear whole or not at all. Standard library only."""

from __future__ import annotations

import json
import os
import threading

DEFAULT_ML_ROOT = "/opt/ml"


def ml_root() -> str:
    """``$NBPROCESS_ML_ROOT``, or SageMaker's ``/opt/ml``."""
    return os.environ.get("NBPROCESS_ML_ROOT") or DEFAULT_ML_ROOT


def resolve(path: str, root: str) -> str:
    """A path of the contract (below ``/opt/ml``) as it is on this machine, where ``root`` stands for ``/opt/ml``."""
    if root != DEFAULT_ML_ROOT and (path == DEFAULT_ML_ROOT or path.startswith(DEFAULT_ML_ROOT + "/")):
        return root + path[len(DEFAULT_ML_ROOT) :]
    return path


class Layout:
    """The places of one run of the worker. Attributes are absolute paths; ``host`` is this container's name."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.host = read_host(root)
        self.bundle = root + "/processing/input/nbprocess"
        self.blobs = root + "/processing/input/nbprocess-blobs"
        self.layer = root + "/processing/input/nbprocess-layer"
        self.out = root + "/processing/output/nbprocess/" + self.host
        self.message = root + "/output/message"
        self._work = ""

    @property
    def work(self) -> str:
        """A folder for this run, made on first use: beside the inputs, or under the temporary folder."""
        if not self._work:
            name = "/nbprocess-" + os.urandom(6).hex()
            try:
                self._work = self.root + "/processing" + name
                os.mkdir(self._work, 0o700)
            except OSError:  # /opt/ml may belong to root while the image runs as another user
                self._work = (os.environ.get("TMPDIR") or "/tmp") + name
                os.mkdir(self._work, 0o700)
        return self._work

    @property
    def notebook(self) -> str:
        """The cell's current directory: stands for the notebook's folder at home."""
        return self.work + "/notebook"


def read_host(root: str) -> str:
    """``current_host`` of resourceconfig.json; ``algo-1`` where there is no such file."""
    try:
        with open(root + "/config/resourceconfig.json", encoding="utf-8") as file:
            host = json.load(file).get("current_host")
    except (OSError, ValueError):
        return "algo-1"
    return host if isinstance(host, str) and host and "/" not in host else "algo-1"


def make_writable(folders: list[str]) -> str:
    """Let this user write to folders of the container that belong to root, where the image lets it: through sudo.

    SageMaker Distribution, Studio's image, runs as another user than root. The SageMaker SDK does the same for its
    remote functions (``bootstrap_runtime_environment.py``).

    Returns:
        Why that did not work; "" when they can be written to.
    """
    shut = [folder for folder in folders if not _open(folder)]
    if not shut:
        return ""
    import subprocess  # seldom needed, and it takes milliseconds

    command = ["sudo", "-n", "sh", "-c", 'mkdir -p "$@" && chmod -R a+rwX "$@"', "sh", *shut]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    except FileNotFoundError:
        return "the image has no sudo"
    except (OSError, subprocess.SubprocessError) as error:
        return f"sudo: {error}"
    return "" if done.returncode == 0 else done.stderr.strip() or f"sudo gave {done.returncode}"


def _open(folder: str) -> bool:
    """Whether it can be written to, or be made."""
    while not os.path.exists(folder) and folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
    return os.access(folder, os.W_OK | os.X_OK)


def write_whole(path: str, data: bytes) -> None:
    """Write a file under a temporary name and rename it, so that an upload never sees half of it.

    Raises:
        OSError: no permission, disk full.
    """
    folder, name = os.path.split(path)
    os.makedirs(folder, exist_ok=True)
    # Two threads may write equal chunks at once, each under a name of its own.
    temporary = f"{folder}/.{name}.{os.getpid()}-{threading.get_ident()}.tmp"
    try:
        with open(temporary, "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    except OSError:
        try:
            os.unlink(temporary)
        except OSError:
            pass  # it was never made; the first error is the one that counts
        raise
