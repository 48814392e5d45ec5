"""``worker.pyz``: the worker and cloudpickle's Python files as one archive, the same bytes for the same content.

May import: ``nbprocess.worker`` (for its files only), ``home``, ``bytecode``, the standard library.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.util
import io
import os
import subprocess
import threading
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

from .. import home
from ..errors import CaptureError
from .bytecode import compiled, compiled_by

ENTRYPOINT = (
    "import os,sys,hashlib as h;p=os.getenv('NBPROCESS_ML_ROOT','/opt/ml')+'/processing/input/nbprocess/worker.pyz';"
    "h.sha256(open(p,'rb').read()).hexdigest()==sys.argv[1]or sys.exit(p+' corrupt');"
    "sys.path[:0]=[p];import nbprocess.worker.__main__ as m;m.main()"
)
"""Checks the archive before anything of it runs. The service allows 256 characters and no newline."""

_FACE = '''"""nbprocess inside a job: only what a cell may use there."""

from __future__ import annotations

__version__ = "worker"


def __getattr__(name):
    if name == "progress":
        from .worker.progress import progress

        return progress
    raise AttributeError(f"nbprocess.{name} is not available inside a job; there is nbprocess.progress")
'''

_MAIN = "from nbprocess.worker.__main__ import main\n\nmain()\n"
Compile = Callable[[dict[str, bytes]], dict[str, bytes]]
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip file can hold


def entrypoint(worker_sha: str, manifest_sha: str, python: str = "python3") -> tuple[list[str], list[str]]:
    """``ContainerEntrypoint`` and ``ContainerArguments`` that pin the worker and the manifest (SHA-256 hex digests)."""
    return [python, "-c", ENTRYPOINT], [worker_sha, manifest_sha]


SPARK_ENTRYPOINT = (
    "import os,sys,shutil,hashlib as h;a=sys.argv;"
    "p=os.getenv('NBPROCESS_ML_ROOT','/opt/ml')+'/processing/input/nbprocess/worker.pyz';"
    "h.sha256(open(p,'rb').read()).hexdigest()==a[-2]or sys.exit(p+' corrupt');"
    "shutil.copy(p,a[-3]);os.execvp(a[1],a[1:])"
)
"""The same for Spark, which runs a file: the archive is checked, then it is that file."""


def spark_entrypoint(worker_sha: str, manifest_sha: str, submit: Sequence[str]) -> tuple[list[str], list[str]]:
    """Entrypoint and arguments that pin as ``entrypoint`` does and run the worker through ``smspark-submit``.

    Args:
        submit: options of ``smspark-submit``.
    """
    # spark-submit takes what ends in .py for Python; Python itself sees that it is a zip file.
    arguments = ["smspark-submit", *submit, "/opt/ml/processing/nbprocess-worker.py", worker_sha, manifest_sha]
    return ["python3", "-c", SPARK_ENTRYPOINT], arguments


@functools.cache
def build_archive(interpreter: str = "") -> bytes:
    """The bytes of ``worker.pyz``: the same for the same content and Python version.

    Made once, kept in memory, and in the cache folder for other processes: compiling it takes longer than a small job.

    Args:
        interpreter: of this machine, of the version that will run the archive; empty: the one that runs this.

    Raises:
        CaptureError: cloudpickle is not installed here.
    """
    files = _files()
    digest = hashlib.sha256(importlib.util.MAGIC_NUMBER)
    for name in sorted(files):
        digest.update(f"{name}\0{len(files[name])}\0".encode() + files[name])
    if not interpreter:
        return _kept(home.cache(), digest.hexdigest(), files, compiled)
    try:
        digest.update(f"{interpreter}\0{os.stat(interpreter).st_mtime_ns}".encode())
        return _kept(home.cache(), digest.hexdigest(), files, functools.partial(compiled_by, interpreter))
    except (OSError, ValueError, EOFError, TypeError, subprocess.SubprocessError):
        return build_archive()  # the worker compiles itself then


@functools.lru_cache(maxsize=4)
def digest_of(archive: bytes) -> str:
    """The SHA-256 of an archive, as hex; computed once for the same bytes."""
    return hashlib.sha256(archive).hexdigest()


def _kept(folder: Path, sources: str, files: dict[str, bytes], compile_: Compile) -> bytes:
    """The archive of these files, read from ``folder`` where an earlier process left it whole."""
    for path in sorted(folder.glob(f"worker-{sources[:32]}-*.pyz")):
        with contextlib.suppress(OSError):  # cleaned meanwhile
            data = path.read_bytes()
            if hashlib.sha256(data).hexdigest() == path.stem.rpartition("-")[2]:
                return data
    own = {name: source for name, source in files.items() if not name.startswith("cloudpickle/")}  # seldom imported
    files.update(compile_(own))
    data = _pack(files)
    with contextlib.suppress(OSError):  # a full or read-only disk: only slower
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f"worker.{os.getpid()}.{threading.get_ident()}"
        part.write_bytes(data)
        part.replace(folder / f"worker-{sources[:32]}-{hashlib.sha256(data).hexdigest()}.pyz")
    return data


def _files() -> dict[str, bytes]:
    """Name in the archive → bytes."""
    files = {"__main__.py": _MAIN.encode(), "nbprocess/__init__.py": _FACE.encode()}
    worker = Path(__file__).parent.parent / "worker"
    for path in worker.rglob("*.py"):
        files["nbprocess/worker/" + path.relative_to(worker).as_posix()] = path.read_bytes()
    spec = importlib.util.find_spec("cloudpickle")
    if spec is None or not spec.submodule_search_locations:
        raise CaptureError("cloudpickle is not installed here; the worker needs it: pip install cloudpickle.")
    for path in Path(spec.submodule_search_locations[0]).glob("*.py"):
        files["cloudpickle/" + path.name] = path.read_bytes()
    return files


def _pack(files: dict[str, bytes]) -> bytes:
    """A zip file whose bytes depend on names and contents only."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            info.create_system = 3  # as written on Unix, wherever it is written
            archive.writestr(info, files[name])
    return buffer.getvalue()
