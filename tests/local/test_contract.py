"""What a container finds under /opt/ml, in its environment and in its inputs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from nbprocess.backends.local import backend, mount
from nbprocess.errors import BackendError

from .conftest import Local, s3_input, s3_outputs

SHOW = "import glob;print(sorted(p[27:] for p in glob.glob('/opt/ml/processing/input/in/**/*', recursive=True)))"


@pytest.mark.parametrize("method", [m for m in mount.METHODS if m not in ("own", "env")])
def test_each_way_to_opt_ml(local: Local, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    if not mount.works(method):
        pytest.skip(f"{method} does not work on this machine")
    monkeypatch.setenv("NBPROCESS_ML_METHOD", method)
    done = local.run(
        "import os;os.makedirs('/opt/ml/output',exist_ok=True);open('/opt/ml/output/message','w').write(os.getcwd())"
    )
    assert (done["ProcessingJobStatus"], done.get("ExitMessage")) == ("Completed", "/opt/ml/processing"), local.text(
        "job-1"
    )


def test_a_root_by_environment_variable_is_explained(local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBPROCESS_ML_METHOD", "env")
    local.put("data", x="the content")
    done = local.run(["cat", "/opt/ml/processing/input/in/x"], ProcessingInputs=[s3_input("in", "s3://data/x")])
    assert done["ProcessingJobStatus"] == "Completed"
    assert "the content" in local.text("job-1") and "NBPROCESS_ML_ROOT" in local.text("job-1")
    assert any("NBPROCESS_ML_ROOT" in notice for notice in local.backend.preflight(local.request("")))


def test_configuration_files(local: Local) -> None:
    local.run("for n in ('processingjobconfig','resourceconfig'):print(open(f'/opt/ml/config/{n}.json').read())")
    job, resources = map(json.loads, local.text("job-1").splitlines())
    assert resources == {"current_host": "algo-1", "hosts": ["algo-1"]}
    assert job["ProcessingJobArn"] == "arn:aws:sagemaker:local:000000000000:processing-job/job-1"
    assert job["AppSpecification"]["ContainerArguments"] is None
    assert job["ProcessingOutputConfig"] == {"Outputs": [], "KmsKeyId": None}
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 86400}


def test_the_environment_is_that_of_the_request(local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_KERNEL", "1")
    local.run("import os,json;print(json.dumps(dict(os.environ)))", Environment={"MINE": "a b\nc"})
    environ = json.loads(local.text("job-1"))
    assert environ.pop("MINE") == "a b\nc"
    assert set(environ) - {"LC_CTYPE"} == {"PATH", "LANG", "HOME", "OMP_WAIT_POLICY"}
    assert environ["OMP_WAIT_POLICY"] == "PASSIVE"  # threads that wait leave the processors to other jobs


def test_a_request_may_say_how_threads_wait(local: Local) -> None:
    done = local.run("import os;print(os.environ['OMP_WAIT_POLICY'])", Environment={"OMP_WAIT_POLICY": "ACTIVE"})
    assert local.text(done["ProcessingJobName"]) == "ACTIVE"


def test_inputs_of_each_kind(local: Local) -> None:
    local.put("b", **{"in/x": "1", "in/y/z": "2", "in2/w": "3", "m": '[{"prefix": "s3://b/in/"}, "x"]'})
    for uri, more, expected in [
        ("s3://b/in/", {}, ["/x", "/y", "/y/z"]),
        ("s3://b/in/x", {}, ["/x"]),
        ("s3://b/in", {}, ["/in2", "/in2/w", "/x", "/y", "/y/z"]),
        ("s3://b/m", {"S3DataType": "ManifestFile"}, ["/x"]),
    ]:
        done = local.run(SHOW, ProcessingInputs=[s3_input("in", uri, **more)])
        assert local.text(done["ProcessingJobName"]) == str(expected), uri


def test_a_job_cannot_change_the_data_it_was_given(local: Local) -> None:
    local.put("b", x="before")
    done = local.run(
        "open('/opt/ml/processing/input/in/x','a').write('!')", ProcessingInputs=[s3_input("in", "s3://b/x")]
    )
    assert done["ProcessingJobStatus"] == "Completed"
    assert local.output("b") == {"x": "before"}


def test_shards_are_spread_over_the_hosts(local: Local) -> None:
    local.put("b", **{f"in/{i}": "" for i in range(3)})
    cluster = {"InstanceCount": 2, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30}
    done = local.run(
        "import os,json,socket;h=json.load(open('/opt/ml/config/resourceconfig.json'))['current_host'];"
        "print(h,sorted(os.listdir('/opt/ml/processing/input/in')))",
        ProcessingResources={"ClusterConfig": cluster},
        ProcessingInputs=[s3_input("in", "s3://b/in/", S3DataDistributionType="ShardedByS3Key")],
    )
    assert done["ProcessingJobStatus"] == "Completed"
    assert sorted(local.text("job-1").splitlines()) == ["algo-1 ['0', '2']", "algo-2 ['1']"]
    assert {line.host for line in local.backend.logs("job-1").lines} == {"algo-1", "algo-2"}


def test_an_input_that_is_not_there_fails_the_job_with_its_name(local: Local) -> None:
    local.put("b", other="")
    done = local.run("pass", ProcessingInputs=[s3_input("in", "s3://b/none/")])
    assert done["ProcessingJobStatus"] == "Failed" and "s3://b/none/" in done["FailureReason"]


def test_https_inputs_are_refused(local: Local) -> None:
    with pytest.raises(BackendError, match="s3:// URIs only"):
        local.start("pass", ProcessingInputs=[s3_input("in", "https://example.com/x")])
    assert list(local.backend.jobs()) == []


def test_outputs_come_back_also_after_a_failure(local: Local) -> None:
    done = local.run(
        "import os,sys;d='/opt/ml/processing/output/out/';os.mkdir(d+'s');open(d+'s/f','w').write('x');"
        "os.symlink('/etc/passwd',d+'link');sys.exit(3)",
        ProcessingOutputConfig=s3_outputs("s3://res/out/"),
    )
    assert done["ProcessingJobStatus"] == "Failed" and "exit code: 3" in done["FailureReason"]
    assert local.output("res") == {"out/s/f": "x"}


def test_network_isolation(local: Local) -> None:
    local.run(
        "import socket;print([n for _,n in socket.if_nameindex()])",
        NetworkConfig={"EnableNetworkIsolation": True},
    )
    method = local.backend._method()
    if not mount.can_isolate(method):
        pytest.skip(f"{method} cannot isolate")
    assert local.text("job-1") == "['lo']"


def test_the_machines_own_place_is_one_jobs_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mount, "ML", str(tmp_path))
    first = mount.take_own()
    assert first is not None and mount.take_own() is None
    os.close(first)
    (tmp_path / "left").write_text("behind")
    assert mount.take_own() is None


def test_a_disk_that_is_nearly_full_is_told_with_the_way_out(local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    request = local.request("pass")
    monkeypatch.setattr(backend, "_LITTLE", 0)  # the disk of whoever runs this may be full
    assert not any("are free" in notice for notice in local.backend.preflight(request))
    monkeypatch.setattr(backend, "_LITTLE", 1e18)
    (said,) = [notice for notice in local.backend.preflight(request) if "are free" in notice]
    assert said.startswith("only ") and str(local.backend.base) in said and "nbprocess clean --older-than 7" in said
