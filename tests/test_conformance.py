"""One set of tests for both backends: what a job's life looks like does not depend on where it runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from nbprocess import backends
from nbprocess.backends.base import Backend
from nbprocess.errors import JobNameInUse, JobNotFound, RequestError
from nbprocess.state import TERMINAL
from nbprocess.testing.aws import emulator

OUT = "/opt/ml/processing/output/out"
Run = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module", params=["local", "sagemaker"])
def backend(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    patch = pytest.MonkeyPatch()
    patch.setenv("NBPROCESS_HOME", str(tmp_path_factory.mktemp("home")))
    patch.setenv("NBPROCESS_STOP_GRACE", "10")
    try:
        if request.param == "local":
            backends.get.cache_clear()
            yield backends.get("local")
            return
        with emulator() as aws:
            for name, value in aws.environment.items():
                patch.setenv(name, value)
            backends.get.cache_clear()
            yield backends.get("sagemaker")
    finally:
        patch.undo()
        backends.get.cache_clear()


def body(backend: Backend, name: str, code: str, **changes: Any) -> dict[str, Any]:
    resolved = backend.resolve({"count": 1})
    out = {"S3Uri": backend.store().url(f"outputs/{name}/"), "LocalPath": OUT, "S3UploadMode": "EndOfJob"}
    return {
        "ProcessingJobName": name,
        "RoleArn": resolved["RoleArn"],
        "AppSpecification": {"ImageUri": resolved["ImageUri"], "ContainerEntrypoint": ["python3", "-c", code]},
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30}
        },
        "ProcessingOutputConfig": {"Outputs": [{"OutputName": "out", "S3Output": out}]},
        **changes,
    }


def until(backend: Backend, name: str, what: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    deadline = time.monotonic() + 120
    while not what(found := backend.describe(name)):
        assert time.monotonic() < deadline, found
        backend.wait(name, 0.2)
    return found


@pytest.fixture
def run(backend: Backend) -> Run:
    def start(name: str, code: str, **changes: Any) -> dict[str, Any]:
        backend.create(body(backend, name, code, **changes))
        return until(backend, name, lambda job: job["ProcessingJobStatus"] in TERMINAL)

    return start


def lines(backend: Backend, name: str) -> list[tuple[str, str]]:
    found, cursor = [], None
    while (page := backend.logs(name, cursor)).lines:
        found += [(line.host, line.text) for line in page.lines]
        cursor = page.cursor
    return found


def test_a_job_completes_with_outputs_log_and_message(backend: Backend, run: Run) -> None:
    code = f"open('{OUT}/result.txt','w').write('42');print('one');print('two');open('/opt/ml/output/message','w').write('fine')"
    done = run("completes", code)
    assert done["ProcessingJobStatus"] == "Completed" and done["ExitMessage"] == "fine"
    assert done["CreationTime"] <= done["ProcessingStartTime"] <= done["ProcessingEndTime"]
    assert done["ProcessingJobArn"].endswith("processing-job/completes")
    assert [text for _, text in lines(backend, "completes")] == ["one", "two"]
    assert backend.store().get("outputs/completes/result.txt") == b"42"


def test_a_failure_has_its_exit_code_and_keeps_its_outputs(backend: Backend, run: Run) -> None:
    done = run("fails", f"open('{OUT}/partial','w').write('x');import sys;sys.exit(3)")
    assert done["ProcessingJobStatus"] == "Failed" and "exit code: 3" in done["FailureReason"]
    assert backend.store().exists("outputs/fails/partial")


def test_a_stop_is_seen_by_the_job_and_told(backend: Backend) -> None:
    code = (
        "import signal,sys,time;signal.signal(signal.SIGTERM,lambda *_:(print('saving',flush=True),sys.exit(0)));"
        "print('up',flush=True);time.sleep(100)"
    )
    backend.create(body(backend, "stops", code))
    until(backend, "stops", lambda _: ("algo-1", "up") in lines(backend, "stops"))
    backend.stop("stops")
    done = until(backend, "stops", lambda job: job["ProcessingJobStatus"] in TERMINAL)
    assert done["ProcessingJobStatus"] == "Stopped" and "FailureReason" not in done
    assert ("algo-1", "saving") in lines(backend, "stops")
    backend.stop("stops")  # a job that has ended already is no error


def test_the_maximum_runtime_stops_it(run: Run) -> None:
    done = run("too-long", "import time;time.sleep(100)", StoppingCondition={"MaxRuntimeInSeconds": 1})
    assert done["ProcessingJobStatus"] == "Stopped"


def test_each_host_knows_itself_and_has_its_log(backend: Backend, run: Run) -> None:
    code = (
        "import json;c=json.load(open('/opt/ml/config/resourceconfig.json'));print(c['current_host'],len(c['hosts']))"
    )
    cluster = {"InstanceCount": 2, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30}
    assert run("hosts", code, ProcessingResources={"ClusterConfig": cluster})["ProcessingJobStatus"] == "Completed"
    assert sorted(lines(backend, "hosts")) == [("algo-1", "algo-1 2"), ("algo-2", "algo-2 2")]


def test_inputs_and_environment_arrive(backend: Backend, run: Run) -> None:
    backend.store().put("inputs/data/a.txt", b"from the store")
    place = "/opt/ml/processing/input/data"
    source = {"S3Uri": backend.store().url("inputs/data/"), "LocalPath": place, "S3DataType": "S3Prefix"}
    done = run(
        "inputs",
        f"import os;print(open('{place}/a.txt').read(), os.environ['WISH'], 'HOSTNAME_OF_THE_KERNEL' in os.environ)",
        ProcessingInputs=[{"InputName": "data", "S3Input": {**source, "S3InputMode": "File"}}],
        Environment={"WISH": "granted"},
    )
    assert done["ProcessingJobStatus"] == "Completed"
    assert lines(backend, "inputs") == [("algo-1", "from the store granted False")]


def test_jobs_are_listed_newest_first_and_filtered(backend: Backend, run: Run) -> None:
    for number in range(3):
        run(f"listed-{number}", "pass")
    names = [job["ProcessingJobName"] for job in backend.jobs(NameContains="listed-")]
    assert names == ["listed-2", "listed-1", "listed-0"]
    failed = [job["ProcessingJobName"] for job in backend.jobs(NameContains="listed-", StatusEquals="Failed")]
    assert failed == []


def test_a_name_is_taken_once_and_an_unknown_one_is_not_found(backend: Backend, run: Run) -> None:
    run("only-once", "pass")
    with pytest.raises(JobNameInUse, match="only-once"):
        backend.create(body(backend, "only-once", "pass"))
    with pytest.raises(JobNotFound, match="nowhere"):
        backend.describe("nowhere")


def test_a_request_that_breaks_a_limit_is_refused(backend: Backend) -> None:
    with pytest.raises(RequestError):
        backend.create(body(backend, "bad_name_with_underscores", "pass"))
    with pytest.raises(JobNotFound):
        backend.describe("bad-name-with-underscores")
