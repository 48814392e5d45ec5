"""Chunks are packed where the link is slow and they get shorter by it, and come back as they were."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
import zlib

import pytest

from nbprocess.bundle import known
from nbprocess.bundle.blobs import CHUNK, BlobReader, BlobWriter
from nbprocess.bundle.chunks import CODECS, check_blob
from nbprocess.bundle.stores import DirectoryStore
from nbprocess.errors import IntegrityError
from nbprocess.worker import blobs as at_worker
from nbprocess.worker import packing

PLAIN = memoryview(json.dumps([{"row": n, "name": f"name {n}"} for n in range(40_000)]).encode())
RANDOM = memoryview(os.urandom(1_000_000))


class FarStore(DirectoryStore):
    """A folder that does not say that it is one, with a slow way to it."""

    def __init__(self, root, seconds=0.0):
        super().__init__(root, f"s3://{root.name}-{time.monotonic_ns()}")
        self.seconds = seconds

    def path(self, key):
        return None

    def put(self, key, data):
        time.sleep(self.seconds)
        super().put(key, data)


@pytest.mark.parametrize("codec", packing.codecs())
@pytest.mark.parametrize("data", [PLAIN, bytes(5_000_000), b"x"])
def test_what_was_packed_is_what_it_was(codec, data):
    packed = packing.pack(codec, memoryview(data))
    if len(data) < 10:
        assert packed is None, "it does not get shorter"
        return
    assert len(packed) * packing.PAYS < len(data)
    assert packing.unpack(codec, packed, len(data)) == data


@pytest.mark.parametrize("codec", packing.codecs())
def test_what_does_not_get_shorter_is_left_as_it_is(codec):
    assert packing.pack(codec, RANDOM) is None
    # A probe that promises too much: only two places of it are looked at.
    mixed = bytearray(RANDOM)
    mixed[:32768] = bytes(32768)
    mixed[500_000:532_768] = bytes(32768)
    assert packing.pack(codec, memoryview(mixed)) is None


@pytest.mark.parametrize("codec", packing.codecs())
def test_packed_bytes_that_lie_are_refused_without_filling_memory(codec):
    packed = packing.pack(codec, memoryview(bytes(50_000_000)))
    for size in (10, 49_999_999, 50_000_001):
        with pytest.raises(packing.Damaged):
            packing.unpack(codec, packed, size)
    with pytest.raises(packing.Damaged):
        packing.unpack(codec, packed[:-3], 50_000_000)
    with pytest.raises(packing.Damaged):
        packing.unpack(codec, b"nothing of the kind", 10)


def test_a_codec_that_is_not_known_here_is_refused():
    with pytest.raises(packing.Damaged, match="no codec"):
        packing.unpack("lzma", b"", 10)
    with pytest.raises(IntegrityError, match="malformed"):
        check_blob({"size": 1, "chunks": ["0" * 64], "codecs": ["lzma"]})
    with pytest.raises(IntegrityError, match="malformed"):
        check_blob({"size": 1, "chunks": ["0" * 64], "codecs": []})
    assert set(packing.codecs()) <= set(CODECS)


def test_the_codec_is_one_that_both_ends_have():
    assert packing.choose((3, 9)) == "zlib"
    assert packing.choose((3, 14)) in ("zstd", "zlib")
    assert packing.choose(()) == "zlib", "nothing is known of the other end"
    assert packing.choose((3, 10), {"zstandard": "0.23"}) == packing.codecs()[0]


def test_a_slow_link_gets_packed_chunks_and_the_worker_reads_them(tmp_path, monkeypatch):
    monkeypatch.setattr(known, "PAYS_BELOW", {"zlib": 1e15})
    store = FarStore(tmp_path / "far")
    first = os.urandom(CHUNK)  # measures the link, so it goes as it is
    data = (bytes(PLAIN) * 10)[: 3 * CHUNK + 100_000]
    with BlobWriter(store, codec="zlib", threads=1) as writer:
        writer.put(first)
        blob = writer.put(data)
    assert blob["codecs"] == ["zlib"] * 4 and writer.packs
    assert writer.new_bytes == len(first) + len(data)
    assert writer.stored_bytes < len(first) + len(data) / 3
    for digest in blob["chunks"]:
        assert hashlib.sha256(store.get(f"blobs/{digest}")).hexdigest() == digest, "what is named is what is stored"
    assert bytes(BlobReader(store).get(blob)) == data
    buffers = at_worker.read(f"{tmp_path}/far/blobs", [("data", blob)])
    assert bytes(buffers[at_worker.key(blob)]) == data
    with BlobWriter(store, codec="zlib") as again:
        assert again.put(data) == blob
    assert again.new_bytes == 0
    with BlobWriter(store) as plain:  # for an end that cannot unpack
        assert "codecs" not in plain.put(data)


def test_a_fast_link_and_a_store_on_this_machine_get_them_as_they_are(tmp_path, monkeypatch):
    monkeypatch.setattr(known, "PAYS_BELOW", {"zlib": 1.0})
    data = bytes(PLAIN) * 3
    for store in (FarStore(tmp_path / "far"), DirectoryStore(tmp_path / "near", "s3://near")):
        with BlobWriter(store, codec="zlib", threads=2) as writer:
            blobs = [writer.put(data), writer.put(data[1:])]
        assert not any("codecs" in blob for blob in blobs) and not writer.packs


def test_the_link_is_measured_by_the_first_and_the_others_wait_for_it():
    link = known.Link()
    assert not link.slow("zlib"), "the first sends as it is"
    answers = []
    with link.measured(8 << 20):
        thread = threading.Thread(target=lambda: answers.append(link.slow("zlib")))
        thread.start()
        thread.join(5)
    assert answers == [True], "nothing came through in that time"
    link = known.Link()
    link._bytes, link._seconds = 1e9, 1.0
    assert not link.slow("zlib") and not link.slow("zstd")
    link._bytes, link._seconds = 1e8, 1.0
    assert not link.slow("zlib") and link.slow("zstd")


def test_a_link_that_fails_or_sends_little_is_not_measured():
    link = known.Link()
    with pytest.raises(OSError), link.measured(8 << 20):
        raise OSError
    with link.measured(1000):
        pass
    assert link.rate is None


def test_results_of_the_worker_are_packed_when_the_manifest_says_so(tmp_path):
    folder = tmp_path / "blobs"
    folder.mkdir()
    blob = at_worker.Writer(str(folder), "zlib")(PLAIN)
    assert blob["codecs"] == ["zlib"] and len(os.listdir(folder)) == 1
    store = DirectoryStore(tmp_path, "s3://bucket")
    assert bytes(BlobReader(store).get(blob)) == PLAIN


def test_a_packed_chunk_that_was_changed_is_refused_before_it_is_unpacked(tmp_path):
    packed = zlib.compress(b"other content" * 1000)
    name = hashlib.sha256(zlib.compress(bytes(PLAIN), 1)).hexdigest()
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / name).write_bytes(packed)
    blob = {"size": len(PLAIN), "chunks": [name], "codecs": ["zlib"]}
    with pytest.raises(IntegrityError, match="damaged or was tampered with"):
        BlobReader(DirectoryStore(tmp_path, "s3://b")).get(blob)
    with pytest.raises(at_worker.Corrupt, match="is corrupt"):
        at_worker.read(f"{tmp_path}/blobs", [("df", blob)])
    name = hashlib.sha256(packed).hexdigest()
    (tmp_path / "blobs" / name).write_bytes(packed)
    blob["chunks"] = [name]
    with pytest.raises(IntegrityError, match=f"does not have its {len(PLAIN)} bytes"):
        BlobReader(DirectoryStore(tmp_path, "s3://b")).get(blob)
    with pytest.raises(at_worker.Corrupt, match="cannot be used: unpacked with zlib"):
        at_worker.read(f"{tmp_path}/blobs", [("df", blob)])
