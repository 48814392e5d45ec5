"""The fork servers: kept, single-threaded processes from which supervisors are forked.

There are two of them. The plain one has the worker loaded and nothing else, so that forking is cheap; the warm one, its
child, has also imported the notebook's libraries, for the jobs that use them.

May import: its neighbours, ``bundle.archive``, the standard library.

Where a job is our worker's under this same interpreter, its code runs in the forked process: not before the archive in
the job's input was found to have the digest that the request pins and the digest of the archive loaded here.
"""

from __future__ import annotations

import builtins
import contextlib
import ctypes
import gc
import hashlib
import importlib
import importlib.util
import json
import os
import random
import select
import signal
import socket
import sys
import time
import types
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .container import IMAGE
from .warm import WARM

IDLE = 600.0
"""Seconds without a job after which the server ends."""

LOOK = 20.0
"""Seconds between two looks at whether its home is still there."""

MAX_MESSAGE = 1 << 20
_HARMLESS = ("NBPROCESS_", "AWS_")
_BASE = {"PATH", "HOME"}
_WITHOUT_THREADS = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
"""A process with threads must not fork: NumPy's and Arrow's own are not started here."""
_FOREIGN = ("/figures", "/held", "/shell")
"""These import matplotlib and IPython, with a thread pool that must not be forked."""


class Worker:
    """The worker's modules, imported from the very archive that jobs bring along."""

    def __init__(self, folder: Path) -> None:
        from ...bundle.archive import ENTRYPOINT, build_archive

        self._archive = data = build_archive()
        self.digest = hashlib.sha256(data).hexdigest()
        self._entrypoint = ENTRYPOINT
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"worker-{self.digest}.pyz"
        part = path.with_suffix(f".{os.getpid()}")
        part.write_bytes(data)
        os.replace(part, path)
        ours = _take_modules("nbprocess", "cloudpickle")
        sys.path.insert(0, str(path))
        try:
            with zipfile.ZipFile(path) as archive:
                names = [n[:-3] for n in archive.namelist() if n.startswith("nbprocess/worker/") and n.endswith(".py")]
            for name in names:
                if not name.endswith(_FOREIGN):
                    importlib.import_module(name.removesuffix("/__init__").replace("/", "."))
            for name in ("IPython", "matplotlib_inline"):
                sys.modules["nbprocess.worker.front"].installed(name)
            self._modules = _take_modules("nbprocess", "cloudpickle")
        finally:
            sys.path.remove(str(path))
            sys.modules.update(ours)

    @property
    def environ(self) -> dict[str, str]:
        """What the environment of each job tells libraries."""
        found: dict[str, str] = self._modules["nbprocess.worker.front"].AS_IN_A_NOTEBOOK
        return found

    def recorder(self) -> Any:
        """Notes what imports do that are made in advance, for the jobs whose cells make them."""
        return self._modules["nbprocess.worker.preloaded"].Recorder()

    def run(self, command: list[str], environ: dict[str, str]) -> int | None:
        """Run the command here when it is the worker's, in the state in which a fresh interpreter would; else None."""
        if command[:3] != [sys.executable, "-c", self._entrypoint] or len(command) != 5:
            return None
        other = dict(environ.items() - IMAGE.items())
        if not all(name in _BASE or name.startswith(_HARMLESS) for name in other):
            return None  # it may steer the interpreter or a library that was imported already
        root = environ.get("NBPROCESS_ML_ROOT", "/opt/ml")
        archive = root + "/processing/input/nbprocess/worker.pyz"
        try:
            found = Path(archive).read_bytes()
        except OSError:
            return None  # the entrypoint itself says what is wrong
        if command[3] != self.digest or found != self._archive:  # the same bytes: to hash them once more takes longer
            return None
        os.environ.clear()
        os.environ.update(environ)
        sys.argv = ["-c", *command[3:]]
        sys.path[:0] = [archive, ""]
        _take_modules("nbprocess")
        # Not over a cloudpickle that a library has loaded here (joblib has, since 1.6): imports would lead to another,
        # and joblib could send the notebook's functions to none of its processes.
        sys.modules.update({**self._modules, **sys.modules})
        sys.modules["__main__"] = types.ModuleType("__main__")
        random.seed()
        if "numpy.random" in sys.modules:  # else it seeds itself when it is imported
            sys.modules["numpy.random"].seed()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.register_at_fork(after_in_child=_Once(_restore_blas_threads))
        return int(self._modules["nbprocess.worker.__main__"].run(command[3:], None))


