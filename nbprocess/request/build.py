"""Builds the request. Names and paths are those of docs/architecture.md."""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any


def job_name(stem: str) -> str:
    """A new name: what it comes from, when, and a random end; 1 to 63 characters as the service wants them."""
    words = re.sub(r"[^a-zA-Z0-9]+", "-", stem).strip("-")[:36].rstrip("-") or "cell"
    return f"{words}-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"


def build(
    options: Mapping[str, Any],
    *,
    job: str,
    entrypoint: Sequence[str],
    arguments: Sequence[str],
    resolved: Mapping[str, Any],
    inputs: Sequence[Mapping[str, Any]],
    outputs: Sequence[Mapping[str, Any]],
    notebook: str = "",
    cell_id: str = "",
) -> dict[str, Any]:
    """The request of one job.

    Args:
        options: the checked options, by name.
        job: the job's name.
        entrypoint: ``ContainerEntrypoint``; empty for the image's own.
        arguments: ``ContainerArguments``.
        resolved: what the backend adds: ``RoleArn``, ``ImageUri``, ``InstanceType`` or ``InstancePreferences``, ...
        inputs: the entries of ``ProcessingInputs``.
        outputs: the entries of ``Outputs``.
        notebook: path of the notebook, for a tag.
        cell_id: id of the cell, for a tag.
    """
    cluster: dict[str, Any] = {"VolumeSizeInGB": options["volume"]}
    preferences = resolved.get("InstancePreferences")
    if preferences:
        cluster["InstancePreferences"] = preferences
        kinds = [item["InstanceType"] for item in preferences]
    else:
        cluster["InstanceType"] = resolved["InstanceType"]
        kinds = [resolved["InstanceType"]]
    cluster["InstanceCount"] = options["count"]
    key = options.get("kms_key") or resolved.get("KmsKeyId")
    volume_key = options.get("volume_kms_key") or resolved.get("VolumeKmsKeyId")
    if not volume_key and not any(map(has_local_disk, kinds)):
        volume_key = options.get("kms_key")
    if volume_key:
        cluster["VolumeKmsKeyId"] = volume_key
    application: dict[str, Any] = {"ImageUri": resolved["ImageUri"]}
    if entrypoint:
        application["ContainerEntrypoint"] = list(entrypoint)
    if arguments:  # the service refuses an empty list
        application["ContainerArguments"] = list(arguments)
    request: dict[str, Any] = {
        "ProcessingJobName": job,
        "RoleArn": resolved["RoleArn"],
        "AppSpecification": application,
        "ProcessingResources": {"ClusterConfig": cluster},
        "StoppingCondition": {"MaxRuntimeInSeconds": _runtime(options, resolved)},
    }
    if inputs:
        request["ProcessingInputs"] = [dict(item) for item in inputs]
    if outputs:
        results = [dict(item) for item in outputs]
        request["ProcessingOutputConfig"] = {"Outputs": results, **({"KmsKeyId": key} if key else {})}
    environment = {**(resolved.get("Environment") or {}), **dict(options.get("env") or ())}
    if environment:
        request["Environment"] = {key: str(value) for key, value in environment.items()}
    network = _network(options, resolved)
    if network:
        request["NetworkConfig"] = network
    if options.get("experiment"):
        request["ExperimentConfig"] = dict(options["experiment"])
    request["Tags"] = _tags(options, resolved, notebook, cell_id)
    return request


def input_entry(name: str, uri: str, path: str, kind: str = "S3Prefix") -> dict[str, Any]:
    """An input of nbprocess's own; ``kind``: ``S3Prefix`` or ``ManifestFile``."""
    return {
        "InputName": name,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": path,
            "S3DataType": kind,
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
        },
    }


def output_entry(name: str, uri: str, path: str, mode: str = "EndOfJob") -> dict[str, Any]:
    """An output of nbprocess's own."""
    return {"OutputName": name, "S3Output": {"S3Uri": uri, "LocalPath": path, "S3UploadMode": mode}}


def has_local_disk(instance: str) -> bool:
    """Whether the type brings its own NVMe disks: it takes no key for a volume (API reference, VolumeKmsKeyId)."""
    family = instance.split(".")[1] if instance.count(".") == 2 else ""
    # EC2's naming: a `d` behind the generation; the GPU families from g5 and p5 on have them without saying so.
    return bool(re.fullmatch(r"[a-z]+[0-9]+[a-z]*d[a-z]*|g[5-9][a-z]*|p[5-9][a-z]*", family))


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
    if options.get("subnets") == ("none",):
        vpc = None
    elif options.get("subnets"):
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
