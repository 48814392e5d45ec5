"""A job's bundle is written whole or not at all; what comes back is believed only when its digest is the pinned one."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass

import pytest

from nbprocess.bundle import BlobWriter, announce, clean, discard, manifest, put_files, read_outcome, write_bundle
from nbprocess.bundle.blobs import CHUNK
from nbprocess.bundle.collect import parse_exit_message
from nbprocess.bundle.stores import DirectoryStore, MissingKey
from nbprocess.bundle.write import CLEANING
from nbprocess.errors import CaptureError, IntegrityError, JobNameInUse, StoreError

ARCHIVE = b"the worker"


@pytest.fixture
def store(tmp_path):
    return DirectoryStore(tmp_path / "bucket", "s3://bucket")


def group(writer, data, name="df"):
    return {"names": [name], "stream": writer.put(b"stream of " + name.encode()), "buffers": [writer.put(data)]}


def make(job, groups=(), **entries):
    return manifest.build(job, home={"python": [3, 11, 0]}, cell={"source": "x"}, groups=groups, **entries)


def request_for(content):
    pins = [hashlib.sha256(ARCHIVE).hexdigest(), manifest.digest(manifest.encode(content))]
    return {
        "ProcessingJobName": content["job"],
        "AppSpecification": {"ContainerEntrypoint": ["python3", "-c", "…", *pins]},
    }


def send(store, job, data=b"data"):
    announce(store, job)
    with BlobWriter(store) as writer:
        groups = [group(writer, data, job)]
    content = make(job, groups)
    write_bundle(
        store, job, content, archive=ARCHIVE, script="print(1)\n", request=request_for(content), home={"cell": "x"}
    )
    return content


def test_everything_lies_where_the_contract_says(store):
    content = send(store, "job-1", os.urandom(CHUNK + 1))
    files = sorted(key for key, _ in store.list("jobs/"))
    names = [
        "blobs.manifest",
        "bundle/cell.py",
        "bundle/manifest.json",
        "bundle/worker.pyz",
        "home.json",
        "request.json",
    ]
    assert files == [f"jobs/job-1/{name}" for name in names]
    assert store.get("jobs/job-1/bundle/manifest.json") == manifest.encode(content)
    listing = json.loads(store.get("jobs/job-1/blobs.manifest"))
    assert listing[0] == {"prefix": "s3://bucket/blobs/"}
    assert sorted(listing[1:]) == sorted(key.partition("/")[2] for key, _ in store.list("blobs/"))
    assert (store.root.stat().st_mode & 0o777, store.path("jobs/job-1/home.json").stat().st_mode & 0o777) == (
        0o700,
        0o600,
    )


def test_a_job_without_values_has_no_blob_list(store):
    content = make("job-1")
    write_bundle(store, "job-1", content, archive=ARCHIVE, script="", request=request_for(content), home={})
    assert not store.exists("jobs/job-1/blobs.manifest")


def test_the_same_manifest_has_the_same_digest():
    one, two = make("j", strength={"a": "must", "b": "maybe"}), make("j", strength={"b": "maybe", "a": "must"})
    assert manifest.encode(one) == manifest.encode(two)


@pytest.mark.parametrize(
    "fails", ["worker.pyz", "cell.py", "manifest.json", "blobs.manifest", "home.json", "request.json"]
)
def test_a_fault_at_any_file_leaves_nothing_of_the_job(store, fails):
    class Faulty(DirectoryStore):
        def put(self, key, data):
            if key.endswith(fails):
                raise StoreError("the disk is full")
            super().put(key, data)

    faulty = Faulty(store.root, store.uri)
    with pytest.raises(StoreError, match="disk is full"):
        send(faulty, "job-1")
    assert list(store.list("jobs/")) == []
    assert not [path for path in store.root.rglob("*") if path.name.startswith(".")]
    send(store, "job-1")


def test_a_request_that_pins_something_else_is_refused(store):
    content = make("job-1")
    request = request_for(make("job-1", args=["other"]))
    with pytest.raises(IntegrityError, match=r"does not pin manifest\.json .* Nothing was sent"):
        write_bundle(store, "job-1", content, archive=ARCHIVE, script="", request=request, home={})
    assert list(store.list()) == []


def test_a_name_is_given_once(store):
    announce(store, "job-1")
    with pytest.raises(JobNameInUse, match="is being written by another process"):
        announce(store, "job-1")
    discard(store, "job-1")
    send(store, "job-1")
    before = sorted(store.list())
    with pytest.raises(JobNameInUse, match="holds a job of that name already"):
        announce(store, "job-1")
    assert sorted(store.list()) == before


def test_what_is_no_plain_data_is_refused_by_name(store):
    with pytest.raises(CaptureError, match="not plain data: Object of type set"):
        manifest.encode(make("job-1", ambient={"x": {1}}))


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", ""])
def test_a_file_outside_the_folder_is_refused(path):
    with pytest.raises(IntegrityError, match="not inside the notebook's folder"):
        make("job-1", files=[{"path": path, "blob": {"size": 0, "chunks": []}, "mode": 420, "kind": "data"}])


@dataclass
class File:
    path: str
    target: str
    kind: str = "data"


def test_local_files_go_as_blobs(store, tmp_path):
    (tmp_path / "big.bin").write_bytes(os.urandom(9 * CHUNK + 5))
    (tmp_path / "empty").write_bytes(b"")
    with BlobWriter(store) as writer:
        entries = put_files(
            writer, [File(str(tmp_path / "big.bin"), "d/big.bin"), File(str(tmp_path / "empty"), "empty")]
        )
        same = writer.put((tmp_path / "big.bin").read_bytes())
    assert entries[0]["blob"] == same and entries[1]["blob"] == {"size": 0, "chunks": []}
    with pytest.raises(CaptureError, match=r"gone\.csv: No such file.*leave it out"), BlobWriter(store) as writer:
        put_files(writer, [File(str(tmp_path / "gone.csv"), "gone.csv")])


# -- the way back ----------------------------------------------------------------------------------------------------


def come_back(store, job, host="algo-1", events=b'{"type": "stream"}\n', **changes):
    events_pin = {"sha256": hashlib.sha256(events).hexdigest(), "size": len(events), "count": 1}
    outcome = {
        "format": 1,
        "job": job,
        "host": host,
        "state": "completed",
        "groups": [],
        "events": events_pin,
        **changes,
    }
    data = json.dumps(outcome).encode()
    store.put(f"jobs/{job}/out/{host}/events.jsonl", events)
    store.put(f"jobs/{job}/out/{host}/outcome.json", data)
    return f"{host} {hashlib.sha256(data).hexdigest()} completed\n"


def test_outcomes_of_all_hosts_with_their_events_and_values(store):
    message = come_back(store, "job-1") + come_back(store, "job-1", "algo-2")
    outcomes = read_outcome(store, "job-1", message)
    assert list(outcomes) == ["algo-1", "algo-2"]
    assert outcomes["algo-2"].state == "completed" and outcomes["algo-2"].events() == [{"type": "stream"}]
    with BlobWriter(store, "jobs/job-1/out/algo-1/blobs") as writer:
        blob = writer.put(b"result")
    assert bytes(outcomes["algo-1"].reader().get(blob)) == b"result"


def test_a_changed_outcome_is_refused_with_both_digests(store):
    message = come_back(store, "job-1")
    changed = store.get("jobs/job-1/out/algo-1/outcome.json").replace(b"completed", b"Completed")
    store.put("jobs/job-1/out/algo-1/outcome.json", changed)
    found = hashlib.sha256(changed).hexdigest()
    pattern = f"s3://bucket/jobs/job-1/out/algo-1/outcome.json was changed.*expected the SHA-256 {message.split()[1]}, found {found}"
    with pytest.raises(IntegrityError, match=pattern):
        read_outcome(store, "job-1", message)


def test_changed_events_are_refused(store):
    message = come_back(store, "job-1")
    store.put("jobs/job-1/out/algo-1/events.jsonl", b'{"type": "strEam"}\n')
    with pytest.raises(IntegrityError, match=r"events\.jsonl was changed"):
        read_outcome(store, "job-1", message)["algo-1"].events()


def test_events_that_were_written_after_the_outcome_are_left_out(store):
    message = come_back(store, "job-1")
    with open(store.path("jobs/job-1/out/algo-1/events.jsonl"), "ab") as file:
        file.write(b'{"type": "late"}\n')
    assert read_outcome(store, "job-1", message)["algo-1"].events() == [{"type": "stream"}]


def test_the_outcome_of_another_job_is_refused(store):
    message = come_back(store, "job-1")
    store.put("jobs/job-2/out/algo-1/outcome.json", store.get("jobs/job-1/out/algo-1/outcome.json"))
    with pytest.raises(IntegrityError, match="is the outcome of job-1 on algo-1"):
        read_outcome(store, "job-2", message)


def test_a_missing_and_a_malformed_outcome(store):
    with pytest.raises(MissingKey, match="although the job says that it wrote it"):
        read_outcome(store, "job-1", f"algo-1 {'0' * 64} completed")
    message = come_back(store, "job-1", groups=[{"stream": {"size": 1, "chunks": []}, "buffers": []}])
    with pytest.raises(IntegrityError, match="malformed"):
        read_outcome(store, "job-1", message)


def test_lines_of_others_and_torn_lines_in_the_exit_message_are_left_out():
    pin = "a" * 64
    assert parse_exit_message(f"hello\nalgo-1 {pin} failed\nalgo-2 {pin[:30]}") == {"algo-1": (pin, "failed")}
    assert parse_exit_message(None) == {} and parse_exit_message("") == {}
    with pytest.raises(IntegrityError, match="two different outcomes for algo-1"):
        parse_exit_message(f"algo-1 {pin} failed\nalgo-1 {'b' * 64} failed")


# -- clean -----------------------------------------------------------------------------------------------------------


def age(store, seconds, prefix=""):
    for key, _ in list(store.list(prefix)):
        path = store.path(key)
        then = path.stat().st_mtime - seconds
        os.utime(path, (then, then))


def blobs(store):
    return {key.partition("/")[2] for key, _ in store.list("blobs/")}


def test_blobs_of_kept_jobs_stay_and_others_go(store):
    kept = send(store, "kept", b"shared")
    gone = send(store, "gone", b"only in gone")
    discard(store, "gone")
    age(store, 7200)
    plan = clean(store, dry_run=True)
    assert plan.blobs == 2 and blobs(store) >= set(manifest.chunks_of(gone))
    done = clean(store)
    assert (done.blobs, done.freed, done.jobs) == (2, plan.freed, ())
    assert blobs(store) == set(manifest.chunks_of(kept)) and not store.exists(CLEANING)


def test_young_blobs_stay(store):
    with BlobWriter(store) as writer:
        writer.put(b"its job is about to be written")
    assert clean(store).blobs == 0
    assert len(blobs(store)) == 1


def test_old_jobs_go_by_age_and_by_size_but_not_the_ones_to_keep(store):
    for name, days in (("old", 30), ("running", 30), ("new", 0)):
        send(store, name, name.encode() * 1000)
        age(store, days * 86400 + 7200, f"jobs/{name}/")
    age(store, 7200, "blobs/")
    assert clean(store, keep_jobs={"running"}, older_than=86400 * 7).jobs == ("old",)
    assert {key.split("/")[1] for key, _ in store.list("jobs/")} == {"running", "new"}
    assert clean(store, keep_jobs={"running"}, max_bytes=0).jobs == ("new",)
    assert blobs(store) == set(manifest.chunks_of(json.loads(store.get("jobs/running/bundle/manifest.json"))))


def test_nothing_is_removed_while_a_job_is_being_written(store):
    with BlobWriter(store) as writer:
        writer.put(b"an old blob that the new job uses again")
    age(store, 7200)
    announce(store, "job-1")
    report = clean(store)
    assert report.busy == ("job-1",) and "job-1 is being written" in str(report) and len(blobs(store)) == 1
    age(store, 2 * 86400, "jobs/")
    assert clean(store).blobs == 1, "a marker of a process that died a day ago does not count"


def test_a_job_waits_for_a_running_clean(store):
    store.put(CLEANING, b"")
    with pytest.raises(StoreError, match=r"clean` has been working on s3://bucket.*delete s3://bucket/cleaning/marker"):
        announce(store, "job-1", patience=0)
    assert not store.exists("jobs/job-1/writing")
    with pytest.raises(StoreError, match="Another `nbprocess clean` is at work"):
        clean(store)
    age(store, 7200)
    clean(store)
    announce(store, "job-1")


def test_a_damaged_manifest_stops_the_cleaning(store):
    send(store, "job-1")
    age(store, 7200)
    store.put("jobs/job-1/bundle/manifest.json", b"{")
    with pytest.raises(IntegrityError, match=r"not known which blobs the job job-1 needs. Nothing was removed"):
        clean(store)
    assert len(blobs(store)) == 2 and not store.exists(CLEANING)
