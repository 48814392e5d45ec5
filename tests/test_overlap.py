"""The job is created while its data is on the way: the real worker waits for it, and nothing runs on when that fails."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time

import pytest

import nbprocess
from nbprocess import backends, overlap
from nbprocess.bundle import known
from nbprocess.bundle.manifest import chunks_of
from nbprocess.bundle.stores import S3Store
from nbprocess.errors import StoreError
from nbprocess.state import TERMINAL
from nbprocess.testing.aws import ACCOUNT, emulator
from nbprocess.testing.s3 import Corrupt, Cut, Refuse, S3Server, Slow
from nbprocess.worker import blobs as at_worker
from nbprocess.worker import s3read
from nbprocess.worker.fetch import Late, Stopped

np = pytest.importorskip("numpy")
pytest.importorskip("boto3")
MB = 1 << 20


@pytest.fixture(scope="module")
def aws():
    with emulator() as running:
        yield running


@pytest.fixture(autouse=True)
def environment(request, monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    if "aws" in request.fixturenames:
        for name, value in request.getfixturevalue("aws").environment.items():
            monkeypatch.setenv(name, value)
    monkeypatch.setattr(overlap, "LEAST_SECONDS", 0.0)
    # A link that another test made slow would be one for packing, and the job would not be created first.
    monkeypatch.setattr(known, "_links", {})
    backends.get.cache_clear()
    yield
    backends.get.cache_clear()


def submit(code, names, **options):
    return nbprocess.submit(code, names, backend="sagemaker", **options)


def test_the_job_begins_while_its_data_is_on_the_way(aws):
    aws.server.forget()
    aws.server.fail("PUT", "/blobs/", Slow(0.4), times=100)
    array = np.random.default_rng(0).random(12 * MB)  # 24 chunks
    job = submit("total = float(array.sum())", {"array": array})
    puts = [seen.key for seen in aws.server.requests if seen.method == "PUT"]
    manifest = next(n for n, key in enumerate(puts) if key.endswith("manifest.json"))
    after = [key for key in puts[manifest:] if "/blobs/" in key]
    assert after, "the manifest, and so the job, came before the last of the data"
    assert not any(key.endswith("blobs.manifest") for key in puts)
    assert job.result() is None and job.values["total"] == float(array.sum())
    assert job.status == "Completed"
    kept = json.loads(job.store.get(f"jobs/{job.name}/bundle/manifest.json"))
    assert set(kept["fetch"]["targets"]) == set(chunks_of(kept))
    assert not job.store.exists(f"jobs/{job.name}/writing"), "clean may work again"


def test_when_sending_fails_the_job_is_stopped_and_what_failed_is_said(aws, monkeypatch):
    aws.server.forget()
    aws.server.fail("PUT", "/blobs/", Slow(1.0), times=1000)
    backend = backends.get("sagemaker")
    create = backend.create

    def create_and_break(request):
        made = create(request)
        aws.server.forget()
        aws.server.fail("PUT", "/blobs/", Refuse(403, "AccessDenied"), times=1000)
        return made

    monkeypatch.setattr(backend, "create", create_and_break)
    array = np.random.default_rng(1).random(32 * MB)  # 64 chunks, 8 at a time: 8 s
    with pytest.raises(StoreError, match="access denied"):
        submit("total = array.sum()", {"array": array}, name="left-in-the-middle")
    aws.server.forget()
    deadline = time.monotonic() + 60
    while (status := backend.describe("left-in-the-middle")["ProcessingJobStatus"]) not in TERMINAL:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert status == "Stopped"
    assert not backend.store().exists("jobs/left-in-the-middle/writing"), "clean may work again"


def test_a_job_without_a_network_gets_its_data_before_and_one_is_told(aws):
    aws.server.forget()
    job = submit("n = len(array)", {"array": np.random.default_rng(2).random(2 * MB)}, network_isolation=True)
    assert "The data was sent before the job was created: its network is isolated." in job.state().notices
    assert job.result() is None and job.values["n"] == 2 * MB
    assert "fetch" not in json.loads(job.store.get(f"jobs/{job.name}/bundle/manifest.json"))


def test_what_is_there_already_needs_no_overlap(aws):
    array = np.random.default_rng(3).random(2 * MB)
    submit("a = len(array)", {"array": array}).result()
    overlap.LEAST_SECONDS = 0.001  # put back by the fixture's monkeypatch
    job = submit("b = len(array)", {"array": array})
    assert "fetch" not in json.loads(job.store.get(f"jobs/{job.name}/bundle/manifest.json"))
    assert job.result() is None and job.values["b"] == 2 * MB


def test_credentials_that_end_soon_make_no_links(aws):
    from datetime import datetime, timedelta, timezone

    store = backends.get("sagemaker").store()
    store.exists("x")
    assert store.presigned(["blobs/x"], 3600)["targets"]["blobs/x"].startswith("/")
    session = store._session()
    credentials = session.get_credentials()
    credentials._expiry_time = datetime.now(timezone.utc) + timedelta(minutes=20)
    try:
        assert store.presigned(["blobs/x"], 3600) is None
    finally:
        del credentials._expiry_time


# -- the worker's side -----------------------------------------------------------------------------------------------


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "KEY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SECRET")
    monkeypatch.setattr(s3read, "_pause", lambda tries: None)
    with S3Server(tmp_path / "s3", buckets=["data"], require_owner=True) as server:
        yield server


@pytest.fixture
def store(server):
    import boto3

    return S3Store(
        "data", "x", session=boto3.Session(region_name="us-east-1"), expected_owner=ACCOUNT, endpoint=server.endpoint
    )


def late(store, digests, patience=30.0, stopped=lambda: False):
    store.exists("x")
    links = store.presigned([*(f"blobs/{digest}" for digest in digests), "arrived"], 3600)
    sent = links["targets"].pop("arrived")
    targets = {key.removeprefix("blobs/"): target for key, target in links["targets"].items()}
    return Late({**links, "targets": targets, "sent": sent, "patience": patience}, stopped)


def blob_of(*pieces):
    return {"size": sum(map(len, pieces)), "chunks": [hashlib.sha256(piece).hexdigest() for piece in pieces]}


def read(store, blob, **options):
    source = late(store, blob["chunks"], **options)
    return bytes(at_worker.read("/nowhere", [("df", blob)], source)[at_worker.key(blob)])


def test_a_chunk_is_waited_for(store):
    pieces = [os.urandom(at_worker.CHUNK), os.urandom(at_worker.CHUNK), os.urandom(100)]
    blob = blob_of(*pieces)

    def arrive():
        for digest, piece in zip(blob["chunks"], pieces, strict=True):
            time.sleep(0.2)
            store.put(f"blobs/{digest}", piece)

    thread = threading.Thread(target=arrive)
    thread.start()
    assert read(store, blob) == b"".join(pieces)
    thread.join()


@pytest.mark.parametrize("fault", [Cut(70_000), Corrupt(5), Refuse(503, "SlowDown")])
def test_a_fault_on_the_way_is_fetched_again(store, server, fault):
    data = os.urandom(300_000)
    blob = blob_of(data)
    store.put(f"blobs/{blob['chunks'][0]}", data)
    server.fail("GET", "blobs/", fault)
    assert read(store, blob) == data


def test_a_chunk_that_is_not_what_it_should_be_is_refused(store):
    blob = blob_of(b"what it should be")
    store.put(f"blobs/{blob['chunks'][0]}", b"something else....")
    with pytest.raises(at_worker.Corrupt, match=r"df: the file .* is corrupt"):
        read(store, blob)


def test_what_was_never_sent_is_said(store):
    store.put("arrived", b"1")
    with pytest.raises(at_worker.Corrupt, match="was never sent, or was deleted"):
        read(store, blob_of(b"nothing"))


def test_a_sender_that_died_is_not_waited_for_for_ever(store):
    with pytest.raises(at_worker.Corrupt, match="the kernel that was sending it has died, or lost its connection"):
        read(store, blob_of(b"nothing"), patience=0.1)


def test_a_stopped_job_waits_no_longer(store):
    with pytest.raises(Stopped):
        read(store, blob_of(b"nothing"), stopped=lambda: True)


def test_links_that_are_refused_and_an_s3_that_is_not_there(store, server):
    data = b"data"
    blob = blob_of(data)
    store.put(f"blobs/{blob['chunks'][0]}", data)
    source = late(store, blob["chunks"])
    server.fail("GET", "blobs/", Refuse(403, "ExpiredToken", "Request has expired"))
    with pytest.raises(at_worker.Corrupt, match="S3 refused to give the data: ExpiredToken"):
        at_worker.read("/nowhere", [("df", blob)], source)
    source._reader._idle.clear()
    source._reader._address = ("127.0.0.1", 9)
    with pytest.raises(at_worker.Corrupt, match=r"S3 cannot be reached from the job .*NBPROCESS_OVERLAP=0"):
        at_worker.read("/nowhere", [("df", blob)], source)
