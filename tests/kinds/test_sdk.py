"""The SDK's own objects as options, and requests compared field by field with those that SDK v2 and v3 make."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import nbprocess
from nbprocess import backends, options, script, sdkobjects
from nbprocess.errors import OptionError
from nbprocess.request import validate

HERE = Path(__file__).parent
RECORDED = {version: json.loads((HERE / f"sdk_{version}.json").read_text()) for version in ("v2", "v3")}
"""What the real SDKs made: see record_sdk.py."""

CASES = [(version, name) for version, found in RECORDED.items() for name in found["requests"]]


def revived(value: Any) -> Any:
    """The recorded attributes of an object of the SDK as an object with the same class name."""
    if isinstance(value, list):
        return [revived(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "__class__" not in value:
        return {key: revived(item) for key, item in value.items()}
    kind = type(value["__class__"], (SimpleNamespace,), {})
    return kind(**{key: revived(item) for key, item in value.items() if key != "__class__"})


class Backend:
    """Knows nothing by itself: what comes out is what the processor said."""

    name, region = "sagemaker", "us-east-1"

    def store(self) -> Any:
        return SimpleNamespace(uri="s3://home/nbprocess")

    def resolve(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"RoleArn": given["role"], "ImageUri": given["image"], "InstanceType": given["instance"][0]}

    def preflight(self, request: Any) -> list[str]:
        return []

    def price(self, kind: str) -> None:
        """Not known."""


@pytest.fixture()
def project(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(backends, "found", lambda name, region=None: Backend())
    (folder / "score.py").write_text("print('scored')\n")
    (folder / "requirements.txt").write_text("tinyhtml\n")
    (folder / "lib.py").write_text("VALUE = 1\n")
    return folder


def request_of(version: str, name: str, project: Path) -> dict[str, Any]:
    """The same job through nbprocess."""
    objects = RECORDED[version]["objects"][name]
    given: dict[str, Any] = {"backend": "sagemaker", "processor": revived(objects["processor"])}
    for option in ("inputs", "outputs"):
        if objects[option]:
            given[option] = revived(objects[option])
    code = name != "container"
    if name != "datasets":
        given["arg"] = ["--epochs", "3"]
    if name == "sklearn":
        given["experiment"] = {"ExperimentName": "churn", "TrialName": "first", "RunName": "one"}
    if name == "project":
        given["source_dir"] = str(project)
    if name == "spark":
        given["py_files"] = [str(project / "lib.py")]
        given["spark_config"] = [{"Classification": "spark-defaults", "Properties": {"spark.executor.memory": "1g"}}]
        given["spark_event_logs"] = "s3://bucket/events"
    resolved = options.resolve(sdkobjects.expand(given, {}, code=code), folder=project, environ={})
    what = script.from_file("score.py", resolved) if code else script.Script()
    return script.prepare(what, resolved).request


def alike(request: dict[str, Any], version: str) -> dict[str, Any]:
    """A request without what may differ: each line says why."""
    found = copy.deepcopy(request)
    found.pop("ProcessingJobName")  # carries the time
    tags = [tag for tag in found.pop("Tags", []) if not tag["Key"].startswith("nbprocess")]
    if tags:  # nbprocess tags its jobs
        found["Tags"] = tags
    if not found.get("Environment"):  # an empty map says nothing
        found.pop("Environment", None)
    if found.get("StoppingCondition") == {"MaxRuntimeInSeconds": 14_400}:  # the SDK leaves the service's day
        found.pop("StoppingCondition")
    for entry in found.get("ProcessingInputs", []):
        s3 = entry.get("S3Input", {})
        if s3.get("S3CompressionType") == "None":  # the service's default
            s3.pop("S3CompressionType")
        if entry["InputName"] in ("code", "entrypoint", "py-files", "conf"):  # the job's own place in the bucket
            s3["S3Uri"] = s3["S3Uri"].rstrip("/").rpartition("/")[2]
            if version == "v3" and s3["S3Uri"] == "source":  # v3 sends the folder that the archive lies in
                s3["S3Uri"] = "sourcedir.tar.gz"
    for entry in [*found.get("ProcessingInputs", []), *found.get("ProcessingOutputConfig", {}).get("Outputs", [])]:
        if entry.get("AppManaged") is False:  # the service's default
            entry.pop("AppManaged")
        if entry.get("OutputName") == "output-1":  # v2 gives the event logs no name of their own
            entry["OutputName"] = "spark-event-logs"
    found["ProcessingInputs"] = sorted(found.get("ProcessingInputs", []), key=lambda entry: str(entry["InputName"]))
    return found


@pytest.mark.parametrize(("version", "name"), CASES, ids=str)
def test_the_request_is_that_of_the_sdk(version: str, name: str, project: Path) -> None:
    mine = request_of(version, name, project)
    validate(mine)
    assert alike(mine, version) == alike(RECORDED[version]["requests"][name], version)


def test_the_line_wins_over_the_processor() -> None:
    processor = revived(RECORDED["v2"]["objects"]["script"]["processor"])
    given = {"processor": "mine", "instance": ("ml.c5.xlarge",), "env": (("A", "other"), ("C", "d")), "count": 3}
    found = sdkobjects.expand(given, {"mine": processor})
    assert (found["instance"], found["count"], found["timeout"]) == (("ml.c5.xlarge",), 3, 600)
    assert found["env"] == {"A": "other", "C": "d"} and found["network_isolation"] is True
    assert "instance" not in sdkobjects.expand({"processor": processor, "gpu": "T4"}, {})
    assert "entrypoint" not in sdkobjects.expand({"processor": processor}, {})


def test_a_processor_runs_on_this_machine_where_no_image_is_pulled() -> None:
    processor = revived(RECORDED["v2"]["objects"]["sklearn"]["processor"])
    job = nbprocess.submit("1 + 1", {"__name__": "__main__"}, backend="local", processor=processor)
    assert job.result(timeout=60) == 2
    [notice] = [text for text in job.state().notices if "not pulled" in text]
    assert "sagemaker-scikit-learn:1.2-1" in notice and "the sklearn image" in notice
    processor.instance_type = "local"  # the SDK's local mode
    assert "instance" not in (found := sdkobjects.expand({"processor": processor}, {})) and found["backend"] == "local"


def test_a_pipeline_variable_has_no_value_here() -> None:
    class ParameterString:
        def __str__(self) -> str:
            raise TypeError("Pipeline variables do not support __str__ operation.")

    processor = revived(RECORDED["v2"]["objects"]["sklearn"]["processor"])
    processor.instance_type = ParameterString()
    with pytest.raises(OptionError, match=r"instance_type is a ParameterString.*Give it on the line"):
        sdkobjects.expand({"processor": processor}, {})


def test_inputs_as_a_dict_join_those_of_the_line() -> None:
    given = {"inputs": "mine", "input": (("a", "s3://b/a/"),)}
    found = sdkobjects.expand(given, {"mine": {"b": "s3://b/b/,shard", "c": {"S3Uri": "s3://b/c/"}}})
    assert [name for name, _ in found["input"]] == ["a", "b", "c"]
    assert options.resolve(found, folder=Path("/"), environ={}).input[2][1] == {"S3Uri": "s3://b/c/"}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"processor": "there"}, "there is no variable of that name"),
        ({"processor": "$there"}, "without $ or braces"),
        ({"processor": 3}, "a int is no processor"),
        ({"inputs": [3]}, "a int is no ProcessingInput"),
        ({"inputs": {"a b": "s3://x/"}}, "has the name 'a b'"),
        ({"outputs": {"a": "/tmp"}}, "no s3:// URI"),
    ],
)
def test_what_is_none_is_named(given: dict[str, Any], says: str) -> None:
    with pytest.raises(OptionError) as caught:
        sdkobjects.expand(given, {})
    assert says in str(caught.value)
