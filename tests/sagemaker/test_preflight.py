"""What is refused before anything is uploaded or billed, and what is not asked of those who may not."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import nbprocess
from nbprocess import backends
from nbprocess.backends.sagemaker import preflight, quotas
from nbprocess.errors import BackendError
from nbprocess.testing.aws import ACCOUNT, Emulator, emulator

Start = Callable[..., Emulator]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[Start]:
    """Start an emulator with faults; nbprocess knows no other AWS."""
    with contextlib.ExitStack() as stack:

        def begin(**faults: object) -> Emulator:
            aws = stack.enter_context(emulator(**faults))
            for name, value in aws.environment.items():
                monkeypatch.setenv(name, value)
            monkeypatch.setenv("NBPROCESS_HOME", str(tmp_path))
            backends.get.cache_clear()
            return aws

        yield begin
        backends.get.cache_clear()


def submit(code: str = "x = 1", **options: Any) -> Any:
    return nbprocess.submit(code, {"__name__": "__main__"}, backend="sagemaker", **options)


BUCKET = f"sagemaker-us-east-1-{ACCOUNT}"
IMAGE = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/mine:1.0-py311"


@pytest.mark.parametrize(
    ("faults", "options", "words"),
    [
        ({"quotas": {"ml.m5.xlarge": 0}}, {}, ("ml.m5.xlarge", "has 0", "With quota there are: ml.", "servicequotas")),
        ({"quotas": {"ml.m5.xlarge": 2}}, {"count": 3}, ("3 x ml.m5.xlarge", "has 2")),
        ({"no_image": True}, {"image": IMAGE}, (IMAGE, "does not exist in ECR", "--image")),
        ({"no_role": True}, {}, ("role/nbprocess", "does not exist", "--role")),
        ({"no_trust": True}, {}, ("role/nbprocess", "trust", "nbprocess policy")),
        ({"no_pass": True}, {"role": f"arn:aws:iam::{ACCOUNT}:role/other"}, ("iam:PassRole", "role/other")),
        ({}, {"bucket": "nobodys-bucket"}, ("nobodys-bucket", "aws s3 mb")),
        ({}, {"input": {"d": "s3://no-lake/in/"}}, ("--input d=s3://no-lake/in/", "there is no bucket no-lake")),
        ({}, {"input": {"d": f"s3://{BUCKET}/none/"}}, (f"--input d=s3://{BUCKET}/none/", "nothing lies there")),
    ],
)
def test_what_cannot_run_is_refused_and_nothing_is_left(
    start: Start, faults: dict[str, Any], options: dict[str, Any], words: tuple[str, ...]
) -> None:
    aws = start(**faults)
    with pytest.raises(BackendError) as caught:
        submit(**options)
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert list(backends.get("sagemaker").store().list("jobs/")) == []
    assert aws.client("sagemaker").list_processing_jobs()["ProcessingJobSummaries"] == []


def test_alternatives_are_as_large_and_allowed() -> None:
    known = {"ml.m5.4xlarge": 5.0, "ml.m5.2xlarge": 0.0, "ml.t3.medium": 9.0, "ml.g4dn.xlarge": 9.0}
    assert quotas.alternatives(known, "ml.m5.2xlarge", 1) == ["ml.m5.4xlarge"]
    assert quotas.alternatives({"ml.g5.xlarge": 1.0, "ml.m5.24xlarge": 9.0}, "ml.g4dn.xlarge", 1) == ["ml.g5.xlarge"]


def test_a_role_that_may_be_passed_to_sagemaker_only_is_fine_and_one_that_no_policy_names_is_told(start: Start) -> None:
    start()
    account = backends.get("sagemaker").account
    asked = {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/other"}
    assert preflight.role(account, asked) == []
    client = account.client("iam")
    client.meta.events.register(
        "before-parameter-build.iam.SimulatePrincipalPolicy", lambda params, **_: params.pop("ContextEntries")
    )
    [notice] = preflight.role(account, asked)
    assert "role/nbprocess pass the role" in notice and "iam:PassRole" in notice and "nbprocess policy" in notice


def test_several_types_need_only_one_with_quota(start: Start) -> None:
    start(quotas={"ml.m5.xlarge": 0})
    assert submit("2 + 2", instance=("ml.m5.xlarge", "ml.m5.2xlarge")).result(timeout=90) == 4


def test_who_may_not_ask_is_not_kept_from_running(start: Start) -> None:
    start(denied=("ListServiceQuotas", "GetRole", "SimulatePrincipalPolicy", "DescribeImages"))
    assert submit("1 + 2").result(timeout=90) == 3


def test_quotas_are_asked_once_a_day(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    start()
    account = backends.get("sagemaker").account
    first = quotas.processing(account)
    assert first["ml.m5.xlarge"] == 20
    monkeypatch.setattr(account, "client", lambda service: pytest.fail("asked again"))
    assert quotas.processing(account) == first


def test_slow_answers_do_not_hold_the_job_up(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    start()
    account = backends.get("sagemaker").account
    request = {
        "RoleArn": account.role,
        "AppSpecification": {"ImageUri": IMAGE},
        "ProcessingOutputConfig": {"Outputs": [{"S3Output": {"S3Uri": f"s3://{account.bucket}/x"}}]},
        "ProcessingResources": {"ClusterConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1}},
    }
    monkeypatch.setattr(preflight, "quota", lambda *_: time.sleep(20))
    begun = time.monotonic()
    assert preflight.check(account, request, seconds=0.5) == []
    assert time.monotonic() - begun < 15
    monkeypatch.setattr(preflight, "quota", lambda *_: pytest.fail("asked again"))
    assert preflight.check(account, request, seconds=0.5) == [], "no other cell waits for it"


def test_what_aws_never_answers_keeps_no_program_from_ending(start: Start) -> None:
    start()
    code = (
        "import time\nfrom nbprocess import backends\nfrom nbprocess.backends.sagemaker import preflight\n"
        "preflight.SECONDS, preflight.role = 0.2, lambda *_: time.sleep(100)\n"
        "backend = backends.get('sagemaker')\n"
        "request = {'RoleArn': 'r', 'AppSpecification': {'ImageUri': 'i'}, 'ProcessingResources': "
        "{'ClusterConfig': {'InstanceType': 'ml.m5.xlarge'}}}\n"
        "print(preflight.check(backend.account, request, 0.2))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n", done.stderr
