"""The process of one job: ``python -m`` style entry, and how a fresh one is started.

May import: its neighbours, the standard library.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from .container import Runner, clean_environment
from .instance import GRACE, Instance
from .record import Record
from .slots import Slot

PACKAGE_ROOT = str(Path(__file__).resolve().parents[3])
_START = (
    "import sys;sys.path.insert(0,sys.argv[1]);from nbprocess.backends.local.supervisor import main;main(sys.argv[2:])"
)


def supervise(spec: dict[str, Any], runner: Runner | None = None) -> None:
    """Run the job that ``spec`` (see ``Launcher``) describes to its end, in this process."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # a job is stopped through its control pipe only
    module, kind, argument = spec["objects"]
    record = Record(spec["root"], spec["name"])
    if not record.claim():
        return  # another supervisor has it: the fork server had taken the job and could not say so any more
    slots = spec.get("slots")
    Instance(
        spec["request"],
        record,
        getattr(importlib.import_module(module), kind)(argument),
        python=spec["python"],
        method=spec["method"],
        grace=spec.get("grace", GRACE),
        slot=Slot(slots[0], slots[1], slots[2]) if slots else None,
        runner=runner,
    ).run()


def start_fresh(spec: dict[str, Any], lock: int) -> None:
    """Start the supervisor as a new process of its own session, which outlives this one.

    Args:
        lock: the descriptor that holds the record's lock; the new process inherits it.
    """
    read, write = os.pipe()
    try:
        os.set_inheritable(lock, True)
        process = subprocess.Popen(
            [sys.executable, "-I", "-c", _START, PACKAGE_ROOT, str(read), str(lock)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=open(f"{spec['root']}/{spec['name']}/supervisor.err", "wb"),
            pass_fds=(read, lock),
            start_new_session=True,
            cwd="/",
            env=clean_environment(),
        )
    finally:
        os.close(read)
    with open(write, "wb") as pipe:
        pipe.write(json.dumps(spec).encode())
    _reap_later(process)


def _reap_later(process: subprocess.Popen[bytes]) -> None:
    import threading

    threading.Thread(target=process.wait, name="nbprocess-reaper", daemon=True).start()


def main(argv: list[str]) -> None:
    """The entry of a fresh supervisor: descriptors of the spec's pipe and of the lock."""
    read, lock = int(argv[0]), int(argv[1])
    os.set_inheritable(lock, False)
    with open(read, "rb") as pipe:
        spec = json.loads(pipe.read())
    supervise(spec)
