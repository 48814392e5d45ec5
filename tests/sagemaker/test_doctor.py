"""``nbprocess doctor`` names what is missing and what to type; Studio and the rest of the world are both known to it."""

from __future__ import annotations

import contextlib
import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nbprocess import backends
from nbprocess.cli import main
from nbprocess.testing.aws import ACCOUNT, emulator

Doctor = Callable[..., tuple[int, str]]


@pytest.fixture
def doctor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Doctor]:
    """Run ``nbprocess doctor`` on an emulator with faults; gives its exit status and what it printed."""
    with contextlib.ExitStack() as stack:

        def look(without: tuple[str, ...] = (), **faults: Any) -> tuple[int, str]:
            aws = stack.enter_context(emulator(**faults))
            for name, value in aws.environment.items():
                monkeypatch.setenv(name, value)
            for name in without:
                monkeypatch.delenv(name)
            monkeypatch.setenv("NBPROCESS_HOME", str(tmp_path))
            status = main(["doctor"])
            return status, capsys.readouterr().out

        yield look
        backends.get.cache_clear()


def test_all_is_there(doctor: Doctor) -> None:
    status, shown = doctor()
    assert status == 0 and "MISS" not in shown
    assert "ok   default machine: ml.m5.xlarge, 20 at once" in shown
    assert f"ok   bucket: sagemaker-us-east-1-{ACCOUNT}" in shown


def test_a_kernel_that_falls_silent_is_named_with_its_way_out(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import metadata

    real = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "7.3.0" if name == "ipykernel" else real(name))
    status, shown = doctor()
    assert status == 1
    assert "MISS kernel\n     ipykernel 7.3.0 can lose the request of a cell" in shown
    assert "pip install 'ipykernel>=7.4'" in shown
    assert "ok   region" in shown  # the rest is looked at all the same


@pytest.mark.parametrize(
    ("faults", "miss", "types"),
    [
        (
            {"no_role": True},
            "execution role",
            (
                "nbprocess policy --only trust > trust.json",
                "aws iam create-role --role-name nbprocess-jobs --assume-role-policy-document file://trust.json",
                f"nbprocess policy --only role --bucket sagemaker-us-east-1-{ACCOUNT} > role.json",
                "aws iam put-role-policy --role-name nbprocess-jobs --policy-name nbprocess --policy-document file://role.json",
                f"export NBPROCESS_ROLE=arn:aws:iam::{ACCOUNT}:role/nbprocess-jobs",
            ),
        ),
        (
            {"no_trust": True},
            "execution role",
            ("aws iam update-assume-role-policy --role-name nbprocess --policy-document file://trust.json",),
        ),
        ({"quotas": {"ml.m5.xlarge": 0}}, "default machine", ("servicequotas",)),
        (
            {"denied": ("ListProcessingJobs",)},
            "permission to list jobs",
            (
                "aws iam put-role-policy --role-name nbprocess --policy-name nbprocess --policy-document file://user.json",
            ),
        ),
        ({"denied": ("DescribeLogStreams",)}, "permission to read logs", ("nbprocess policy --only user",)),
        ({"denied": ("GetMetricData",)}, "permission to read metrics", ("Without it jobs run",)),
        ({"denied": ("GetProducts",)}, "prices", ("--max-cost is refused", "nbprocess prices --update")),
        ({"clock_skew": True}, "credentials", ("The clock of this machine is wrong",)),
    ],
)
def test_what_is_missing_comes_with_what_to_type(
    doctor: Doctor, faults: dict[str, Any], miss: str, types: tuple[str, ...]
) -> None:
    status, shown = doctor(**faults)
    assert status == 1 and [line for line in shown.splitlines() if line.startswith("MISS")] == [f"MISS {miss}"]
    assert all(word in shown for word in types), shown


def test_the_policy_that_is_to_be_typed_has_nothing_left_to_fill_in(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.yaml").write_text(
        "SageMaker: {PythonSDK: {Modules: {Session: {DefaultS3Bucket: team, DefaultS3ObjectKeyPrefix: people/ada}}}}"
    )
    monkeypatch.setenv("SAGEMAKER_USER_CONFIG_OVERRIDE", str(tmp_path))
    _, shown = doctor(denied=("ListProcessingJobs",))
    line = next(line for line in shown.splitlines() if "nbprocess policy --only user" in line)
    assert main(shlex.split(line.partition(" > ")[0])[1:]) == 0
    policy = capsys.readouterr().out
    resources = [part["Resource"] for part in json.loads(policy)["Statement"]]
    assert all(resource == "*" or resource.startswith("arn:aws:") for resource in resources), resources
    assert "arn:aws:s3:::team/people/ada/nbprocess/*" in resources
    assert f"arn:aws:iam::{ACCOUNT}:role/nbprocess" in resources


def test_policies_are_of_the_partition_of_the_role(capsys: pytest.CaptureFixture[str]) -> None:
    role = f"arn:aws-cn:iam::{ACCOUNT}:role/jobs"
    assert main(["policy", "--only", "role", "--bucket", "mine", "--role", role]) == 0
    printed = capsys.readouterr().out
    assert "arn:aws-cn:s3:::mine/nbprocess/*" in printed and "arn:aws:" not in printed


def test_without_a_region_nothing_else_is_asked(doctor: Doctor) -> None:
    status, shown = doctor(without=("AWS_REGION", "AWS_DEFAULT_REGION"))
    assert status == 1 and "MISS region" in shown and "aws configure" in shown and "credentials" not in shown


@pytest.mark.parametrize("which", ["user", "role", "trust"])
def test_one_policy_by_itself_is_what_the_aws_cli_takes(capsys: pytest.CaptureFixture[str], which: str) -> None:
    assert main(["policy", "--only", which, "--bucket", "mine"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"Version", "Statement"}
