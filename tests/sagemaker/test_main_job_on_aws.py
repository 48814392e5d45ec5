"""The main job over the real wire: boto3 over HTTP, jobs executed, results verified from S3."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from nbprocess.testing.aws import ACCOUNT, Emulator, emulator

from ..live_kernel import Kernel


def test_a_cell_travels_and_comes_back(cloud_kernel: Kernel) -> None:
    cloud_kernel.ok("frame = pd.DataFrame({'x': np.arange(100_000.0)})\nseen = []")
    ran = cloud_kernel.ok(
        "%%processing --name first-cell\nseen.append(1)\ntotal = frame['x'].sum()\nprint('printed there')\ntotal"
    )
    assert "printed there" in ran.stdout and ran.result == "np.float64(4999950000.0)"
    assert cloud_kernel.value("seen, total, _") == "([1], np.float64(4999950000.0), np.float64(4999950000.0))"


def test_the_request_is_what_aws_got(cloud_kernel: Kernel, aws: Emulator) -> None:
    cloud_kernel.ok("%%processing --name the-request --instance ml.c5.xlarge --env A=b --tag team=x --output made\n1")
    job = aws.client("sagemaker").describe_processing_job(ProcessingJobName="the-request")
    assert job["ProcessingResources"]["ClusterConfig"]["InstanceType"] == "ml.c5.xlarge"
    assert job["Environment"] == {"A": "b"} and job["ExitMessage"].startswith("algo-1 ")
    tags = aws.client("sagemaker").list_tags(ResourceArn=job["ProcessingJobArn"])["Tags"]
    assert {"Key": "team", "Value": "x"} in tags


def test_unchanged_data_is_not_sent_again(cloud_kernel: Kernel, aws: Emulator) -> None:
    cloud_kernel.ok("large = np.random.default_rng(0).random(1_000_000)")
    cloud_kernel.ok("%%processing\nfirst = large[0]")
    before = aws.server.count("PUT", "/blobs/")
    cloud_kernel.ok("%%processing\nsecond = large[1]")
    sent = [seen for seen in aws.server.requests if seen.method == "PUT" and "nbprocess/blobs/" in seen.key]
    assert before > 0
    assert sum(int(seen.headers.get("content-length", 0)) for seen in sent) < 2 * 8_000_000


def test_a_large_result_goes_to_the_next_job_within_s3(cloud_kernel: Kernel, aws: Emulator) -> None:
    cloud_kernel.ok("%%processing --lazy 1MB --name makes-it\nmade = np.random.default_rng(5).random(700_000)")
    before = len(aws.server.requests)
    ran = cloud_kernel.ok("%%processing\nprint(len(made))")
    assert ran.stdout == "700000\n" and "Fetching" not in ran.stream("stderr")
    seen = aws.server.requests[before:]
    results = [item for item in seen if "makes-it/out/" in item.key and item.method == "GET"]
    assert [item.key for item in results if "/blobs/" in item.key] == []
    assert any("x-amz-copy-source" in item.headers for item in seen)
    assert (
        max(int(item.headers.get("content-length", 0)) for item in seen if item.method == "PUT") < 5_000_000
    )  # of 5.6 MB


def test_what_runs_in_a_job_has_the_role_s_access_to_aws(cloud_kernel: Kernel, aws: Emulator) -> None:
    aws.client("s3").put_object(Bucket=f"sagemaker-us-east-1-{ACCOUNT}", Key="mine.txt", Body=b"from S3")
    cloud_kernel.ok(
        "%%processing\nimport boto3\n"
        f"got = boto3.client('s3').get_object(Bucket='sagemaker-us-east-1-{ACCOUNT}', Key='mine.txt')['Body'].read()"
    )
    assert cloud_kernel.value("got") == "b'from S3'"


def test_an_exception_has_its_type_and_line(cloud_kernel: Kernel) -> None:
    ran = cloud_kernel.run("%%processing\nready = 1\nraise KeyError('there')")
    assert ran.error == "KeyError" and "line 3" in ran.traceback
    assert cloud_kernel.value("ready") == "1"


def test_interrupt_stops_the_job_and_its_bill(cloud_kernel: Kernel, aws: Emulator) -> None:
    message = cloud_kernel.send("%%processing --name to-stop\nkept = 1\nimport time\ntime.sleep(600)")
    client = aws.client("sagemaker")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        listed = client.list_processing_jobs(NameContains="to-stop")["ProcessingJobSummaries"]
        if listed and "ProcessingStartTime" in client.describe_processing_job(ProcessingJobName="to-stop"):
            break
        time.sleep(0.2)
    time.sleep(2)
    cloud_kernel.interrupt()
    ran = cloud_kernel.collect(message)
    assert "stopped" in ran.traceback
    assert client.describe_processing_job(ProcessingJobName="to-stop")["ProcessingJobStatus"] == "Stopped"
    assert cloud_kernel.value("kept") == "1"


def test_attach_from_a_new_kernel(cloud_kernel: Kernel, aws: Emulator, tmp_path: Path) -> None:
    cloud_kernel.ok("%%processing --name for-later\nlater = {'a': 1}\nprint('from the first line')")
    environment = {**aws.environment, "NBPROCESS_BACKEND": "sagemaker"}
    with Kernel(tmp_path, cloud_kernel.home, environment) as fresh:
        fresh.ok("%load_ext nbprocess")
        assert "from the first line" in fresh.ok("%processing_attach for-later --region us-east-1").stdout
        assert fresh.value("later") == "{'a': 1}"
        assert "write the name of one job" in fresh.run("%processing_attach for later").stream("stderr")


def test_a_kernel_that_dies_in_the_middle_loses_nothing(aws: Emulator, tmp_path: Path, _own_home: Path) -> None:
    """The kernel is killed while its cell waits for the job; another one finds log, prints, displays and values."""
    environment = {**aws.environment}
    client = aws.client("sagemaker")
    gate = tmp_path / "gate"
    cell = (
        "%%processing --backend sagemaker --name kernel-dies\n"
        "import pathlib, time\nprint('first line', flush=True)\n"
        f"while not pathlib.Path({str(gate)!r}).exists():\n    time.sleep(0.1)\n"
        "print('last line')\nframe['y'] = frame['x'] * 2\nmodel = {'sum': int(frame['y'].sum())}\nmodel['sum']"
    )
    doomed = Kernel(tmp_path, _own_home / "dies", environment)
    try:
        doomed.ok("%load_ext nbprocess\nimport pandas as pd\nframe = pd.DataFrame({'x': range(1000)})")
        doomed.send(cell)
        logs, deadline = aws.client("logs"), time.monotonic() + 90
        group = {"logGroupName": "/aws/sagemaker/ProcessingJobs"}

        def lines() -> list[str]:
            try:
                found = logs.describe_log_streams(logStreamNamePrefix="kernel-dies/", **group)["logStreams"]
            except logs.exceptions.ResourceNotFoundException:
                return []
            pages = [logs.get_log_events(logStreamName=one["logStreamName"], **group)["events"] for one in found]
            return [event["message"] for page in pages for event in page]

        while "first line" not in lines():
            assert time.monotonic() < deadline
            time.sleep(0.2)
    finally:
        doomed.kill()
    assert client.describe_processing_job(ProcessingJobName="kernel-dies")["ProcessingJobStatus"] == "InProgress"
    with Kernel(tmp_path, _own_home / "dies", environment) as fresh:
        fresh.ok("%load_ext nbprocess\nimport nbprocess")
        message = fresh.send("%processing_attach kernel-dies")
        time.sleep(1)
        assert client.describe_processing_job(ProcessingJobName="kernel-dies")["ProcessingJobStatus"] == "InProgress"
        gate.touch()
        ran = fresh.collect(message)
        assert not ran.error, ran.traceback
        assert ran.stdout.index("first line") < ran.stdout.index("last line")
        assert fresh.value("model, list(frame.columns), len(frame)") == "({'sum': 999000}, ['x', 'y'], 1000)"
        log = fresh.value("[e.text for e in nbprocess.attach('kernel-dies', 'sagemaker').logs()]")
        assert log == "['first line', 'last line']"
        assert fresh.ok("%processing_logs kernel-dies").stdout.count("first line") == 1


def test_a_name_in_use_leaves_the_other_job_alone(cloud_kernel: Kernel) -> None:
    ran = cloud_kernel.run("%%processing --name first-cell\n1")
    assert "first-cell" in ran.traceback + str(ran.outputs)
    assert cloud_kernel.value("__import__('nbprocess').attach('first-cell').status") == "'Completed'"


@pytest.fixture()
def submit(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Submit one cell to an emulator with faults; gives the job."""
    import contextlib

    import nbprocess
    from nbprocess import backends

    with contextlib.ExitStack() as stack:

        def start(code: str, names: Any = None, command: str = "", options: Any = None, **faults: object):  # type: ignore[no-untyped-def]
            aws = start.aws = stack.enter_context(emulator(**faults))
            for name, value in aws.environment.items():
                monkeypatch.setenv(name, value)
            backends.get.cache_clear()
            given = {**(options or {}), **({"command": command} if command else {})}
            return nbprocess.submit(code, {"__name__": "__main__", **(names or {})}, backend="sagemaker", **given)

        yield start
        backends.get.cache_clear()


