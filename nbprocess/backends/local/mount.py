"""Giving a process a private ``/opt/ml``: the methods, from best to last, and which of them work here.

May import: ``libc``, ``nbprocess.errors``, the standard library.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import struct
import tempfile
from pathlib import Path

from ...errors import BackendError
from . import libc

ML = "/opt/ml"
# Those that give each job a folder of its own come first. "own" is the machine's /opt/ml, for one job at a time; it is
# also seen for a moment on any machine where proot, run by root, makes one to mount on.
METHODS = ("overlay", "tmpfs", "bwrap", "own", "proot", "env")
_IN_PROCESS = ("overlay", "tmpfs")
WARNING = (
    "this machine does not let a process have its own /opt/ml (no user namespaces, no bwrap, no proot): the job finds "
    "it at $NBPROCESS_ML_ROOT instead, and paths that are written as /opt/ml in the code will not work"
)


def enter(method: str, ml: str, scratch: str, host: str, hosts: list[str], isolate: bool) -> None:
    """Make ``ml`` this process's ``/opt/ml`` (``overlay``, ``tmpfs``), with a name and network of its own.

    Args:
        ml: the folder to show there. scratch: a folder for mount points. host, hosts: this host's name and all.
        isolate: without a network but its own loopback.

    Raises:
        OSError: the kernel refuses.
    """
    _unshare(libc.CLONE_NEWNS | (libc.CLONE_NEWNET if isolate else 0) | (libc.CLONE_NEWUTS if len(hosts) > 1 else 0))
    libc.mount("none", "/", None, libc.MS_REC | libc.MS_PRIVATE)
    there = os.path.isdir(ML)
    if method == "overlay":
        try:
            _overlay(scratch)  # also over one that is there: who removes it later takes what is mounted on it along
        except OSError:
            if not there:
                raise
    elif not there:
        _tmpfs(scratch)
    libc.mount(ml, ML, None, libc.MS_BIND | libc.MS_REC)
    if isolate:
        _raise_loopback()
    if len(hosts) > 1:
        libc.sethostname(host)
        path = scratch + "/hosts"
        with open(path, "w", encoding="ascii") as file:
            file.write("127.0.0.1 localhost\n::1 localhost\n")
            file.writelines(f"127.0.0.{11 + index} {name}\n" for index, name in enumerate(hosts))
        libc.mount(path, "/etc/hosts", None, libc.MS_BIND)


def _unshare(flags: int) -> None:
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0:
        try:
            libc.unshare(flags)
            return
        except OSError:
            pass  # root without CAP_SYS_ADMIN, as in a container: as anybody else
    libc.unshare(flags | libc.CLONE_NEWUSER)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)


def _overlay(scratch: str) -> None:
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
        if any(line.split(" ")[4].startswith("/opt/") for line in file):
            raise OSError(16, "an overlay would hide what is mounted below /opt")
    upper, work = scratch + "/upper", scratch + "/work"
    os.makedirs(upper + "/ml", exist_ok=True)
    os.makedirs(work, exist_ok=True)
    options = f"lowerdir=/opt,upperdir={upper},workdir={work}"
    if "," in scratch or ":" in scratch:
        raise OSError(22, "the path of NBPROCESS_HOME has a comma or colon, which an overlay cannot take")
    try:
        libc.mount("overlay", "/opt", "overlay", 0, options + ",userxattr")
    except OSError:
        libc.mount("overlay", "/opt", "overlay", 0, options)


def _tmpfs(scratch: str) -> None:
    old = scratch + "/opt"
    os.makedirs(old, exist_ok=True)
    libc.mount("/opt", old, None, libc.MS_BIND | libc.MS_REC)
    libc.mount("tmpfs", "/opt", "tmpfs", libc.MS_NOSUID | libc.MS_NODEV, "mode=755")
    for entry in os.scandir(old):
        target = "/opt/" + entry.name
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), target)
            continue
        if entry.is_dir():
            os.mkdir(target)
        else:
            open(target, "wb").close()
        libc.mount(entry.path, target, None, libc.MS_BIND | libc.MS_REC)
    os.mkdir(ML)


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        request = struct.pack("16sh14s", b"lo", 0x1 | 0x40, b"")  # IFF_UP | IFF_RUNNING
        fcntl.ioctl(probe.fileno(), 0x8914, request)  # SIOCSIFFLAGS


def wrapper(method: str, ml: str, isolate: bool = False) -> list[str]:
    """The command that a container's command is put behind (methods ``bwrap`` and ``proot``)."""
    if method == "proot":
        return ["proot", "-b", f"{ml}:{ML}"]
    command = ["bwrap", "--dev-bind", "/", "/", "--tmpfs", "/opt"]
    for entry in sorted(os.scandir("/opt"), key=lambda e: e.name) if os.path.isdir("/opt") else []:
        if entry.name != "ml":
            command += ["--dev-bind", entry.path, entry.path]
    return [*command, "--bind", ml, ML, *(["--unshare-net"] if isolate else []), "--die-with-parent", "--"]


