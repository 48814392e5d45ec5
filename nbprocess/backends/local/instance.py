"""One processing job on this machine: prepares the hosts, runs them, watches them, and says how it ended.

May import: its neighbours, ``nbprocess.errors``, the standard library. It runs in a process of its own, and knows
neither where objects come from nor who asked.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from typing import Any

from ...errors import BackendError, StoreError
from . import container, libc, mount
from .container import Runner
from .contract import hosts_of, lay_out
from .logfile import LogWriter
from .objects import Objects, is_full
from .outputs import Outputs
from .record import Record, now
from .slots import Slot

GRACE = 30.0
_SYNC_EVERY = 1.0
_MESSAGE = 1024  # ExitMessage: the first 1 KB (developer guide, byoc-metadata)


class _Host:
    """A running host."""

    def __init__(self, name: str, ml: str, method: str, pid: int, pipes: dict[int, str]) -> None:
        self.name, self.ml, self.method, self.pid, self.pipes = name, ml, method, pid, pipes
        self.code: int | None = None
        self.kept: int | None = None

    def keep_mounts(self) -> None:
        """Hold the host's mounts until this process ends: to take them down would delay the end of the host by ms."""
        if self.kept is None:
            with contextlib.suppress(OSError):  # it has ended already
                self.kept = os.open(f"/proc/{self.pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)

    def signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(container.entry_process(self.pid, self.method), number)


class Instance:
    """Runs the job of a record to its end.

    Args:
        request: a CreateProcessingJob request that was validated.
        record: the job's record, written by whoever created it; its lock is held by this process.
        objects: where inputs come from and outputs go.
        python: path of the interpreter that ``python3`` in the entrypoint stands for.
        method: how hosts get their ``/opt/ml``: see ``mount``.
        grace: seconds from SIGTERM to SIGKILL.
        slot: taken before the job starts, or None to start at once.
        keep_out: called first in each forked host.
        runner: may run a command in the forked process.
    """

    def __init__(
        self,
        request: dict[str, Any],
        record: Record,
        objects: Objects,
        *,
        python: str,
        method: str,
        grace: float = GRACE,
        slot: Slot | None = None,
        keep_out: Any = None,
        runner: Runner | None = None,
    ) -> None:
        self._request, self._record, self._objects = request, record, objects
        self._python, self._method, self._grace, self._slot = python, method, grace, slot
        self._keep_out, self._runner = keep_out or (lambda: None), runner
        self._describe = record.read()
        self._describe["ProcessingJobStatus"] = "InProgress"
        self._hosts: list[_Host] = []
        self._outputs: list[Outputs] = []
        self._fault = ""
        self._stop_at: float | None = None
        self._stopping = False
        self._own: int | None = None

    def run(self) -> None:
        """Run the job; returns when it has ended and nothing of it lives any more."""
        libc.adopt_orphans()
        self._control = os.open(self._record.control_path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._log = LogWriter(self._record.log_path)
        try:
            if self._slot is None or self._slot.wait(self._control, self._stop_requested):
                self._run()
        except (BackendError, StoreError, OSError) as error:
            self._fault = self._explain(error)
        except BaseException as error:
            self._fault = f"InternalServerError: {type(error).__name__}: {error}"
            raise
        finally:
            container.kill_all(os.getpid())
            self._finish()
            if self._slot is not None:
                self._slot.release()

    def _stop_requested(self) -> bool:
        return os.path.exists(self._record.path + "/stop")

    def _run(self) -> None:
        request, record = self._request, self._record
        names = hosts_of(request)
        if self._stop_requested():
            self._stopping = True
            return
        self._describe["ProcessingStartTime"] = now()
        record.write(self._describe)
        if self._method == "own":
            # There is one; the lock is held by the process that cleans up, however the one that asked for the job ends.
            self._own = mount.take_own() if len(names) == 1 else None
            if self._own is None:
                self._method = next(method for method in mount.METHODS if method != "own" and mount.works(method))
        plans = []
        for name in names:
            ml = mount.ML if self._method == "own" else f"{record.path}/ml/{name}"
            scratch = f"{record.path}/ns/{name}"
            os.makedirs(scratch, exist_ok=True)
            lay_out(request, self._describe["ProcessingJobArn"], ml, name, self._objects)
            plans.append(container.plan(request, self._python, ml, scratch, name, names, self._method))
            self._outputs.append(Outputs(request, ml, self._objects))
        if self._method == "env":
            self._log.note("nbprocess: " + mount.WARNING)
        for plan in plans:
            pid, out, err = container.start(plan, self._keep_out, self._runner)
            self._hosts.append(_Host(plan.host, plan.ml, self._method, pid, {out: "stdout", err: "stderr"}))
        self._watch()

    def _watch(self) -> None:
        """Until every host has ended."""
        limit = (self._request.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds", 86400)
        deadline = time.monotonic() + limit
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        pidfds: dict[int, _Host] = {}
        pipes: dict[int, _Host] = {}
        for host in self._hosts:
            pidfds[os.pidfd_open(host.pid)] = host
            pipes.update(dict.fromkeys(host.pipes, host))
        for fd in (*pidfds, *pipes):
            poll.register(fd, select.POLLIN)
        continuous = any(output.continuous for output in self._outputs)
        sync_at = time.monotonic() + _SYNC_EVERY if continuous else None
        while pidfds:
            moments = [m for m in (deadline if not self._stopping else None, self._stop_at, sync_at) if m is not None]
            timeout = max(0.0, min(moments) - time.monotonic()) if moments else None
            for fd, _ in poll.poll(None if timeout is None else min(timeout * 1000 + 1, 2**31 - 1)):
                if fd in pipes:
                    if not self._drain(fd, pipes[fd], once=True):
                        poll.unregister(fd)
                        os.close(fd)
                        del pipes[fd]
                elif fd in pidfds:
                    host = pidfds.pop(fd)
                    poll.unregister(fd)
                    os.close(fd)
                    host.code = os.waitstatus_to_exitcode(os.waitpid(host.pid, 0)[1])
                    if host.code and pidfds and not self._stopping:
                        self._begin_stop(stopped=False)  # the job has failed: the others are not left waiting
                else:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self._control, 4096)
                    self._begin_stop(stopped=True)
            moment = time.monotonic()
            if moment >= deadline and not self._stopping:
                self._begin_stop(stopped=True)
            if self._stop_at is not None and moment >= self._stop_at:
                container.kill_all_below(os.getpid())
                self._stop_at = None
            if sync_at is not None and moment >= sync_at:
                for output in self._outputs:
                    output.sync(final=False)
                sync_at = time.monotonic() + _SYNC_EVERY
        container.kill_all(os.getpid())
        for fd, host in pipes.items():
            while self._drain(fd, host):
                pass
            os.close(fd)
        for host in self._hosts:
            for stream in ("stdout", "stderr"):
                self._log.feed(host.name, stream, b"", final=True)

    def _drain(self, fd: int, host: _Host, once: bool = False) -> bool:
        """Move what a pipe holds into the log; False at its end."""
        try:
            data = os.read(fd, 1 << 16)
        except BlockingIOError:
            return once  # nothing now; at the end of the job: nothing any more
        if data:
            host.keep_mounts()  # whoever writes has them
            self._log.feed(host.name, host.pipes[fd], data)
        return bool(data)

    def _begin_stop(self, stopped: bool) -> None:
        """SIGTERM to every host; SIGKILL follows after the grace. ``stopped``: by a person or the maximum runtime."""
        if stopped and not self._stopping:
            self._stopping = True
            self._describe["ProcessingJobStatus"] = "Stopping"
            self._record.write(self._describe)
        if self._stop_at is None:
            self._stop_at = time.monotonic() + self._grace
            for host in self._hosts:
                if host.code is None:
                    host.signal(signal.SIGTERM)

    def _finish(self) -> None:
        """Outputs, ExitMessage and the last word; every fault becomes a FailureReason."""
        describe = self._describe
        for output in self._outputs:
            try:
                output.sync(final=True)
            except (OSError, BackendError) as error:
                self._fault = self._fault or self._explain(error)
        message, problem = self._exit_message()
        if message:
            describe["ExitMessage"] = message
        failed = [host for host in self._hosts if host.code]
        if self._fault or problem:
            status, reason = "Failed", self._fault or problem
        elif self._stopping or (self._stop_requested() and (failed or not self._hosts)):
            status, reason = "Stopped", ""
        elif failed:
            status, reason = "Failed", _reason(failed[0])
        else:
            status, reason = "Completed", ""
        describe["ProcessingJobStatus"] = status
        if reason:
            describe["FailureReason"] = reason[:1024]
        describe["ProcessingEndTime"] = now()
        with contextlib.suppress(OSError):  # nothing is lost: every line was written when it came
            self._log.close()
        self._record.write(describe)
        self._record.clear()
        if self._own is not None:
            _empty(mount.ML)
            os.close(self._own)

    def _exit_message(self) -> tuple[str, str]:
        data = b""
        for host in self._hosts:
            with contextlib.suppress(OSError):  # a job need not write one
                fd = os.open(host.ml + "/output/message", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
                with open(fd, "rb") as file:
                    data += file.read(_MESSAGE)
        try:
            data.decode()
        except UnicodeDecodeError:
            return "", "ClientError: /opt/ml/output/message is not valid UTF-8. Write it as UTF-8 text."
        return data[:_MESSAGE].decode(errors="ignore"), ""

    def _explain(self, error: Exception) -> str:
        if isinstance(error, OSError) and is_full(error):
            return (
                f"ClientError: the disk of {self._record.path} is full ({error}). Free some space, or set "
                "NBPROCESS_HOME to a folder on a larger disk."
            )
        text = str(error)
        return text if text.startswith(("ClientError", "AlgorithmError")) else f"ClientError: {text}"


def _reason(host: _Host) -> str:
    code = host.code or 0
    if code < 0:
        word = f"AlgorithmError: See job logs for more information, exit code: {128 - code}"
        return word + (" (killed by SIGKILL, as when memory is used up)" if code == -9 else f" (signal {-code})")
    return f"AlgorithmError: See job logs for more information, exit code: {code}"


def _empty(folder: str) -> None:
    import shutil

    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=True)
        else:
            os.unlink(entry.path)
