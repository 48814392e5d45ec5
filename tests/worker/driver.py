"""Drives the real ``worker.pyz`` as the container would: a folder stands for /opt/ml, a process for the container."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbprocess.bundle import archive
from nbprocess.worker import blobs, wire

PYENV = Path.home() / ".pyenv" / "versions"


@dataclass
class Ran:
    """What a run left behind."""

    code: int
    stdout: str
    stderr: str
    ml: Path
    outcome: dict[str, Any]
    events: list[dict[str, Any]]
    wall: float = 0.0
    values: dict[str, Any] = field(default_factory=dict)

    def text(self, name: str = "stdout") -> str:
        return "".join(e["text"] for e in self.events if e["type"] == "stream" and e["name"] == name)

    def displays(self) -> list[dict[str, Any]]:
        return [e for e in self.events if e["type"] != "stream"]

    def markers(self, kind: str) -> list[Any]:
        lines = [line for line in self.stderr.split("\n") if line.startswith("\x1enbprocess ")]
        found = [json.loads(line[len("\x1enbprocess ") :]) for line in lines]
        return [marker[kind] for marker in found if kind in marker]


@dataclass
class Job:
    """A job ready to run in ``ml``."""

    ml: Path
    worker_sha: str
    manifest_sha: str
    memo: Any = None

    def start(self, python: str = sys.executable, **environ: str) -> subprocess.Popen[bytes]:
        entrypoint, arguments = archive.entrypoint(self.worker_sha, self.manifest_sha, python)
        clean = {k: v for k, v in os.environ.items() if k not in ("MPLBACKEND", "PYTHONPATH")}
        return subprocess.Popen(
            [*entrypoint, *arguments],
            env={**clean, "NBPROCESS_ML_ROOT": str(self.ml), **environ},
            cwd=self.ml,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def finish(self, process: subprocess.Popen[bytes], load: bool = True) -> Ran:
        start = time.monotonic()
        stdout, stderr = process.communicate(timeout=120)
        out = self.ml / "processing/output/nbprocess/algo-7"
        outcome: dict[str, Any] = {}
        events: list[dict[str, Any]] = []
        if (out / "outcome.json").exists():
            data = (out / "outcome.json").read_bytes()
            outcome = json.loads(data)
            said = (self.ml / "output/message").read_text().split()
            assert said == ["algo-7", hashlib.sha256(data).hexdigest(), outcome["state"]]
            lines = (out / "events.jsonl").read_bytes()
            assert hashlib.sha256(lines).hexdigest() == outcome["events"]["sha256"]
            events = [json.loads(line) for line in lines.splitlines()]
            assert len(events) == outcome["events"]["count"]
        ran = Ran(
            process.returncode, stdout.decode(), stderr.decode(), self.ml, outcome, events, time.monotonic() - start
        )
        if load and outcome.get("groups"):
            groups = [wire.Group.from_json(group) for group in outcome["groups"]]
            ran.values = wire.load(groups, get=reader(out / "blobs"), namespace={}, seed=self.memo).values
        return ran

    def run(self, python: str = sys.executable, load: bool = True, **environ: str) -> Ran:
        return self.finish(self.start(python, **environ), load)


def reader(folder: Path) -> Any:
    """``get`` for wire.load, from a folder of chunks."""
    return lambda blob: bytearray(b"".join((folder / digest).read_bytes() for digest in blob["chunks"]))


def job(folder: Path, code: str, values: dict[str, Any] | None = None, **manifest: Any) -> Job:
    """Lay out a job that runs ``code`` with ``values`` as its inputs."""
    code = textwrap.dedent(code)
    ml = folder / "ml"
    bundle, blob_folder = ml / "processing/input/nbprocess", ml / "processing/input/nbprocess-blobs"
    for path in (bundle, blob_folder, ml / "processing/output/nbprocess", ml / "output", ml / "config"):
        path.mkdir(parents=True)
    (ml / "config/resourceconfig.json").write_text('{"current_host": "algo-7", "hosts": ["algo-7"]}')
    put = blobs.Writer(str(blob_folder))
    groups, memo = [], None
    if values:
        dumped = wire.dump(values, put=put)
        assert not dumped.failed, dumped.failed
        groups, memo = [group.to_json() for group in dumped.groups], dumped.memo
    files = [{"path": p, "blob": put(d), "mode": 0o644, "kind": "data"} for p, d in manifest.pop("files", {}).items()]
    cell = {"source": code, "code": code, "filename": "/tmp/ipykernel_1/7.py", "first_line": 2, "flags": 0}
    cell.update(interactivity="last_expr", execution_count=7)
    cell.update(manifest.pop("cell", {}))
    whole = {
        "format": 1, "job": "job-1", "home": {"python": [3, 11, 7], "packages": {}, "platform": "linux"}, "cell": cell,
        "groups": groups, "strength": {}, "tombstones": {}, "files": files, "syspath": ["."], "ambient": {},
        "imports": [], "save": None, "skip": [], "args": [], "inputs": {}, "outputs": {}, "requirements": None,
        "timeout": 3600, "execution_count": 7, **manifest,
    }  # fmt: skip
    data = json.dumps(whole).encode()
    (bundle / "manifest.json").write_bytes(data)
    worker = archive.build_archive()
    (bundle / "worker.pyz").write_bytes(worker)
    return Job(ml, hashlib.sha256(worker).hexdigest(), hashlib.sha256(data).hexdigest(), memo)
