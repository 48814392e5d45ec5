"""Buffers become blobs and come back: deduplicated, verified, within little memory."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading

import pytest

from nbprocess.bundle.blobs import CHUNK, BlobReader, BlobWriter, CountingWriter
from nbprocess.bundle.stores import DirectoryStore, MissingKey
from nbprocess.errors import IntegrityError, StoreError


@pytest.fixture
def store(tmp_path):
    return DirectoryStore(tmp_path / "bucket", "s3://bucket")


@pytest.mark.parametrize("size", [0, 1, 1000, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 17])
def test_a_buffer_comes_back_as_it_was(store, size):
    data = os.urandom(size)
    with BlobWriter(store) as writer:
        blob = writer.put(data)
    assert blob["size"] == size
    assert blob["chunks"] == [hashlib.sha256(data[n : n + CHUNK]).hexdigest() for n in range(0, size, CHUNK)]
    assert bytes(BlobReader(store).get(blob)) == data


def test_what_comes_back_can_be_written_to(store):
    with BlobWriter(store) as writer:
        blob = writer.put(bytes(CHUNK + 5))
    buffer = BlobReader(store).get(blob)
    buffer[CHUNK] = 7
    assert buffer[CHUNK] == 7


def test_arrays_of_any_contiguous_layout_are_taken_without_a_copy_of_ours(store):
    numpy = pytest.importorskip("numpy")
    array = numpy.arange(12.0).reshape(3, 4)
    with BlobWriter(store) as writer:
        rows, columns = writer.put(array), writer.put(numpy.asfortranarray(array))
    assert bytes(BlobReader(store).get(rows)) == array.tobytes("C")
    assert bytes(BlobReader(store).get(columns)) == array.tobytes("F")


def test_unchanged_data_is_not_written_again(store):
    data = os.urandom(3 * CHUNK)
    with BlobWriter(store) as writer:
        first = writer.put(data)
    assert (writer.new_bytes, writer.reused_bytes) == (3 * CHUNK, 0)
    with BlobWriter(store) as writer:
        assert writer.put(data) == first
    assert (writer.new_bytes, writer.reused_bytes) == (0, 3 * CHUNK)


def test_appended_data_sends_the_last_chunk_only(store):
    data = os.urandom(3 * CHUNK + 100)
    with BlobWriter(store) as writer:
        writer.put(data)
    with BlobWriter(store) as writer:
        writer.put(data + b"more")
    assert writer.new_bytes == 104


def test_a_chunk_that_occurs_often_is_written_once(store):
    with BlobWriter(store) as writer:
        writer.put(bytes(20 * CHUNK))
    assert writer.new_bytes == CHUNK
    assert len(list(store.list("blobs/"))) == 1


def test_data_this_process_knows_is_written_to_a_store_that_lacks_it(tmp_path):
    data = os.urandom(2 * CHUNK)
    for name in ("one", "two"):
        store = DirectoryStore(tmp_path / name, f"s3://{name}")
        with BlobWriter(store) as writer:
            blob = writer.put(data)
        assert writer.new_bytes == len(data)
        assert bytes(BlobReader(store).get(blob)) == data


def test_a_dry_run_counts_and_writes_nothing(store, tmp_path):
    known, new = os.urandom(CHUNK), os.urandom(CHUNK)
    with BlobWriter(store) as writer:
        writer.put(known)
    before = sorted(store.list())
    with CountingWriter(store) as writer:
        writer.put(known + new)
    assert (writer.new_bytes, writer.reused_bytes) == (CHUNK, CHUNK)
    assert sorted(store.list()) == before


def test_a_damaged_chunk_is_refused_by_name(store):
    data = os.urandom(2 * CHUNK)
    with BlobWriter(store) as writer:
        blob = writer.put(data)
    bad = store.path(f"blobs/{blob['chunks'][1]}")
    bad.write_bytes(b"x" + bad.read_bytes()[1:])
    with pytest.raises(IntegrityError, match=f"{blob['chunks'][1]} is damaged.*needed for df.*run the cell again"):
        BlobReader(store).get(blob, "df")


def test_a_truncated_and_a_missing_chunk_are_told_apart(store):
    with BlobWriter(store) as writer:
        blob = writer.put(os.urandom(CHUNK))
    chunk = store.path(f"blobs/{blob['chunks'][0]}")
    os.truncate(chunk, 10)
    with pytest.raises(IntegrityError, match="but 10 bytes"):
        BlobReader(store).get(blob)
    chunk.unlink()
    with pytest.raises(MissingKey, match="is not in the store"):
        BlobReader(store).get(blob)


@pytest.mark.parametrize(
    "blob",
    [
        None,
        {"size": 10},
        {"size": -1, "chunks": []},
        {"size": 10, "chunks": []},
        {"size": 10, "chunks": ["../../etc/passwd"]},
        {"size": CHUNK + 1, "chunks": ["a" * 64]},
        {"size": 1, "chunks": ["A" * 64]},
        {"size": True, "chunks": ["a" * 64, 3]},
    ],
)
def test_a_malformed_description_is_refused_before_anything_is_allocated(store, blob):
    with pytest.raises(IntegrityError, match="malformed"):
        BlobReader(store).get(blob)


class ChangingStore(DirectoryStore):
    """Changes the source after its first chunk was written: what another thread of the notebook may do."""

    source: bytearray

    def put(self, key, data):
        super().put(key, data)
        self.source[0] = (self.source[0] + 1) % 256


def test_a_buffer_that_changes_while_it_is_sent_is_an_error(tmp_path):
    pytest.importorskip("xxhash")
    store = ChangingStore(tmp_path / "bucket", "s3://bucket")
    store.source = bytearray(os.urandom(8 * CHUNK))
    with pytest.raises(StoreError, match="df was changed by another thread"), BlobWriter(store, threads=1) as writer:
        writer.put(store.source, "df")
    for key, _ in store.list("blobs/"):
        assert hashlib.sha256(store.get(key)).hexdigest() == key.partition("/")[2]


def test_many_writers_at_once_leave_whole_blobs(store):
    data = os.urandom(4 * CHUNK)
    blobs = []

    def write():
        with BlobWriter(store) as writer:
            blobs.append(writer.put(data))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(blobs) == 4 and all(blob == blobs[0] for blob in blobs)
    assert bytes(BlobReader(store).get(blobs[0])) == data
    assert not [path for path in store.root.rglob("*-part")]


def test_the_first_error_of_a_thread_is_raised(store):
    class FullStore(DirectoryStore):
        def put(self, key, data):
            raise StoreError("the disk is full")

    full = FullStore(store.root, store.uri)
    with pytest.raises(StoreError, match="disk is full"), BlobWriter(full) as writer:
        writer.put(os.urandom(3 * CHUNK))


def test_progress_ends_at_the_total(store):
    seen = []
    with BlobWriter(store, progress=lambda done, total, what: seen.append((done, total, what))) as writer:
        writer.put(os.urandom(2 * CHUNK + 1), "df")
    assert max(seen) == (2 * CHUNK + 1, 2 * CHUNK + 1, "df")


def test_blobs_that_were_fetched_ahead_are_the_same(store):
    data = [os.urandom(size) for size in (10, CHUNK + 1, 0, 10)]
    with BlobWriter(store) as writer:
        blobs = [writer.put(piece) for piece in [*data, data[0]]]
    reader = BlobReader(store)
    reader.prefetch(blobs)
    got = [reader.get(blob) for blob in blobs]
    assert [bytes(buffer) for buffer in got] == [*data, data[0]]
    got[0][0] ^= 1
    assert bytes(got[4]) == data[0], "two values never share a buffer"
    assert reader.read_bytes == reader.total_bytes == sum(map(len, data)) + 10


class Crowd(DirectoryStore):
    """A far store that answers when so many ask at the same time."""

    def __init__(self, root, many):
        super().__init__(root, "s3://far")
        self.barrier = threading.Barrier(many, timeout=20)

    def path(self, key):
        return None

    def put(self, key, data):
        self.barrier.wait()
        super().put(key, data)

    def read_into(self, key, buffer, offset=0):
        self.barrier.wait()
        return super().read_into(key, buffer, offset)


def test_a_machine_with_many_processors_has_many_connections(tmp_path, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 16)
    data = os.urandom(32 * 1000)
    monkeypatch.setattr("nbprocess.bundle.blobs.CHUNK", 1000)
    monkeypatch.setattr("nbprocess.bundle.reading.CHUNK", 1000)
    monkeypatch.setattr("nbprocess.bundle.chunks.CHUNK", 1000)
    with BlobWriter(Crowd(tmp_path, 14)) as writer:  # 14 chunks of 4 MiB: within the 64 MB that sending may take
        blob = writer.put(data[:14000])
    assert bytes(BlobReader(Crowd(tmp_path, 14)).get(blob)) == data[:14000]
    with BlobWriter(DirectoryStore(tmp_path, "s3://far")) as writer:
        blob = writer.put(data)
    assert bytes(BlobReader(Crowd(tmp_path, 32)).get(blob)) == data


def test_a_fault_in_what_was_fetched_ahead_is_raised_by_its_get(store):
    with BlobWriter(store) as writer:
        good, bad = writer.put(b"good"), writer.put(os.urandom(2 * CHUNK))
    store.delete(f"blobs/{bad['chunks'][1]}")
    reader = BlobReader(store)
    reader.prefetch([good, bad])
    assert bytes(reader.get(good)) == b"good"
    with pytest.raises(MissingKey):
        reader.get(bad)


MEMORY = """
import sys
from nbprocess.bundle.blobs import BlobReader, BlobWriter
from nbprocess.bundle.stores import DirectoryStore

