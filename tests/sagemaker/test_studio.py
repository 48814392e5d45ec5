"""Role, region, image, VPC and key as Studio has them, and as people outside of it do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nbprocess import backends
from nbprocess.api import plan
from nbprocess.backends.sagemaker import studio as studios
from nbprocess.backends.sagemaker.account import Account
from nbprocess.errors import BackendError, OptionError
from nbprocess.plan import Plan
from nbprocess.plantext import render
from nbprocess.testing.aws import ACCOUNT, emulator


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
    monkeypatch.setattr(studios, "METADATA", path)
    studios.metadata.cache_clear()
    yield path
    studios.metadata.cache_clear()


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

    found = account_of(
        monkeypatch, ASSUMED, {"sagemaker": Answers(describe_user_profile=profile, describe_domain=lambda **_: {})}
    )
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


# over the wire

VPC = {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}


def planned(monkeypatch: pytest.MonkeyPatch, *, faults: dict[str, Any], **options: Any) -> tuple[dict[str, Any], str]:
    """The request of a cell in Studio on an emulator, and its plan as text."""
    with emulator(**faults) as aws:
        for name, value in {**aws.environment, "NBPROCESS_BACKEND": "sagemaker"}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("NBPROCESS_ROLE")
        backends.get.cache_clear()
        try:
            found = plan("x = 1", {}, **options)
        finally:
            backends.get.cache_clear()
        assert isinstance(found, Plan)
        return found.request, render(found)


def test_jobs_keep_to_the_vpc_and_the_key_of_a_domain_that_does(studio: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    studio.write_text(json.dumps({"DomainId": "d-1", "UserProfileName": "ada"}))
    request, text = planned(monkeypatch, faults={"vpc_only": True})
    assert request["RoleArn"].endswith("role/studio")
    assert request["NetworkConfig"] == {"VpcConfig": VPC}
    assert request["ProcessingOutputConfig"]["KmsKeyId"] == "alias/studio"
    assert "network   VPC with subnet-1, subnet-2, sg-1" in text and "key       alias/studio" in text


def test_jobs_have_the_tags_of_the_project_that_the_notebook_lies_in(
    studio: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "repo/notebooks").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "repo/notebooks")
    assert "sagemaker:project" not in str(planned(monkeypatch, faults={})[0]["Tags"])
    project = {"sagemakerProjectId": "p-1", "sagemakerProjectName": "churn"}
    (tmp_path / "repo/.sagemaker-code-config").write_text(json.dumps(project))
    request, _ = planned(monkeypatch, faults={}, tag={"sagemaker:project-name": "other"})
    tags = {tag["Key"]: tag["Value"] for tag in request["Tags"]}
    assert (tags["sagemaker:project-id"], tags["sagemaker:project-name"]) == ("p-1", "other"), "the line wins"


def test_a_domain_with_access_to_the_internet_names_no_vpc(studio: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    studio.write_text(json.dumps({"DomainId": "d-1", "UserProfileName": "ada"}))
    request, text = planned(monkeypatch, faults={})
    assert "NetworkConfig" not in request and "network" not in text
    assert request["ProcessingOutputConfig"]["KmsKeyId"] == "alias/studio"


def test_the_options_and_the_sdk_s_defaults_win_over_the_domain(
    studio: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    studio.write_text(json.dumps({"DomainId": "d-1", "UserProfileName": "ada"}))
    only = {"vpc_only": True}
    assert "NetworkConfig" not in planned(monkeypatch, faults=only, subnets="none")[0]
    request, _ = planned(monkeypatch, faults=only, subnets="subnet-9", security_groups="sg-9", kms_key="alias/mine")
    assert request["NetworkConfig"]["VpcConfig"] == {"Subnets": ["subnet-9"], "SecurityGroupIds": ["sg-9"]}
    assert request["ProcessingOutputConfig"]["KmsKeyId"] == "alias/mine"
    network = {"VpcConfig": {"Subnets": ["subnet-7"], "SecurityGroupIds": ["sg-7"]}}
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({"SageMaker": {"ProcessingJob": {"NetworkConfig": network}}}))
    monkeypatch.setenv("SAGEMAKER_USER_CONFIG_OVERRIDE", str(config))
    assert planned(monkeypatch, faults=only)[0]["NetworkConfig"] == network


def test_who_may_not_look_at_the_domain_goes_on_as_outside_of_studio(
    studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.write_text(json.dumps({"DomainId": "d-1", "UserProfileName": "ada"}))
    denied = {"vpc_only": True, "denied": ("DescribeDomain", "DescribeUserProfile")}
    request, _ = planned(monkeypatch, faults=denied)
    assert request["RoleArn"] == f"arn:aws:iam::{ACCOUNT}:role/nbprocess" and "NetworkConfig" not in request


def test_no_vpc_has_no_security_groups() -> None:
    with pytest.raises(OptionError, match="--security-groups contradicts --subnets none"):
        plan("x = 1", {}, subnets="none", security_groups="sg-1")
