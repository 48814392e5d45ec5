"""Runs notebooks in place, and once more with a part of their cells offloaded, and prints what differs: JSON in, JSON out.

A job here is the worker's own ``child.Cell`` in a process that was forked before the first cell: plan, capture, wire, worker
and results are those of any job; store, backend and parent are left out, so that a cell takes a tenth of a second.
Run as a script, since it forks, and replaces ``__main__``.
"""

from __future__ import annotations

import builtins
import contextlib
import io
import json
import multiprocessing
import os
import random
import sys
import tempfile
import types
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nbprocess.capture import make_cell
from nbprocess.errors import CaptureError
from nbprocess.options import resolve
from nbprocess.plan import Context, prepare
from nbprocess.results import Results
from nbprocess.testing.fidelity.compare import states
from nbprocess.testing.fidelity.walk import Walk
from nbprocess.worker import blobs, child, runner

_fork = multiprocessing.get_context("fork")
_SECONDS = 60
_UNTOLD = ("zip_longest", "takewhile", "list_iterator")
"""Iterators at whose end it is chance what they say of themselves."""


def _start(work: Any, *arguments: Any) -> tuple[Any, Any]:
    """A process that does ``work`` with its end of a pipe, and our end."""
    ours, theirs = _fork.Pipe()
    process = _fork.Process(target=work, args=(theirs, *arguments), daemon=work is _job)
    process.start()
    theirs.close()
    return ours, process


def _answer(pipe: Any, process: Any) -> Any:
    try:
        return pipe.recv() if pipe.poll(_SECONDS) else None
    except EOFError:
        return None
    finally:
        process.join(5)
        process.kill()


def _namespace() -> dict[str, Any]:
    module = types.ModuleType("__main__")
    module.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = module
    random.seed(1), np.random.seed(1)
    return module.__dict__


def _run(work: Any) -> tuple[str, str]:
    """What is printed, and the error as text."""
    printed, error = io.StringIO(), ""
    with contextlib.redirect_stdout(printed):
        try:
            work()
        except Exception as raised:
            error = f"{type(raised).__name__}: {raised}"
    return printed.getvalue(), error


def _in_place(namespace: dict[str, Any], source: str, number: int) -> tuple[str, str]:
    return _run(lambda: runner.execute(runner.Program(source, _file(number), 1, 0, "none"), namespace))


def _file(number: int) -> str:
    return f"/tmp/ipykernel_1/{number}.py"


def _state(namespace: dict[str, Any]) -> dict[str, str]:
    walk = Walk()
    for name, value in sorted(namespace.items()):
        if not name.startswith("_"):
            walk.root(name, type(value) if type(value).__name__ in _UNTOLD else value)
    return walk.table()


class _Channel:
    """Takes what a worker would send to its parent."""

    widgets = pictures = 0

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments, **options: contextlib.nullcontext()


def _job(pipe: Any, folder: str) -> None:
    """The far end: waits for a manifest and its buffers, runs the cell, and gives what the worker saved."""
    if not pipe.poll(2 * _SECONDS):
        return  # nobody needs it any more
    manifest, buffers = pipe.recv()
    layout: Any = types.SimpleNamespace(
        root=folder, out=f"{folder}/out", work=f"{folder}/work", notebook=f"{folder}/notebook"
    )
    for path in (f"{layout.out}/blobs", layout.work, layout.notebook):
        os.makedirs(path)
    channel: Any = _Channel()
    cell = child.Cell(manifest, layout, buffers, channel)
    raised: list[BaseException] = []

    def work() -> None:
        try:
            cell.prepare()
            cell.run(cell.begin())
        except BaseException as error:
            raised.append(error)
            raise

    printed, error = _run(work)
    report = cell.save(raised[0] if raised else None)
    saved = {path.name: path.read_bytes() for path in Path(layout.out, "blobs").iterdir()}
    pipe.send((report, saved, printed, error))


