"""The image data of the SageMaker SDK (``image_uri_config/*.json``) → plain rows: one row, one image.

Used when ``images.json`` is made, and to read what an installed SDK knows beyond it, without importing the SDK.
May import: the standard library.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

FILES = {
    "sklearn": "sklearn",
    "pytorch": "pytorch",
    "tensorflow": "tensorflow",
    "huggingface": "huggingface",
    "xgboost": "xgboost",
    "mxnet": "mxnet",
    "spark": "spark",
    "base-python": "sagemaker-base-python",
    "distribution": "sagemaker-distribution",
}
"""``--framework`` → name of the SDK's file."""

# Where a tag says nothing: aws/sagemaker-xgboost-container, Dockerfiles; aws/sagemaker-distribution, env.out.
_PYTHON = {"xgboost": {"1.7-1": "3.10", "3.0-5": "3.10"}}
_DISTRIBUTION = {"1": "3.10", "2": "3.11", "3": "3.12", "4": "3.12"}
# sagemaker.image_uris.get_base_python_image_uri documents these two; the file itself does not name them.
_BASE_PYTHON = ("38", "310")

Row = dict[str, Any]
"""``version``, ``base`` (of huggingface: ``pytorch2.8.0``), ``py`` (as in the tag), ``python`` ("3.12" or ""),
``repository``, ``tags`` (``cpu`` or ``gpu`` → tag), ``accounts`` (region → registry)."""


def installed_config(framework: str) -> tuple[str, Mapping[str, Any]] | None:
    """What the installed SDK's own file says, and which SDK that is; None where none is installed."""
    for name, folder in (
        ("sagemaker-core", "sagemaker/core/image_uri_config"),
        ("sagemaker", "sagemaker/image_uri_config"),
    ):
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        path = Path(str(found.locate_file(folder))) / f"{FILES[framework]}.json"
        try:
            return f"{name} {found.version}", json.loads(path.read_bytes())
        except (OSError, ValueError):
            continue  # a release without that file: the catalogue that ships is enough
    return None


def rows(framework: str, config: Mapping[str, Any]) -> list[Row]:
    """Every image of a framework that a processing job can use, oldest version first."""
    # The processing images of these frameworks are their training images; Spark alone has its own.
    scope = config.get("processing" if framework == "spark" else "training", config)
    found: list[Row] = []
    for version, facts in scope["versions"].items():
        for base, py, one in _variants(facts):
            if "registries" in one:
                processors = scope.get("processors") or one.get("processors") or []
                found += _images(framework, version, base, py, one, processors)
    return found


def _variants(facts: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """(base framework, Python tag, entry): versions nest by the one or the other, or by neither."""
    if "registries" in facts:
        yield "", "", facts
        return
    for key, inner in facts.items():
        if isinstance(inner, Mapping) and "registries" in inner:
            yield ("", key, inner) if key.startswith("py") and key[2:3].isdigit() else (key, "", inner)


def _images(
    framework: str, version: str, base: str, py: str, one: Mapping[str, Any], processors: list[str]
) -> Iterator[Row]:
    if framework == "base-python":
        for short in _BASE_PYTHON:
            yield _row(version, base, f"py{short}", f"{one['repository']}-{short}", {"cpu": version}, one)
        return
    for name in [py] if py else one.get("py_versions") or [""]:
        if name == "py2" or name.startswith("py27"):
            continue  # the worker needs Python 3.9
        tags = {}
        for processor in processors or [""]:
            tag = _tag(framework, version, base, processor, name, one)
            if tag and processor in ("", "cpu", "gpu"):
                tags[processor or "cpu"] = tag
        if not processors and tags and framework == "xgboost":
            tags["gpu"] = tags["cpu"]  # one image for both
        if tags:
            row = _row(version, base, name, one["repository"], tags, one)
            named = re.search(r"py3(\d+)", version)  # sklearn 1.4-2-py312 says it there, and py3 at the end
            row["python"] = row["python"] or _PYTHON.get(framework, {}).get(version, "")
            if named:
                row["python"] = f"3.{named[1]}"
            if framework == "distribution":
                row["python"] = _DISTRIBUTION.get(version.split(".")[0], "")
            yield row


def _tag(framework: str, version: str, base: str, processor: str, py: str, one: Mapping[str, Any]) -> str:
    prefix = one.get("tag_prefix", version)
    container = ""
    if one.get("container_version"):
        container = one["container_version"].get(processor, "")
        if not container:
            return ""
    if base:
        prefix = f"{base.lstrip('abcdefghijklmnopqrstuvwxyz')}-transformers{version}"
    if framework == "spark":
        container = "v1"  # as SparkProcessor asks for when a Python version is named
    return "-".join(part for part in (prefix, processor, py, container) if part)


def _row(version: str, base: str, py: str, repository: str, tags: dict[str, str], one: Mapping[str, Any]) -> Row:
    digits = py.removeprefix("py")
    python = f"3.{digits[1:]}" if len(digits) > 1 and digits.startswith("3") else ""
    return {
        "version": version,
        "base": base,
        "py": py,
        "python": python,
        "repository": repository,
        "tags": tags,
        "accounts": dict(one["registries"]),
    }
