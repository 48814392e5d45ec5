"""Records what the SageMaker SDKs send and know, so that the tests can compare without a gigabyte of SDK.

    python tests/kinds/record_sdk.py FOLDER

makes an environment of each SDK in FOLDER where there is none yet, runs this file in it, and writes sdk_v2.json, sdk_v3.json and
sdk_images.json beside itself. No account is needed: every call is answered by a hook of botocore.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SDKS = {"v2": "sagemaker==2.257.7", "v3": "sagemaker==3.27.0"}
REGION = "us-east-1"
ROLE = "arn:aws:iam::123456789012:role/processing"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/mine:1"

IMAGES = [
    ("sklearn", "1.2-1", "py3", "ml.m5.xlarge", "us-east-1"),
    ("sklearn", "1.4-2", "py3", "ml.m5.xlarge", "cn-north-1"),
    ("sklearn", "1.0-1", "py3", "ml.m5.xlarge", "us-gov-west-1"),
    ("pytorch", "2.8.0", "py312", "ml.g4dn.xlarge", "us-east-1"),
    ("pytorch", "2.5.1", "py311", "ml.m5.xlarge", "eu-central-1"),
    ("tensorflow", "2.19.0", "py312", "ml.g5.xlarge", "us-west-2"),
    ("tensorflow", "2.14.1", "py310", "ml.m5.xlarge", "ap-east-1"),
    ("xgboost", "1.7-1", None, "ml.m5.xlarge", "us-east-1"),
    ("xgboost", "3.0-5", None, "ml.m5.xlarge", "eu-west-1"),
    ("xgboost", "1.0-1", "py3", "ml.m5.xlarge", "eu-west-1"),
    ("mxnet", "1.9.0", "py38", "ml.g4dn.xlarge", "us-east-1"),
    ("mxnet", "1.4.1", "py3", "ml.m5.xlarge", "us-east-1"),
    ("spark", "3.5", "py312", "ml.m5.xlarge", "us-east-1"),
    ("spark", "3.3", "py39", "ml.m5.xlarge", "eu-central-1"),
    ("huggingface", "4.56.2", "py312", "ml.g5.xlarge", "us-east-1"),
    ("huggingface", "4.49.0", "py311", "ml.g5.xlarge", "us-east-1"),
    ("base-python", "1.0", "310", "ml.m5.xlarge", "us-east-1"),
    ("distribution", "3.2.0", None, "ml.m5.xlarge", "eu-central-1"),
    ("distribution", "3.2.0", None, "ml.g4dn.xlarge", "us-east-1"),
]


# -- in the environment of an SDK ------------------------------------------------------------------------------------


def _session(module: Any, sent: list[dict[str, Any]]) -> Any:
    """An SDK session whose calls are answered here; CreateProcessingJob requests are appended to ``sent``."""
    import boto3
    from botocore.awsrequest import AWSResponse

    class Raw:
        def __init__(self, data: bytes) -> None:
            self.data = data

        def stream(self, **_: Any) -> Any:
            yield self.data

        def read(self, *_: Any) -> bytes:
            data, self.data = self.data, b""
            return data

    def answer(request: Any, **_: Any) -> Any:
        body, kind = b"", "application/xml"
        operation = (request.headers.get("X-Amz-Target") or b"").decode().partition(".")[2]
        if operation == "CreateProcessingJob":
            sent.append(json.loads(request.body))
            body, kind = b'{"ProcessingJobArn": "arn:aws:sagemaker:us-east-1:123456789012:processing-job/x"}', "json"
        elif operation:
            body, kind = b"{}", "json"
        elif "sts" in request.url:
            body = (
                b"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:sts::123456789012:assumed-role/"
                b"processing/x</Arn><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
            )
        elif request.url.endswith(".amazonaws.com/"):
            bucket = b"<Bucket><Name>sagemaker-us-east-1-123456789012</Name></Bucket>"
            body = b"<ListAllMyBucketsResult><Buckets>" + bucket + b"</Buckets></ListAllMyBucketsResult>"
        return AWSResponse(request.url, 200, {"Content-Type": kind, "ETag": '"x"'}, Raw(body))

    session = boto3.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name=REGION)
    session._session.get_component("event_emitter").register("before-send", answer)
    return module(boto_session=session)


def _plain(value: Any, depth: int = 0) -> Any:
    """An object's attributes as JSON, with the name of its class; what is neither data nor an object is left out."""
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(item, depth) for item in value]
    if isinstance(value, dict):
        return {str(k): _plain(v, depth) for k, v in value.items()}
    if type(value).__name__ == "Session":
        return {"__class__": "Session", "boto_region_name": value.boto_region_name}
    if type(value).__name__ == "Unassigned" or depth > 3 or not type(value).__module__.startswith("sagemaker"):
        return {"__class__": type(value).__name__}
    found = {k: _plain(v, depth + 1) for k, v in vars(value).items() if k not in ("jobs", "latest_job")}
    if isinstance(getattr(value, "__dict__", None), dict) and hasattr(type(value), "model_fields"):
        found = {k: _plain(getattr(value, k), depth + 1) for k in type(value).model_fields}
    return {"__class__": type(value).__name__, **found}


