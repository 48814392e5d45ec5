"""The parent: verifies, lays out, starts the child, survives it, and writes the outcome last. Standard library only."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import time

from . import blobs, usage
from .containerlog import ContainerLog
from .events import EventFile
from .layout import Layout, make_writable, ml_root, resolve, write_whole
from .supervise import Ending, Signals, Supervisor

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any


class Refused(Exception):
    """The job cannot be run; nothing of it was executed. ``kind`` is the name of the error that home shows."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def work(manifest_sha256: str) -> int:
    """Run the job of the bundle, whose manifest must have this digest. Returns the exit code."""
    started = time.monotonic()
    log = ContainerLog()
    signals = Signals()
    layout = Layout(ml_root())
    outcome = {"format": 1, "job": None, "host": layout.host, "state": "failed", "groups": [], "variables": {}}  # type: dict[str, object]
    outcome.update(patches=None, result=None, files=[], error=None, ambient={}, usage={}, versions=versions())
    refused = make_writable([os.path.dirname(layout.out), os.path.dirname(layout.message)])
    try:
        os.makedirs(layout.out + "/blobs", exist_ok=True)
    except OSError as error:
        log.say(
            f"cannot write the results: {layout.out}: {error.strerror}"
            f"{f' ({refused})' if refused else ''}. Run the image as a user who may write there, or give it sudo."
        )
        return 73
    events = EventFile(layout.out + "/events.jsonl")
    place = None  # type: Any
    try:
        try:
            log.marker(phase="loading")
            manifest = read_manifest(layout, manifest_sha256)
            outcome["job"] = manifest.get("job")
            place = manifest.get("upload")
            make_writable([resolve(path, layout.root) for path in (manifest.get("outputs") or {}).values()])
            code = _run(manifest, layout, log, events, signals, outcome, started)
        except blobs.Corrupt as error:
            if error.digest:  # home looks at it, and sends it anew
                outcome["damaged"] = [error.digest]
            raise Refused("IntegrityError", str(error)) from None
        except OSError as error:
            raise Refused("StoreError", f"the worker could not prepare the job: {error}") from None
    except Refused as error:
        log.say(f"{error.kind}: {error}")
        outcome["error"] = error_of(error.kind, str(error), 70, module="nbprocess.errors")
        code = 70
    outcome["events"] = events.close()
    usage_ = outcome["usage"]
    assert isinstance(usage_, dict)
    usage_.update(wall=round(time.monotonic() - started, 6), memory_total=usage.memory_total())
    code = finish(layout, log, outcome, code)
    if code and place is not None:
        bring_home(layout, log, outcome, place)
    return code


def bring_home(layout: Layout, log: ContainerLog, outcome: dict[str, object], place: Any) -> None:
    """Upload the results of a job that did not complete: the platform promises that only for those that do.

    Where it cannot be done, the log gets the traceback, which then does not depend on it.

    Args:
        place: ``upload`` of the manifest; empty in a job without a network.
    """
    try:
        if place:
            from . import upload  # its modules take a while to import

            # A job that is being stopped has little time left.
            if upload.send(layout.out, layout.host, place, 60.0 if outcome["state"] == "stopped" else 600.0):
                return
    except upload.Impossible as error:
        log.say(f"the worker could not upload the results by itself ({error}); the platform may still do so")
    error_ = outcome["error"]
    if isinstance(error_, dict) and len(error_["traceback"]) > 1:
        log.say("the cell raised:\n" + re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error_["traceback"])))


def finish(layout: Layout, log: ContainerLog, outcome: dict[str, object], code: int) -> int:
    """Write the outcome, then the line that pins it. Returns the exit code."""
    data = json.dumps(outcome, separators=(",", ":"), default=str).encode()
    try:
        write_whole(layout.out + "/outcome.json", data)
    except OSError as error:
        log.say(f"cannot write the outcome: {layout.out}/outcome.json: {error.strerror}. The results are lost.")
        return code or 74
    line = f"{layout.host} {hashlib.sha256(data).hexdigest()} {outcome['state']}\n"
    try:
        write_whole(layout.message, line.encode())
    except OSError as error:
        # Without this line home cannot trust the results: say what to do, and repeat the line where a person finds it.
        log.say(
            f"cannot write {layout.message}: {error.strerror}. The kernel cannot verify the results without it: "
            f"run the image as a user who may write there. It would have said: {line.strip()}"
        )
        return code or 73
    return code


def read_manifest(layout: Layout, digest: str) -> Any:
    """The manifest, once it is known to be the one that the request pins."""
    path = layout.bundle + "/manifest.json"
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise Refused("IntegrityError", f"{path} cannot be read: {error.strerror}. Send the cell again.") from None
    found = hashlib.sha256(data).hexdigest()
    if found != digest:
        raise Refused(
            "IntegrityError",
            f"{path} is not the one that the request pins: its SHA-256 is {found}, expected {digest}. "
            "Nothing was executed. Send the cell again.",
        )
    manifest = json.loads(data)
    if manifest.get("format") != 1:
        raise Refused("IntegrityError", f"{path} has format {manifest.get('format')!r}; this worker reads format 1.")
    return manifest