def test_throttling_and_server_errors_never_fail_a_job(submit) -> None:  # type: ignore[no-untyped-def]
    assert submit("x = 1\nx + 1", throttle=3, errors=1, resets=1).result(timeout=90) == 2


@pytest.mark.parametrize("command", ["", "sh"])
def test_a_job_whose_answer_is_lost_is_found_and_billed_once(submit, command: str) -> None:  # type: ignore[no-untyped-def]
    """AWS created it, the connection broke, boto3 asked again and heard that the name is in use: by this very job."""
    from nbprocess import backends

    job = submit("echo 2" if command else "1 + 1", lost_answers=1, command=command)
    assert job.wait(90) and job.status == "Completed"
    assert [event.text for event in job.log()] == ["2"] if command else job.result() == 2
    assert len(list(backends.get("sagemaker").jobs())) == 1


def test_a_name_in_use_is_not_taken_for_a_lost_answer(submit) -> None:  # type: ignore[no-untyped-def]
    from nbprocess import backends
    from nbprocess.errors import JobNameInUse

    job = submit("echo first", command="sh")
    assert job.wait(90)
    request = job.request()
    submit.aws.control.faults.errors = 1  # the call is made again
    with pytest.raises(JobNameInUse):
        backends.get("sagemaker").create(
            {**request, "AppSpecification": {**request["AppSpecification"], "ImageUri": "x"}}
        )


