"""The record of one job: a folder with ``describe.json``, ``log.jsonl``, a lock and a control pipe.

May import: ``nbprocess.errors``, the standard library.

The supervisor holds the lock for as long as it lives, so a record that is not ended and not locked belongs to a
supervisor that died: no process ids, which are used again, are compared.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ...errors import JobNameInUse, JobNotFound
from ...state import TERMINAL

TIMES = ("CreationTime", "ProcessingStartTime", "ProcessingEndTime", "LastModifiedTime")


def now() -> str:
    """The time as it is stored."""
    return datetime.now(timezone.utc).isoformat()


class Record:
    """The folder of a job. Paths are strings because they are joined on the hot path."""

    def __init__(self, root: Path | str, name: str) -> None:
        self.name = name
        self.path = f"{root}/{name}"
        self.describe_path = self.path + "/describe.json"
        self.log_path = self.path + "/log.jsonl"
        self.control_path = self.path + "/control"

    def create(self, describe: dict[str, Any]) -> int:
        """Make the record, all or nothing; returns the descriptor of its lock, held.

        Raises:
            JobNameInUse: there is one already.
        """
        parent, _ = os.path.split(self.path)
        os.makedirs(parent, mode=0o700, exist_ok=True)
        new = f"{parent}/.{self.name}.{os.getpid()}.new"
        os.mkdir(new, 0o700)
        try:
            _write(new + "/describe.json", describe)
            with open(new + "/reserve", "wb") as file:
                file.write(b"\0" * 16384)  # so that the end of a job can be noted on a full disk
            open(new + "/log.jsonl", "wb").close()
            open(new + "/unclaimed", "wb").close()
            os.mkfifo(new + "/control", 0o600)
            lock = os.open(new + "/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                os.rename(new, self.path)  # fails when the target is a folder with something in it
            except OSError:
                os.close(lock)
                raise JobNameInUse(
                    f"{self.name}: a local job of this name exists already. Choose another --name, or delete that job."
                ) from None
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise
        return lock

    def claim(self) -> bool:
        """Whether the job is this process's to run. It is nobody else's then: no cell runs twice."""
        try:
            os.unlink(self.path + "/unclaimed")  # takes no room on a full disk
        except FileNotFoundError:
            return False
        return True

    def read(self) -> dict[str, Any]:
        """``describe.json`` as it is stored. Raises JobNotFound."""
        try:
            with open(self.describe_path, "rb") as file:
                found: dict[str, Any] = json.loads(file.read())
        except (FileNotFoundError, NotADirectoryError):
            raise JobNotFound(f"{self.name}: there is no local job of this name. See %processing_jobs.") from None
        if found["ProcessingJobStatus"] == "InProgress" and os.path.exists(self.path + "/stop"):
            found["ProcessingJobStatus"] = "Stopping"
        return found

    def write(self, describe: dict[str, Any]) -> None:
        """Replace ``describe.json``; gives up the job's own files when the disk is full."""
        describe["LastModifiedTime"] = now()
        for make_room in (None, self._free_reserve, self.clear):
            try:
                if make_room is not None:
                    make_room()
                _write(self.describe_path, describe)
                return
            except OSError as error:
                failed = error
        raise failed

    def clear(self) -> None:
        """Remove the job's /opt/ml; what it wrote to its outputs is in the store."""
        for name in ("ml", "ns"):
            path = f"{self.path}/{name}"
            if os.path.lexists(path):
                shutil.rmtree(path, ignore_errors=True)

    def _free_reserve(self) -> None:
        if os.path.exists(self.path + "/reserve"):
            os.unlink(self.path + "/reserve")

    def alive(self) -> bool:
        """Whether a supervisor holds the lock."""
        try:
            lock = os.open(self.path + "/lock", os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    def request_stop(self) -> None:
        """Ask the supervisor to stop the job; nothing happens when it is gone."""
        with open(self.path + "/stop", "wb"):
            pass
        try:
            control = os.open(self.control_path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return  # nobody reads yet (it looks for the file when it starts) or any more
        try:
            os.write(control, b"s")
        except OSError:
            pass  # the pipe is full of requests to stop, or its reader has just ended
        finally:
            os.close(control)

    def settle(self) -> dict[str, Any]:
        """The record, after noting a supervisor that died as the failure that it is."""
        describe = self.read()
        if describe["ProcessingJobStatus"] in TERMINAL or self.alive():
            return describe
        describe = self.read()  # it may have ended between the two looks
        if describe["ProcessingJobStatus"] in TERMINAL:
            return describe
        kill_survivors(self.path)
        describe["ProcessingJobStatus"] = "Failed"
        describe["FailureReason"] = (
            "InternalServerError: the process that supervised this job is gone (killed, or the machine was restarted). "
            "Run the cell again."
        )
        describe["ProcessingEndTime"] = now()
        self.write(describe)
        self.clear()
        return describe


def with_times(describe: dict[str, Any]) -> dict[str, Any]:
    """The same with ``datetime`` values, as boto3 gives them."""
    return {k: datetime.fromisoformat(v) if k in TIMES and isinstance(v, str) else v for k, v in describe.items()}


def kill_survivors(path: str) -> None:
    """End processes of a job that live on without a supervisor: those that have its folder mounted."""
    place = os.path.realpath(path)
    top = place
    while not os.path.ismount(top):
        top = os.path.dirname(top)
    # As the kernel names a source of a bind mount: from the root of its file system.
    mark = "/" + os.path.relpath(place, top) + "/ml/"
    for _ in range(50):
        found = False
        for entry in os.listdir("/proc") if os.path.isdir("/proc") else []:
            if not entry.isdigit() or int(entry) == os.getpid():
                continue
            try:
                with open(f"/proc/{entry}/mountinfo", encoding="utf-8", errors="replace") as file:
                    if any(mark in line.split(" ")[3] + "/" for line in file):
                        os.kill(int(entry), 9)
                        found = True
            except (OSError, IndexError):
                continue  # it ended, or is not ours
        if not found:
            return
        time.sleep(0.01)


def _write(path: str, content: dict[str, Any]) -> None:
    part = f"{path}.{os.getpid()}.part"
    try:
        with open(part, "wb", buffering=0) as file:
            file.write(json.dumps(content, separators=(",", ":"), default=str).encode())
        os.replace(part, path)
    except OSError:
        if os.path.exists(part):
            os.unlink(part)
        raise