def _run(manifest: Any, layout: Any, log: Any, events: Any, signals: Any, outcome: Any, started: Any) -> int:
    wanted = []
    for group in (*manifest.get("groups", ()), *(manifest.get("handed") or ())):
        what = "variable " + ", ".join(repr(name) for name in group["names"])
        wanted += [(what, group["stream"])] + [(what, blob) for blob in group["buffers"]]
    wanted += [(f"file {file['path']!r}", file["blob"]) for file in manifest.get("files", ())]
    buffers = read_values(manifest, layout, log, signals, wanted)
    if buffers is None:
        return stopped_early(outcome)
    lay_out_files(manifest, layout, buffers)
    if manifest.get("requirements"):
        from . import layer

        outcome["layer"] = layer.provide(manifest, layout, log)
    timeout = manifest.get("timeout")
    # The service's clock began before ours (image, downloads), so ours rings early.
    deadline = None if not timeout else started + timeout - min(60.0, max(1.0, 0.1 * timeout))
    kills = usage.oom_kills()
    supervisor = Supervisor(log, events, signals, usage.Sampler(layout.work).sample, deadline)

    def child(pipes: Any) -> int:
        from .child import main

        return main(manifest, layout, buffers, pipes)

    if signals.stop is not None:
        return stopped_early(outcome)
    ending = supervisor.run(child, forked=buffers.clear)
    outcome["usage"] = {"cpu": round(ending.cpu, 6), "peak_memory": ending.peak}
    if ending.report is None:
        return _dead(ending, outcome, usage.oom_kills() - kills, log)
    outcome.update(ending.report)
    return _code(ending, outcome)


def read_values(manifest: Any, layout: Any, log: Any, signals: Any, wanted: Any) -> Any:
    """The verified content of the blobs; None when the job was stopped while it waited for them."""
    if not manifest.get("fetch"):
        return blobs.read(layout.blobs, wanted)
    from .fetch import Late, Stopped

    log.say("the data is still being sent: it is read as it comes")
    try:
        return blobs.read(layout.blobs, wanted, Late(manifest["fetch"], lambda: signals.stop is not None))
    except Stopped:
        return None


def stopped_early(outcome: dict[str, object]) -> int:
    """The job was told to stop before the cell began."""
    outcome["state"] = "stopped"
    outcome["error"] = error_of("KeyboardInterrupt", "stopped before the cell began", 143)
    return 143


def _code(ending: Ending, outcome: dict[str, object]) -> int:
    error = outcome.get("error")
    if ending.reason and outcome["state"] != "completed":
        outcome["state"] = "stopped"
        if isinstance(error, dict) and ending.reason == "timeout":
            error["message"] = (
                "the maximum runtime was nearly reached, so the worker interrupted the cell and saved what was ready. "
                "Give it more with --timeout or --max-cost, or let the cell do less"
            )
        return 143 if ending.reason == "stopped" else 124
    if outcome["state"] == "completed":
        return 0
    return int(error.get("exit_code") or 1) if isinstance(error, dict) else 1


def _dead(ending: Ending, outcome: dict[str, object], kills: int, log: ContainerLog) -> int:
    """The child died without a report: say what is known of why."""
    if ending.reason:
        outcome["state"] = "stopped"
        what = "the job was stopped" if ending.reason == "stopped" else "the maximum runtime was nearly reached"
        message = f"{what}, and the cell did not end when it was interrupted; it was killed and its results are lost"
        code = 143 if ending.reason == "stopped" else 124
    elif ending.signal:
        outcome["state"] = "killed"
        message, code = usage.death(ending.signal, ending.peak, kills), ending.code
    else:
        outcome["state"] = "killed"
        code = ending.code or 1  # the cell did not complete, whatever code it gave
        message = (
            f"the cell ended its own process with exit code {ending.code} (os._exit or the like); its results are lost"
        )
    log.say(message)
    outcome["error"] = error_of(
        "JobStopped" if ending.reason else "JobFailed", message, code, module="nbprocess.errors"
    )
    return code


def error_of(kind: str, message: str, code: int, module: str = "builtins") -> dict[str, object]:
    """An error of the worker itself, in the shape of the outcome's ``error``."""
    return {
        "type": kind,
        "module": module,
        "message": message,
        "traceback": [f"{kind}: {message}"],
        "value": None,
        "frames": [],
        "exit_code": code,
    }


def lay_out_files(manifest: Any, layout: Layout, buffers: Any) -> None:
    """Write the notebook's files below the cell's current directory."""
    folder = layout.notebook
    os.makedirs(folder, exist_ok=True)
    for file in manifest.get("files", ()):
        path = os.path.normpath(file["path"])
        if os.path.isabs(path) or path.split(os.sep)[0] == os.pardir:
            raise Refused(
                "IntegrityError", f"file {file['path']!r} of the manifest lies outside the notebook's folder."
            )
        target = f"{folder}/{path}"
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as out:
            out.write(buffers[blobs.key(file["blob"])])
        os.chmod(target, int(file.get("mode", 0o644)) & 0o777)


def versions() -> dict[str, object]:
    """The interpreter; the child adds the packages that the cell used."""
    return {"python": list(sys.version_info[:3]), "packages": {}, "platform": sys.platform}