@pytest.mark.parametrize(
    ("faults", "says"),
    [
        ({"quota": True}, "Your quota"),
        ({"denied": ("CreateProcessingJob",)}, "A permission is missing"),
    ],
)
def test_a_refusal_is_told_with_the_way_out_and_leaves_nothing(submit, faults: dict, says: str) -> None:  # type: ignore[no-untyped-def,type-arg]
    from nbprocess import backends
    from nbprocess.errors import BackendError

    with pytest.raises(BackendError) as caught:
        submit("x = 1", **faults)
    assert says in str(caught.value)
    assert list(backends.get("sagemaker").store().list("jobs/")) == []


def test_no_capacity_is_told_with_the_way_out(submit) -> None:  # type: ignore[no-untyped-def]
    job = submit("import time\ntime.sleep(60)", capacity=True)
    assert "Try again later, or give several" in str(job.exception(timeout=90))
    state = job.state()
    assert state.status == "Failed" and state.started is None and state.cost == 0.0, "no machine, no bill"
    assert list(job.logs()) == []


@pytest.mark.parametrize("denied", ["DescribeLogStreams", "GetLogEvents"])
@pytest.mark.parametrize("command", ["", "sh"])
def test_who_may_not_read_the_log_gets_the_results(submit, denied: str, command: str) -> None:  # type: ignore[no-untyped-def]
    job = submit("echo unseen" if command else "print('unseen')\n1 + 1", command=command, denied=(denied,))
    assert job.wait(90) and job.status == "Completed"
    [notice] = [text for text in job.state().notices if "log" in text]
    assert denied in notice and "`nbprocess policy`" in notice and "do not depend on it" in notice
    assert command or job.result() == 2


def test_lost_log_streams_lose_no_results(submit) -> None:  # type: ignore[no-untyped-def]
    job = submit("print('unseen')\nx = 3\nx", no_logs=True)
    assert job.result(timeout=90) == 3
    assert any(event.get("text") == "unseen\n" for event in job.events())


def test_lines_that_come_after_the_end_are_not_lost(submit) -> None:  # type: ignore[no-untyped-def]
    """CloudWatch is seconds late: a script's output is its log, so its last lines are waited for."""
    job = submit("echo first\necho last\n", late_logs=0.4, command="bash")
    assert job.wait(90) and [event.text for event in job.log()] == ["first", "last"]