def in_process(method: str) -> bool:
    """Whether the method needs no other program: ``enter`` does it."""
    return method in _IN_PROCESS


def can_isolate(method: str) -> bool:
    """Whether a job can be kept off the network with this method."""
    return method in (*_IN_PROCESS, "bwrap")


def take_own() -> int | None:
    """The lock of the machine's own ``/opt/ml``, held until it is closed; None while another has it or it is gone."""
    try:
        lock = os.open(ML, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.listdir(ML):
            return lock
    except BlockingIOError:
        pass  # another job's
    os.close(lock)
    return None


def works(method: str) -> bool:
    """Try the method in a child process."""
    if method == "env":
        return True
    if method == "own":
        return os.path.isdir(ML) and os.stat(ML).st_uid == os.geteuid() and not os.listdir(ML)
    if method in ("bwrap", "proot"):
        if not shutil.which(method):
            return False
    elif libc.LIBC is None:
        return False
    folder = tempfile.mkdtemp(prefix="nbprocess-probe-")
    try:
        os.makedirs(folder + "/ml")
        Path(folder, "ml", "here").write_bytes(b"1")
        child = os.fork()
        if not child:
            _try(method, folder)
        return os.waitpid(child, 0)[1] == 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _try(method: str, folder: str) -> None:
    """In the child: exit with 0 when ``/opt/ml/here`` is there."""
    code = 1
    try:
        if method in _IN_PROCESS:
            enter(method, folder + "/ml", folder, "algo-1", ["algo-1"], isolate=False)
            code = 0 if os.path.exists(ML + "/here") else 1
        else:
            null = os.open(os.devnull, os.O_RDWR)
            for fd in range(3):
                os.dup2(null, fd)
            command = [*wrapper(method, folder + "/ml"), "test", "-e", ML + "/here"]
            os.execvp(command[0], command)
    except OSError:
        pass  # the method does not work here: that is the answer
    finally:
        os._exit(code)


def choose(cache: Path) -> str:
    """The best method that works here; probed once per boot and kept in a file of ``cache``.

    Raises:
        BackendError: ``$NBPROCESS_ML_METHOD`` names one that does not exist or does not work.
    """
    wanted = os.environ.get("NBPROCESS_ML_METHOD")
    if wanted:
        if wanted not in METHODS or not works(wanted):
            raise BackendError(
                f"NBPROCESS_ML_METHOD={wanted}: "
                + (
                    f"it does not work on this machine. Works: {', '.join(filter(works, METHODS))}."
                    if wanted in METHODS
                    else f"no such method. Choose one of: {', '.join(METHODS)}."
                )
            )
        return wanted
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        boot = "none"
    path = cache / f"opt-ml-{os.geteuid()}-{os.path.isdir(ML):d}.json"
    try:
        known = json.loads(path.read_bytes())
        if known["boot"] == boot and known["method"] in METHODS:
            return str(known["method"])
    except (OSError, ValueError, LookupError, TypeError):
        pass  # not probed yet, or a damaged cache: probe
    method = next(name for name in METHODS if works(name))
    cache.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}")
    part.write_text(json.dumps({"boot": boot, "method": method}))
    os.replace(part, path)
    return method
