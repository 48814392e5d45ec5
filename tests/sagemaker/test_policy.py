"""``nbprocess policy``: whatever is asked of AWS in a job's whole life, the printed policy of the user allows, and no more."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import nbprocess
from nbprocess import backends
from nbprocess.backends.sagemaker.policy import iam_policies
from nbprocess.cli import main
from nbprocess.rerun import rerun
from nbprocess.testing.aws import Emulator, emulator
from nbprocess.testing.aws.control import Control
from nbprocess.testing.aws.http import Handler

SERVICES = {
    "GetLogEvents": "logs",
    "DescribeLogStreams": "logs",
    "ListServiceQuotas": "servicequotas",
    "GetProducts": "pricing",
    "DescribeImages": "ecr",
    "GetMetricData": "cloudwatch",
    "GetRole": "iam",
    "SimulatePrincipalPolicy": "iam",
}
# HeadBucket and both listings need s3:ListBucket; HeadObject s3:GetObject; CopyObject reads and writes.
OBJECT = {"GET": "s3:GetObject", "HEAD": "s3:GetObject", "PUT": "s3:PutObject", "DELETE": "s3:DeleteObject"}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[Emulator, set[str]]]:
    """An emulator, and the actions of all calls that it gets."""
    actions: set[str] = set()
    call, query = Control.call, Handler._query

    def recorded(self: Control, operation: str, given: dict[str, Any]) -> dict[str, Any]:
        actions.add(f"{SERVICES.get(operation, 'sagemaker')}:{operation}")
        return call(self, operation, given)

    def form(self: Handler) -> None:
        reader, self.rfile = self.rfile, None  # type: ignore[assignment]
        body = reader.read(int(self.headers.get("Content-Length") or 0))
        action = dict(pair.split("=") for pair in body.decode().split("&"))["Action"]
        if action in SERVICES:  # GetCallerIdentity needs no permission
            actions.add(f"{SERVICES[action]}:{action}")
        import io

        self.rfile = io.BytesIO(body)  # type: ignore[assignment]
        try:
            query(self)
        finally:
            self.rfile = reader

    monkeypatch.setattr(Control, "call", recorded)
    monkeypatch.setattr(Handler, "_query", form)
    with emulator() as aws:
        for name, value in aws.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("NBPROCESS_HOME", str(tmp_path))
        backends.get.cache_clear()
        yield aws, actions
    backends.get.cache_clear()


def s3_actions(aws: Emulator) -> dict[str, set[str]]:
    """Action → keys, of all requests that the buckets got from this machine."""
    found: dict[str, set[str]] = {}
    for seen in aws.server.requests:
        if not seen.key:
            found.setdefault("s3:DeleteObject" if seen.method == "POST" else "s3:ListBucket", set()).add("")
        elif seen.method in OBJECT:
            found.setdefault(OBJECT[seen.method], set()).add(seen.key)
    return found


def allows(policy: dict[str, Any], action: str) -> bool:
    return any(fnmatch.fnmatchcase(action, known) for part in policy["Statement"] for known in part["Action"])


def test_the_user_may_do_all_that_nbprocess_asks_for(
    asked: tuple[Emulator, set[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    aws, actions = asked
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/mine:1.0-py311"
    (tmp_path / "words.txt").write_text("x")
    job = nbprocess.submit(
        "values.append(1)\nlen(values)",
        {"__name__": "__main__", "values": list(range(2_000_000))},
        backend="sagemaker",
        image=image,
        role="arn:aws:iam::123456789012:role/another",
        tag={"team": "x"},
        input={"words": str(tmp_path / "words.txt")},
        output=["made"],
    )
    assert job.result(timeout=120) == 2_000_001
    again = nbprocess.attach(rerun(job), "sagemaker")
    assert again.wait(120)
    script = nbprocess.submit("sleep 100", command="sh", backend="sagemaker")
    script.stop()
    assert script.wait(120)
    script.metrics()
    script.delete()
    assert main(["doctor"]) == 0 and main(["--backend", "sagemaker", "jobs"]) == 0
    assert main(["--backend", "sagemaker", "clean", "--older-than", "0"]) == 0
    capsys.readouterr()

    policy = iam_policies(f"sagemaker-us-east-1-{job.describe()['RoleArn'].split(':')[4]}")["user"]
    assert {"sagemaker:CreateProcessingJob", "logs:GetLogEvents", "cloudwatch:GetMetricData"} <= actions
    assert {"iam:SimulatePrincipalPolicy", "ecr:DescribeImages", "sagemaker:DeleteProcessingJob"} <= actions
    assert [action for action in sorted(actions) if not allows(policy, action)] == []
    stored = s3_actions(aws)
    assert {"s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"} <= set(stored)
    assert [action for action in stored if not allows(policy, action)] == []
    keys = set().union(*(keys for action, keys in stored.items() if action != "s3:ListBucket")) - {""}
    assert all(key.startswith("nbprocess/") for key in keys), "the policy covers that prefix only"


def test_a_key_and_a_vpc_add_what_they_need(capsys: pytest.CaptureFixture[str]) -> None:
    key = "arn:aws:kms:us-east-1:123456789012:key/1"
    plain = json.dumps(iam_policies("b"))
    assert "kms:" not in plain and "ec2:" not in plain
    assert main(["policy", "--bucket", "b", "--kms-key", key, "--vpc"]) == 0
    printed = json.loads(capsys.readouterr().out)
    for who in ("user", "role"):
        assert any(part["Resource"] == key and "kms:Decrypt" in part["Action"] for part in printed[who]["Statement"])
    assert allows(printed["role"], "ec2:CreateNetworkInterface") and not allows(printed["user"], "ec2:DescribeVpcs")