def status(field):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith(field))

data = bytearray(160 << 20)
for n in range(0, len(data), 4 << 20):
    data[n] = n >> 22  # every chunk another one
store = DirectoryStore(sys.argv[1], "s3://bucket")
with BlobWriter(store) as writer:  # loads what is loaded once
    writer.put(b"warm")
before = status("VmRSS")
with BlobWriter(store) as writer:
    blob = writer.put(data)
put = status("VmHWM") - before
del data[:]
before = status("VmRSS")
buffer = BlobReader(store).get(blob)
print(put, status("VmRSS") - before - 160)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="reads /proc")
def test_memory_does_not_grow_with_the_data(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(tmp_path / "b")], capture_output=True, text=True, check=True
    )
    put, get = map(float, done.stdout.split())
    assert put < 64, f"{put:.0f} MB above the payload while it was written"
    assert get < 16, f"{get:.0f} MB above the result while it was read"


def test_home_and_worker_cut_at_the_same_places():
    from nbprocess.worker import blobs as at_the_worker

    assert at_the_worker.CHUNK == CHUNK


class ChangesAnother(DirectoryStore):
    """While the second buffer is written, the first one changes."""

    first: bytearray
    second: bytearray

    def put(self, key, data):
        super().put(key, data)
        if bytes(data[:8]) == bytes(self.second[:8]):
            self.first[0] ^= 255


def test_buffers_that_belong_together_are_of_one_moment(tmp_path):
    pytest.importorskip("xxhash")
    store = ChangesAnother(tmp_path / "bucket", "s3://bucket")
    store.first, store.second = bytearray(os.urandom(1000)), bytearray(os.urandom(1000))
    with pytest.raises(StoreError, match="a was changed by another thread"), BlobWriter(store, threads=1) as writer:
        writer.put_all([(store.first, "a"), (store.second, "b"), (os.urandom(1000), "c")])
    with BlobWriter(store) as writer:
        blobs = writer.put_all([(bytes(store.first), "a"), (bytes(store.second), "b")])
    assert [bytes(BlobReader(store).get(blob)) for blob in blobs] == [store.first, store.second]


def test_what_is_read_is_private_memory_of_this_process(store):
    with BlobWriter(store) as writer:
        blob = writer.put(bytes(2 << 20))
    buffer = BlobReader(store).get(blob)
    child = os.fork()
    if not child:
        buffer[0] = 1  # as a worker of multiprocessing would, on an array of its own
        os._exit(0)
    os.waitpid(child, 0)
    assert buffer[0] == 0
