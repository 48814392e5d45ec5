"""One of the kernels that are compared: a real ipykernel with a folder, a home and a history of its own.

May import: ``jupyter_client``, the standard library. A kernel that died or hung is started again, and its cells are run
again in place: that is also how an offloading kernel gets back to a sound state after a difference.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_STARTS = 120
_PROBE = "__import__('nbprocess.testing.fidelity.probe', fromlist=['probe'])"
_LEFT_OUT = ("AWS_", "NBPROCESS_", "PYTEST_")
"""Variables that kernels do not get. Under pytest's, ipykernel does not watch file descriptors."""
_LEVELS = 3
"""How many of the folders above the notebook's there are in the copy."""
_GRACE = 20
"""Seconds that an interrupted cell has to end in."""


@dataclass
class Ran:
    """What one cell gave: the messages that a front end shows, in order, and how it ended."""

    events: list[dict[str, Any]] = field(default_factory=list)
    status: str = "ok"
    """``ok``, ``error``, ``timeout`` (it was interrupted), ``dead`` (the kernel died of it)."""
    error: str = ""
    message: str = ""
    traceback: str = ""
    seconds: float = 0.0

    def stream(self, name: str) -> str:
        """All text of one stream."""
        return "".join(e["text"] for e in self.events if e["type"] == "stream" and e["name"] == name)


class KernelFailed(RuntimeError):
    """The kernel cannot be started, or does not answer any more."""


