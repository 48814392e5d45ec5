"""The SageMaker SDK's ``config.yaml``: what administrators set there holds for nbprocess's jobs too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nbprocess import backends
from nbprocess.backends.sagemaker import defaults
from nbprocess.errors import BackendError
from nbprocess.testing.aws import ACCOUNT, emulator

ADMIN = f"""
SchemaVersion: '1.0'
SageMaker:
  PythonSDK:
    Modules:
      Session:
        DefaultS3Bucket: team-bucket
        DefaultS3ObjectKeyPrefix: people/ada
  ProcessingJob:
    RoleArn: arn:aws:iam::{ACCOUNT}:role/of-the-admin
    Environment: {{TEAM: blue}}
    Tags: [{{Key: cost-centre, Value: '17'}}]
    NetworkConfig:
      EnableNetworkIsolation: true
      VpcConfig:
        SecurityGroupIds: [sg-11112222]
        Subnets: [subnet-11112222]
    ProcessingOutputConfig: {{KmsKeyId: the-output-key}}
    ProcessingResources: {{ClusterConfig: {{VolumeKmsKeyId: the-volume-key}}}}
"""
USER = f"SageMaker: {{ProcessingJob: {{RoleArn: 'arn:aws:iam::{ACCOUNT}:role/of-the-user'}}}}"


def never(uri: str) -> bytes:
    raise AssertionError(uri)


def test_without_files_there_are_none(tmp_path: Path) -> None:
    assert defaults.read({"XDG_CONFIG_DIRS": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}, never) == {}


def test_the_users_file_lies_over_the_admins(tmp_path: Path) -> None:
    for folder, text in (("site", ADMIN), ("home", USER)):
        (tmp_path / folder / "sagemaker").mkdir(parents=True)
        (tmp_path / folder / "sagemaker/config.yaml").write_text(text)
    environ = {"XDG_CONFIG_DIRS": str(tmp_path / "site"), "XDG_CONFIG_HOME": str(tmp_path / "home")}
    found = defaults.read(environ, never)
    assert found["RoleArn"].endswith("of-the-user")
    assert found["Tags"] == {"cost-centre": "17"} and found["Bucket"] == "team-bucket"


def test_a_folder_or_an_s3_prefix_stands_for_the_file_in_it(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(USER)
    asked = []

    def fetch(uri: str) -> bytes:
        asked.append(uri)
        return ADMIN.encode()

    found = defaults.read({defaults.ADMIN: "s3://admins/defaults", defaults.USER: str(tmp_path)}, fetch)
    assert asked == ["s3://admins/defaults/config.yaml"] and found["RoleArn"].endswith("of-the-user")


@pytest.mark.parametrize(
    ("text", "words"), [("a: [", "no valid YAML"), ("- just\n- a list", "no mapping"), (None, "no such file")]
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str | None, words: str) -> None:
    path = tmp_path / "mine.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(BackendError, match=words) as caught:
        defaults.read({defaults.USER: str(path), "XDG_CONFIG_DIRS": str(tmp_path)}, never)
    assert str(path) in str(caught.value)


def test_the_request_and_the_store_follow_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import nbprocess

    (tmp_path / "config.yaml").write_text(ADMIN)
    with emulator() as aws:
        for name, value in aws.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("NBPROCESS_ROLE")
        monkeypatch.setenv(defaults.USER, str(tmp_path))
        aws.client("s3").create_bucket(Bucket="team-bucket")
        backends.get.cache_clear()
        try:
            job = nbprocess.submit(
                "import os\nos.environ['TEAM']", {"__name__": "__main__"}, backend="sagemaker", tag=(("mine", "1"),)
            )
            assert job.result(timeout=90) == "blue"
            store = backends.get("sagemaker").store()
            described = aws.client("sagemaker").describe_processing_job(ProcessingJobName=job.name)
        finally:
            backends.get.cache_clear()
    assert store.uri == "s3://team-bucket/people/ada/nbprocess"
    assert described["RoleArn"].endswith("of-the-admin")
    network = described["NetworkConfig"]
    assert network["EnableNetworkIsolation"] and network["VpcConfig"]["Subnets"] == ["subnet-11112222"]
    assert described["ProcessingOutputConfig"]["KmsKeyId"] == "the-output-key"
    assert described["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] == "the-volume-key"
    assert "team-bucket" in json.dumps(described["ProcessingInputs"])
