"""The parent's side of the child: starts it, drains its output in order, stops it, survives it. Standard library only.

Order: the child waits for an answer to every control message, and the parent empties both output pipes before
it handles one, so what was printed before a display stands before it in the events, whoever printed it (Python, C,
a subprocess).
"""

from __future__ import annotations

import json
import os
import select
import signal
import time
import warnings

from .containerlog import ContainerLog
from .events import EventFile

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any

_PIPE = 64 * 1024  # what a pipe holds: all that can have been written before a control message
GRACE = 25.0  # seconds from a stop signal to SIGKILL
_EXIT_GRACE = 20.0  # seconds for exit handlers once the results are saved


class Signals:
    """Turns SIGTERM, SIGINT and SIGCHLD into bytes on a pipe that the loop waits for."""

    def __init__(self) -> None:
        self.read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        os.set_blocking(self.read, False)
        self.stop: int | None = None
        self._before = {
            number: signal.signal(number, self._note) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
        }
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)

    def _note(self, number: int, _frame: object) -> None:
        if number != signal.SIGCHLD and self.stop is None:
            self.stop = number

    def clear(self) -> None:
        """Empty the pipe."""
        try:
            while os.read(self.read, 4096):
                pass
        except BlockingIOError:
            pass

    def restore(self) -> None:
        """As it was before; the child calls this first."""
        signal.set_wakeup_fd(-1)
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        os.close(self.read)
        os.close(self._write)


class Pipes:
    """The child's ends: ``out`` and ``err`` become its descriptors 1 and 2; ``control`` and ``answer`` stay private."""

    def __init__(self, out: int, err: int, control: int, answer: int) -> None:
        self.out, self.err, self.control, self.answer = out, err, control, answer


class Ending:
    """How the child ended. ``code`` as a shell would give it, ``signal`` if one killed it, ``report``: its last."""

    def __init__(self, status: int, peak: int, cpu: float, report: Any, reason: str) -> None:
        self.signal = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        self.code = 128 + self.signal if self.signal else os.WEXITSTATUS(status)
        self.peak, self.cpu, self.report, self.reason = peak, cpu, report, reason


