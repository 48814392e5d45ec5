"""Builds the request. Names and paths are those of docs/architecture.md."""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any

INPUT = "/opt/ml/processing/input"
OUTPUT = "/opt/ml/processing/output"


def job_name(stem: str) -> str:
    """A new name: what it comes from, when, and a random end; 1 to 63 characters as the service wants them."""
    words = re.sub(r"[^a-zA-Z0-9]+", "-", stem).strip("-")[:36].rstrip("-") or "cell"
    return f"{words}-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"


def build(
    options: Mapping[str, Any],
    *,
    job: str,
    store_uri: str,
    entrypoint: Sequence[str],
    arguments: Sequence[str],
    resolved: Mapping[str, Any],
    blobs: bool,
    inputs: Mapping[str, str] | None = None,
    outputs: Mapping[str, str] | None = None,
    notebook: str = "",
    cell_id: str = "",
    layer: str = "",
) -> dict[str, Any]:
    """The request of one cell.

    Args:
        options: the checked options, by name.
        job: the job's name.
        store_uri: ``s3://bucket/prefix`` of the store.
        entrypoint: ``ContainerEntrypoint``, which pins the worker.
        arguments: ``ContainerArguments``: the digests of worker and manifest.
        resolved: what the backend adds: ``RoleArn``, ``ImageUri``, ``InstanceType`` or ``InstancePreferences``, ...
        blobs: whether there are any blobs to bring in.
        inputs: the user's inputs: name → ``s3://`` URI.
        outputs: the user's outputs: name → ``s3://`` destination, or "" for a place below the job.
        notebook: path of the notebook, for a tag.
        cell_id: id of the cell, for a tag.
        layer: URI of packed requirements, or "".
    """
    base = f"{store_uri.rstrip('/')}/jobs/{job}"
    bundle = _input("nbprocess-bundle", f"{base}/bundle/", f"{INPUT}/nbprocess")
    channels = [bundle]
    if blobs:
        channel = _input("nbprocess-blobs", f"{base}/blobs.manifest", f"{INPUT}/nbprocess-blobs")
        channel["S3Input"]["S3DataType"] = "ManifestFile"
        channels.append(channel)
    if layer:
        channels.append(_input("nbprocess-layer", layer, f"{INPUT}/nbprocess-layer"))
    channels += [_input(name, uri, f"{INPUT}/{name}") for name, uri in (inputs or {}).items()]
    results = [_output("nbprocess-results", f"{base}/out/", f"{OUTPUT}/nbprocess", "Continuous")]
    for name, uri in (outputs or {}).items():
        results.append(_output(name, uri or f"{base}/outputs/{name}/", f"{OUTPUT}/{name}", "EndOfJob"))
    cluster: dict[str, Any] = {"VolumeSizeInGB": options["volume"]}
    preferences = resolved.get("InstancePreferences")
    if preferences:
        cluster["InstancePreferences"] = preferences
    else:
        cluster["InstanceType"] = resolved["InstanceType"]
    cluster["InstanceCount"] = options["count"]
    key = options.get("kms_key") or resolved.get("KmsKeyId")
    if resolved.get("VolumeKmsKeyId"):
        cluster["VolumeKmsKeyId"] = resolved["VolumeKmsKeyId"]
    request: dict[str, Any] = {
        "ProcessingJobName": job,
        "RoleArn": options.get("role") or resolved["RoleArn"],
        "AppSpecification": {
            "ImageUri": resolved["ImageUri"],
            "ContainerEntrypoint": list(entrypoint),
            "ContainerArguments": list(arguments),
        },
        "ProcessingInputs": channels,
        "ProcessingOutputConfig": {"Outputs": results, **({"KmsKeyId": key} if key else {})},
        "ProcessingResources": {"ClusterConfig": cluster},
        "StoppingCondition": {"MaxRuntimeInSeconds": _runtime(options, resolved)},
    }
    if options.get("env"):
        request["Environment"] = dict(options["env"])
    network = _network(options, resolved)
    if network:
        request["NetworkConfig"] = network
    request["Tags"] = _tags(options, resolved, notebook, cell_id)
    return request


def _input(name: str, uri: str, path: str) -> dict[str, Any]:
    return {
        "InputName": name,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": path,
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
        },
    }


def _output(name: str, uri: str, path: str, mode: str) -> dict[str, Any]:
    return {"OutputName": name, "S3Output": {"S3Uri": uri, "LocalPath": path, "S3UploadMode": mode}}


def _runtime(options: Mapping[str, Any], resolved: Mapping[str, Any]) -> int:
    """``--timeout``, or less where ``--max-cost`` buys less: the control plane itself then keeps to the cap."""
    seconds = int(options["timeout"])
    price = resolved.get("PricePerHour")
    if options.get("max_cost") and price:
        seconds = min(seconds, max(1, int(options["max_cost"] / (price * options["count"]) * 3600)))
    return seconds


def _network(options: Mapping[str, Any], resolved: Mapping[str, Any]) -> dict[str, Any]:
    network: dict[str, Any] = {}
    if options.get("network_isolation") or resolved.get("EnableNetworkIsolation"):
        network["EnableNetworkIsolation"] = True
    if options.get("encrypt_traffic") or resolved.get("EnableInterContainerTrafficEncryption"):
        network["EnableInterContainerTrafficEncryption"] = True
    vpc = resolved.get("VpcConfig")
    if options.get("subnets"):
        vpc = {"Subnets": list(options["subnets"]), "SecurityGroupIds": list(options["security_groups"])}
    if vpc:
        network["VpcConfig"] = vpc
    return network


def _tags(options: Mapping[str, Any], resolved: Mapping[str, Any], notebook: str, cell_id: str) -> list[dict[str, str]]:
    """Tags: nbprocess's own, then the administrator's, then the user's; the later ones win."""
    tags = {"nbprocess": "1"}
    if notebook:
        tags["nbprocess:notebook"] = re.sub(r"[^\w\s.:/=+\-@]", "_", os.path.basename(notebook))[:256]
    if cell_id:
        tags["nbprocess:cell"] = re.sub(r"[^\w\s.:/=+\-@]", "_", cell_id)[:256]
    tags.update(resolved.get("Tags") or {})
    tags.update(dict(options.get("tag") or ()))
    return [{"Key": key, "Value": value} for key, value in tags.items()]
