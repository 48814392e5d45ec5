"""A job's life on AWS: listed, told apart, stopped, deleted, linked to the console, given one of several machines."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

import nbprocess
import nbprocess.api
from nbprocess import backends
from nbprocess.backends.base import Backend
from nbprocess.backends.sagemaker.explain import meaning
from nbprocess.cli import main
from nbprocess.errors import JobNotFound
from nbprocess.testing.aws import Emulator, emulator
from nbprocess.testing.aws.__main__ import fault
from nbprocess.testing.aws.control import Control
from nbprocess.views.source import Query


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with emulator(quotas={"ml.m5.xlarge": 0}) as running, pytest.MonkeyPatch.context() as patch:
        for name, value in running.environment.items():
            patch.setenv(name, value)
        patch.setenv("NBPROCESS_HOME", str(tmp_path_factory.mktemp("home")))
        backends.get.cache_clear()
        yield running
    backends.get.cache_clear()


def submit(code: str, **options: Any) -> Any:
    options = {"instance": ("ml.m5.large",), **options}
    return nbprocess.submit(code, {"__name__": "__main__"}, backend="sagemaker", **options)


def test_a_job_that_ran_out_of_time_is_told_from_one_that_was_stopped(aws: Emulator) -> None:
    late = submit("sleep 100", command="bash", timeout=3)
    assert late.wait(90) and late.status == "Stopped"
    assert "ran out of time" in str(late.error()) and "--timeout" in str(late.error())
    cell = submit("kept = 1\nimport time\ntime.sleep(100)", timeout=5)
    assert "maximum runtime" in str(cell.exception(90)) and "--timeout" in str(cell.error())
    names: dict[str, Any] = {}
    cell.load(names)
    assert names["kept"] == 1, "the worker stops itself in time to save what is ready"
    stopped = submit("import time\nprint('up', flush=True)\ntime.sleep(100)")
    while not any("up" in event.text for event in stopped.log()):
        assert not stopped.wait(0.2)
    stopped.stop()
    assert stopped.wait(90) and stopped.state().headline.startswith("Stopped on request")
    again = nbprocess.attach(late.name, "sagemaker")
    assert "ran out of time" in again.state().failure, "another kernel sees it too"


def test_the_first_of_several_types_with_quota_is_given_and_shown(aws: Emulator) -> None:
    job = submit("1", instance=("ml.m5.xlarge", "ml.m5.2xlarge", "ml.m5.4xlarge"))
    assert job.result(timeout=90) == 1
    cluster = aws.client("sagemaker").describe_processing_job(ProcessingJobName=job.name)["ProcessingResources"][
        "ClusterConfig"
    ]
    assert [item["InstanceType"] for item in cluster["InstancePreferences"]] == [
        "ml.m5.xlarge",
        "ml.m5.2xlarge",
        "ml.m5.4xlarge",
    ]
    assert "InstanceType" not in cluster and job.state().instance_type == "ml.m5.2xlarge"


def test_a_deleted_job_is_gone_and_its_name_is_free(aws: Emulator) -> None:
    job = submit("1", name="twice")
    assert job.result(timeout=90) == 1
    job.delete()
    with pytest.raises(JobNotFound):
        backends.get("sagemaker").describe("twice")
    assert list(backends.get("sagemaker").store().list("jobs/twice/")) == []
    assert submit("2", name="twice").result(timeout=90) == 2


def test_an_account_or_boto3_without_deletion_keeps_the_record_only(
    aws: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit("1", name="kept-record")
    assert job.result(timeout=90) == 1
    older = type("Older", (), {"describe_processing_job": aws.client("sagemaker").describe_processing_job})()
    backend = backends.get("sagemaker")
    monkeypatch.setattr(backend.account, "client", lambda service: older)
    job.delete()
    assert backend.describe("kept-record")["ProcessingJobStatus"] == "Completed"


def test_jobs_are_listed_page_by_page_newest_first(aws: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    client, asked = aws.client("sagemaker"), []
    real = client.list_processing_jobs

    def counted(**given: Any) -> Any:
        asked.append(given)
        return real(**{**given, "MaxResults": 2})

    for number in range(5):
        assert nbprocess.submit(
            "true", command="sh", name=f"page-{number}", backend="sagemaker", instance=("ml.m5.large",)
        ).wait(90)
    backend: Backend = backends.get("sagemaker")
    monkeypatch.setattr(client, "list_processing_jobs", counted)
    monkeypatch.setattr(backend.account, "client", lambda service: client)  # type: ignore[attr-defined]
    jobs = backend.jobs(NameContains="page-")
    assert next(jobs)["ProcessingJobName"] == "page-4" and len(asked) == 1, "no page is asked for before it is needed"
    assert [job["ProcessingJobName"] for job in jobs] == ["page-3", "page-2", "page-1", "page-0"]
    assert [given.get("NextToken") for given in asked] == [None, "2", "4"]


def test_the_list_in_a_terminal_takes_one_call_for_each_job(
    aws: Emulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert submit("true", command="sh", name="in-a-list").wait(90)
    asked: list[str] = []
    call = Control.call
    monkeypatch.setattr(Control, "call", lambda self, name, given: (asked.append(name), call(self, name, given))[1])
    assert main(["--backend", "sagemaker", "jobs", "--limit", "2"]) == 0
    row = capsys.readouterr().out.splitlines()[1]
    assert row.startswith("in-a-list ") and "ml.m5.large" in row and "$" in row
    assert [name for name in asked if "Price" not in name and "Products" not in name] == [
        "ListProcessingJobs",
        "DescribeProcessingJob",
        "DescribeProcessingJob",
    ]


def test_links_lead_to_the_console(aws: Emulator) -> None:
    job = submit("open(outputs['made'] + '/x', 'w').close()", name="linked", output=["made"])
    assert job.wait(90)
    links = job.state().links
    base = "https://us-east-1.console.aws.amazon.com"
    assert links["Console"] == f"{base}/sagemaker/home?region=us-east-1#/processing-jobs/linked"
    assert links["Output made"].startswith(f"{base}/s3/buckets/sagemaker-us-east-1-123456789012?prefix=nbprocess/jobs")
    # CloudWatch's console: the parts are quoted twice, and % is written as $.
    found = links["Log"].partition("log-group/")[2].replace("$", "%")
    group, _, stream = unquote(found).partition("?")
    assert unquote(group) == "/aws/sagemaker/ProcessingJobs"
    assert unquote(stream) == "logStreamNameFilter=linked/"
    assert "Output nbprocess-results" not in links


def test_an_isolated_job_has_no_network_and_loses_nothing(aws: Emulator) -> None:
    """The bundle comes and the results go by the platform's inputs and outputs: nothing in the container needs a network."""
    code = (
        "import socket\n"
        "try:\n"
        f"    socket.create_connection(('127.0.0.1', {aws.server.endpoint.rpartition(':')[2]}), timeout=5).close()\n"
        "    reached = True\n"
        "except OSError:\n"
        "    reached = False\n"
        "open(outputs['made'] + '/x.txt', 'w').write('made')\n"
        "data['sum'] = sum(data['values'])"
    )
    data = {"values": list(range(100_000))}
    job = nbprocess.submit(
        code,
        {"__name__": "__main__", "data": data},
        backend="sagemaker",
        network_isolation=True,
        instance=("ml.m5.large",),
        output=["made"],
    )
    assert job.wait(90) and job.status == "Completed", job.error()
    names: dict[str, Any] = {"data": data}
    job.load(names)
    assert names["data"]["sum"] == sum(range(100_000)) and job.outputs["made"].read() == b"made"
    assert names["reached"] is False
    assert "fetch" not in job.store.get(f"jobs/{job.name}/bundle/manifest.json").decode()[:200]


