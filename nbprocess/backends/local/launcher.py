"""Starting a job's supervisor: forked from the kept server where there is one, else as a fresh process.

May import: its neighbours, the standard library.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import socket
import stat
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from ...errors import BackendError
from ...home import home
from .container import clean_environment
from .supervisor import PACKAGE_ROOT, start_fresh
from .warm import WARM

_START = (
    "import sys;r,p,c=sys.argv[1:];del sys.path[0];sys.path.insert(0,r);"
    "from nbprocess.backends.local import forkserver as f,supervisor,instance;"
    "import nbprocess.bundle.archive;sys.path.remove(r);f.main(p,c)"
)
_started: dict[str, float] = {}
_asked: dict[str, frozenset[str]] = {}


def launch(spec: dict[str, Any], lock: int, preload: Sequence[str] = (), needs: Collection[str] = ()) -> None:
    """Start the supervisor of the job that ``spec`` describes; it inherits the record's ``lock``.

    Args:
        preload: dotted names of the modules that a warm server shall have loaded.
        needs: top-level names of the modules that this job imports.

    Raises:
        BackendError: the fork server took the job and does not answer.
    """
    path = socket_path()
    if path is None:
        start_fresh(spec, lock)
        return
    warm = bool({name.partition(".")[0] for name in preload} & set(needs))
    by_warm = warm and _send(path + WARM, spec, lock)
    if not by_warm and not _send(path, spec, lock):
        start_fresh(spec, lock)
        _start_server(path)
        return
    if warm and not by_warm:
        _asked.pop(path, None)  # it has ended
    wanted = _asked.get(path, frozenset()) | frozenset(preload)
    if wanted != _asked.get(path):
        _asked[path] = wanted
        message = {"preload": list(wanted)}
        if not _send(path + WARM, message, None):
            _send(path, message, None)


def start_ahead() -> None:
    """Start the fork server unless it runs already. Never raises: the first job only takes longer without it."""
    try:
        path = socket_path()
        if path is not None and not _send(path, {"preload": []}, None):
            _start_server(path)
    except (BackendError, OSError):
        pass  # the first job says what is wrong, if it matters


def socket_path() -> str | None:
    """Where the server of this user, home, interpreter and version of the code listens; None when it is turned off."""
    if os.environ.get("NBPROCESS_FORKSERVER") == "0" or sys.platform != "linux":
        return None
    folder = f"{os.environ.get('XDG_RUNTIME_DIR') or tempfile.gettempdir()}/nbprocess-{os.geteuid()}"
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        pass
    except OSError:
        return None
    facts = os.lstat(folder)
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_mode & 0o077:
        return None  # somebody else could put a server there
    # What was installed since a server imported its modules must be seen by the jobs: another state, another server.
    try:
        installed = os.stat(_site_packages()).st_mtime_ns
    except OSError:
        installed = 0
    key = hashlib.sha256(f"{home()}\0{sys.executable}\0{installed}\0{_version()}".encode()).hexdigest()[:20]
    return f"{folder}/{key}"


@functools.cache
def _site_packages() -> str:
    return sysconfig.get_path("purelib")


@functools.cache
def _version() -> str:
    root = Path(__file__).resolve().parents[2]
    files = [*root.glob("backends/local/*.py"), *root.glob("worker/**/*.py")]
    return repr(sorted((str(f), f.stat().st_mtime_ns, f.stat().st_size) for f in files))


def _send(path: str, message: dict[str, Any], lock: int | None) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.settimeout(10)
            connection.connect(path)
            data = json.dumps(message).encode() + b"\n"
            sent = socket.send_fds(connection, [data], [] if lock is None else [lock])
            if sent < len(data):  # else nothing more may be sent: the server may have answered and closed already
                connection.sendall(data[sent:])
            return lock is None or connection.recv(1) == b"k"
        except TimeoutError:
            raise BackendError(
                f"the fork server at {path} does not answer. Set NBPROCESS_FORKSERVER=0 to do without it."
            ) from None
        except OSError:
            return False  # there is none, or it ended before it took the job


def _start_server(path: str) -> None:
    if time.monotonic() - _started.get(path, -60.0) < 30:
        return  # it is starting
    _started[path] = time.monotonic()
    _asked.pop(path, None)
    log = home() / "cache"
    log.mkdir(parents=True, exist_ok=True)
    with open(log / "forkserver.err", "wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", _START, PACKAGE_ROOT, path, str(log)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
            cwd="/",
            env=clean_environment(),
        )
    import threading

    threading.Thread(target=process.wait, name="nbprocess-reaper", daemon=True).start()
