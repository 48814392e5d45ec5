"""Spark jobs: what ``smspark-submit`` of the Spark image is given, in the shape of the SDK's PySparkProcessor.

May import: ``options``, ``errors``, ``request``, the standard library.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .channels import INPUT
from .errors import OptionError
from .options import Options, flag
from .request import input_entry, output_entry

EVENT_LOGS = "/opt/ml/processing/spark-events/"
# aws/sagemaker-spark-container, src/smspark/config.py.
_CLASSIFICATIONS = (
    "core-site",
    "export",
    "hadoop-env",
    "hadoop-log4j",
    "hive-env",
    "hive-exec-log4j",
    "hive-log4j",
    "hive-site",
    "spark-defaults",
    "spark-env",
    "spark-hive-site",
    "spark-log4j",
    "spark-metrics",
    "yarn-env",
    "yarn-site",
)
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass
class SparkParts:
    """What Spark adds to a job. ``uploads``: key → content or file, below the store's root."""

    arguments: list[str] = field(default_factory=list)
    inputs: list[dict[str, Any]] = field(default_factory=list)
    outputs: list[dict[str, Any]] = field(default_factory=list)
    uploads: dict[str, bytes | Path] = field(default_factory=dict)

    def send(self, store: Any) -> None:
        """Put the files into the store. Raises StoreError."""
        for key, content in self.uploads.items():
            store.put(key, content)


def parts(options: Options, uri: str, job: str) -> SparkParts:
    """The Spark part of a job.

    Args:
        options: the checked options.
        uri: ``s3://bucket/prefix`` of the store.
        job: the job's name.

    Raises:
        OptionError: a file is not there, or the configuration is none.
    """
    found = SparkParts()
    for name in ("py_files", "jars", "files"):
        given: tuple[str, ...] = getattr(options, name)
        if not given:
            continue
        channel = name.replace("_", "-")
        places = [path for path in given if "://" in path]
        local = [Path(path).expanduser() for path in given if "://" not in path]
        for path in local:
            key, content = _upload(name, path)
            found.uploads[f"jobs/{job}/inputs/{channel}/{key}"] = content
        if local:
            found.inputs.append(input_entry(channel, f"{uri}/jobs/{job}/inputs/{channel}", f"{INPUT}/{channel}"))
            places.append(f"{INPUT}/{channel}")
        found.arguments += [flag(name), ",".join(places)]
    if options.spark_class:
        found.arguments += ["--class", options.spark_class]
    if options.spark_event_logs:
        place = options.spark_event_logs
        where = f"{uri}/jobs/{job}/outputs/spark-event-logs/" if place == "job" else place
        found.arguments += ["--local-spark-event-logs-dir", EVENT_LOGS]
        found.outputs.append(output_entry("spark-event-logs", where, EVENT_LOGS, "Continuous"))
    if options.spark_config:
        key = f"jobs/{job}/inputs/conf/configuration.json"
        found.uploads[key] = json.dumps(_configuration(options.spark_config)).encode()
        found.inputs.append(input_entry("conf", f"{uri}/{key}", f"{INPUT}/conf"))
    return found


def _upload(name: str, path: Path) -> tuple[str, bytes | Path]:
    if path.is_file():
        return path.name, path
    if path.is_dir() and name == "py_files":
        return f"{path.resolve().name}.zip", _zipped(path.resolve())
    what = "is a folder; give its files" if path.is_dir() else "there is no such file here"
    raise OptionError(f"{flag(name)} {path}: {what}, or an s3:// URI.")


def _zipped(folder: Path) -> bytes:
    """A folder as the package that it is: the same bytes for the same content."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                info = zipfile.ZipInfo(f"{folder.name}/{file.relative_to(folder).as_posix()}", _EPOCH)
                archive.writestr(info, file.read_bytes())
    return buffer.getvalue()


def _configuration(given: Any) -> list[dict[str, Any]]:
    """EMR's form: a list of classifications."""
    where = "--spark-config"
    if isinstance(given, str):
        where = f"--spark-config {given}"
        try:
            given = json.loads(Path(given).expanduser().read_text())
        except OSError as error:
            raise OptionError(f"{where}: it cannot be read ({error.strerror}). Give a JSON file, or JSON.") from None
        except ValueError as error:
            raise OptionError(f"{where}: it is no JSON ({error}).") from None
    if isinstance(given, dict):
        settings = {str(key): str(value) for key, value in given.items()}
        given = [given] if "Classification" in given else [{"Classification": "spark-defaults", "Properties": settings}]
    for item in given:
        kind = item.get("Classification") if isinstance(item, dict) else None
        if kind not in _CLASSIFICATIONS or not isinstance(item.get("Properties", {}), dict):
            raise OptionError(
                f"{where}: {kind or repr(item)} is no classification with Properties. "
                f"There are: {', '.join(_CLASSIFICATIONS)}."
            )
    return list(given)
