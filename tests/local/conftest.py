"""A local backend in a home of its own, and requests made by hand."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nbprocess.backends.local import Backend
from nbprocess.home import home

ENDED = ("Completed", "Failed", "Stopped")


class Local:
    """The backend with the few steps that every test takes."""

    def __init__(self) -> None:
        self.backend = Backend()
        self.count = 0

    def request(self, code: str | list[str], **changes: Any) -> dict[str, Any]:
        self.count += 1
        entrypoint = ["python3", "-c", code] if isinstance(code, str) else code
        return {
            "ProcessingJobName": f"job-{self.count}",
            "RoleArn": "arn:aws:iam::000000000000:role/nbprocess-local",
            "AppSpecification": {"ImageUri": self.backend.resolve({})["ImageUri"], "ContainerEntrypoint": entrypoint},
            "ProcessingResources": {
                "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30}
            },
            **changes,
        }

    def start(self, code: str | list[str], **changes: Any) -> str:
        request = self.request(code, **changes)
        self.backend.launch(request)
        return str(request["ProcessingJobName"])

    def until(self, name: str, what: Callable[[dict[str, Any]], Any], limit: float = 60) -> dict[str, Any]:
        deadline = time.monotonic() + limit
        while True:
            described = self.backend.describe(name)
            if what(described):
                return described
            assert time.monotonic() < deadline, described
            self.backend.wait(name, 0.5)

    def end(self, name: str) -> dict[str, Any]:
        return self.until(name, lambda d: d["ProcessingJobStatus"] in ENDED)

    def run(self, code: str | list[str], **changes: Any) -> dict[str, Any]:
        return self.end(self.start(code, **changes))

    def says(self, name: str, text: str) -> None:
        self.until(name, lambda d: text in self.text(name))

    def text(self, name: str) -> str:
        return "\n".join(line.text for line in self.backend.logs(name).lines)

    def put(self, bucket: str, **files: str) -> None:
        for key, content in files.items():
            path = home() / "buckets" / bucket / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)

    def output(self, bucket: str) -> dict[str, str]:
        root = home() / "buckets" / bucket
        return {str(p.relative_to(root)): p.read_text() for p in sorted(root.rglob("*")) if p.is_file()}


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch) -> Iterator[Local]:
    base = Path(tempfile.mkdtemp(prefix="nbp"))
    monkeypatch.setenv("NBPROCESS_HOME", str(base))
    monkeypatch.setenv("NBPROCESS_STOP_GRACE", "20")
    running = Local()
    yield running
    for job in list(running.backend.jobs()):
        running.backend.stop(job["ProcessingJobName"])
        running.end(job["ProcessingJobName"])
    shutil.rmtree(base, ignore_errors=True)


def s3_input(name: str, uri: str, **more: str) -> dict[str, Any]:
    s3 = {
        "S3Uri": uri,
        "LocalPath": f"/opt/ml/processing/input/{name}",
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
    }
    return {"InputName": name, "S3Input": {**s3, **more}}


def s3_outputs(uri: str, mode: str = "EndOfJob") -> dict[str, Any]:
    s3 = {"S3Uri": uri, "LocalPath": "/opt/ml/processing/output/out", "S3UploadMode": mode}
    return {"Outputs": [{"OutputName": "out", "S3Output": s3}]}