def _project(folder: Path) -> Path:
    project = folder / "project"
    project.mkdir()
    (project / "score.py").write_text("print('scored')\n")
    (project / "requirements.txt").write_text("tinyhtml\n")
    (project / "lib.py").write_text("VALUE = 1\n")
    return project


def record(version: str) -> dict[str, Any]:
    """Run the jobs with the SDK of this environment."""
    sent: list[dict[str, Any]] = []
    found: dict[str, Any] = {"requests": {}, "objects": {}}
    project = _project(Path(tempfile.mkdtemp()))
    jobs = _v2 if version == "v2" else _v3
    for name, processor, run in jobs(sent, project):
        inputs, outputs = run.get("inputs") or [], run.get("outputs") or []
        found["objects"][name] = {
            "processor": _plain(processor),
            "inputs": [_plain(item) for item in inputs],
            "outputs": [_plain(item) for item in outputs],
        }
        count = len(sent)
        processor.run(wait=False, logs=False, **run)
        assert len(sent) == count + 1, name
        found["requests"][name] = sent[-1]
    from importlib import metadata

    found["sdk"] = {n: metadata.version(n) for n in ("sagemaker", "sagemaker-core", "boto3")}
    return found


def _v2(sent: list[dict[str, Any]], project: Path) -> Any:
    import sagemaker
    from sagemaker.dataset_definition.inputs import (
        AthenaDatasetDefinition,
        DatasetDefinition,
        RedshiftDatasetDefinition,
    )
    from sagemaker.network import NetworkConfig
    from sagemaker.processing import (
        FeatureStoreOutput,
        FrameworkProcessor,
        ProcessingInput,
        ProcessingOutput,
        Processor,
        ScriptProcessor,
    )
    from sagemaker.sklearn import SKLearn, SKLearnProcessor
    from sagemaker.spark.processing import PySparkProcessor

    session = _session(sagemaker.Session, sent)
    base = {"role": ROLE, "instance_count": 1, "instance_type": "ml.m5.xlarge", "sagemaker_session": session}
    inputs = [
        ProcessingInput(
            input_name="data",
            source="s3://bucket/in/",
            destination="/opt/ml/processing/input/data",
            s3_data_distribution_type="ShardedByS3Key",
        )
    ]
    outputs = [
        ProcessingOutput(
            output_name="made",
            source="/opt/ml/processing/output/made",
            destination="s3://bucket/out/",
            s3_upload_mode="Continuous",
        )
    ]
    run = {"inputs": inputs, "outputs": outputs, "arguments": ["--epochs", "3"]}
    code = {"code": str(project / "score.py")}
    experiment = {"ExperimentName": "churn", "TrialName": "first", "RunName": "one"}
    yield "sklearn", SKLearnProcessor("1.2-1", **base), {**run, **code, "experiment_config": experiment}
    secured = {
        "volume_kms_key": "volume-key",
        "output_kms_key": "output-key",
        "max_runtime_in_seconds": 600,
        "volume_size_in_gb": 50,
        "env": {"A": "b"},
        "tags": [{"Key": "team", "Value": "x"}],
        "network_config": NetworkConfig(
            enable_network_isolation=True,
            security_group_ids=["sg-1"],
            subnets=["subnet-1"],
            encrypt_inter_container_traffic=True,
        ),
    }
    script = ScriptProcessor(image_uri=IMAGE, command=["bash"], **base, **secured)
    yield "script", script, {**run, **code}
    yield "container", Processor(image_uri=IMAGE, entrypoint=["run", "--now"], **base, **secured), run
    framework = FrameworkProcessor(SKLearn, "1.2-1", **base)
    yield "project", framework, {**run, "code": "score.py", "source_dir": str(project)}
    spark = PySparkProcessor(framework_version="3.3", **{**base, "instance_count": 2})
    submit = {
        "submit_app": str(project / "score.py"),
        "submit_py_files": [str(project / "lib.py")],
        "configuration": [{"Classification": "spark-defaults", "Properties": {"spark.executor.memory": "1g"}}],
        "spark_event_logs_s3_uri": "s3://bucket/events",
        "arguments": ["--epochs", "3"],
    }
    yield "spark", spark, submit
    athena = AthenaDatasetDefinition(
        catalog="AwsDataCatalog",
        database="sales",
        query_string="select * from t",
        output_s3_uri="s3://bucket/athena/",
        output_format="PARQUET",
        output_compression="SNAPPY",
        work_group="primary",
    )
    redshift = RedshiftDatasetDefinition(
        cluster_id="c",
        database="sales",
        db_user="u",
        query_string="select 1",
        cluster_role_arn=ROLE,
        output_s3_uri="s3://bucket/redshift/",
        output_format="CSV",
    )
    datasets = [
        ProcessingInput(
            input_name=name,
            app_managed=False,
            dataset_definition=DatasetDefinition(
                local_path=f"/opt/ml/processing/input/{name}",
                data_distribution_type="FullyReplicated",
                input_mode="File",
                **{f"{name}_dataset_definition": one},
            ),
        )
        for name, one in (("athena", athena), ("redshift", redshift))
    ]
    features = [
        ProcessingOutput(
            output_name="features", app_managed=True, feature_store_output=FeatureStoreOutput(feature_group_name="g")
        )
    ]
    yield (
        "datasets",
        ScriptProcessor(image_uri=IMAGE, command=["python3"], **base),
        {"inputs": datasets, "outputs": features, **code},
    )


