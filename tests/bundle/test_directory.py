"""The directory store: whole files or none, and clear words when the disk says no."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading

import pytest

from nbprocess.bundle.stores import DirectoryStore, MissingKey
from nbprocess.errors import StoreError


@pytest.fixture
def store(tmp_path):
    return DirectoryStore(tmp_path / "bucket", "s3://bucket/prefix/")


def test_the_calls_of_a_store(store, tmp_path):
    assert store.uri == "s3://bucket/prefix" and store.url("a/b") == "s3://bucket/prefix/a/b"
    assert list(store.list()) == [] and not store.root.exists()
    store.put("a/b", memoryview(b"0123456789"))
    assert store.path("a/b").read_bytes() == store.get("a/b") == b"0123456789"
    assert store.put_new("a/c", b"new") and not store.put_new("a/c", b"other") and store.get("a/c") == b"new"
    buffer = bytearray(4)
    assert store.read_into("a/b", buffer, 8) == 2 and bytes(buffer[:2]) == b"89"
    assert sorted(store.list("a/")) == [("a/b", 10), ("a/c", 3)] and list(store.list("a/c")) == [("a/c", 3)]
    (tmp_path / "file").write_bytes(b"x" * 100_000)
    store.put("file", tmp_path / "file")
    assert store.get("file") == b"x" * 100_000 and (tmp_path / "file").exists()
    store.delete("a/b")
    store.delete("a/b")
    store.delete("a/c")
    assert not store.exists("a/b") and not (store.root / "a").exists()
    with pytest.raises(MissingKey, match="s3://bucket/prefix/a/b is not in the store"):
        store.get("a/b")


@pytest.mark.parametrize("key", ["", "/a", "a//b", "../a", "a/../b", "a/", ".", "a\0b", "a\\b"])
def test_a_key_never_leaves_the_folder(store, key):
    with pytest.raises(ValueError, match="no key of a store"):
        store.put(key, b"")


def test_one_of_many_writes_first(store):
    wins = []
    threads = [threading.Thread(target=lambda n=n: wins.append(store.put_new("x", str(n).encode()))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wins.count(True) == 1
    assert [path.name for path in store.root.iterdir()] == ["x"]


def test_a_reader_sees_the_old_or_the_new_whole(store):
    store.put("x", b"a" * 1_000_000)
    stop = threading.Event()

    def write():
        while not stop.is_set():
            for letter in (b"a", b"b"):
                store.put("x", letter * 1_000_000)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(50):
            data = store.get("x")
            assert len(data) == 1_000_000 and len(set(data)) == 1
    finally:
        stop.set()
        thread.join()


def test_a_full_disk_names_the_file_and_the_way_out(tmp_path):
    # A limit on file sizes is a full disk that needs no mount: the kernel takes a part of the bytes, then refuses.
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "from nbprocess.bundle.stores import DirectoryStore\n"
        "DirectoryStore(sys.argv[1], 's3://bucket').put('blobs/x', bytes(5000))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "b")], capture_output=True, text=True)
    assert (
        f"StoreError: Could not write {tmp_path}/b/blobs/x: the file would pass the limit on file sizes" in done.stderr
    )
    assert [path for path in (tmp_path / "b").rglob("*") if path.is_file()] == []
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 1000


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("ENOSPC", "the disk is full. Free some space, run `nbprocess clean`, or set NBPROCESS_HOME"),
        ("EDQUOT", "the disk quota is used up"),
        ("EROFS", "the file system is read-only"),
        ("EIO", "Input/output error"),
    ],
)
def test_what_the_disk_says_is_explained(store, monkeypatch, code, words):
    import errno

    real, calls = os.write, []

    def write(descriptor, data):
        if calls:
            raise OSError(getattr(errno, code), os.strerror(getattr(errno, code)))
        calls.append(1)
        return real(descriptor, data[:10])

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(StoreError) as caught:
        store.put("blobs/x", bytes(5000))
    monkeypatch.undo()
    assert words in str(caught.value) and str(store.path("blobs/x")) in str(caught.value)
    assert caught.value.errno == getattr(errno, code)
    assert list(store.list()) == [] and list((store.root / "blobs").iterdir()) == []


def test_a_folder_without_permission(tmp_path):
    (tmp_path / "file").write_text("in the way")
    store = DirectoryStore(tmp_path / "file", "s3://bucket")
    with pytest.raises(StoreError, match="a part of the path is a file"):
        store.put("x", b"")
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(StoreError, match=r"no permission\. Give this user the right"):
        DirectoryStore(tmp_path / "locked" / "store", "s3://bucket").put("x", b"")