class _Once:
    """Calls a function the first time only."""

    def __init__(self, work: Any) -> None:
        self._work = work

    def __call__(self) -> None:
        work, self._work = self._work, None
        if work is not None:
            work()


def _take_modules(*packages: str) -> dict[str, types.ModuleType]:
    """Take the modules of packages out of ``sys.modules``."""
    names = [n for n in sys.modules if n.partition(".")[0] in packages]
    return {name: sys.modules.pop(name) for name in names}


def _restore_blas_threads() -> None:
    """Give the job all BLAS threads; NumPy was imported with one, as a process with threads must not fork."""
    if "numpy" not in sys.modules:
        return
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as file:
        paths = {line.split(maxsplit=5)[5].strip() for line in file if "openblas" in line}
    for path in paths:
        library = ctypes.CDLL(path)
        for name in ("scipy_openblas_set_num_threads64_", "scipy_openblas_set_num_threads", "openblas_set_num_threads"):
            if hasattr(library, name):
                getattr(library, name)(len(os.sched_getaffinity(0)))
                break


class Server:
    """Listens at ``path``; each connection brings one message."""

    def __init__(self, path: str, worker: Worker, home: str) -> None:
        self.path, self._worker, self._home = path, worker, home
        self._refused: set[str] = set()
        self._preparing: tuple[int, set[str]] | None = None
        self._bind()

    def _bind(self) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        part = f"{self.path}.{os.getpid()}"
        self._listener.bind(part)
        self._listener.listen(64)
        self._inode = os.stat(part).st_ino
        os.rename(part, self.path)

    def serve(self) -> None:
        """Until idle, until another server has taken the place, or until the folder that it serves is gone."""
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no zombies; those who fork here do not wait
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        gc.collect()
        gc.freeze()
        last = time.monotonic()
        while time.monotonic() - last < IDLE and os.path.isdir(self._home):
            if not select.select([self._listener], [], [], LOOK)[0]:
                continue
            last = time.monotonic()
            connection, _ = self._listener.accept()
            with connection:
                self._answer(connection)
            if self._replaced() and not select.select([self._listener], [], [], 0.05)[0]:
                return
        if not self._replaced():
            os.unlink(self.path)

    def _replaced(self) -> bool:
        try:
            return os.stat(self.path).st_ino != self._inode
        except FileNotFoundError:
            return True

    def _answer(self, connection: socket.socket) -> None:
        connection.settimeout(5)
        try:
            data, fds, _, _ = socket.recv_fds(connection, MAX_MESSAGE, 1)
            while data and not data.endswith(b"\n"):
                more = connection.recv(MAX_MESSAGE)
                if not more:
                    break
                data += more
            if not data.endswith(b"\n"):
                return
            message = json.loads(data)
            if "preload" in message:
                self._preload(message["preload"])
                return
            if os.fork():
                for fd in fds:
                    os.close(fd)
                connection.sendall(b"k")
                return
        except OSError:
            return  # the other end is gone: nobody waits for an answer
        self._become(message, connection)

    def _become(self, spec: dict[str, Any], connection: socket.socket) -> None:
        from .supervisor import supervise

        try:
            os.setsid()
            connection.close()
            self._listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            errors = os.open(
                f"{spec['root']}/{spec['name']}/supervisor.err", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600
            )
            os.dup2(errors, 2)
            os.close(errors)
            supervise(spec, self._worker.run)
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(0)

    def _is_prepared(self, names: set[str]) -> bool:
        """Whether a child lives that imports them, or has: each cell asks again until the warm server answers."""
        return (
            self._preparing is not None
            and names <= self._preparing[1]
            and not select.select([self._preparing[0]], [], [], 0)[0]
        )

    def _preload(self, names: list[str]) -> None:
        """Let a child import what is new; it becomes the warm server when it stays without threads."""
        names = [name for name in names if name.replace(".", "").isidentifier()]
        new = [name for name in names if name not in sys.modules and name not in self._refused]
        if not new:
            return
        if self._is_prepared(set(new)):
            return
        warm = self.path.endswith(WARM)
        if warm:
            self._refused.update(new)  # asked once; the child that takes this place knows better
        child = os.fork()
        if child:
            if self._preparing is not None:
                os.close(self._preparing[0])
            self._preparing = (os.pidfd_open(child), set(new))
            return
        try:
            os.setsid()
            self._listener.close()
            self._preparing = None
            self._refused -= set(new)
            os.environ.update(_WITHOUT_THREADS)
            os.environ.update(self._worker.environ)  # libraries look at it once, when they are imported
            if importlib.util.find_spec("matplotlib_inline") is not None:
                # matplotlib validates it by reading the metadata of every installed package: here, not in each job
                os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
            with contextlib.suppress(ImportError):  # an image for scripts only
                import IPython.core.interactiveshell  # noqa: F401
            good = new if _safe(new) else [name for name in new if _safe([name])]
            self._refused.update(set(new) - set(good))
            with _as_in_a_notebook(None), self._worker.recorder():
                for name in good:
                    importlib.import_module(name)
            for name in (*_WITHOUT_THREADS, "MPLBACKEND"):
                os.environ.pop(name, None)
            if len(os.listdir("/proc/self/task")) == 1:
                self.path = self.path.removesuffix(WARM) + WARM
                self._bind()
                self.serve()
        finally:
            os._exit(0)


