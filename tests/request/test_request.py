"""The request: valid as built, and every broken limit is named before anything is sent."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest

from nbprocess import channels
from nbprocess.errors import RequestError
from nbprocess.options import resolve
from nbprocess.request import build, input_entry, job_name, output_entry, validate
from nbprocess.request.validate import _compiled, shapes

RESOLVED = {
    "RoleArn": "arn:aws:iam::000000000000:role/nbprocess-local",
    "ImageUri": "local/python:3.11",
    "InstanceType": "ml.m5.large",
}


def made(resolved: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    return build(
        asdict(resolve(options, environ={})),
        job=job_name("my notebook"),
        entrypoint=["python3", "-c", "pass"],
        arguments=["a" * 64, "b" * 64],
        resolved={**RESOLVED, **(resolved or {})},
        inputs=[
            input_entry("bundle", "s3://bucket/jobs/x/bundle/", "/opt/ml/processing/input/nbprocess"),
            input_entry("blobs", "s3://bucket/x.manifest", "/opt/ml/processing/input/nbprocess-blobs", "ManifestFile"),
            channels.input_entry("data", "s3://bucket/data/"),
        ],
        outputs=[
            output_entry("results", "s3://bucket/jobs/x/out/", "/opt/ml/processing/output/nbprocess", "Continuous"),
            channels.output_entry("report", "s3://bucket/report/"),
        ],
        notebook="folder/my notebook.ipynb",
        cell_id="abc",
    )


def test_what_is_built_is_valid_and_has_no_empty_lists() -> None:
    request = made(env={"A": "b"}, tag={"team": "ä b"}, network_isolation=True)
    validate(request)
    assert [c["InputName"] for c in request["ProcessingInputs"]] == ["bundle", "blobs", "data"]
    assert request["ProcessingInputs"][1]["S3Input"]["S3DataType"] == "ManifestFile"
    outputs = request["ProcessingOutputConfig"]["Outputs"]
    assert [o["S3Output"]["S3UploadMode"] for o in outputs] == ["Continuous", "EndOfJob"]
    assert outputs[1]["S3Output"]["S3Uri"] == "s3://bucket/report/"
    assert request["NetworkConfig"] == {"EnableNetworkIsolation": True}
    assert {"Key": "nbprocess:notebook", "Value": "my notebook.ipynb"} in request["Tags"]


def test_a_cost_cap_becomes_the_maximum_runtime() -> None:
    request = made({"PricePerHour": 0.5}, max_cost=1.0, timeout="9d", count=2)
    assert request["StoppingCondition"]["MaxRuntimeInSeconds"] == 3600


def test_a_name_is_readable_unique_and_valid() -> None:
    first, second = job_name("Über notebook " * 9), job_name("Über notebook " * 9)
    assert first != second and len(first) <= 63
    assert job_name("???").startswith("cell-")


def put(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(request: dict[str, Any]) -> None:
        *way, last = [int(p) if p.isdigit() else p for p in path.split("/")]
        place: Any = request
        for step in way:
            place = place[step]
        if value is KeyError:
            del place[last]
        else:
            place[last] = value

    return change


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("ProcessingJobName", "-x", "ProcessingJobName: '-x' does not match"),
        ("ProcessingJobName", "good\n", "does not match"),
        ("RoleArn", KeyError, "RoleArn: is missing"),
        ("RoleArn", "arn:aws:iam::1:role/x", "RoleArn"),
        ("StoppingCondition/MaxRuntimeInSeconds", 777_601, "777601; at most 777600"),
        ("StoppingCondition/MaxRuntimeInSeconds", 0, "is 0; at least 1"),
        ("StoppingCondition/MaxRuntimeInSeconds", True, "is a bool, not a integer"),
        ("AppSpecification/ContainerArguments", [], "at least 1"),
        ("AppSpecification/ContainerArguments", ["x" * 257], "has 257 characters; at most 256"),
        ("AppSpecification/ContainerArguments/0", "a\nb", "newline"),
        ("Environment", {"A": "x" * 257}, "257 characters"),
        ("Environment", {"1A": "x"}, "does not match"),
        ("ProcessingResources/ClusterConfig/InstanceType", "ml.p4d.24xlarge", "none of the allowed values"),
        ("ProcessingResources/ClusterConfig/InstanceCount", 101, "is 101; at most 100"),
        ("ProcessingResources/ClusterConfig/InstancePreferences", [{"InstanceType": "ml.m5.large"}], "and not both"),
        ("ProcessingInputs/2/S3Input/LocalPath", "/tmp/x", "must lie below /opt/ml/processing/"),
        ("ProcessingInputs/2/S3Input/LocalPath", "/opt/ml/processing/input/nbprocess/x", "overlaps"),
        ("ProcessingInputs/2/S3Input/S3InputMode", "Pipe", "Pipe mode is not supported"),
        ("ProcessingInputs/2/S3Input", KeyError, "either S3Input or DatasetDefinition"),
        ("ProcessingInputs/2/InputName", "bundle", "is used twice"),
        ("Nonsense", 1, "Nonsense: this botocore does not know it"),
        ("Tags/0/Value", "no!", "does not match"),
    ],
)
def test_each_limit_is_named(path: str, value: Any, says: str) -> None:
    request = copy.deepcopy(made(env={"A": "b"}))
    put(path, value)(request)
    with pytest.raises(RequestError) as caught:
        validate(request)
    assert says in str(caught.value)


def test_every_pattern_of_the_model_compiles() -> None:
    patterns = [shape["pattern"] for shape in shapes().values() if shape.get("pattern")]
    assert len(patterns) > 10
    for pattern in patterns:
        _compiled(pattern)
