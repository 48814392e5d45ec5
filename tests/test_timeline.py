"""The phases of a job: in order, with the times of the platform and of the worker, also for who attaches later."""

from __future__ import annotations

import time

import nbprocess
from nbprocess import backends
from nbprocess.timeline import Timeline


def test_phases_follow_one_another_and_never_turn_back():
    line = Timeline()
    assert line.phase == "waiting" and line() == ()
    line.enter("packing", 10.0)
    line.enter("uploading", 11.0)
    line.enter("waiting", 9.0)  # a clock that is behind ours
    line.enter("running", 15.0)
    line.enter("starting", 14.0)
    line.enter("running", 99.0)
    assert [(p.phase, p.start, p.end) for p in line()] == [
        ("packing", 10.0, 11.0),
        ("uploading", 11.0, 11.0),
        ("waiting", 11.0, 15.0),
        ("running", 15.0, None),
    ]


def test_after_the_end_only_what_happens_here_follows():
    line = Timeline()
    line.enter("running", 10.0)
    line.end(12.0)
    line.enter("saving", 13.0)
    assert [(p.phase, p.end) for p in line()] == [("running", 12.0)]
    line.enter("loading", 50.0)
    line.enter("done", 51.0)
    assert [(p.phase, p.start, p.end) for p in line()][1:] == [("loading", 50.0, 51.0), ("done", 51.0, 51.0)]


def test_a_real_job_shows_each_phase_here_and_after_attaching(tmp_path, monkeypatch):
    monkeypatch.setenv("NBPROCESS_HOME", str(tmp_path / "home"))
    backends.get.cache_clear()
    before = time.time()
    job = nbprocess.submit("import time\ntime.sleep(0.7)", {}, backend="local", name="in-phases")
    assert job.result(60) is None
    here = job.state()
    assert [p.phase for p in here.phases] == [
        "packing",
        "uploading",
        "waiting",
        "starting",
        "running",
        "saving",
        "loading",
        "done",
    ]
    assert before <= here.created == here.phases[0].start <= time.time()
    starts = [p.start for p in here.phases]
    assert starts == sorted(starts) and all(p.end is not None for p in here.phases)
    time.sleep(0.3)
    there = nbprocess.attach("in-phases", "local").state()
    assert [p.phase for p in there.phases] == [p.phase for p in here.phases[:-2]], "nothing was loaded there"
    for one, other in zip(there.phases, here.phases, strict=False):
        assert abs(one.start - other.start) < 0.25, (one, other)
    spent = {p.phase: (p.end or 0) - p.start for p in there.phases}
    assert spent["running"] > 0.65, "the worker's own times, not those of who looks"
    assert there.phases[-1].end == there.ended


def test_a_script_runs_from_the_platforms_start(tmp_path, monkeypatch):
    monkeypatch.setenv("NBPROCESS_HOME", str(tmp_path / "home"))
    backends.get.cache_clear()
    script = tmp_path / "hello.sh"
    script.write_text("sleep 0.2; echo hello")
    job = nbprocess.submit_script(script, backend="local")
    job.wait(60)
    state = job.state()
    assert [p.phase for p in state.phases] == ["packing", "uploading", "waiting", "running"]
    assert state.phases[-1].start == state.started and state.phases[-1].end == state.ended