def _safe(names: list[str]) -> bool:
    """Whether the modules can be imported before there is a notebook, tried in a process of its own.

    Not those that start threads, nor those that ask for the running IPython to adapt themselves to it (``pyplot``,
    ``tqdm.auto``): in the job there will be one.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if not child:
        try:
            asked: list[str] = []
            with _as_in_a_notebook(asked):
                for name in names:
                    importlib.import_module(name)
            os._exit(0 if not asked and len(os.listdir("/proc/self/task")) == 1 else 1)
        except BaseException:  # a module may raise anything while it is imported; the job will see it
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


class _Notebook:
    """What pandas looks at when it is imported in a notebook."""

    kernel = None


@contextlib.contextmanager
def _as_in_a_notebook(asked: list[str] | None) -> Iterator[None]:
    """Answer pandas, which only wants to know whether this is a terminal.

    Args:
        asked: takes the names of other modules that ask for the running IPython; None when none of them will.
    """

    def ask(*_: object, **__: object) -> object:
        who = str(sys._getframe(1).f_globals.get("__name__"))
        if who.startswith("pandas."):
            return _Notebook()
        if asked is not None:
            asked.append(who)
        return None

    # A module may keep IPython's function for later: only in a trial is that one replaced.
    names = () if asked is None else ("IPython", "IPython.core.getipython")
    places = [builtins, *(sys.modules[name] for name in names if name in sys.modules)]
    before = [vars(place).get("get_ipython") for place in places]
    for place in places:
        vars(place)["get_ipython"] = ask
    try:
        yield
    finally:
        for place, value in zip(places, before, strict=True):
            if value is None:
                del vars(place)["get_ipython"]
            else:
                vars(place)["get_ipython"] = value


def main(path: str, cache: str) -> None:
    """The entry of the server's process."""
    Server(path, Worker(Path(cache)), cache).serve()
