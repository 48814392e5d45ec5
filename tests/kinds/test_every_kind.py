"""Each kind of job over the wire: real boto3, the loopback AWS executes it. Images stand for this Python there.

Where an image's software is not to be had here (R, Julia), a stand-in of that name runs in the real request.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import nbprocess
from nbprocess import backends
from nbprocess.errors import OptionError
from nbprocess.testing.aws import Emulator, emulator


@pytest.fixture(scope="module")
def aws(_own_home: Path) -> Iterator[Emulator]:
    with pytest.MonkeyPatch.context() as patch, emulator() as running:
        for name, value in running.environment.items():
            patch.setenv(name, value)
        backends.get.cache_clear()
        yield running
    backends.get.cache_clear()


def run(aws: Emulator, **given: Any) -> tuple[nbprocess.Job, dict[str, Any]]:
    """A cell that needs a variable, and the job as AWS describes it."""
    names = {"__name__": "__main__", "base": 40}
    job = nbprocess.submit("found = base + 2\nfound", names, backend="sagemaker", **given)
    assert job.result(timeout=90) == 42
    return job, aws.client("sagemaker").describe_processing_job(ProcessingJobName=job.name)


@pytest.mark.parametrize(
    ("framework", "version", "repository", "more"),
    [
        ("sklearn", "1.4-2", "/sagemaker-scikit-learn:1.4-2-cpu-py3", {}),
        ("pytorch", "2.8", "/pytorch-training:2.8.0-gpu-py312", {"gpu": "T4"}),
        ("tensorflow", "2.19", "/tensorflow-training:2.19.0-cpu-py312", {}),
        ("huggingface", "4.56.2", "/huggingface-pytorch-training:2.8.0-transformers4.56.2-gpu", {"gpu": "T4"}),
        ("xgboost", "1.7-1", "/sagemaker-xgboost:1.7-1", {}),
        ("base-python", None, "/sagemaker-base-python-310:1.0", {}),
        ("distribution", None, "/sagemaker-distribution-prod:", {}),
    ],
)
def test_a_cell_in_a_managed_image(
    aws: Emulator, framework: str, version: str | None, repository: str, more: dict[str, Any]
) -> None:
    _, described = run(aws, framework=framework, framework_version=version, **more)
    assert repository in described["AppSpecification"]["ImageUri"]


def test_mxnet_has_no_python_for_a_cell_but_runs_a_script(aws: Emulator, folder: Path) -> None:
    with pytest.raises(OptionError, match=r"Python 3\.8.*%processing_script"):
        nbprocess.submit("1", framework="mxnet", backend="sagemaker")
    (folder / "train.py").write_text("print('trained')\n")
    job = nbprocess.submit_script("train.py", framework="mxnet", backend="sagemaker")
    assert job.wait(60) and job.status == "Completed"
    image = aws.client("sagemaker").describe_processing_job(ProcessingJobName=job.name)["AppSpecification"]["ImageUri"]
    assert "/mxnet-training:1.9.0-cpu-py38" in image


@pytest.mark.parametrize(("command", "file"), [("Rscript", "cell.R"), ("julia", "cell.jl"), ("node -i", "cell.js")])
def test_other_languages(aws: Emulator, folder: Path, command: str, file: str) -> None:
    tool = folder / "bin" / command.split()[0]
    tool.parent.mkdir()
    tool.write_text('#!/bin/sh\necho "$0 runs" "$@"; for last; do :; done\n')
    tool.chmod(0o755)
    job = nbprocess.submit(
        "cat('hello')",
        command=command,
        env={"PATH": f"{tool.parent}:/usr/bin:/bin"},
        image="123456789012.dkr.ecr.us-east-1.amazonaws.com/languages:1",
        backend="sagemaker",
    )
    assert job.wait(60) and job.status == "Completed"
    described = aws.client("sagemaker").describe_processing_job(ProcessingJobName=job.name)
    assert described["AppSpecification"]["ContainerEntrypoint"] == [
        *command.split(),
        f"/opt/ml/processing/input/code/{file}",
    ]
    assert any(f"input/code/{file}" in event.text for event in job.log())


def test_security_and_experiment_reach_the_control_plane(aws: Emulator) -> None:
    job, described = run(
        aws,
        subnets=["subnet-1"],
        security_groups=["sg-1"],
        network_isolation=True,
        encrypt_traffic=True,
        volume_kms_key="volume-key",
        experiment="churn,run=one",
    )
    assert described["NetworkConfig"]["EnableNetworkIsolation"] and described["NetworkConfig"]["VpcConfig"]["Subnets"]
    assert described["ExperimentConfig"] == {"ExperimentName": "churn", "RunName": "one"}
    assert described["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] == "volume-key"
    assert job.values["found"] == 42


def test_inputs_and_outputs_in_s3(aws: Emulator) -> None:
    client = aws.client("s3")
    client.create_bucket(Bucket="lake")
    for name in ("a", "b"):
        client.put_object(Bucket="lake", Key=f"in/{name}.csv", Body=b"x\n1\n")
    job = nbprocess.submit(
        "import os, shutil\nfor name in os.listdir(inputs['data']):\n"
        "    shutil.copy(f\"{inputs['data']}/{name}\", outputs['copied'])",
        {"__name__": "__main__"},
        input={"data": "s3://lake/in/"},
        output={"copied": "s3://lake/out/,continuous"},
        backend="sagemaker",
    )
    assert job.wait(90) and job.status == "Completed"
    assert job.outputs["copied"].list() == {"a.csv": 4, "b.csv": 4}
    assert job.outputs["copied"].read_csv()["x"].tolist() == [1, 1]
    assert client.get_object(Bucket="lake", Key="out/a.csv")["Body"].read() == b"x\n1\n"
