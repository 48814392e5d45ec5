"""The few system calls that Python 3.10 has no function for. Linux; elsewhere ``LIBC`` is None.

May import: the standard library.
"""

from __future__ import annotations

import ctypes
import os
import sys

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWUSER, CLONE_NEWNET = 0x00020000, 0x04000000, 0x10000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE, MS_NOSUID, MS_NODEV = 0x1000, 0x4000, 0x40000, 0x2, 0x4
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
IN_MODIFY, IN_MOVED_TO, IN_CREATE, IN_DELETE_SELF, IN_IGNORED = 0x2, 0x80, 0x100, 0x400, 0x8000
_IN_NONBLOCK_CLOEXEC = os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0)

LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def _lib() -> ctypes.CDLL:
    if LIBC is None:
        raise OSError(38, "only Linux has namespaces")
    return LIBC


def unshare(flags: int) -> None:
    """unshare(2)."""
    _check(_lib().unshare(flags), "unshare")


def mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """mount(2)."""
    result = _lib().mount(
        source.encode(),
        target.encode(),
        kind.encode() if kind else None,
        ctypes.c_ulong(flags),
        data.encode() if data else None,
    )
    _check(result, f"mount {target}")


def sethostname(name: str) -> None:
    """sethostname(2)."""
    _check(_lib().sethostname(name.encode(), len(name)), "sethostname")


def die_with_parent() -> None:
    """The kernel kills this process when the one that forked it is gone."""
    if LIBC is not None:
        LIBC.prctl(_PR_SET_PDEATHSIG, 9, 0, 0, 0)


def adopt_orphans() -> None:
    """Descendants whose parent ended become children of this process, so that none can get away."""
    if LIBC is not None:
        LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def inotify() -> int:
    """inotify_init1(2): a non-blocking descriptor."""
    return _check(_lib().inotify_init1(_IN_NONBLOCK_CLOEXEC), "inotify_init1")


def inotify_watch(descriptor: int, folder: str, mask: int) -> int:
    """inotify_add_watch(2): the number of the watch."""
    return _check(_lib().inotify_add_watch(descriptor, os.fsencode(folder), mask), f"inotify {folder}")


def inotify_forget(descriptor: int, watch: int) -> None:
    """inotify_rm_watch(2); a watch whose folder is gone is gone already."""
    _lib().inotify_rm_watch(descriptor, watch)
