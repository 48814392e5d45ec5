"""Checks a request against botocore's service model, and against what the model cannot say.

The model's limits (min, max, pattern, enum) are not checked by botocore itself, which knows only required members and
types. The model is read from botocore's data files; an extract of the shapes that matter is cached on disk, because the
whole model takes some 25 ms to parse.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
import re
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any

from .. import home
from ..errors import RequestError

_OPERATION = "CreateProcessingJobRequest"
_RESERVED = "/opt/ml/processing"
_shapes: dict[str, Any] = {}


def shapes() -> dict[str, Any]:
    """The shapes that CreateProcessingJobRequest reaches, by name, from the installed botocore."""
    if not _shapes:
        version = metadata.version("botocore")
        name = f"create-processing-job-{version}.json"
        try:
            _shapes.update(json.loads((home.cache() / name).read_bytes()))
        except (OSError, ValueError):
            _shapes.update(_extract(_read_model()))
            home.keep(name, _shapes)
    return _shapes


def _read_model() -> dict[str, Any]:
    spec = importlib.util.find_spec("botocore")
    assert spec is not None and spec.submodule_search_locations is not None  # a dependency of nbprocess
    folder = Path(spec.submodule_search_locations[0]) / "data" / "sagemaker" / "2017-07-24"
    packed = folder / "service-2.json.gz"
    data = gzip.decompress(packed.read_bytes()) if packed.exists() else (folder / "service-2.json").read_bytes()
    model: dict[str, Any] = json.loads(data)["shapes"]
    return model


def _extract(model: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    left = [_OPERATION]
    while left:
        name = left.pop()
        if name in found:
            continue
        shape = {key: value for key, value in model[name].items() if key != "documentation"}
        if "members" in shape:
            shape["members"] = {member: facts["shape"] for member, facts in shape["members"].items()}
            left += shape["members"].values()
        for role in ("member", "key", "value"):
            if role in shape:
                shape[role] = shape[role]["shape"]
                left.append(shape[role])
        found[name] = shape
    return found


def validate(request: Mapping[str, Any]) -> None:
    """Check a request.

    Raises:
        RequestError: lists every field that breaks a limit, with the limit and the value.
    """
    problems = [*_against(_OPERATION, request, ""), *_rules(request)]
    if problems:
        raise RequestError("The request is not valid, and nothing was sent:\n  " + "\n  ".join(dict.fromkeys(problems)))


_TYPES: dict[str, tuple[type, ...]] = {
    "structure": (dict,),
    "list": (list,),
    "map": (dict,),
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "boolean": (bool,),
    "float": (float, int),
    "double": (float, int),
}


def _against(name: str, given: Any, path: str) -> Iterator[str]:
    shape = shapes()[name]
    kind = shape["type"]
    here = path or "the request"
    value: Any = given
    if not isinstance(given, _TYPES[kind]) or (kind in ("integer", "long") and isinstance(value, bool)):
        yield f"{here}: is a {type(value).__name__}, not a {kind}."
        return
    if kind == "structure":
        for member in shape.get("required", ()):
            if member not in value:
                yield f"{path + '.' if path else ''}{member}: is missing."
        for member, item in value.items():
            where = f"{path}.{member}" if path else member
            if member not in shape["members"]:
                yield f"{where}: this botocore does not know it. Update boto3, or leave it out."
            else:
                yield from _against(shape["members"][member], item, where)
        return
    low, high = shape.get("min"), shape.get("max")
    measure = value if kind in ("integer", "long", "float", "double") else None if kind == "boolean" else len(value)
    if measure is not None:
        unit = {"string": " characters", "list": " entries", "map": " entries"}.get(kind, "")
        found = f"has {measure}{unit}" if unit else f"is {value}"
        if low is not None and measure < low:
            yield f"{here}: {found}; at least {low} is needed."
        if high is not None and measure > high:
            yield f"{here}: {found}; at most {high} is allowed."
    if kind == "string":
        yield from _check_text(shape, value, here)
    elif kind == "list":
        for index, item in enumerate(value):
            yield from _against(shape["member"], item, f"{path}[{index}]")
    elif kind == "map":
        for key, item in value.items():
            yield from _against(shape["key"], key, f"{path}[{key!r}]")
            yield from _against(shape["value"], item, f"{path}[{key!r}]")


def _check_text(shape: Mapping[str, Any], value: str, here: str) -> Iterator[str]:
    if "enum" in shape and value not in shape["enum"]:
        known = shape["enum"]
        some = ", ".join(known[:8]) + (" ..." if len(known) > 8 else "")
        which = f"botocore {metadata.version('botocore')} has them; a newer one may have more"
        yield f"{here}: {value!r} is none of the allowed values ({some}), as {which}."
    pattern = shape.get("pattern")
    if pattern and not _compiled(pattern).fullmatch(value):
        shown = value if len(value) <= 80 else value[:77] + "..."
        yield f"{here}: {shown!r} does not match {pattern}."


_patterns: dict[str, re.Pattern[str]] = {}


def _compiled(pattern: str) -> re.Pattern[str]:
    """The service's patterns are Java's: ``\\p{L}`` and surrogate ranges are written otherwise in Python."""
    if pattern not in _patterns:
        text = pattern.replace(r"\p{L}\p{Z}\p{N}", r"\w\s")
        text = text.replace(r"\uD800\uDC00-\uDBFF\uDFFF", "\U00010000-\U0010ffff")
        _patterns[pattern] = re.compile(text)
    return _patterns[pattern]


def _rules(request: Mapping[str, Any]) -> Iterator[str]:
    """What the service refuses although its model allows it: processing.md and the developer guide."""
    places: list[tuple[str, PurePosixPath]] = []
    for index, channel in enumerate(request.get("ProcessingInputs") or ()):
        where = f"ProcessingInputs[{index}] ({channel.get('InputName')})"
        if ("S3Input" in channel) == ("DatasetDefinition" in channel):
            yield f"{where}: needs either S3Input or DatasetDefinition, and not both."
        source = channel.get("S3Input") or channel.get("DatasetDefinition") or {}
        if "Pipe" in (source.get("S3InputMode"), source.get("InputMode")):
            yield f"{where}: Pipe mode is not supported here. Use File."
        if source.get("S3CompressionType") == "Gzip":
            yield f"{where}: Gzip needs Pipe mode, which is not supported here. Unpack it in the job."
        sets = {key for key in source if key in ("AthenaDatasetDefinition", "RedshiftDatasetDefinition")}
        if "DatasetDefinition" in channel and len(sets) != 1:
            yield f"{where}: DatasetDefinition needs either an Athena or a Redshift definition."
        if source.get("LocalPath"):
            places.append((where, PurePosixPath(source["LocalPath"])))
    outputs = (request.get("ProcessingOutputConfig") or {}).get("Outputs") or ()
    for index, output in enumerate(outputs):
        where = f"ProcessingOutputConfig.Outputs[{index}] ({output.get('OutputName')})"
        if ("S3Output" in output) == ("FeatureStoreOutput" in output):
            yield f"{where}: needs either S3Output or FeatureStoreOutput, and not both."
        if "FeatureStoreOutput" in output and output.get("AppManaged") is not True:
            yield f"{where}: FeatureStoreOutput needs AppManaged."
        if (output.get("S3Output") or {}).get("LocalPath"):
            places.append((where, PurePosixPath(output["S3Output"]["LocalPath"])))
    for index, (where, place) in enumerate(places):
        if not place.is_relative_to(_RESERVED) or str(place) == _RESERVED or ".." in place.parts:
            yield f"{where}: LocalPath {place} must lie below {_RESERVED}/."
        for other, earlier in places[:index]:
            if place == earlier or place.is_relative_to(earlier) or earlier.is_relative_to(place):
                yield f"{where}: LocalPath {place} overlaps {earlier} of {other}."
    for kind, items, key in (
        ("ProcessingInputs", request.get("ProcessingInputs") or (), "InputName"),
        ("Outputs", outputs, "OutputName"),
    ):
        names = [item.get(key) for item in items]
        for name in sorted({n for n in names if n is not None and names.count(n) > 1}):
            yield f"{kind}: the name {name} is used twice."
    cluster = (request.get("ProcessingResources") or {}).get("ClusterConfig") or {}
    if ("InstanceType" in cluster) == ("InstancePreferences" in cluster):
        yield "ClusterConfig: needs either InstanceType or InstancePreferences, and not both."
    application = request.get("AppSpecification") or {}
    for key in ("ContainerEntrypoint", "ContainerArguments"):
        for index, text in enumerate(application.get(key) or ()):
            if isinstance(text, str) and "\n" in text:
                yield f"AppSpecification.{key}[{index}]: holds a newline, which the service refuses."
