"""A kernel in which the tool runs the cells of a notebook, and what a front end would see of each.

May import: jupyter_client, the standard library.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_SHOWN = ("stream", "display_data", "execute_result", "update_display_data", "clear_output")
_LOOK = (
    "__import__('nbprocess.testing.fidelity.fingerprint', fromlist=['namespace'])"
    ".namespace(get_ipython().user_ns, get_ipython().user_ns_hidden)"
)
# What is random without a seed must begin the same everywhere, as it would when a person compared the two.
_SEEDS = """
import random as _r
_r.seed(20260101)
try:
    import numpy as _n
except ImportError:
    pass
else:
    _n.random.seed(20260101)
    del _n
del _r
"""


class KernelDied(RuntimeError):
    """The kernel ended while a cell ran."""


class TookTooLong(RuntimeError):
    """A cell did not end in time."""


@dataclass
class Ran:
    """What one cell showed, and what the namespace held afterwards."""

    outputs: list[dict[str, Any]] = field(default_factory=list)
    error: tuple[str, str, str] | None = None
    state: dict[str, Any] = field(default_factory=dict)

    def stream(self, name: str) -> str:
        """All text of one stream."""
        return "".join(o["text"] for o in self.outputs if o["msg_type"] == "stream" and o["name"] == name)


class Kernel:
    """One ipykernel of this interpreter, in a copy of the notebook's folder that is made anew at each start."""

    def __init__(self, folder: Path, work: Path, seed: int, timeout: float) -> None:
        """
        Args:
            folder: the notebook's folder. work: where the copy is made. seed: of the hashes of strings, so that what
                depends on their order differs between two kernels. timeout: of a cell, in seconds.
        """
        self._folder, self._work, self._seed, self._timeout = folder, work, seed, timeout
        self._manager: Any = None
        self._client: Any = None

    def start(self, setup: str = "") -> None:
        """Start, or start again, and run ``setup`` silently."""
        from jupyter_client.kernelspec import KernelSpec
        from jupyter_client.manager import KernelManager

        self.close()
        shutil.rmtree(self._work, ignore_errors=True)
        shutil.copytree(self._folder, self._work, symlinks=True, ignore=shutil.ignore_patterns(".git", "__pycache__"))
        state = Path(tempfile.mkdtemp(prefix="nbprocess-fidelity-"))
        self._state = state
        package = str(Path(__file__).resolve().parents[3])
        path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH", "")]))
        environment = {
            **os.environ,
            "NBPROCESS_HOME": str(state / "home"),
            "NBPROCESS_BACKEND": "local",
            "IPYTHONDIR": str(state / "ipython"),
            "PYTHONPATH": path,
            "PYTHONHASHSEED": str(self._seed),
        }
        manager = KernelManager()
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", "--log-level=ERROR"]
        # Of this interpreter, whatever specifications are installed.
        manager._kernel_spec = KernelSpec(argv=command, display_name="Python", language="python")
        manager.start_kernel(env=environment, cwd=str(self._work))
        self._manager, self._client = manager, manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=120)
        for code in (_SEEDS, setup):
            ran = self.run(code, silent=True)
            if ran.error:
                raise RuntimeError(f"the kernel could not be prepared: {ran.error[0]}: {ran.error[1]}")

    def close(self) -> None:
        """End the kernel and remove what it kept outside the copy."""
        if self._manager is not None:
            self._client.stop_channels()
            self._manager.shutdown_kernel(now=True)
            self._manager = None
            shutil.rmtree(self._state, ignore_errors=True)

    def run(self, code: str, *, silent: bool = False) -> Ran:
        """Run a cell to its end and look at the namespace.

        Raises:
            KernelDied, TookTooLong: the kernel must be started again.
        """
        ran = self._collect(self._client.execute(code, silent=silent, allow_stdin=False, stop_on_error=False))
        if not silent:
            ran.state = self.look()
        return ran

    def look(self) -> dict[str, Any]:
        """The fingerprint of the namespace as it is."""
        number = self._client.execute("", silent=True, user_expressions={"look": _LOOK}, allow_stdin=False)
        self._collect(number)
        while True:
            reply = self._client.get_shell_msg(timeout=self._timeout)
            if reply["parent_header"].get("msg_id") == number:
                break
        found = reply["content"]["user_expressions"]["look"]
        if found["status"] != "ok":
            raise RuntimeError(f"the namespace cannot be looked at: {found['ename']}: {found['evalue']}")
        text: str = found["data"]["text/plain"]
        import ast

        state: dict[str, Any] = json.loads(ast.literal_eval(text))
        return state

    def _collect(self, number: str) -> Ran:
        ran, deadline = Ran(), time.monotonic() + self._timeout
        while True:
            try:
                message = self._client.get_iopub_msg(timeout=1.0)
            except queue.Empty:
                if not self._manager.is_alive():
                    raise KernelDied("the kernel ended while the cell ran") from None
                if time.monotonic() > deadline:
                    raise TookTooLong(f"the cell did not end within {self._timeout:.0f} s") from None
                continue
            if message["parent_header"].get("msg_id") != number:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                return ran
            if kind == "error":
                ran.error = (content["ename"], content["evalue"], "\n".join(content["traceback"]))
            elif kind in _SHOWN:
                ran.outputs.append({"msg_type": kind, **content})
