"""The digest that tells whether an array changed: every byte, every place, no matter how long."""

from __future__ import annotations

import gc
import io
import weakref

import pytest

from nbprocess.worker import wire
from nbprocess.worker.wire.fingerprint import content

np = pytest.importorskip("numpy")


@pytest.mark.parametrize("size", [1 << 16, (1 << 16) + 7, 1_000_003])
def test_any_byte_that_changes_is_seen(size):
    data = np.random.default_rng(1).integers(0, 256, size, np.uint8)
    before = content(memoryview(data))
    assert content(memoryview(data.copy())) == before
    seen = {before}
    for place in [0, 1, 8, size // 2, size - 1, size - 9]:
        for bit in (1, 128):
            data[place] ^= bit
            seen.add(content(memoryview(data)))
            data[place] ^= bit
    assert len(seen) == 13 and content(memoryview(data)) == before


def test_signs_that_change_together_are_seen():
    data = np.random.default_rng(2).random(100_000)
    seen = {content(memoryview(data).cast("B"))}
    for first in range(0, 100_000, 500):
        other = data.copy()
        other[[first, first + 77]] *= -1
        seen.add(content(memoryview(other).cast("B")))
    assert len(seen) == 201


def test_what_changes_its_place_is_seen():
    data = np.arange(200_000, dtype=np.uint64)
    before = content(memoryview(data).cast("B"))
    for first, second in [(0, 1), (5, 5 + (1 << 15)), (0, 199_999)]:
        data[[first, second]] = data[[second, first]]
        assert content(memoryview(data).cast("B")) != before
        data[[first, second]] = data[[second, first]]
    for block in range(0, 1 << 16, 1 << 15):  # whole blocks too
        other = np.roll(data, block or 1)
        assert content(memoryview(other).cast("B")) != before
    zeros, ones = np.zeros(100_000, np.uint64), np.full(100_000, 1 << 63, np.uint64)
    assert content(memoryview(zeros).cast("B")) != content(memoryview(ones).cast("B"))


def test_a_changed_array_and_frame_are_found():
    pd = pytest.importorskip("pandas")
    array, frame = np.zeros(300_000), pd.DataFrame({"a": np.zeros(300_000), "b": ["x"] * 300_000})
    blobs = []

    def put(buffer):
        blobs.append(bytearray(buffer))
        return {"size": len(buffer), "chunks": [len(blobs) - 1]}

    dumped = wire.dump({"array": array, "frame": frame}, put=put)
    loaded = wire.load(dumped.groups, get=lambda blob: blobs[blob["chunks"][0]], namespace={})
    before = wire.snapshot(loaded.memo)
    assert not wire.changes(before).patches
    loaded.values["array"][299_999] = 1
    loaded.values["frame"].loc[299_999, "a"] = 1
    assert sorted(wire.changes(before).names) == ["array", "frame"]


def test_a_dump_lets_go_of_its_stream_and_keeps_its_objects():
    class Mark:
        pass

    there = streams_in_memory()
    mark = Mark()
    gone = weakref.ref(mark)
    streams = []

    def put(buffer):
        streams.append(buffer)
        return {"size": len(buffer), "chunks": []}

    value = ["x" * 50_000, {"n": 1}]
    dumped = wire.dump({"value": value, "other": [mark.__dict__]}, put=put)
    del mark
    gc.collect()
    assert gone() is None
    streams.clear()
    assert streams_in_memory() == there, "the numbers of the objects are kept, the bytes are not"
    assert any(item is value for item in dumped.memo.objects)
    assert [name for _, name in dumped.memo.owners] == ["value", "other"]
    assert len(dumped.memo.objects) == len(dumped.memo.objects)


def streams_in_memory():
    # By type, not isinstance: objects that other tests left may run code, or raise, when they are asked for __class__.
    streams = [o for o in gc.get_objects() if type(o) is io.BytesIO]
    return sum(not o.closed and o.getbuffer().nbytes >= 50_000 for o in streams)


def test_columns_that_look_read_only_are_not_copied_and_come_back_writeable():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"when": pd.date_range("2020", periods=200_000, freq="s"), "x": np.arange(200_000.0)})
    addresses, blobs = [], []

    def put(buffer):
        view = memoryview(buffer)
        if len(view) >= 1_000_000:
            addresses.append(np.frombuffer(view, np.uint8).__array_interface__["data"][0])
        blobs.append(bytearray(view))
        return {"size": len(view), "chunks": [len(blobs) - 1]}

    dumped = wire.dump({"frame": frame}, put=put)
    own = {frame[name].array._ndarray.__array_interface__["data"][0] for name in frame}
    assert set(addresses) == own
    back = wire.load(dumped.groups, get=lambda blob: blobs[blob["chunks"][0]], namespace={}).values["frame"]
    pd.testing.assert_frame_equal(back, frame)
    back.loc[0, "x"] = 5.0
    back.loc[1, "when"] = pd.Timestamp("1999-01-01")
    assert back["x"][0] == 5.0 and back["when"][1].year == 1999
    assert frame["when"][1].year == 2020
