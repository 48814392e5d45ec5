"""Inputs and outputs in a real cell, here and over the wire: places, shards, manifests, datasets, keys and networks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import nbprocess
from nbprocess import backends
from nbprocess.testing.aws import emulator


@pytest.fixture(params=["local", "sagemaker"], scope="module")
def place(request: pytest.FixtureRequest, _own_home: Path) -> Iterator[str]:
    """Both backends, each with a bucket ``lake``."""
    if request.param == "local":
        yield "local"
        return
    with pytest.MonkeyPatch.context() as patch, emulator() as aws:
        for name, value in aws.environment.items():
            patch.setenv(name, value)
        aws.client("s3").create_bucket(Bucket="lake")
        backends.get.cache_clear()
        yield "sagemaker"
    backends.get.cache_clear()


def put(place: str, key: str, content: str) -> str:
    backends.get(place).open_store("s3://lake").put(key, content.encode())
    return f"s3://lake/{key}"


READ = "import os\nseen = {n: sorted(os.listdir(p)) for n, p in inputs.items()}\nhost = os.environ.get('HOST')\nseen"


def submit(place: str, code: str = READ, **given: Any) -> nbprocess.Job:
    return nbprocess.submit(code, {"__name__": "__main__"}, backend=place, **given)


def test_a_prefix_a_manifest_and_a_place_of_ones_own(place: str, folder: Path) -> None:
    for name in ("a", "b", "c"):
        put(place, f"in/{name}.csv", name)
    listing = put(place, "list.manifest", json.dumps([{"prefix": "s3://lake/in/"}, "a.csv", "c.csv"]))
    (folder / "own.txt").write_text("own")
    job = submit(
        place,
        input={
            "all": "s3://lake/in/",
            "some": f"{listing},manifest",
            "own": "own.txt,path=/opt/ml/processing/elsewhere",
        },
        output=["made,path=/opt/ml/processing/deep/er"],
    )
    assert job.result(timeout=60) == {
        "all": ["a.csv", "b.csv", "c.csv"],
        "some": ["a.csv", "c.csv"],
        "own": ["own.txt"],
    }
    places = [entry["S3Input"]["LocalPath"] for entry in job.request()["ProcessingInputs"]]
    assert "/opt/ml/processing/elsewhere" in places


def test_each_instance_gets_its_shard(place: str, folder: Path) -> None:
    for name in "abcd":
        put(place, f"many/{name}", name)
    code = (
        "import json, os\nhost = json.load(open('/opt/ml/config/resourceconfig.json'))['current_host']\n"
        "open(outputs['seen'] + '/' + host, 'w').write(' '.join(sorted(os.listdir(inputs['part']))))"
    )
    job = submit(place, code, input={"part": "s3://lake/many/,shard"}, output=["seen,continuous"], count=2)
    assert job.wait(90) and job.status == "Completed", job.error()
    parts = [job.outputs["seen"].read(name).decode().split() for name in ("algo-1", "algo-2")]
    assert sorted(parts[0] + parts[1]) == list("abcd") and all(parts)


def test_a_query_s_result_is_what_lies_at_its_place(place: str, folder: Path) -> None:
    put(place, "athena/part-0.csv", "x\n1\n")
    query = {
        "Catalog": "AwsDataCatalog",
        "Database": "sales",
        "QueryString": "select 1",
        "OutputS3Uri": "s3://lake/athena/",
        "OutputFormat": "TEXTFILE",
    }
    job = submit(
        place, input={"sales": {"AthenaDatasetDefinition": query}}, output=["features,feature-group=customers"]
    )
    assert job.result(timeout=60) == {"sales": ["part-0.csv"]}
    if place == "local":
        assert any("no Athena" in note for note in job.state().notices)
        assert any("no feature store" in note for note in job.state().notices)
    assert job.outputs["features"].feature_group == "customers"
    with pytest.raises(OSError, match="feature group customers"):
        job.outputs["features"].list()
    definition = job.request()["ProcessingInputs"][-1]["DatasetDefinition"]
    assert definition["InputMode"] == "File" and definition["AthenaDatasetDefinition"] == query


def test_a_redshift_query_is_sharded_as_its_definition_says(place: str, folder: Path) -> None:
    for number in range(2):
        put(place, f"redshift/part-{number}.parquet", "x")
    query = {
        "ClusterId": "warehouse",
        "Database": "sales",
        "DbUser": "ada",
        "QueryString": "select 1",
        "ClusterRoleArn": "arn:aws:iam::123456789012:role/redshift",
        "OutputS3Uri": "s3://lake/redshift/",
        "OutputFormat": "PARQUET",
    }
    asked = {"RedshiftDatasetDefinition": query, "DataDistributionType": "ShardedByS3Key"}
    code = (
        "import json, os\nhost = json.load(open('/opt/ml/config/resourceconfig.json'))['current_host']\n"
        "open(outputs['seen'] + '/' + host, 'w').write(' '.join(os.listdir(inputs['sales'])))"
    )
    job = submit(place, code, input={"sales": asked}, output=["seen"], count=2)
    assert job.wait(90) and job.status == "Completed", job.error()
    seen = [job.outputs["seen"].read(host).decode() for host in ("algo-1", "algo-2")]
    assert sorted(seen) == ["part-0.parquet", "part-1.parquet"]


def test_security_in_the_request(place: str, folder: Path) -> None:
    job = submit(
        place,
        "1",
        subnets=["subnet-1"],
        security_groups=["sg-1"],
        network_isolation=True,
        encrypt_traffic=True,
        kms_key="alias/mine",
        experiment="churn,trial=first",
        tag={"team": "x"},
    )
    assert job.wait(60)
    request = job.request()
    assert request["NetworkConfig"] == {
        "EnableNetworkIsolation": True,
        "EnableInterContainerTrafficEncryption": True,
        "VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
    }
    assert request["ProcessingOutputConfig"]["KmsKeyId"] == "alias/mine"
    assert request["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] == "alias/mine"
    assert request["ExperimentConfig"] == {"ExperimentName": "churn", "TrialName": "first"}
    assert {"Key": "team", "Value": "x"} in request["Tags"]


def test_the_key_reaches_what_is_sent() -> None:
    from nbprocess.bundle.stores import S3Store

    plain = S3Store("b", "p", expected_owner="123456789012")
    keyed = plain.with_key("alias/mine")
    assert (keyed.kms_key, keyed.uri, plain.kms_key) == ("alias/mine", plain.uri, None)
    assert keyed.with_key("alias/mine") is keyed


def test_nine_inputs_and_ten_outputs_of_a_script_but_not_of_a_cell(folder: Path) -> None:
    (folder / "x").write_text("x")
    inputs = {f"i{n}": "x" for n in range(9)}
    job = nbprocess.submit("ls /opt/ml/processing/input", command="sh", input=inputs, backend="local")
    assert job.wait(60) and [event.text for event in job.log()] == ["code", *inputs]
    with pytest.raises(ValueError, match="up to 8 besides nbprocess's own"):
        submit("local", input=inputs)