class _Outcome:
    """What came back, read from memory."""

    def __init__(self, data: Any, saved: dict[str, bytes]) -> None:
        self.data, self._saved = {"groups": [], "variables": {}, **data}, saved

    def reader(self, progress: Any = None) -> Any:
        def get(blob: Any) -> bytearray:
            return bytearray(b"".join(self._saved[chunk] for chunk in blob["chunks"]))

        return types.SimpleNamespace(get=get, prefetch=lambda *arguments: None)


def _offload(namespace: dict[str, Any], source: str, number: int, far: Any) -> tuple[str, str, str]:
    """What is printed, the error, and what is said to the person."""
    cell = make_cell(source, filename=_file(number), execution_count=number + 1)
    here = Path.cwd()
    plan = prepare(cell, namespace, resolve({}, {}, here), Context(folder=here))
    buffers = {}
    for index, (blob, view) in enumerate(plan.pending.items):
        blob["chunks"] = [str(index)]
        buffers[blobs.key(blob)] = bytearray(view)
    far[0].send((plan.manifest, buffers))
    report, saved, printed, error = _answer(*far)
    job: Any = types.SimpleNamespace(
        name="job", memo=plan.dumped.memo, before=None, values={}, namespace=namespace, bound=plan.bound, folder=None
    )
    job.__dict__.update(transferring=lambda *a: None, ambient=plan.capture.ambient, alone=True, store=None)
    outcome: Any = _Outcome(report, saved)
    results = Results({"algo-1": outcome})
    results.load(job, namespace)
    lost = [f"{known.name}: {known.reason}" for known in results.variables() if known.status == "failed"]
    return printed, error, "\n".join([*plan.notices, *results.notices, *lost])


def _notebook(pipe: Any, cells: list[tuple[str, bool]], folder: str) -> None:
    """All cells; those that are offloaded in processes that were forked before any of them ran."""
    os.makedirs(f"{folder}/home")
    os.chdir(f"{folder}/home")
    fars = [_start(_job, f"{folder}/{number}") if away else None for number, (_, away) in enumerate(cells)]
    namespace, gave = _namespace(), []
    for number, ((source, _), far) in enumerate(zip(cells, fars, strict=True)):
        printed, error, said = "", "", ""
        try:
            if far is None:
                printed, error = _in_place(namespace, source, number)
            else:
                printed, error, said = _offload(namespace, source, number, far)
        except CaptureError:  # it says why; the person runs it here
            printed, error = _in_place(namespace, source, number)
        gave.append((printed, error, _state(namespace), said))
    pipe.send(gave)


def differing(cells: list[tuple[str, bool]]) -> list[str]:
    """What differs after the first cell in which something does, but for what was said."""
    with tempfile.TemporaryDirectory() as folder:
        ways = [[(source, False) for source, _ in cells], cells]
        started = [_start(_notebook, way, f"{folder}/{number}") for number, way in enumerate(ways)]
        plain, mixed = (_answer(*one) for one in started)
    if plain is None or mixed is None:
        return [f"it did not end {'in place' if plain is None else 'offloaded'}"]
    for number, (one, other) in enumerate(zip(plain, mixed, strict=True)):
        found = [f"{a!r} | {b!r}" for a, b in zip(one[:2], other[:2], strict=True) if a != b]
        table = states(one[2], one[2], other[2], other[3])
        found += [f"{d.where}: {d.in_place} | {d.offloaded}" for d in table if "<traceback>" not in d.where]
        if found:
            return [] if other[3] else [f"cell {number}: {line}" for line in found[:6]]
    return []


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    home, warm = Path.cwd(), _namespace()
    warm.update(one=[1], frame=pd.DataFrame({"x": [1.0]}))
    prepare(make_cell("two = one, frame"), warm, resolve({}, {}, home), Context(folder=home))  # what is looked up once
    print(json.dumps([differing(program) for program in json.load(sys.stdin)]))