def _v3(sent: list[dict[str, Any]], project: Path) -> Any:
    from sagemaker.core.helper.session_helper import Session
    from sagemaker.core.network import NetworkConfig
    from sagemaker.core.processing import FrameworkProcessor, Processor, ScriptProcessor
    from sagemaker.core.shapes import ProcessingInput, ProcessingOutput, ProcessingS3Input, ProcessingS3Output
    from sagemaker.core.spark.processing import PySparkProcessor

    session = _session(Session, sent)
    base = {"role": ROLE, "instance_count": 1, "instance_type": "ml.m5.xlarge", "sagemaker_session": session}
    inputs = [
        ProcessingInput(
            input_name="data",
            s3_input=ProcessingS3Input(
                s3_uri="s3://bucket/in/",
                local_path="/opt/ml/processing/input/data",
                s3_data_type="S3Prefix",
                s3_input_mode="File",
                s3_data_distribution_type="ShardedByS3Key",
            ),
        )
    ]
    outputs = [
        ProcessingOutput(
            output_name="made",
            s3_output=ProcessingS3Output(
                s3_uri="s3://bucket/out/", local_path="/opt/ml/processing/output/made", s3_upload_mode="Continuous"
            ),
        )
    ]
    run = {"inputs": inputs, "outputs": outputs, "arguments": ["--epochs", "3"]}
    code = {"code": str(project / "score.py")}
    experiment = {"ExperimentName": "churn", "TrialName": "first", "RunName": "one"}
    sklearn = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
    yield (
        "sklearn",
        ScriptProcessor(image_uri=sklearn, command=["python3"], **base),
        {**run, **code, "experiment_config": experiment},
    )
    secured = {
        "volume_kms_key": "volume-key",
        "output_kms_key": "output-key",
        "max_runtime_in_seconds": 600,
        "volume_size_in_gb": 50,
        "env": {"A": "b"},
        "tags": [{"Key": "team", "Value": "x"}],
        "network_config": NetworkConfig(
            enable_network_isolation=True,
            security_group_ids=["sg-1"],
            subnets=["subnet-1"],
            encrypt_inter_container_traffic=True,
        ),
    }
    script = ScriptProcessor(image_uri=IMAGE, command=["bash"], **base, **secured)
    yield "script", script, {**run, **code}
    yield "container", Processor(image_uri=IMAGE, entrypoint=["run", "--now"], **base, **secured), run
    framework = FrameworkProcessor(image_uri=sklearn, **base)
    yield "project", framework, {**run, "code": "score.py", "source_dir": str(project)}
    spark = PySparkProcessor(framework_version="3.3", **{**base, "instance_count": 2})
    submit = {
        "submit_app": str(project / "score.py"),
        "submit_py_files": [str(project / "lib.py")],
        "configuration": [{"Classification": "spark-defaults", "Properties": {"spark.executor.memory": "1g"}}],
        "spark_event_logs_s3_uri": "s3://bucket/events",
        "arguments": ["--epochs", "3"],
    }
    yield "spark", spark, submit


