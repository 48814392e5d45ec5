"""Cells in the background: "Run all" gives what it gives in place, and nobody's change is lost without a word."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

import nbprocess

from .live_kernel import Kernel

# Not a function of the notebook, so that the cell's text does not show that it changes its argument.
HIDDEN = """
import pathlib
pathlib.Path('hidden.py').write_text('def touch(values):\\n    values.append("job")\\n')
import hidden
"""
WAITS = "import pathlib, time\nwhile not pathlib.Path({go!r}).exists():\n    time.sleep(0.02)\n"


FIND = """
background = next(c.__self__ for c in get_ipython().events.callbacks['pre_run_cell'] if hasattr(c.__self__, 'find'))
"""
ENDS = "open({go!r}, 'w').close()\njob.wait(60)\nimport time\nwhile background.find(job.name):\n    time.sleep(0.02)"


def test_a_cell_that_reads_an_input_that_is_changed_waits(kernel: Kernel) -> None:
    kernel.ok("data, table, other = [1], {'a': [1]}, [0]")
    kernel.ok("%%processing --background\nimport time\ntime.sleep(1)\ndata.append(2)\ntable['a'].append(3)\nlen(other)")
    start = time.monotonic()
    ran = kernel.ok("print(other)")
    assert ran.stdout == "[0]\n" and "Waiting" not in ran.stream("stderr") and time.monotonic() - start < 1
    ran = kernel.ok("print(data, table)")
    assert ran.stdout == "[1, 2] {'a': [1, 3]}\n"
    assert "Waiting for data, table of the background job" in ran.stream("stderr")


def test_a_cell_that_asks_a_job_how_it_is_waits_for_nothing(kernel: Kernel) -> None:
    kernel.ok("import nbprocess\nasked = nbprocess.submit('pass', {}, timeout='5m')\nasked.namespace = globals()")
    kernel.ok("%%processing --background --name asks-nothing\nimport time\ntime.sleep(2)\npending = 1")
    assert "Waiting" not in kernel.ok("asked.status").stream("stderr")
    assert "Waiting for pending" in kernel.ok("pending").stream("stderr")


def test_what_both_ends_changed_is_kept_twice_and_told(kernel: Kernel, tmp_path: Path) -> None:
    go = str(tmp_path / "go")
    kernel.ok(HIDDEN + FIND + "values = [1]\nalias = values")
    kernel.ok("%%processing --background --name both-ends\n" + WAITS.format(go=go) + "hidden.touch(values)")
    kernel.ok("job = background.find('both-ends')")
    kernel.ok("values.append('here')")
    kernel.ok(ENDS.format(go=go))
    assert kernel.value("values, alias is values, job.values['values']") == "([1, 'here'], True, [1, 'job'])"
    assert "`values` was changed in place both here and by the job" in kernel.value("job.state().notices")


def test_a_change_that_the_text_did_not_show_is_told_when_a_cell_has_seen_the_old_state(
    kernel: Kernel, tmp_path: Path
) -> None:
    go = str(tmp_path / "go")
    kernel.ok(HIDDEN + FIND + "looked_at, left_alone = [1], [1]")
    kernel.ok(
        "%%processing --background --name unforeseen\n"
        + WAITS.format(go=go)
        + "hidden.touch(looked_at); hidden.touch(left_alone)"
    )
    kernel.ok("job = background.find('unforeseen')")
    assert kernel.ok("print(looked_at)").stdout == "[1]\n"
    kernel.ok(ENDS.format(go=go))
    assert kernel.value("looked_at, left_alone") == "([1, 'job'], [1, 'job'])"
    said = kernel.value("job.state().notices")
    assert "looked_at: changed in place by the job; cells that ran here meanwhile saw the old state" in said
    assert "left_alone" not in said


def test_following_a_job_draws_no_random_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    job = nbprocess.submit("import time\ntime.sleep(0.5)", {}, backend="local")
    here = random.getstate()
    while not job.done():  # the watcher follows it, with pauses that vary
        time.sleep(0.02)
    job.load()
    assert random.getstate() == here


@pytest.mark.parametrize("draws_here", [False, True])
def test_a_random_state_that_moved_here_is_left_as_it_is(
    draws_here: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    random.seed(5)
    job = nbprocess.submit("import random\ndrawn = random.random()", {"random": random}, backend="local")
    if draws_here:
        random.random()
    here = random.getstate()
    job.result(60)
    told = any("left as here: random" in notice for notice in job.state().notices)
    assert (random.getstate() == here) == draws_here == told


@pytest.mark.parametrize("changes_here", [False, True])
def test_through_python_too(changes_here: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np = pytest.importorskip("numpy")
    names = {"rows": [{"n": 1}, {"n": 2}], "array": np.zeros(3), "idle": [1]}
    rows, array, idle = names["rows"], names["array"], names["idle"]
    job = nbprocess.submit("rows[0]['n'] = 10\narray[1] = 5\nsame = idle", names, backend="local")
    if changes_here:
        rows.append("here")
        array[0] = 7
        idle.append("here")
    job.result(60)
    assert names["rows"] is rows and names["array"] is array and names["same"] is idle
    state = {v.name: v.status for v in job.variables()}
    if not changes_here:
        assert rows == [{"n": 10}, {"n": 2}] and array.tolist() == [0, 5, 0]
        assert (state["rows"], state["array"]) == ("updated", "updated")
        return
    assert rows == [{"n": 1}, {"n": 2}, "here"] and array.tolist() == [7, 0, 0] and idle == [1, "here"]
    assert job.values["rows"] == [{"n": 10}, {"n": 2}] and job.values["array"].tolist() == [0, 5, 0]
    assert (state["rows"], state["array"]) == ("kept", "kept")
    said = "\n".join(job.state().notices)
    assert "`rows` was changed in place both here and by the job" in said and "`array` was" in said


def test_a_job_that_another_kernel_started_is_attached_by_the_job_browser(kernel: Kernel, tmp_path: Path) -> None:
    go, name = str(tmp_path / "go"), f"attached-{tmp_path.name[-1]}"
    kernel.ok(FIND + f"from nbprocess.browse import source\nimport nbprocess\nname = {name!r}")
    kernel.ok(f"nbprocess.submit({WAITS.format(go=go) + 'brought = 42'!r}, {{}}, backend='local', name=name)")
    kernel.ok("jobs = source()\njobs.refresh()")
    assert kernel.value("'attach' in jobs.actions(name)") == "True"
    assert "its results come into this notebook" in kernel.value("jobs.act('attach', name)")
    assert kernel.value("'attach' in jobs.actions(name)") == "False"  # once is enough
    kernel.ok(f"import threading\nthreading.Timer(0.5, open, ({go!r}, 'w')).start()")
    waited = kernel.ok("brought")
    assert waited.result == "42" and f"Waiting for brought of the background job {name}" in waited.stream("stderr")
