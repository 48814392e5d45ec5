"""What a job uses: from CloudWatch, in every wire format that a boto3 speaks with it, up to the views."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import nbprocess
from nbprocess import backends
from nbprocess.backends.sagemaker import metrics
from nbprocess.errors import BackendError, NotAllowed
from nbprocess.gauge import Gauge
from nbprocess.state import Usage
from nbprocess.testing.aws import REGION, Emulator, emulator

WORK = "import time\nheld = bytearray(400_000_000)\nend = time.process_time() + 2\nwhile time.process_time() < end:\n    sum(range(10_000))\n"


@pytest.fixture(scope="module")
def worked() -> Iterator[tuple[Emulator, Any]]:
    """An emulator on which a job without our worker ran on two hosts, and its job."""
    with emulator() as aws, pytest.MonkeyPatch.context() as patch:
        for name, value in aws.environment.items():
            patch.setenv(name, value)
        backends.get.cache_clear()
        aws.client("sagemaker").create_processing_job(
            ProcessingJobName="no-worker",
            RoleArn=aws.environment["NBPROCESS_ROLE"],
            AppSpecification={"ImageUri": "my/image:1", "ContainerEntrypoint": ["python3", "-c", f"exec({WORK!r})"]},
            ProcessingResources={
                "ClusterConfig": {"InstanceCount": 2, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30}
            },
        )
        job = nbprocess.attach("no-worker", "sagemaker")
        assert job.wait(90) and job.status == "Completed", job.describe()
        yield aws, job
        backends.get.cache_clear()


def asked(job: str, **more: Any) -> dict[str, Any]:
    now = datetime.datetime.now(datetime.timezone.utc)
    metric = {
        "Namespace": "/aws/sagemaker/ProcessingJobs",
        "MetricName": "CPUUtilization",
        "Dimensions": [{"Name": "Host", "Value": f"{job}/algo-2"}],
    }
    query = {"Id": "cpu", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Maximum"}}
    hour = datetime.timedelta(hours=1)
    return {"MetricDataQueries": [query], "StartTime": now - hour, "EndTime": now + hour, **more}


@pytest.mark.parametrize("protocol", ["json", "query", "smithy-rpc-v2-cbor"])
def test_each_wire_format_gives_the_same_points(worked: tuple[Emulator, Any], protocol: str) -> None:
    import botocore.session

    session = botocore.session.Session()
    loader = session.get_component("data_loader")
    model = loader.load_service_model("cloudwatch", "service-2")
    if protocol not in model["metadata"]["protocols"]:
        pytest.skip(f"this botocore's CloudWatch has no {protocol}")
    model["metadata"].update(protocol=protocol, protocols=[protocol])
    client = session.create_client(
        "cloudwatch",
        REGION,
        endpoint_url=worked[0].server.endpoint,
        aws_access_key_id="emulator",
        aws_secret_access_key="emulator",
    )
    assert getattr(client.meta.service_model, "resolved_protocol", "query") == protocol  # 1.37 has no such name
    answer = client.get_metric_data(**asked("no-worker"))
    [result] = answer["MetricDataResults"]
    assert result["Id"] == "cpu" and result["Label"] == "CPUUtilization" and result["StatusCode"] == "Complete"
    assert len(result["Timestamps"]) == len(result["Values"]) >= 1
    assert max(result["Values"]) > 10
    assert all(moment.second == 0 and moment.tzinfo is not None for moment in result["Timestamps"])
    from botocore.exceptions import ClientError

    with pytest.raises(ClientError, match="StartTime"):
        client.get_metric_data(**asked("no-worker", EndTime=datetime.datetime(2000, 1, 1)))


def test_a_job_without_our_worker_has_metrics_of_each_host(worked: tuple[Emulator, Any]) -> None:
    samples = worked[1].metrics()
    assert {sample.host for sample in samples} == {"algo-1", "algo-2"}
    for sample in samples:
        assert sample.memory_total == 8 * 2**30
        assert sample.disk is not None and 0 < sample.disk <= 30 * 10**9
        assert sample.gpu is None
        assert time.time() - 600 < sample.time < time.time()
    assert max(sample.memory or 0 for sample in samples) > 300_000_000
    assert max(sample.cpu or 0 for sample in samples) > 10


def test_the_views_and_the_server_show_them(worked: tuple[Emulator, Any]) -> None:
    from nbprocess.views.snapshot import curve

    state = worked[1].state()
    assert state.usage == worked[1].metrics()
    points = curve(state.usage, "algo-2")
    assert points and all(point[2] and point[3] == 8 * 2**30 for point in points)


def test_they_are_printed_and_the_peak_is_told(
    worked: tuple[Emulator, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    from nbprocess.cli import main
    from nbprocess.views.text import summary

    assert main(["--backend", "sagemaker", "metrics", "no-worker"]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split()[:5] == ["TIME", "(UTC)", "HOST", "CPU", "MEMORY"]
    assert {row.split()[2] for row in rows} == {"algo-1", "algo-2"} and all("8.6 GB" in row for row in rows)
    assert "Peak memory: " in summary(worked[1].state()) and (worked[1].state().peak_memory or 0) > 300_000_000


def test_memory_of_a_gpu_machine_is_that_of_its_gpus() -> None:
    class Client:
        def get_metric_data(self, **asked: Any) -> dict[str, Any]:
            self.asked = asked
            moment = datetime.datetime.fromtimestamp(600, datetime.timezone.utc)
            return {
                "MetricDataResults": [
                    {"Id": query["Id"], "Timestamps": [moment], "Values": [50.0]}
                    for query in asked["MetricDataQueries"]
                ]
            }

    cluster = {"InstanceType": "ml.g4dn.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10}
    describe = {"ProcessingJobName": "j", "ProcessingResources": {"ClusterConfig": cluster}}
    [sample] = metrics.read(Client(), describe, 599.0, 700.0)
    assert sample == Usage(600.0, 50.0, 8 * 2**30, 16 * 2**30, 5 * 10**9, 50.0, 8 * 2**30)


class Told:
    """A backend that counts its questions and answers with one sample of the minute asked for."""

    def __init__(self, error: Exception | None = None) -> None:
        self.calls: list[tuple[float, float]] = []
        self.error = error

    def usage(self, describe: Any, since: float, until: float) -> list[Usage]:
        self.calls.append((since, until))
        if self.error:
            raise self.error
        return [Usage(until - until % 60, cpu=float(len(self.calls)))]


def described(started: float, ended: float | None = None) -> dict[str, Any]:
    def moment(at: float) -> datetime.datetime:
        return datetime.datetime.fromtimestamp(at, datetime.timezone.utc)

    found: dict[str, Any] = {"ProcessingJobStatus": "InProgress", "ProcessingStartTime": moment(started)}
    if ended is not None:
        found.update(ProcessingJobStatus="Completed", ProcessingEndTime=moment(ended))
    return found


def test_the_platform_is_asked_once_a_minute_and_only_where_nobody_inside_speaks() -> None:
    now, backend = time.time(), Told()
    gauge = Gauge(backend)  # type: ignore[arg-type]
    assert not gauge.due({"ProcessingJobStatus": "InProgress"}, worker=False), "it has not started"
    assert not gauge.due(described(now - 30), worker=False), "the first minute is not over"
    assert gauge.due(described(now - 70), worker=False)
    assert gauge.ask(described(now - 70)) and not gauge.due(described(now - 70), worker=False)
    assert backend.calls[0][1] % 60 == 0, "the minute that runs has no average yet"
    assert gauge.due(described(now - 70, now), worker=False), "the last minutes come with the end"

    speaking = Gauge(Told())  # type: ignore[arg-type]
    assert not speaking.due(described(now - 80), worker=True), "the worker has time to speak"
    assert speaking.due(described(now - 200), worker=True), "it fell silent"
    speaking.take({"cpu": 12.0, "unknown": 1}, now)
    assert not speaking.due(described(now - 200), worker=True)
    assert not speaking.due(described(now - 200, now), worker=True), "its own samples tell all"
    assert [sample.cpu for sample in speaking.samples] == [12.0]


def test_a_refusal_is_asked_once_and_never_fails_a_job() -> None:
    backend = Told(NotAllowed("AWS refused (AccessDenied): not authorized"))
    gauge, now = Gauge(backend), time.time()  # type: ignore[arg-type]
    assert not gauge.ask(described(now - 200))
    assert gauge.refused and not gauge.due(described(now - 900), worker=False)


def test_without_the_permission_the_job_is_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with emulator(denied=("GetMetricData",)) as aws:
        for name, value in aws.environment.items():
            monkeypatch.setenv(name, value)
        backends.get.cache_clear()
        (tmp_path / "s.py").write_text("print('ran')\n")
        job = nbprocess.submit_script(tmp_path / "s.py", backend="sagemaker")
        assert job.wait(90) and job.status == "Completed"
        with pytest.raises(BackendError, match="nbprocess policy"):
            job.metrics()
    backends.get.cache_clear()
