"""Who asks, and where: credentials that come or change while a kernel runs, regions side by side, AWS out of reach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import nbprocess
import nbprocess.api
from nbprocess import backends
from nbprocess.backends.sagemaker.backend import Backend
from nbprocess.cli import main
from nbprocess.errors import BackendError, JobNotFound
from nbprocess.testing.aws import ACCOUNT, REGION, Emulator, emulator


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    with emulator() as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        backends.get.cache_clear()
        yield running
    backends.get.cache_clear()


def submit(code: str = "1 + 1", **options: Any) -> nbprocess.Job:
    return nbprocess.submit(code, {"__name__": "__main__"}, backend="sagemaker", **options)


def test_credentials_that_are_set_up_after_a_refusal_count_without_a_restart(
    aws: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    for name in keys:
        monkeypatch.delenv(name)
    with pytest.raises(BackendError, match=r"Unable to locate credentials\. Set up credentials \(`aws configure`\)"):
        submit()
    for name in keys:
        monkeypatch.setenv(name, "emulator")
    assert submit().result(timeout=90) == 2


def test_new_keys_count_for_the_next_cell_and_ended_ones_are_told(
    aws: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = submit("echo first", command="sh")
    assert first.wait(90)
    aws.server.access_keys = {"renewed"}
    with pytest.raises(BackendError, match=r"ExpiredToken.*Log in again.*%processing_attach"):
        backends.get("sagemaker").describe(first.name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "renewed")
    assert submit(input={"x": __file__}).result(timeout=90) == 2
    assert nbprocess.attach(first.name, "sagemaker").status == "Completed"


def test_aws_out_of_reach_is_no_matter_of_credentials(aws: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(BackendError, match=r"AWS cannot be reached: .*127\.0\.0\.1:9.* Check the network") as caught:
        submit()
    assert "aws configure" not in str(caught.value)


def test_a_listing_says_which_backend_it_could_not_ask(
    aws: Emulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert main(["jobs"]) == 0
    shown = capsys.readouterr()
    assert shown.out and "nbprocess: sagemaker: AWS cannot be" in shown.err


def test_the_region_of_one_cell_leaves_the_others_where_they_are(aws: Emulator) -> None:
    aws.client("s3").create_bucket(Bucket=f"sagemaker-eu-west-1-{ACCOUNT}")
    here = backends.get("sagemaker")
    plan = nbprocess.api.plan("1", {"__name__": "__main__"}, backend="sagemaker", region="eu-west-1")
    assert plan.backend.region == "eu-west-1" and f"s3://sagemaker-eu-west-1-{ACCOUNT}/" in str(plan.request)
    assert plan.backend is nbprocess.api.plan("1", {}, backend="sagemaker", region="eu-west-1").backend
    assert here.region == REGION  # type: ignore[attr-defined]
    plain = nbprocess.api.plan("1", {"__name__": "__main__"}, backend="sagemaker", region=REGION)
    assert plain.backend is here and "eu-west-1" not in str(plain.request)
    with pytest.raises(JobNotFound, match=r"no job named afar \(sagemaker, eu-west-1\)"):
        nbprocess.attach("afar", region="eu-west-1")
    with pytest.raises(JobNotFound, match=rf"\(local; sagemaker, {REGION}\).*--region looks in another region"):
        nbprocess.attach("afar")


def test_a_region_is_enough_where_none_is_configured(aws: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    assert submit(region=REGION).result(timeout=90) == 2


def test_a_role_may_be_given_by_its_name(aws: Emulator) -> None:
    plan = nbprocess.api.plan("1", {"__name__": "__main__"}, backend="sagemaker", role="service-role/mine")
    assert plan.request["RoleArn"] == f"arn:aws:iam::{ACCOUNT}:role/mine"
    local = nbprocess.api.plan("1", {"__name__": "__main__"}, backend="local", role="mine")
    assert local.request["RoleArn"] == "arn:aws:iam::000000000000:role/mine"


@pytest.mark.parametrize(
    ("partition", "region", "host"),
    [("aws", "eu-west-1", "aws.amazon.com"), ("aws-cn", "cn-north-1", "amazonaws.cn")],
)
def test_links_lead_to_the_console_of_the_partition(partition: str, region: str, host: str) -> None:
    arn = f"arn:{partition}:sagemaker:{region}:{ACCOUNT}:processing-job/x"
    links = Backend(region).links({"ProcessingJobArn": arn, "ProcessingJobName": "x"})
    assert links["Console"].startswith(f"https://{region}.console.{host}/sagemaker/")


def test_jobs_are_looked_for_where_the_configuration_says(aws: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine whose credentials come with it (EC2), no variable and no file tells that there are any."""
    assert submit("echo", command="sh", name="by-instance-profile").wait(90)
    monkeypatch.setattr(nbprocess.plan, "default_backend", lambda: "local")
    monkeypatch.setenv("NBPROCESS_BACKEND", "sagemaker")
    assert nbprocess.attach("by-instance-profile").backend.name == "sagemaker"
    assert [job.name for job in nbprocess.jobs() if job.backend.name == "sagemaker"] == ["by-instance-profile"]