def record_images() -> dict[str, Any]:
    """What ``sagemaker.image_uris`` of v2 gives."""
    from importlib import metadata

    from sagemaker import image_uris

    found = []
    for framework, version, py, instance, region in IMAGES:
        if framework == "base-python":
            uri = image_uris.get_base_python_image_uri(region, py)
        else:
            more: dict[str, Any] = {"py_version": py} if py else {}
            if framework == "huggingface":
                more["base_framework_version"] = "pytorch2.8.0" if version == "4.56.2" else "pytorch2.5.1"
            if framework == "spark":
                more["container_version"] = "v1"
            name = "sagemaker-distribution" if framework == "distribution" else framework
            scope = "processing" if framework == "spark" else "training"
            if framework == "distribution":
                scope = None
            uri = image_uris.retrieve(name, region, version=version, instance_type=instance, image_scope=scope, **more)
        found.append(
            {"framework": framework, "version": version, "py": py, "instance": instance, "region": region, "uri": uri}
        )
    return {"sdk": metadata.version("sagemaker"), "images": found}


# -- outside ---------------------------------------------------------------------------------------------------------


def _write(name: str, content: dict[str, Any]) -> None:
    (HERE / name).write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")


def main(arguments: list[str]) -> None:
    """Make the environments, and run this file in each."""
    if arguments[0] == "--inside":
        if arguments[1] == "v2":
            _write("sdk_images.json", record_images())
        _write(f"sdk_{arguments[1]}.json", record(arguments[1]))
        return
    for version, requirement in SDKS.items():
        python = Path(arguments[0]) / version / "bin" / "python"
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", str(python.parent.parent)], check=True)
            subprocess.run([str(python), "-m", "pip", "install", "-q", requirement], check=True)
        environment = {**os.environ, "AWS_DEFAULT_REGION": REGION, "SAGEMAKER_ADMIN_CONFIG_OVERRIDE": os.devnull}
        subprocess.run([str(python), __file__, "--inside", version], check=True, env=environment)


if __name__ == "__main__":
    main(sys.argv[1:])