@pytest.mark.parametrize(
    ("reason", "way_out"),
    [
        ("CapacityError: Unable to provision requested ML compute capacity.", "--instance a,b,c"),
        ("ResourceLimitExceeded: The account-level service limit is 0", "Your quota of this instance type"),
        ("ClientError: CannotPullContainerError: not found", "check --image"),
        ("AccessDeniedException: User is not authorized to perform", "`nbprocess policy`"),
        ("AlgorithmError: exit code: 137", "larger --instance"),
        ("OSError: [Errno 28] No space left on device", "larger --volume"),
        ("InternalServerError: We encountered an internal error. Please try again.", "ran out of memory"),
        ("ClientError: Failed to download data. ListObjectsV2 failed", "check its S3 URI"),
        ("RequestTimeTooSkewed", "clock of this machine"),
    ],
)
def test_a_failure_is_told_with_the_way_out(reason: str, way_out: str) -> None:
    assert way_out in meaning(reason)


def test_an_unknown_failure_gets_no_guess() -> None:
    assert meaning("AlgorithmError: See job logs for more information, exit code: 3") == ""


def test_the_sdk_is_never_imported_and_clients_are_made_once(aws: Emulator) -> None:
    code = (
        "import nbprocess, sys, boto3\n"
        "made = []\nreal = boto3.Session.client\n"
        "boto3.Session.client = lambda self, name, *a, **k: (made.append(name), real(self, name, *a, **k))[1]\n"
        "for n in range(2):\n"
        "    assert nbprocess.submit(str(n), {'__name__': '__main__'}, backend='sagemaker', instance=('ml.m5.large',)).result(90) == n\n"
        "import json\nprint(json.dumps([made, [m for m in sys.modules if m.split('.')[0] == 'sagemaker']]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    made, imported = json.loads(done.stdout.splitlines()[-1])
    assert imported == [] and "sagemaker" in made
    control = [name for name in made if name != "s3"]  # the store has a client of its own
    assert len(control) == len(set(control)), made


def test_pre_flight_is_done_in_seconds(aws: Emulator) -> None:
    backend = backends.get("sagemaker")
    request = nbprocess.api.plan("1", {"__name__": "__main__"}, backend="sagemaker", instance=("ml.m5.large",)).request
    begun = time.monotonic()
    backend.preflight(request)
    assert time.monotonic() - begun < 3


def test_the_emulator_serves_from_the_command_line_until_it_is_interrupted(tmp_path: Path) -> None:
    import signal

    command = [sys.executable, "-m", "nbprocess.testing.aws", "--root", str(tmp_path / "aws")]
    command += ["--fault", "slow-start=0.5", "--fault", "denied=GetRole,ListProcessingJobs"]

    def heard() -> None:  # a shell that starts these tests in the background has them ignore it
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=heard) as process:
        assert process.stdout is not None
        exported = {}
        for line in process.stdout:
            word, _, pair = line.strip().partition(" ")
            assert word == "export"
            name, _, value = pair.partition("=")
            exported[name] = value
            if name == "NBPROCESS_POLL_SECONDS":
                break
        import boto3

        session = boto3.Session("emulator", "emulator", region_name=exported["AWS_REGION"])
        client = session.client("sts", endpoint_url=exported["AWS_ENDPOINT_URL"])
        assert client.get_caller_identity()["Account"] == "123456789012"
        sagemaker = session.client("sagemaker", endpoint_url=exported["AWS_ENDPOINT_URL"])
        buckets = session.client("s3", endpoint_url=exported["AWS_ENDPOINT_URL"]).list_buckets()["Buckets"]
        assert [bucket["Name"] for bucket in buckets] == ["sagemaker-us-east-1-123456789012"]
        with pytest.raises(sagemaker.exceptions.ClientError, match="not authorized to perform: ListProcessingJobs"):
            sagemaker.list_processing_jobs()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("throttle=3", ("throttle", 3)),
        ("late-logs=0.5", ("late_logs", 0.5)),
        ("capacity", ("capacity", True)),
        ('quotas={"ml.m5.xlarge": 0}', ("quotas", {"ml.m5.xlarge": 0})),
    ],
)
def test_faults_are_switched_on_from_the_command_line(text: str, found: tuple[str, Any]) -> None:
    assert fault(text) == found