def test_lines_that_come_long_after_the_end_are_there_when_asked_for(submit) -> None:  # type: ignore[no-untyped-def]
    import nbprocess

    job = submit("echo first\n", late_logs=4.0, command="bash")
    assert job.wait(90)
    deadline = time.monotonic() + 60
    while not list(job.logs()):
        assert time.monotonic() < deadline
        time.sleep(0.3)
    assert [event.text for event in job.logs()] == ["first"]
    assert [event.text for event in nbprocess.attach(job.name, "sagemaker").logs()] == ["first"]


def test_a_machine_that_takes_its_time_is_waited_for(submit) -> None:  # type: ignore[no-untyped-def]
    from nbprocess.cli import main

    job = submit("x = 4\nx", slow_start=3.0)
    assert job.status == "InProgress"
    assert main(["--backend", "sagemaker", "clean", "--older-than", "0"]) == 0, "it is not taken for an ended one"
    assert job.result(timeout=90) == 4


def test_a_job_can_be_stopped_before_its_machine_is_there(submit) -> None:  # type: ignore[no-untyped-def]
    job = submit("import time\ntime.sleep(60)", slow_start=30.0)
    job.stop()
    assert job.wait(30) and job.status == "Stopped"


def test_a_machine_that_dies_is_told_with_the_way_out(submit) -> None:  # type: ignore[no-untyped-def]
    from nbprocess import backends

    job = submit("print('up', flush=True)\nimport time\ntime.sleep(60)", killed=1)
    error = job.exception(timeout=90)
    assert "InternalServerError" in str(error) and "again" in str(error)
    state = job.state()
    assert state.ended is not None and state.ended - (state.started or 0.0) < 60 and state.cost is not None
    assert len(list(backends.get("sagemaker").jobs())) == 1, "it is not started again behind one's back"
    assert [event.text for event in job.logs()] in (["up"], []), "what was written is kept"


def test_an_upload_that_breaks_is_taken_up_again(submit) -> None:  # type: ignore[no-untyped-def]
    from nbprocess import backends

    job = submit("len(value)", {"value": list(range(500_000))}, cut_uploads=2)
    assert job.result(timeout=90) == 500_000
    assert submit.aws.server.count("PUT", "/blobs/") >= 3
    assert len(list(backends.get("sagemaker").jobs())) == 1, "nothing is billed twice"


@pytest.mark.parametrize(
    ("code", "kind", "options"),
    [
        ("kept = [1, 2]\nprint('said')\nraise KeyError('there')", KeyError, {}),
        ("kept = [1, 2]\nprint('said', flush=True)\nimport time\ntime.sleep(100)", KeyboardInterrupt, {"timeout": 5}),
    ],
)
def test_results_of_a_job_that_did_not_complete_come_home_without_the_platform(
    submit, code: str, kind: type, options: dict[str, Any]
) -> None:  # type: ignore[no-untyped-def]
    job = submit(code, lost_outputs=True, options=options)
    assert isinstance(job.exception(timeout=90), kind)
    names: dict[str, Any] = {}
    job.load(names)
    assert names["kept"] == [1, 2] and job.events()[0]["text"] == "said\n"
    assert "Environment" not in job.describe(), "the role's credentials are no part of the request"


def test_a_job_without_a_network_leaves_its_traceback_in_the_log(submit) -> None:  # type: ignore[no-untyped-def]
    job = submit("kept = 1\n1 / 0", lost_outputs=True, options={"network_isolation": True})
    assert "%processing_logs" in str(job.exception(timeout=90))
    log = [event.text for event in job.logs()]
    assert "ZeroDivisionError: division by zero" in log and "----> 2 1 / 0" in log


def test_data_that_was_damaged_is_not_used_and_sent_anew_the_next_time(submit) -> None:  # type: ignore[no-untyped-def]
    import nbprocess
    from nbprocess.errors import IntegrityError

    names = {"value": bytes(range(256)) * 4000}
    first = submit("len(value)", names)
    assert first.result(timeout=90) == 1_024_000
    buckets = submit.aws.server.root
    largest = max(buckets.rglob("nbprocess/blobs/*"), key=lambda path: path.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[5] ^= 1
    largest.write_bytes(content)

    def again() -> int:
        return nbprocess.submit("len(value)", {"__name__": "__main__", **names}, backend="sagemaker").result(timeout=90)

    with pytest.raises(IntegrityError, match=r"is corrupt.*Send the cell again"):
        again()
    assert again() == 1_024_000


def test_a_wrong_clock_is_named(submit) -> None:  # type: ignore[no-untyped-def]
    from nbprocess.errors import BackendError

    with pytest.raises(BackendError, match="clock of this machine"):
        submit("x = 1", clock_skew=True)
