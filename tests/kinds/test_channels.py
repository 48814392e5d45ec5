"""Inputs and outputs: the short forms, the dicts of the API, and what each mistake says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nbprocess import channels, options
from nbprocess.errors import OptionError

ATHENA = {
    "Catalog": "AwsDataCatalog",
    "Database": "sales",
    "QueryString": "select 1",
    "OutputS3Uri": "s3://bucket/athena/",
    "OutputFormat": "PARQUET",
}


def line(text: str) -> options.Options:
    return options.resolve(options.parse_line(text), environ={}, folder=Path("/"))


@pytest.mark.parametrize(
    ("text", "member", "value"),
    [
        ("data=s3://b/in/", "S3DataDistributionType", "FullyReplicated"),
        ("data=s3://b/in/,shard", "S3DataDistributionType", "ShardedByS3Key"),
        ("data=s3://b/list.manifest,manifest", "S3DataType", "ManifestFile"),
        ("data=s3://b/in/,shard,path=/opt/ml/processing/raw", "LocalPath", "/opt/ml/processing/raw"),
        ("data=a,b.csv", "S3Uri", "a,b.csv"),
        ("data=s3://b/year=2020,month=1/", "S3Uri", "s3://b/year=2020,month=1/"),
        ("data=/folder/x,shard", "S3Uri", "/folder/x"),
    ],
)
def test_an_input_line(text: str, member: str, value: str) -> None:
    found = line(f"--input {text}")
    assert channels.input_entry(*found.input[0])["S3Input"][member] == value
    assert line(options.to_line(found)) == found


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("made", {"S3Uri": "", "LocalPath": "/opt/ml/processing/output/made", "S3UploadMode": "EndOfJob"}),
        ("made=s3://b/x/,continuous", {"S3Uri": "s3://b/x/", "S3UploadMode": "Continuous"}),
        (
            "made,continuous,path=/opt/ml/processing/m",
            {"S3UploadMode": "Continuous", "LocalPath": "/opt/ml/processing/m"},
        ),
    ],
)
def test_an_output_line(text: str, entry: dict[str, str]) -> None:
    found = line(f"--output {text}")
    made = channels.output_entry(*found.output[0])
    assert made["OutputName"] == "made" and entry.items() <= made["S3Output"].items()
    assert line(options.to_line(found)) == found


def test_a_feature_group() -> None:
    found = line("--output features,feature-group=customers")
    assert channels.output_entry(*found.output[0]) == {
        "OutputName": "features",
        "FeatureStoreOutput": {"FeatureGroupName": "customers"},
        "AppManaged": True,
    }
    assert line(options.to_line(found)) == found


@pytest.mark.parametrize(
    "value",
    [{"AthenaDatasetDefinition": ATHENA}, {"DatasetDefinition": {"AthenaDatasetDefinition": ATHENA}}],
)
def test_a_dataset_comes_whole_to_each_instance_unless_said_otherwise(value: dict[str, Any]) -> None:
    found = options.resolve({"input": {"sales": value}}, environ={}, folder=Path("/"))
    entry = channels.input_entry(*found.input[0])
    assert entry["DatasetDefinition"]["DataDistributionType"] == "FullyReplicated"
    assert entry["DatasetDefinition"]["LocalPath"] == "/opt/ml/processing/input/sales"
    assert channels.local_source(entry) is None
    assert line(options.to_line(found)) == found


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("--input data=s3://b/in/,sharded", "did you mean ,shard?"),
        ("--input data=s3://b/in/,pth=/opt/ml/processing/x", "did you mean ,path=...?"),
        ("--input data=,shard", "names no source"),
        ("--input data=x,path=", "empty path="),
        ("--input nbprocess-x=y", "not starting with nbprocess"),
        ("--output made=/tmp/x", "no s3:// URI"),
        ("--output f=s3://b/,feature-group=g", "neither a destination"),
        ("--input 'data={\"S3Uri\": 1'", "is no JSON"),
        ('--input \'data={"Uri": "s3://b/"}\'', "it must have S3Input, DatasetDefinition"),
        ("--framework sklern", "did you mean sklearn?"),
        ("--framework sklearn --image x", "contradicts --image"),
        ("--framework-version 1.2", "belongs to --framework"),
        ("--jars a.jar", "add --framework spark"),
        ("--framework spark --spark-event-logs here", "give an s3:// URI, or `job`"),
        ("--command bash --entrypoint x", "contradicts --entrypoint"),
        ("--command ''", "is empty"),
        ("--experiment 'churn,phase=2'", "may stand trial=, run= and display="),
        ("--experiment 'a b'", "letters, digits and hyphens"),
        ("--subnet a", "belong together"),
    ],
)
def test_a_mistake_is_named(text: str, says: str) -> None:
    with pytest.raises(OptionError) as caught:
        line(text)
    assert says in str(caught.value)


def test_the_new_options_survive_the_round_trip() -> None:
    text = (
        "--framework spark --framework-version 3.5 --py-files a.py,b --spark-config '{\"spark.x\": 1}' --experiment "
        "churn,trial=first,run=one --entrypoint 'run --fast' --subnet subnet-1 --security-group sg-1 --volume-kms-key k"
    )
    found = line(text)
    assert found.experiment == (("ExperimentName", "churn"), ("TrialName", "first"), ("RunName", "one"))
    assert found.entrypoint == ("run", "--fast") and found.subnets == ("subnet-1",)
    assert line(options.to_line(found)) == found


def test_a_nearer_framework_replaces_a_farther_image() -> None:
    given = options.resolve({"framework": "sklearn"}, {"image": "x"}, folder=Path("/"), environ={})
    assert (given.framework, given.image) == ("sklearn", None)
    given = options.resolve(
        {"image": "x"}, {"framework": "sklearn", "framework_version": "1"}, folder=Path("/"), environ={}
    )
    assert (given.framework, given.image) == (None, "x")


def test_frameworks_in_the_table_are_those_of_the_catalogue() -> None:
    from nbprocess.catalog import FRAMEWORKS

    assert options.TABLE["framework"].choices == FRAMEWORKS


def test_a_key_reaches_the_volume_unless_the_machine_has_own_disks() -> None:
    from nbprocess.request import has_local_disk

    local = ["ml.r5d.xlarge", "ml.g4dn.xlarge", "ml.g5.2xlarge", "ml.g6e.xlarge", "ml.p5.4xlarge"]
    volume = ["ml.m5.xlarge", "ml.c6i.large", "ml.t3.medium", "ml.p3.2xlarge", "ml.m7i-flex.large"]
    assert all(map(has_local_disk, local)) and not any(map(has_local_disk, volume))
