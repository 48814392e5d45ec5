"""Clients of AWS are made again with the other end's credentials: none of this end's are in what is sent."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import boto3
import botocore
import pytest
from botocore.config import Config

from nbprocess.capture.secrets import in_value

from .conftest import Ends

SECRET = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY00"


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDHERE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


def sent(ends: Ends) -> bytes:
    return b"".join(bytes(data) for data in ends.store.values())


def test_sessions_clients_and_resources_arrive_without_keys(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    session = boto3.Session(region_name="eu-west-1")
    assert session.get_credentials().secret_key == SECRET  # it has found them
    s3 = session.client("s3", config=Config(retries={"total_max_attempts": 7}, connect_timeout=5))
    bucket = session.resource("s3", region_name="us-west-2").Bucket("data")
    values: dict[str, Any] = {
        "session": session,
        "s3": s3,
        "runtime": session.client("sagemaker-runtime", endpoint_url="https://runtime.example"),
        "open": session.client("s3", config=Config(signature_version=botocore.UNSIGNED)),
        "dynamo": session.resource("dynamodb"),
        "bucket": bucket,
        "thing": bucket.Object("a/b.csv"),
        "both": [s3, s3],
    }
    assert not any(in_value(name, value) for name, value in values.items())
    ends.dump(**values)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the other end's")
    arrived = ends.arrive()
    assert SECRET.encode() not in sent(ends) and b"AKIDHERE" not in sent(ends)
    assert arrived["session"].region_name == "eu-west-1"
    assert arrived["s3"].meta.region_name == "eu-west-1" and arrived["s3"].meta.config.connect_timeout == 5
    assert arrived["s3"].meta.config.retries["total_max_attempts"] == 7
    assert arrived["s3"].meta.endpoint_url == s3.meta.endpoint_url
    assert arrived["s3"]._request_signer._credentials.secret_key == "the other end's"
    assert arrived["runtime"].meta.endpoint_url == "https://runtime.example"
    assert arrived["open"].meta.config.signature_version is botocore.UNSIGNED
    assert arrived["dynamo"].meta.client.meta.region_name == "eu-west-1"
    assert (arrived["bucket"].name, arrived["bucket"].meta.client.meta.region_name) == ("data", "us-west-2")
    assert (arrived["thing"].bucket_name, arrived["thing"].key) == ("data", "a/b.csv")
    assert arrived["both"][0] is arrived["both"][1] is arrived["s3"]
    assert any("own credentials" in line for line in ends.dumped.notices())
    ends.begin()
    ends.back()
    assert ends.changed == []


def test_keys_that_were_given_are_refused(ends: Ends) -> None:
    keys = {"aws_access_key_id": "AKIDGIVEN", "aws_secret_access_key": SECRET, "region_name": "eu-west-1"}
    session = boto3.Session(**keys)
    values = {
        "session": session,
        "client": session.client("s3"),
        "given": boto3.client("s3", **keys),
        "bucket": session.resource("s3").Bucket("data"),
        "inside": {"one": [session.client("sts")]},
        "credentials": session.get_credentials(),
        "core": session._session,
    }
    assert all(in_value(name, value, depth=3) for name, value in values.items())
    dumped = ends.dump(**values)
    assert dumped.failed.keys() == values.keys()
    assert all("credentials, which are never sent" in str(failure) for failure in dumped.failed.values())
    assert SECRET.encode() not in sent(ends) and b"AKIDGIVEN" not in sent(ends)


def test_what_holds_clients_goes_with_them(ends: Ends, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Session of the sagemaker SDK is such an object (of 2.257 and 3.27, seen: a plain one)."""
    package = tmp_path / "sagemaker"
    package.mkdir()
    package.joinpath("__init__.py").touch()
    package.joinpath("session.py").write_text(
        "class Session:\n"
        "    def __init__(self, boto_session):\n"
        "        self.boto_session = boto_session\n"
        "        self.sagemaker_client = boto_session.client('sagemaker')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "sagemaker", raising=False)
    monkeypatch.delitem(sys.modules, "sagemaker.session", raising=False)
    kind = importlib.import_module("sagemaker.session").Session
    session = kind(boto3.Session(region_name="eu-west-1"))
    assert session.sagemaker_client._request_signer._credentials.secret_key == SECRET
    assert not in_value("session", session)
    ends.dump(session=session)
    arrived = ends.arrive()["session"]
    assert type(arrived) is kind and arrived.boto_session.region_name == "eu-west-1"
    assert arrived.sagemaker_client.meta.service_model.service_name == "sagemaker"
    assert SECRET.encode() not in sent(ends)
    ends.dump(session=kind(boto3.Session("AKIDGIVEN", SECRET, region_name="eu-west-1")))
    assert "credentials, which are never sent" in str(ends.dumped.failed["session"])
