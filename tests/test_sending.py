"""How far a transfer is, what a plan says of large things, and that giving up gives up."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest

from nbprocess import meter as meters
from nbprocess.meter import Meter, beside
from nbprocess.plan import Pending
from nbprocess.planparts import heaviest
from nbprocess.state import JobState, PhaseTime, Transfer
from nbprocess.views.sendingline import SendingLine


def test_a_meter_counts_and_says_it_now_and_then(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(meters.time, "monotonic", lambda: clock[0])
    said = []
    meter = Meter("up", 1000, said.append)
    meter.note(100, 100, "df")
    assert said == [], "not at once"
    clock[0] += 1
    meter.note(500, 600, "df")
    meter.note(600, 600, "")
    assert [(t.sent, t.total, t.what, t.direction) for t in said] == [(500, 1000, "df", "up")]
    assert said[0].rate == pytest.approx(500) and meter.seconds_left == pytest.approx(400 / 600)
    meter.over()
    assert said[-1] is None


def test_a_meter_that_never_spoke_stays_silent():
    said = []
    meter = Meter("down", 10, said.append)
    meter.note(10, 10, "x")
    meter.over()
    assert said == []


def test_work_goes_on_beside_the_ticks_and_its_error_is_raised():
    ticks = []
    assert beside(lambda: time.sleep(0.5) or 7, lambda: ticks.append(1)) == 7
    assert ticks
    with pytest.raises(ZeroDivisionError):
        beside(lambda: 1 // 0, lambda: None)


def test_an_interrupt_ends_the_wait_at_once_and_what_was_not_sent_is_given_up(tmp_path):
    from nbprocess.bundle.blobs import CHUNK, BlobWriter
    from nbprocess.bundle.stores import DirectoryStore

    gate = threading.Event()

    class Stuck(DirectoryStore):
        def put(self, key, data):
            gate.wait(10)
            super().put(key, data)

    store = Stuck(tmp_path, "s3://stuck")
    pending = Pending()
    for number in range(30):
        pending.put(memoryview(bytes([number]) * CHUNK))

    def interrupt():
        threading.Timer(0.2, gate.set).start()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), BlobWriter(store) as writer:
        beside(lambda: pending.write(writer), interrupt)
    assert sum(1 for _ in store.list()) < 30


def test_the_line_says_what_is_sent_and_that_it_was(capsys):
    now = time.time()
    phases = (PhaseTime("packing", now - 1, now), PhaseTime("uploading", now))
    state = JobState("my-job", "local", "InProgress", "uploading", now - 1, phases)
    line = SendingLine(state, kernel=False)
    line(Transfer("up", 10 << 20, 100 << 20, 5 << 20, "df"))
    assert capsys.readouterr().err == "", "it may be over at once"
    line._state = replace(line._state, created=now - 6, phases=(phases[0], PhaseTime("uploading", now - 5)))
    line(Transfer("up", 20 << 20, 100 << 20, 5 << 20, "df"))
    line(Transfer("up", 30 << 20, 100 << 20, 5 << 20, "df"))
    line(None)
    first, last = capsys.readouterr().err.splitlines()
    assert first.startswith("my-job · Uploading · ")
    assert first.endswith(" · 20% sending df 20.0 MiB of 100 MiB · 5.0 MiB/s · no cost")
    assert last == "nbprocess: checked and sent 100 MiB in 5 s"


def test_a_notebook_sees_the_card_while_values_are_sent(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.DisplayHandle.display", lambda self, bundle, **_: shown.append(bundle))
    monkeypatch.setattr("IPython.display.DisplayHandle.update", lambda self, bundle, **_: shown.append(bundle))
    now = time.time()
    phases = (PhaseTime("packing", now - 9, now - 5), PhaseTime("uploading", now - 5))
    line = SendingLine(JobState("my-job", "local", "InProgress", "uploading", now - 9, phases), kernel=True)
    line(Transfer("up", 25 << 20, 100 << 20, None, "<b>"))
    line(None)
    card, after = (bundle["text/html"] for bundle in shown)
    assert '<progress max="1"' in card and 'value="0.250"' in card and "sending &lt;b&gt; 25.0 MiB of 100 MiB" in card
    assert "packing 4.0 s → uploading 5." in card
    assert "checked and sent 100 MiB in 5 s" in after and "<progress" not in after


def test_the_heaviest_parts_are_found_with_the_way_to_them():
    np = pytest.importorskip("numpy")
    pd = pytest.importorskip("pandas")
    weights, frame = np.zeros(1_000_000), pd.DataFrame({"a": np.zeros(500_000)})

    class Model:
        def __init__(self):
            self.layers = [{"w": weights}, {"again": weights}]

    def train(column="a"):
        return frame[column]

    found = heaviest("model", Model(), least=1_000_000)
    assert [(part.path, part.kind, part.size) for part in found] == [("model.layers[0]['w']", "ndarray", 8_000_000)]
    found = heaviest("train", train, least=1_000_000)
    assert [(part.path, part.kind) for part in found] == [("train (closure: frame)", "DataFrame")]
    assert heaviest("frame", frame, least=1) == [] and heaviest("numbers", list(range(100)), least=1) == []
    loop = []
    loop.append(loop)
    assert heaviest("loop", loop, least=0) == []


def test_what_the_volume_cannot_hold_is_refused_before_it_is_sent():
    from nbprocess.errors import OptionError
    from nbprocess.otherend import check_volume

    request = {"ProcessingResources": {"ClusterConfig": {"VolumeSizeInGB": 30}}}
    check_volume(request, {"df": 30_000_000_000}, 30_000_000_000)
    with pytest.raises(
        OptionError, match=r"--volume 30: .* 41.0 GB of data \(`df` alone has 40.0 GB\).* Give --volume 71"
    ):
        check_volume(request, {"df": 40_000_000_000, "x": 1_000_000_000}, 41_000_000_000)