class Side:
    """A kernel over a copy of the notebook's folder.

    Args:
        name: for messages and folder names.
        source: the notebook's folder.
        scratch: where its copy and its homes are made.
        hash_seed: of its Python: what depends on the order of a set must differ between siblings.
        timeout: seconds per cell.
        environment: further variables.
        beside: files and folders that it needs from above its folder, relative to that (``../data/x.csv``).
    """

    def __init__(
        self,
        name: str,
        source: Path | None,
        scratch: Path,
        *,
        hash_seed: int,
        timeout: float,
        environment: dict[str, str] | None = None,
        beside: Sequence[str] = (),
    ) -> None:
        self.name, self.timeout = name, timeout
        self._source, self._scratch, self._hash_seed = source, scratch / name, hash_seed
        self._environment, self._beside = environment or {}, beside
        self._files = self._scratch / "files"
        parents = Path(source or "notebook").absolute().parent.parts[1:]
        self.folder = self._files.joinpath(*parents[-_LEVELS:]) / "notebook"
        self.history: list[tuple[str, str]] = []
        """The cells so far as they are run in place, each with the random generators before it (see ``generators``),
        for a kernel that has to begin anew."""
        self.restarts = 0
        self._manager: Any = None
        self._client: Any = None

    # -- its life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the kernel over a fresh copy of the folder.

        Raises:
            KernelFailed: it does not come up.
        """
        from jupyter_client.kernelspec import KernelSpec
        from jupyter_client.manager import KernelManager

        # Its homes stay: servers that a kernel before this one started still live in them.
        shutil.rmtree(self._files, ignore_errors=True)
        if self._source is None:
            self.folder.mkdir(parents=True)
        else:
            skipped = shutil.ignore_patterns(".git", "__pycache__", ".ipynb_checkpoints", ".venv", "node_modules")
            shutil.copytree(self._source, self.folder, symlinks=True, ignore=skipped, ignore_dangling_symlinks=True)
            for target in self._beside:
                here, there = self._source / target, Path(os.path.normpath(self.folder / target))
                if here.is_dir() and not self.folder.is_relative_to(there):
                    shutil.copytree(here, there, ignore=skipped, ignore_dangling_symlinks=True, dirs_exist_ok=True)
                elif here.is_file():
                    there.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(here, there)
        manager = KernelManager()
        # Its history is its own: of several kernels that write into one file IPython prints when two do so at a time.
        history = "--HistoryManager.hist_file=:memory:"
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", history]
        manager._kernel_spec = KernelSpec(argv=command, display_name="Python", language="python")
        self._manager = manager
        log = open(self._scratch / "kernel.log", "wb")
        try:
            manager.start_kernel(env=self._variables(), cwd=str(self.folder), stdout=log, stderr=log)
            self._client = manager.client()
            self._client.start_channels()
            self._client.wait_for_ready(timeout=_STARTS)
        except RuntimeError as error:
            tail = (self._scratch / "kernel.log").read_text(errors="replace")[-2000:]
            self.close()
            raise KernelFailed(f"The kernel does not start: {error}\n{tail}") from None
        finally:
            log.close()
        ran = self._execute(f"{_PROBE}.begin()", silent=True, timeout=_STARTS)
        if ran.status != "ok":
            raise KernelFailed(f"The kernel cannot be prepared: {ran.error}: {ran.message}\n{ran.traceback}")

    def _variables(self) -> dict[str, str]:
        import nbprocess

        package = str(Path(nbprocess.__file__).parent.parent)
        paths = [] if "site-packages" in package else [package]
        paths += [p for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p and p not in paths]
        home = self._scratch / "home"
        home.mkdir(exist_ok=True)
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(_LEFT_OUT)},
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTHONHASHSEED": str(self._hash_seed),
            "IPYTHONDIR": str(self._scratch / "ipython"),
            "NBPROCESS_HOME": str(home),
            "NBPROCESS_BACKEND": "local",
            "AWS_SHARED_CREDENTIALS_FILE": str(home / "none"),
            "AWS_CONFIG_FILE": str(home / "none"),
            "AWS_EC2_METADATA_DISABLED": "true",
            **self._environment,
        }

    def close(self) -> None:
        """End the kernel; its folder stays until the scratch folder is removed."""
        if self._client is not None:
            self._client.stop_channels()
        if self._manager is not None and self._manager.has_kernel:
            self._manager.shutdown_kernel(now=True)
        self._client = self._manager = None

    def begin_anew(self) -> None:
        """A fresh kernel and folder, with all cells of the history run in place."""
        self.close()
        self.restarts += 1
        self.start()
        for cell, generators in self.history:
            self.take(generators)
            if self._execute(cell, timeout=self.timeout).status in ("timeout", "dead"):
                raise KernelFailed(f"{self.name}: a cell that ran before does not run again.")

    # -- cells -------------------------------------------------------------------------------------------------------

    def run(self, code: str, in_place: str | None = None, generators: str = "") -> Ran:
        """Run a cell.

        Args:
            code: what is run.
            in_place: what the history notes for it, when that is something else.
            generators: the states of the random generators before it, for the history; empty where they are not known.
        """
        ran = self._execute(code, timeout=self.timeout)
        if ran.status in ("ok", "error"):
            self.history.append((in_place if in_place is not None else code, generators))
        return ran

    def forget_last(self) -> None:
        """The last cell does not count: neither for a beginning anew, nor for the numbers of the cells."""
        self.history.pop()
        self._execute(f"{_PROBE}.uncount()", silent=True, timeout=60)

    def state(self) -> dict[str, str]:
        """The fingerprint of all that the kernel holds.

        Raises:
            KernelFailed: it does not answer.
        """
        path, generators = self._scratch / "state.json", self._scratch / "generators.json"
        written = f"{_PROBE}.write({str(path)!r}, {str(self.folder)!r}, {str(generators)!r})"
        ran = self._execute(written, silent=True, timeout=300)
        if ran.status != "ok":
            raise KernelFailed(f"The state of {self.name} cannot be read: {ran.status} {ran.error}: {ran.message}")
        table: dict[str, str] = json.loads(path.read_text())
        return table

    def generators(self) -> str:
        """The states of the random generators when ``state`` was asked last, as text."""
        return (self._scratch / "generators.json").read_text()

    def take(self, generators: str) -> None:
        """Put the random generators into these states. Empty: they stay as they are."""
        if generators:
            path = self._scratch / "taken.json"
            path.write_text(generators)
            self._execute(f"{_PROBE}.take({str(path)!r})", silent=True, timeout=60)

    def _execute(self, code: str, *, timeout: float, silent: bool = False) -> Ran:
        began = time.monotonic()
        request = self._client.execute(code, silent=silent, store_history=not silent, allow_stdin=False)
        ran = Ran()
        if not self._gather(request, ran, began + timeout):
            self._manager.interrupt_kernel()
            ended = self._gather(request, ran, time.monotonic() + _GRACE)
            ran.status = "timeout" if ended else "dead"
        ran.seconds = time.monotonic() - began
        return ran

    def _gather(self, request: str, ran: Ran, deadline: float) -> bool:
        """Collect messages until the kernel is idle again. False: the time is over. A dead kernel ends it too."""
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            try:
                message = self._client.get_iopub_msg(timeout=min(left, 1.0))
            except queue.Empty:
                if not self._manager.is_alive():
                    ran.status = "dead"
                    return True
                continue
            if message["parent_header"].get("msg_id") != request:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                self._reply(request, ran)
                return True
            if kind == "error":
                ran.status = "error"
                ran.error, ran.message = content["ename"], content["evalue"]
                ran.traceback = "\n".join(content["traceback"])
            elif kind in ("stream", "display_data", "execute_result", "update_display_data", "clear_output"):
                ran.events.append({"type": kind, **content})

    def _reply(self, request: str, ran: Ran) -> None:
        """How the kernel says that the cell ended: a UsageError shows no error message, only this tells."""
        while True:
            try:
                message = self._client.get_shell_msg(timeout=10)
            except queue.Empty:
                return
            if message["parent_header"].get("msg_id") == request:
                content = message["content"]
                for item in content.get("payload") or ():  # what a front end shows in its pager, a job prints
                    if item.get("source") == "page":
                        text = str(item.get("data", {}).get("text/plain", ""))
                        ran.events.append({"type": "stream", "name": "stdout", "text": text + "\n"})
                if content.get("status") == "error" and not ran.error:
                    ran.status, ran.error, ran.message = "error", content["ename"], content["evalue"]
                return
