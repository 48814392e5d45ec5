"""A real ipykernel for tests: run cells, read what a front end would show."""

from __future__ import annotations

import os
import queue
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.manager import KernelManager


@dataclass
class Ran:
    """What one cell gave."""

    outputs: list[dict[str, Any]] = field(default_factory=list)
    error: str = ""
    message: str = ""
    traceback: str = ""
    msg_id: str = ""

    def stream(self, name: str = "stdout") -> str:
        return "".join(o["text"] for o in self.outputs if o["type"] == "stream" and o["name"] == name)

    @property
    def stdout(self) -> str:
        return self.stream()

    @property
    def result(self) -> str | None:
        found = [o["data"].get("text/plain") for o in self.outputs if o["type"] == "execute_result"]
        return found[-1] if found else None

    def displays(self, mime: str) -> list[Any]:
        return [
            o["data"][mime]
            for o in self.outputs
            if o["type"] in ("display_data", "execute_result") and mime in o["data"]
        ]


class Kernel:
    """One kernel process with its own folder and nbprocess home."""

    def __init__(self, folder: Path, home: Path, environment: dict[str, str] | None = None) -> None:
        self.folder, self.home = folder, home
        env = {
            **os.environ,
            "NBPROCESS_HOME": str(home),
            "NBPROCESS_BACKEND": "local",
            "IPYTHONDIR": str(home / "ipython"),
        }
        env.update(environment or {})
        env["PYTHONPATH"] = os.pathsep.join(
            filter(None, [str(Path(__file__).parent.parent), env.get("PYTHONPATH", "")])
        )
        (home / "ipython").mkdir(parents=True, exist_ok=True)
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(env=env, cwd=str(folder))
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=90)

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def kill(self) -> None:
        """End it at once; ``close`` interrupts first, and a cell may act on that."""
        self.manager.signal_kernel(signal.SIGKILL)
        self.close()

    def send(self, code: str) -> str:
        """Start a cell; returns its message id."""
        return self.client.execute(code)

    def run(self, code: str, timeout: float = 120) -> Ran:
        """Run a cell to its end."""
        return self.collect(self.send(code), timeout)

    def collect(self, msg_id: str, timeout: float = 120) -> Ran:
        """Gather what a started cell gives until the kernel is idle again."""
        ran = Ran(msg_id=msg_id)
        deadline = time.monotonic() + timeout
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=max(0.1, deadline - time.monotonic()))
            except queue.Empty:
                raise TimeoutError(f"the cell did not end within {timeout} s; so far: {ran}") from None
            if message["parent_header"].get("msg_id") != msg_id:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                return ran
            if kind == "error":
                ran.error, ran.message = content["ename"], content["evalue"]
                ran.traceback = "\n".join(content["traceback"])
            elif kind in ("stream", "display_data", "execute_result", "update_display_data", "clear_output"):
                ran.outputs.append({"type": kind, **content})

    def interrupt(self) -> None:
        self.manager.interrupt_kernel()

    def value(self, expression: str) -> str:
        """``repr`` of an expression in the kernel."""
        ran = self.run(f"print(repr(({expression})), end='')")
        assert not ran.error, ran.traceback
        return ran.stdout

    def ok(self, code: str, timeout: float = 120) -> Ran:
        """Run a cell that must not raise."""
        ran = self.run(code, timeout)
        assert not ran.error, ran.traceback
        return ran