class Supervisor:
    """Runs ``child(pipes)`` in a forked process and stays with it until it is gone."""

    def __init__(
        self, log: ContainerLog, events: EventFile, signals: Signals, sample: Any, deadline: float | None
    ) -> None:
        """``sample(pid)`` gives a usage marker; ``deadline`` is on ``time.monotonic()``: when to stop by ourselves."""
        self._log, self._events, self._signals, self._sample, self._deadline = log, events, signals, sample, deadline
        self._report = None
        self._reason = ""
        self._phase = ""
        self._pid = 0
        self._buffer = b""

    def run(self, child: Any, forked: Any) -> Ending:
        """Fork, call ``forked()`` here, watch, and return how it ended. In the child this never returns."""
        out, out_end = os.pipe()
        err, err_end = os.pipe()
        control, control_end = os.pipe()
        answer_end, answer = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # a joined thread may still be counted for a moment
            self._pid = os.fork()
        if not self._pid:
            code = 70
            try:
                for fd in (out, err, control, answer):
                    os.close(fd)
                self._signals.restore()
                code = child(Pipes(out_end, err_end, control_end, answer_end))
            except BaseException:  # the last frame of this process: nothing above may run on in the child
                import traceback

                traceback.print_exc()
            finally:
                os._exit(code)
        forked()
        for fd in (out_end, err_end, control_end, answer_end):
            os.close(fd)
        for fd in (out, err, control, answer):
            os.set_blocking(fd, False)
        self._out, self._err, self._control, self._answer = out, err, control, answer
        try:
            return self._watch()
        finally:
            for fd in (out, err, control, answer):
                os.close(fd)

    def _watch(self) -> Ending:
        poll = select.poll()
        for fd in (self._out, self._err, self._control, self._signals.read):
            poll.register(fd, select.POLLIN)
        sample_at = time.monotonic() + 2.0
        kill_at = interrupt_at = None
        open_fds = {self._out, self._err, self._control}
        while True:
            now = time.monotonic()
            if self._signals.stop is not None and kill_at is None:
                self._reason = self._reason or "stopped"
                self._log.say(f"stop requested: interrupting the cell, saving what is ready (at most {GRACE:.0f} s)")
                self._kill(signal.SIGINT)
                kill_at, interrupt_at = now + GRACE, now + GRACE / 2
            if self._deadline is not None and now >= self._deadline and kill_at is None:
                self._reason = "timeout"
                self._log.say("the maximum runtime is nearly over: interrupting the cell, saving what is ready")
                self._kill(signal.SIGINT)
                kill_at, interrupt_at = now + GRACE, now + GRACE / 2
            if interrupt_at is not None and now >= interrupt_at:
                interrupt_at = None
                if self._phase == "running":  # the cell swallowed the first one
                    self._kill(signal.SIGINT)
            if kill_at is not None and now >= kill_at:
                self._kill(signal.SIGKILL)
                kill_at = now + 3600
            if self._report is not None and kill_at is None:
                kill_at = now + _EXIT_GRACE
            if now >= sample_at:
                sample_at = now + 2.0
                usage = self._sample(self._pid)
                if usage:
                    self._log.marker(usage=usage)
            held = self._log.tick()
            until = [sample_at] + [t for t in (kill_at, interrupt_at) if t is not None]
            if self._deadline is not None and kill_at is None:
                until.append(self._deadline)
            if held is not None:
                until.append(now + held)
            ready = poll.poll(max(0.0, min(until) - time.monotonic()) * 1000 + 1)
            for fd, _ in ready:
                if fd == self._signals.read:
                    self._signals.clear()
                elif fd == self._control:
                    alive = self._take_control()
                    if not alive and fd in open_fds:
                        open_fds.discard(fd)
                        poll.unregister(fd)
                elif fd in open_fds and not self._take(fd):
                    open_fds.discard(fd)
                    poll.unregister(fd)
            pid, status, usage_ = os.wait4(self._pid, os.WNOHANG)
            if pid:
                return self._finish(status, usage_)

    def _finish(self, status: int, usage: Any) -> Ending:
        self._kill(signal.SIGKILL)  # processes that the cell left behind end with it
        self._take_control()
        for fd in (self._out, self._err):
            for _ in range(64):  # bounded: a process that left the group may write on for ever
                if not self._take(fd):
                    break
        self._log.tick(final=True)
        scale = 1 if os.uname().sysname == "Darwin" else 1024  # ru_maxrss: bytes on macOS, KiB on Linux
        return Ending(status, usage.ru_maxrss * scale, usage.ru_utime + usage.ru_stime, self._report, self._reason)

    def _kill(self, number: int) -> None:
        # The group, as Jupyter interrupts a kernel: a subprocess of the cell is interrupted too. The cell's process is
        # the leader of its group; before it has become that, only the process itself can be reached.
        for kill in (os.killpg, os.kill):
            try:
                kill(self._pid, number)
                return
            except (ProcessLookupError, PermissionError):
                continue

    def _take(self, fd: int, limit: int = _PIPE) -> bool:
        """Read up to ``limit`` bytes of output. False: nothing there, or the end."""
        got = False
        while limit > 0:
            try:
                data = os.read(fd, _PIPE)
            except BlockingIOError:
                break
            if not data:
                return False
            got = True
            limit -= len(data)
            number = 1 if fd == self._out else 2
            self._log.output(number, data)
            self._events.stream("stdout" if number == 1 else "stderr", data)
        return got

    def _take_control(self) -> bool:
        alive = True
        while True:
            try:
                data = os.read(self._control, 1 << 20)
            except BlockingIOError:
                break
            if not data:
                alive = False
                break
            self._buffer += data
            if self._buffer.endswith(b"\n"):
                break
        *lines, self._buffer = self._buffer.split(b"\n")
        for line in lines:
            self._handle(json.loads(line))
        return alive

    def _handle(self, message: Any) -> None:
        kind = message["type"]
        if kind == "progress":
            self._log.progress(message["progress"])
            return
        self._take(self._out)
        self._take(self._err)
        if kind == "event":
            self._events.add(message["event"])
        elif kind == "phase":
            self._phase = message["phase"]
            self._log.marker(phase=self._phase)
        elif kind == "report":
            self._report = message["report"]
        if "seq" in message:
            try:
                os.write(self._answer, b"%d\n" % message["seq"])
            except OSError:
                pass  # the child is gone; its end is seen by wait4
