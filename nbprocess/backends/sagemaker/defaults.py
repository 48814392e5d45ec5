"""The defaults that administrators and users keep for the SageMaker SDK: its ``config.yaml`` files, without the SDK.

Places, environment variables and keys are those of the SDK (its documentation, "Configuring and using defaults with the
SageMaker Python SDK"): the administrator's file first, the user's over it.

May import: ``errors``, the standard library; PyYAML where there is a file, boto3's client where it lies in S3.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...errors import BackendError

ADMIN, USER = "SAGEMAKER_ADMIN_CONFIG_OVERRIDE", "SAGEMAKER_USER_CONFIG_OVERRIDE"


def places(environ: Mapping[str, str]) -> list[tuple[str, bool]]:
    """(path or S3 URI, whether somebody named it), the administrator's first."""
    site = environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(os.pathsep)[0] or "/etc/xdg"
    user = environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    found = []
    for variable, folder in ((ADMIN, site), (USER, user)):
        given = environ.get(variable)
        found.append((given or f"{folder}/sagemaker/config.yaml", bool(given)))
    return found


def read(environ: Mapping[str, str], fetch: Callable[[str], bytes]) -> dict[str, Any]:
    """What the files say of processing jobs, as the backend's ``resolve`` names it.

    Args:
        environ: the environment.
        fetch: the content of an S3 URI.

    Returns:
        Any of ``RoleArn``, ``KmsKeyId``, ``VolumeKmsKeyId``, ``VpcConfig``, ``EnableNetworkIsolation``,
        ``EnableInterContainerTrafficEncryption``, ``Tags``, ``Environment``, ``Bucket``, ``Prefix``.

    Raises:
        BackendError: a file was named and is not there, or cannot be read.
    """
    whole: dict[str, Any] = {}
    for place, named in places(environ):
        content = _content(place, named, fetch)
        if content is not None:
            whole = _over(whole, _parsed(place, content))
    sagemaker = _below(whole, "SageMaker")
    job = _below(sagemaker, "ProcessingJob")
    network = _below(job, "NetworkConfig")
    session = _below(sagemaker, "PythonSDK", "Modules", "Session")
    tags = {item["Key"]: str(item.get("Value", "")) for item in job.get("Tags") or () if "Key" in item}
    found = {
        "RoleArn": job.get("RoleArn"),
        "KmsKeyId": _below(job, "ProcessingOutputConfig").get("KmsKeyId"),
        "VolumeKmsKeyId": _below(job, "ProcessingResources", "ClusterConfig").get("VolumeKmsKeyId"),
        "VpcConfig": network.get("VpcConfig"),
        "EnableNetworkIsolation": network.get("EnableNetworkIsolation"),
        "EnableInterContainerTrafficEncryption": network.get("EnableInterContainerTrafficEncryption"),
        "Tags": tags,
        "Environment": job.get("Environment"),
        "Bucket": session.get("DefaultS3Bucket"),
        "Prefix": session.get("DefaultS3ObjectKeyPrefix"),
    }
    return {key: value for key, value in found.items() if value}


def _content(place: str, named: bool, fetch: Callable[[str], bytes]) -> bytes | None:
    if place.startswith("s3://"):
        # As in the SDK, a prefix stands for the config.yaml below it.
        return fetch(place if place.endswith((".yaml", ".yml")) else place.rstrip("/") + "/config.yaml")
    path = Path(place).expanduser()
    if path.is_dir():
        path /= "config.yaml"
    try:
        return path.read_bytes()
    except FileNotFoundError:
        if named:
            raise BackendError(
                f"{place}: there is no such file; {ADMIN} or {USER} names it. Correct that variable."
            ) from None
        return None
    except OSError as error:
        raise BackendError(f"{path}: the SageMaker defaults cannot be read: {error.strerror}.") from None


def _parsed(place: str, content: bytes) -> dict[str, Any]:
    try:
        import yaml
    except ImportError:
        raise BackendError(
            f"{place} holds SageMaker defaults, and PyYAML is not installed to read them: pip install pyyaml."
        ) from None
    try:
        found = yaml.safe_load(content)
    except yaml.YAMLError as error:
        raise BackendError(f"{place}: the SageMaker defaults are no valid YAML: {error}. Mend the file.") from None
    if not isinstance(found, dict):
        raise BackendError(f"{place}: the SageMaker defaults are no mapping. Mend the file.")
    return found


def _over(lower: dict[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """``upper`` laid over ``lower``, key by key; lists as a whole."""
    merged = dict(lower)
    for key, value in upper.items():
        before = merged.get(key)
        merged[key] = _over(before, value) if isinstance(before, dict) and isinstance(value, Mapping) else value
    return merged


def _below(table: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    found: Any = table
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return dict(found) if isinstance(found, Mapping) else {}
