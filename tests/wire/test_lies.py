"""Objects that lie about their buffers, files that become shorter, and bytes that do not fit: refused by name."""

from __future__ import annotations

import pickle

import pytest

from nbprocess.worker import wire

np = pytest.importorskip("numpy")


def put_into(blobs):
    def put(buffer):
        blobs.append(bytearray(memoryview(buffer).cast("B")))
        return {"size": len(blobs[-1]), "chunks": [len(blobs) - 1]}

    return put


def sent(**values):
    blobs = []
    return wire.dump({**values, "fine": [1]}, put=put_into(blobs)), blobs


def loaded(dumped, blobs):
    return wire.load(dumped.groups, get=lambda blob: blobs[blob["chunks"][0]], namespace={})


def mapped(path, count=300_000):
    np.arange(count, dtype=np.float64).tofile(path)
    return np.memmap(path, np.float64, "r+", shape=(count,))


@pytest.mark.parametrize("view", [lambda a: a, lambda a: a[:1000], np.asarray, lambda a: np.asarray(a)[5:]])
def test_a_file_that_became_shorter_is_no_end_of_the_kernel(tmp_path, view):
    array = view(mapped(tmp_path / "data"))
    dumped, blobs = sent(array=array)
    assert not dumped.failed and (loaded(dumped, blobs).values["array"] == array).all()
    with open(tmp_path / "data", "r+b") as file:
        file.truncate(4096)
    dumped, blobs = sent(array=array, inside={"deep": [array]})
    assert set(dumped.failed) == {"array", "inside"}
    assert "data, which has 4096 bytes now and had at least " in str(dumped.failed["array"])
    assert dumped.failed["inside"].path.startswith("inside[")
    assert loaded(dumped, blobs).values == {"fine": [1]}


class Strided:
    """Gives a buffer that no copy-free way can send."""

    def __reduce_ex__(self, protocol):
        return bytes, (pickle.PickleBuffer(memoryview(bytes(1_000_000))[::2]),)


class Released:
    def __reduce_ex__(self, protocol):
        view = memoryview(bytearray(1_000_000))
        buffer = pickle.PickleBuffer(view)
        buffer.release()
        return bytes, (buffer,)


class Nonsense:
    def __reduce_ex__(self, protocol):
        return "no such global anywhere"


@pytest.mark.parametrize("kind", [Strided, Released, Nonsense])
def test_a_type_that_lies_spares_the_rest_and_is_named(kind):
    dumped, blobs = sent(liar=kind(), within={"x": [kind()]})
    assert set(dumped.failed) == {"liar", "within"}
    assert kind.__name__ in str(dumped.failed["liar"]) and dumped.failed["within"].path == "within['x'][0]"
    assert loaded(dumped, blobs).values == {"fine": [1]}


class Claims(np.ndarray):
    """An array whose attributes are not the truth."""

    @property
    def nbytes(self):
        return 10**15

    @property
    def shape(self):
        return (10**15,)


def test_attributes_that_are_not_the_truth_move_no_byte_too_many():
    lying = np.arange(50_000.0).view(Claims)
    dumped, blobs = sent(lying=lying)
    assert sum(map(len, blobs)) < 1_000_000
    if "lying" not in dumped.failed:
        back = loaded(dumped, blobs)
        assert "lying" in back.failed or np.ndarray.tolist(back.values["lying"]) == list(range(50_000))


@pytest.mark.parametrize("change", ["short", "long", "missing", "empty"])
def test_buffers_that_do_not_fit_are_refused_when_they_are_read(change):
    dumped, blobs = sent(array=np.arange(100_000.0))
    group = next(group for group in dumped.groups if group.buffers)
    place = group.buffers[0]["chunks"][0]
    if change == "missing":
        group.buffers.clear()
    else:
        blobs[place] = {"short": blobs[place][:-8], "long": blobs[place] + bytes(8), "empty": bytearray()}[change]
    back = loaded(dumped, blobs)
    assert "array" in back.failed and back.values == {"fine": [1]}