@pytest.mark.parametrize(("text", "says"), [("thottle=3", "Did you mean throttle?"), ("throttle=x", "throttle=x: ")])
def test_a_fault_that_is_none_is_named(text: str, says: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=re.escape(says)):
        fault(text)


def test_the_job_browser_knows_machine_cost_and_notebook_of_listed_jobs_and_runs_one_again_on_a_larger(
    aws: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nbprocess.backends.sagemaker import pricing
    from nbprocess.browse import source
    from nbprocess.catalog import Price

    usd = {"ml.m5.2xlarge": 0.461, "ml.m5.4xlarge": 0.922}
    monkeypatch.setattr(
        pricing, "price", lambda account, kind: Price(usd[kind], "2026-11-01", "a test") if kind in usd else None
    )
    monkeypatch.setenv("NBPROCESS_BACKEND", "sagemaker")
    job = submit("small = 1", instance=("ml.m5.2xlarge",), name="grows", max_cost=0.5)
    assert job.wait(90)
    jobs = source()
    jobs.refresh()
    assert jobs.totals().unpriced > 0  # ListProcessingJobs tells no machine
    while jobs.learn(5)[1]:
        pass
    assert jobs.totals().unpriced == 0
    state = next(s for s in jobs.page(Query(), 0, 500).rows if s.name == "grows")
    assert state.instance_type == "ml.m5.2xlarge" and state.price_per_hour and state.cost is not None
    assert jobs.totals().today >= state.cost > 0
    assert jobs.page(Query(instance="ml.m5.2xlarge", search="grows"), 0, 5).total == 1

    assert jobs.actions("grows")["bigger"] == "Run again on ml.m5.4xlarge"
    said = jobs.act("bigger", "grows")
    again = nbprocess.attach(said.rpartition(" ")[2].rstrip("."), "sagemaker")
    assert again.wait(90) and again.status == "Completed"
    assert again.state().instance_type == "ml.m5.4xlarge"
    assert "--instance ml.m5.4xlarge" in again.source.options and "--max-cost 0.5" in again.source.options
    limit = again.describe()["StoppingCondition"]["MaxRuntimeInSeconds"]
    assert limit * again.price_per_hour / 3600 <= 0.5  # the same money buys less time of a dearer machine
    names: dict[str, Any] = {}
    again.load(names)
    assert names["small"] == 1
