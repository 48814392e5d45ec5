"""What SageMaker lays under ``/opt/ml`` before a container starts: configuration files, inputs, empty output folders.

May import: ``objects``, ``nbprocess.errors``, the standard library.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from ...errors import BackendError
from .objects import Objects, copy, read_manifest

ML = "/opt/ml"


def hosts_of(request: Mapping[str, Any]) -> list[str]:
    """``algo-1`` to ``algo-n``."""
    return [f"algo-{i + 1}" for i in range(request["ProcessingResources"]["ClusterConfig"].get("InstanceCount", 1))]


def inside(ml: str, path: str) -> str:
    """Where a container's path below ``/opt/ml`` is on this machine.

    Raises:
        BackendError: it is not below ``/opt/ml/processing``.
    """
    normal = os.path.normpath(path)
    if not normal.startswith(ML + "/processing/"):
        raise BackendError(f"LocalPath {path}: inputs and outputs must lie below {ML}/processing/.")
    return ml + normal[len(ML) :]


def job_config(request: Mapping[str, Any], arn: str) -> dict[str, Any]:
    """``processingjobconfig.json`` in the documented shape (developer guide, build-your-own-processing-container)."""
    app, cluster = request["AppSpecification"], request["ProcessingResources"]["ClusterConfig"]
    config = request.get("ProcessingOutputConfig") or {}
    inputs = []
    for item in request.get("ProcessingInputs", ()):
        if "S3Input" not in item:
            inputs.append(dict(item))
            continue
        s3 = item["S3Input"]
        keys = ("LocalPath", "S3Uri", "S3DataDistributionType", "S3DataType", "S3InputMode", "S3CompressionType")
        defaults = {"S3DataDistributionType": "FullyReplicated", "S3InputMode": "File", "S3CompressionType": "None"}
        shape = {key: s3.get(key, defaults.get(key)) for key in keys}
        inputs.append({"InputName": item["InputName"], "S3Input": {**shape, "S3DownloadMode": "StartOfJob"}})
    outputs = [
        {
            "OutputName": o["OutputName"],
            "S3Output": {k: o["S3Output"][k] for k in ("LocalPath", "S3Uri", "S3UploadMode")},
        }
        if "S3Output" in o
        else dict(o)
        for o in config.get("Outputs", ())
    ]
    return {
        "ProcessingJobArn": arn,
        "ProcessingJobName": request["ProcessingJobName"],
        "AppSpecification": {
            "ImageUri": app["ImageUri"],
            "ContainerEntrypoint": app.get("ContainerEntrypoint"),
            "ContainerArguments": app.get("ContainerArguments"),
        },
        "Environment": dict(request.get("Environment") or {}),
        "ProcessingInputs": inputs,
        "ProcessingOutputConfig": {"Outputs": outputs, "KmsKeyId": config.get("KmsKeyId")},
        "ProcessingResources": {
            "ClusterConfig": {
                key: cluster.get(key) for key in ("InstanceCount", "InstanceType", "VolumeSizeInGB", "VolumeKmsKeyId")
            }
        },
        "RoleArn": request.get("RoleArn"),
        "StoppingCondition": {
            "MaxRuntimeInSeconds": (request.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds", 86400)
        },
    }


def as_s3(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """A DatasetDefinition as the input that its result is: Athena and Redshift write it to ``OutputS3Uri``.

    There is no Athena on this machine: what lies there already stands for the result of the query.
    """
    query = dataset.get("AthenaDatasetDefinition") or dataset.get("RedshiftDatasetDefinition") or {}
    return {
        "S3Uri": query.get("OutputS3Uri", ""),
        "LocalPath": dataset.get("LocalPath", ""),
        "S3DataType": "S3Prefix",
        "S3DataDistributionType": dataset.get("DataDistributionType", "ShardedByS3Key"),
    }


def lay_out(request: Mapping[str, Any], arn: str, ml: str, host: str, objects: Objects) -> None:
    """Make the ``/opt/ml`` of one host in the folder ``ml``.

    Raises:
        BackendError: an input cannot be had. OSError: disk full, no permission.
    """
    hosts = hosts_of(request)
    for name in ("config", "output", "processing"):
        os.makedirs(f"{ml}/{name}", exist_ok=True)
    _json(f"{ml}/config/processingjobconfig.json", job_config(request, arn))
    _json(f"{ml}/config/resourceconfig.json", {"current_host": host, "hosts": hosts})
    for item in request.get("ProcessingInputs", ()):
        _input(item, ml, hosts.index(host), len(hosts), objects)
    for item in (request.get("ProcessingOutputConfig") or {}).get("Outputs", ()):
        if "S3Output" in item:
            os.makedirs(inside(ml, item["S3Output"]["LocalPath"]), exist_ok=True)


def _json(path: str, content: Any) -> None:
    with open(path, "wb", buffering=0) as file:
        file.write(json.dumps(content).encode())


def _input(item: Mapping[str, Any], ml: str, index: int, count: int, objects: Objects) -> None:
    s3 = item.get("S3Input") or as_s3(item["DatasetDefinition"])
    uri, folder = s3["S3Uri"], inside(ml, s3["LocalPath"])
    os.makedirs(folder, exist_ok=True)
    if s3.get("S3DataType") == "ManifestFile":
        wanted = []
        for address, name in read_manifest(objects, uri):
            found = objects.exact(address)
            if found is None:
                raise BackendError(f"ClientError: Failed to download data. {address} (named by {uri}) does not exist.")
            wanted.append((found.path, name))
    else:
        one = objects.exact(uri)
        if one is not None:
            wanted = [(one.path, os.path.basename(one.key))]
        else:
            key = uri.partition("://")[2].partition("/")[2]
            base = key if key.endswith("/") or not key else key + "/"
            # A plain prefix: `in` also matches `in2/x`, whose path is then relative to the prefix's folder.
            parent = key.rpartition("/")[0]
            wanted = [
                (o.path, o.key[len(base) :] if o.key.startswith(base) else o.key[len(parent) :].lstrip("/"))
                for o in objects.resolve(uri)
            ]
            if not wanted:
                raise BackendError(f"ClientError: Failed to download data. No S3 objects found under {uri}.")
    if s3.get("S3DataDistributionType") == "ShardedByS3Key":
        wanted = wanted[index::count]
    for source, name in wanted:
        target = f"{folder}/{name}"
        if ".." in name.split("/") or name.startswith("/"):
            raise BackendError(f"{uri}: {name!r} would lie outside of {s3['LocalPath']}.")
        if "/" in name:
            os.makedirs(os.path.dirname(target), exist_ok=True)
        if objects.immutable(source):
            try:
                os.link(source, target)
                continue
            except FileExistsError:
                continue  # the same blob, brought in already: never write through a link into the store
            except OSError:
                pass  # another file system, or no right to link: copy
        copy(source, target)
