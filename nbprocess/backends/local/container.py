"""One host of an instance: a process of its own session, with its own ``/opt/ml`` and an empty environment.

May import: ``mount``, ``libc``, ``spark``, ``nbprocess.errors``, the standard library.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from . import libc, mount, spark
from .contract import ML

IMAGE = {"LANG": "C.UTF-8", "OMP_WAIT_POLICY": "PASSIVE"}
"""What an image's own ``ENV`` would be. An instance is its job's alone, this machine is not: OpenMP threads that spin
while they wait keep those that they wait for off the processors (scikit-learn's gradient boosting: 5 times slower)."""

Runner = Callable[[list[str], dict[str, str]], "int | None"]
"""Runs a command in the forked process itself and gives its exit code, or None when it must be executed."""


@dataclass(frozen=True)
class Plan:
    """How a host is started: its command and environment are complete, nothing of the kernel's gets in."""

    command: tuple[str, ...]
    environ: Mapping[str, str]
    ml: str
    scratch: str
    host: str
    hosts: tuple[str, ...]
    method: str
    isolate: bool
    cwd: str


def plan(
    request: Mapping[str, Any], python: str, ml: str, scratch: str, host: str, hosts: list[str], method: str
) -> Plan:
    """The start of ``host`` for a request.

    Args:
        python: path of the interpreter that ``python`` and ``python3`` stand for. ml: the folder that is its
            ``/opt/ml``. scratch: a folder for mount points.
    """
    app = request["AppSpecification"]
    command = [*(app.get("ContainerEntrypoint") or ["python3"]), *(app.get("ContainerArguments") or [])]
    root = ML if method != "env" else ml
    if method == "env":
        command = [ml + word[len(ML) :] if word == ML or word.startswith(ML + "/") else word for word in command]
    if command[0] in ("python", "python3"):
        command[0] = python
    isolate = bool((request.get("NetworkConfig") or {}).get("EnableNetworkIsolation")) and mount.can_isolate(method)
    tools = f"{scratch}-bin:" if spark.NAME in command and spark.install(f"{scratch}-bin", python) else ""
    environ = {
        "PATH": f"{tools}{os.path.dirname(python)}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": os.path.expanduser("~"),
        **IMAGE,
        **{str(k): str(v) for k, v in (request.get("Environment") or {}).items()},
    }
    if method == "env":
        environ["NBPROCESS_ML_ROOT"] = ml
    return Plan(tuple(command), environ, ml, scratch, host, tuple(hosts), method, isolate, root + "/processing")


def clean_environment() -> dict[str, str]:
    """The environment of a process of ours that runs jobs: nothing of the kernel's but where things are."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": os.path.expanduser("~"), **IMAGE}


def start(plan: Plan, keep_out: Callable[[], None], runner: Runner | None = None) -> tuple[int, int, int]:
    """Start the host; its process id and the reading ends of its stdout and stderr.

    Args:
        keep_out: called in the new process first; closes what is none of the job's business.
        runner: may run the command without another exec.
    """
    out, out_end = os.pipe()
    err, err_end = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if not pid:
        code = 126
        try:
            libc.die_with_parent()
            os.setsid()
            null = os.open(os.devnull, os.O_RDONLY)
            for source, target in ((null, 0), (out_end, 1), (err_end, 2)):
                os.dup2(source, target)
            keep_out()
            os.closerange(3, 256)
            code = _become(plan, runner)
        except BaseException as error:
            os.write(2, f"nbprocess: the container could not be started: {error}\n".encode())
        finally:
            os._exit(code)
    os.close(out_end)
    os.close(err_end)
    os.set_blocking(out, False)
    os.set_blocking(err, False)
    return pid, out, err


def _become(plan: Plan, runner: Runner | None) -> int:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE, signal.SIGUSR1):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.umask(0o022)
    command, environ = list(plan.command), dict(plan.environ)
    if mount.in_process(plan.method):
        mount.enter(plan.method, plan.ml, plan.scratch, plan.host, list(plan.hosts), plan.isolate)
    elif plan.method in ("bwrap", "proot"):
        command = [*mount.wrapper(plan.method, plan.ml, plan.isolate), *command]
        # The folder appears only inside: the shell changes to it there.
        at = command.index(plan.command[0], len(command) - len(plan.command))
        command[at:at] = ["/bin/sh", "-c", f'cd {plan.cwd}; exec "$@"', "sh"]
    if plan.method not in ("bwrap", "proot"):
        os.chdir(plan.cwd)
        if runner is not None:
            code = runner(command, environ)
            if code is not None:
                return code
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        os.execvpe(command[0], command, environ)
    except OSError as error:
        os.write(2, f"{command[0]}: cannot be executed: {error.strerror}\n".encode())
        return 127 if isinstance(error, FileNotFoundError) else 126


def entry_process(pid: int, method: str) -> int:
    """The process that stands for the container's entrypoint: below a wrapper, the wrapper's child."""
    if method in ("bwrap", "proot"):
        below = children(pid)
        while below and method == "bwrap" and _name(below[0]) == "bwrap":
            below = children(below[0])
        if below:
            return below[0]
    return pid


def children(pid: int) -> list[int]:
    """Processes whose parent is ``pid``."""
    found: list[int] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                found += [int(word) for word in file.read().split()]
    except OSError:
        pass  # it ended
    return found


def _name(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def kill_all_below(root: int) -> int:
    """SIGKILL every descendant of ``root``; how many there were."""
    waiting, count = children(root), 0
    while waiting:
        pid = waiting.pop()
        waiting += children(pid)
        count += 1
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it ended by itself
    return count


def kill_all(root: int) -> None:
    """End every descendant of this process ``root`` (which adopts orphans) and reap them all."""
    while True:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        kill_all_below(root)
        time.sleep(0.0005)
