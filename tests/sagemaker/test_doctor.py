"""``nbprocess doctor`` names what is missing and what to type; Studio and the rest of the world are both known to it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nbprocess import backends
from nbprocess.backends.sagemaker import account as accounts
from nbprocess.backends.sagemaker.account import Account
from nbprocess.cli import main
from nbprocess.errors import BackendError
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
        ({"clock_skew": True}, "credentials", ("The clock of this machine is wrong",)),
    ],
)
def test_what_is_missing_comes_with_what_to_type(
    doctor: Doctor, faults: dict[str, Any], miss: str, types: tuple[str, ...]
) -> None:
    status, shown = doctor(**faults)
    assert status == 1 and [line for line in shown.splitlines() if line.startswith("MISS")] == [f"MISS {miss}"]
    assert all(word in shown for word in types), shown


def test_without_a_region_nothing_else_is_asked(doctor: Doctor) -> None:
    status, shown = doctor(without=("AWS_REGION", "AWS_DEFAULT_REGION"))
    assert status == 1 and "MISS region" in shown and "aws configure" in shown and "credentials" not in shown


@pytest.mark.parametrize("which", ["user", "role", "trust"])
def test_one_policy_by_itself_is_what_the_aws_cli_takes(capsys: pytest.CaptureFixture[str], which: str) -> None:
    assert main(["policy", "--only", which, "--bucket", "mine"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"Version", "Statement"}


# -- whose role, in Studio and outside ----------------------------------------------------------------------------------


class Answers:
    """An Account whose clients are these functions."""

    def __init__(self, **calls: Callable[..., Any]) -> None:
        self.__dict__.update(calls)


def account_of(monkeypatch: pytest.MonkeyPatch, identity: str, clients: dict[str, Answers], **environ: str) -> Account:
    found = Account(None, {"XDG_CONFIG_DIRS": "/none", "XDG_CONFIG_HOME": "/none", **environ})
    monkeypatch.setattr(found, "client", lambda service: clients[service])
    found.__dict__["identity"] = {"Arn": identity, "Account": ACCOUNT}
    return found


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """The metadata file of a Studio app; empty until a test writes it."""
    path = tmp_path / "resource-metadata.json"
    monkeypatch.setattr(accounts, "METADATA", path)
    accounts.metadata.cache_clear()
    yield path
    accounts.metadata.cache_clear()


ASSUMED = f"arn:aws:sts::{ACCOUNT}:assumed-role/AmazonSageMaker-ExecutionRole-1/SageMaker"


def test_in_studio_the_profile_s_role_and_the_app_s_region_and_image_count(
    studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = f"arn:aws:sagemaker:eu-west-3:{ACCOUNT}:app/d-1/ada/jupyterlab/default"
    studio.write_text(json.dumps({"DomainId": "d-1", "UserProfileName": "ada", "ResourceArn": arn}))
    asked = []

    def profile(**given: str) -> dict[str, Any]:
        asked.append(given)
        return {"UserSettings": {"ExecutionRole": "arn:aws:iam::1:role/ada"}}

    found = account_of(monkeypatch, ASSUMED, {"sagemaker": Answers(describe_user_profile=profile)})
    assert found.role == "arn:aws:iam::1:role/ada" and asked == [{"DomainId": "d-1", "UserProfileName": "ada"}]
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    assert found.region == "eu-west-3"
    monkeypatch.setenv("SAGEMAKER_INTERNAL_IMAGE_URI", "885854791233.dkr.ecr.eu-west-3.amazonaws.com/app:3.1-cpu")
    backend = backends.get("sagemaker")
    assert backend._image("ml.m5.xlarge") == "885854791233.dkr.ecr.eu-west-3.amazonaws.com/app:3.1-cpu"


def test_in_a_shared_space_the_domain_s_role_counts(studio: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    studio.write_text(json.dumps({"DomainId": "d-1", "SpaceName": "team"}))
    domain = {"DefaultSpaceSettings": {"ExecutionRole": "arn:aws:iam::1:role/space"}}
    found = account_of(monkeypatch, ASSUMED, {"sagemaker": Answers(describe_domain=lambda **_: domain)})
    assert found.role == "arn:aws:iam::1:role/space"


def test_what_the_environment_names_wins(studio: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = account_of(monkeypatch, ASSUMED, {}, NBPROCESS_ROLE="arn:aws:iam::1:role/mine")
    assert found.role == "arn:aws:iam::1:role/mine"


def test_outside_of_studio_the_assumed_role_counts_with_its_path(studio: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.exceptions import ClientError

    iam = Answers(get_role=lambda RoleName: {"Role": {"Arn": f"arn:aws:iam::{ACCOUNT}:role/x/{RoleName}"}})
    assert account_of(monkeypatch, ASSUMED, {"iam": iam}).role.endswith(":role/x/AmazonSageMaker-ExecutionRole-1")

    def denied(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetRole")

    usual = account_of(monkeypatch, ASSUMED, {"iam": Answers(get_role=denied)}).role
    assert usual == f"arn:aws:iam::{ACCOUNT}:role/service-role/AmazonSageMaker-ExecutionRole-1"


def test_a_user_has_no_role_and_is_told(studio: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user = account_of(monkeypatch, f"arn:aws:iam::{ACCOUNT}:user/ada", {})
    with pytest.raises(BackendError, match=r"user/ada is no role. Give --role.*nbprocess policy"):
        _ = user.role
