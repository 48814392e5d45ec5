"""Inputs and outputs as the user writes them → entries of ``ProcessingInputs`` and ``ProcessingOutputConfig.Outputs``.

    data=s3://bucket/prefix/                       a prefix, one object, a local file or folder
    data=s3://bucket/prefix/,shard                 each instance gets its part of the objects (ShardedByS3Key)
    data=s3://bucket/list.manifest,manifest        exactly the objects that a ManifestFile names
    data=big.csv,path=/opt/ml/processing/raw       another place in the container
    model=s3://bucket/models/,continuous           an output that is uploaded while the job runs
    features,feature-group=customers               an output of the feature store

What has no short form is a dict in the shape of the API, with or without its outer layers: ``{"DatasetDefinition":
{...}}``, ``{"AthenaDatasetDefinition": {...}}``, ``{"S3Input": {"S3Uri": ...}}``.
May import: the standard library.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

INPUT = "/opt/ml/processing/input"
OUTPUT = "/opt/ml/processing/output"

Spec = "str | dict[str, Any]"
Entry = dict[str, Any]

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_\-]*[A-Za-z0-9])?")
_INPUT_WORDS = {"shard": False, "manifest": False, "path": True}
_OUTPUT_WORDS = {"continuous": False, "path": True, "feature-group": True}
_DATASETS = ("AthenaDatasetDefinition", "RedshiftDatasetDefinition")
_MEMBERS = {"InputName", "OutputName", "AppManaged"}


def check_name(name: str) -> None:
    """Refuse what is no name of an input or output.

    Raises:
        ValueError: with the reason.
    """
    if not _NAME.fullmatch(name) or name.startswith("nbprocess"):
        raise ValueError(f"has the name {name!r}; use letters, digits, - and _ (not starting with nbprocess)")


def split_output(text: str) -> tuple[str, str]:
    """``NAME``, ``NAME=DESTINATION``, ``NAME,continuous``: the name, and the rest as it is written."""
    name = re.split(r"[=,]", text, maxsplit=1)[0]
    rest = text[len(name) :]
    return name, rest.removeprefix("=")


def parse(text: str) -> Any:
    """A value behind ``NAME=``: text, or the dict that JSON text describes.

    Raises:
        ValueError: it starts like JSON and is none.
    """
    if not text.startswith("{"):
        return text
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ValueError(f"is no JSON ({error}); give a dict through --inputs or --outputs instead") from None
    return value


def input_entry(name: str, value: Any) -> Entry:
    """The entry of one input. Its ``S3Uri`` may still be a path of this machine: see ``local_source``.

    Args:
        name: the input's name.
        value: text as in the module's description, a ``Path``, or a dict.

    Raises:
        ValueError: with the reason and what to write instead.
    """
    if isinstance(value, Path):
        value = str(value)
    if isinstance(value, Mapping):
        return {"InputName": name, **_input_members(value, name)}
    source, words = _words(str(value), _INPUT_WORDS)
    if not source:
        raise ValueError("names no source; write NAME=FILE, NAME=FOLDER or NAME=s3://bucket/prefix")
    s3 = {
        "S3Uri": source,
        "LocalPath": words.get("path", f"{INPUT}/{name}"),
        "S3DataType": "ManifestFile" if "manifest" in words else "S3Prefix",
        "S3InputMode": "File",
        "S3DataDistributionType": "ShardedByS3Key" if "shard" in words else "FullyReplicated",
    }
    return {"InputName": name, "S3Input": s3}


def output_entry(name: str, value: Any) -> Entry:
    """The entry of one output; an empty ``S3Uri`` stands for a place below the job.

    Raises:
        ValueError: with the reason and what to write instead.
    """
    if isinstance(value, Mapping):
        return {"OutputName": name, **_output_members(value, name)}
    # "NAME,continuous" has no destination: what follows the name is words only.
    destination, words = _words(str(value), _OUTPUT_WORDS)
    if "feature-group" in words:
        if destination or len(words) > 1:
            raise ValueError("goes to the feature store, which takes neither a destination nor another word")
        feature = {"FeatureGroupName": words["feature-group"]}
        return {"OutputName": name, "FeatureStoreOutput": feature, "AppManaged": True}
    if destination and "://" not in destination:
        raise ValueError(f"has the destination {destination!r}, which is no s3:// URI")
    s3 = {
        "S3Uri": destination,
        "LocalPath": words.get("path", f"{OUTPUT}/{name}"),
        "S3UploadMode": "Continuous" if "continuous" in words else "EndOfJob",
    }
    return {"OutputName": name, "S3Output": s3}


def local_source(entry: Entry) -> Path | None:
    """The file or folder of this machine that an input names; None for one that S3, Athena or Redshift has."""
    uri = str(entry.get("S3Input", {}).get("S3Uri", ""))
    if uri.startswith("file://"):
        uri = uri.removeprefix("file://")
    if not uri or "://" in uri:
        return None
    return Path(uri).expanduser()


def with_uri(entry: Entry, uri: str) -> Entry:
    """The entry with another ``S3Uri``."""
    kind = "S3Input" if "S3Input" in entry else "S3Output"
    return {**entry, kind: {**entry[kind], "S3Uri": uri}}


def place(entry: Entry) -> str:
    """Where an input or output lies in the container; "" where the application itself manages it."""
    for kind in ("S3Input", "DatasetDefinition", "S3Output"):
        if kind in entry:
            return str(entry[kind].get("LocalPath", ""))
    return ""


def _words(text: str, known: Mapping[str, bool]) -> tuple[str, dict[str, str]]:
    """Take the known words off the end: a comma that belongs to a path or key stays where it is."""
    words: dict[str, str] = {}
    while True:
        head, comma, tail = text.rpartition(",")
        word, equals, value = tail.partition("=")
        if comma and word in known and bool(equals) == known[word]:
            if word in words:
                raise ValueError(f"says {word} twice")
            if equals and not value:
                raise ValueError(f"has an empty {word}=")
            words[word] = value
            text = head
            continue
        near = difflib.get_close_matches(word, known, n=1, cutoff=0.75)
        if comma and near and "/" not in word:
            form = near[0] + ("=..." if known[near[0]] else "")
            raise ValueError(f"ends with {tail!r}, which is none of {', '.join(known)}; did you mean ,{form}?")
        return text, words


def _input_members(value: Mapping[str, Any], name: str) -> Entry:
    for dataset in _DATASETS:
        if dataset in value:
            value = {"DatasetDefinition": dict(value)}
    kind = "DatasetDefinition" if "DatasetDefinition" in value else "S3Input"
    if kind == "S3Input" and "S3Uri" in value:
        value = {"S3Input": dict(value)}
    unknown = sorted(set(value) - {"S3Input", "DatasetDefinition"} - _MEMBERS)
    if kind not in value or unknown:
        raise ValueError(
            f"is a dict with {', '.join(map(str, value)) or 'nothing'} in it; it must have S3Input, DatasetDefinition, "
            "AthenaDatasetDefinition or RedshiftDatasetDefinition, as in ProcessingInputs of CreateProcessingJob"
        )
    inner = dict(value[kind])
    inner.setdefault("LocalPath", f"{INPUT}/{name}")
    if kind == "S3Input":
        for key, default in (
            ("S3DataType", "S3Prefix"),
            ("S3InputMode", "File"),
            ("S3DataDistributionType", "FullyReplicated"),
        ):
            inner.setdefault(key, default)
    else:
        # The service shards a dataset when nothing is said; a cell expects the whole of it on each instance.
        inner.setdefault("DataDistributionType", "FullyReplicated")
        inner.setdefault("InputMode", "File")
    return {kind: inner, **_managed(value)}


def _output_members(value: Mapping[str, Any], name: str) -> Entry:
    if "FeatureGroupName" in value:
        value = {"FeatureStoreOutput": dict(value)}
    if "FeatureStoreOutput" in value:
        return {"FeatureStoreOutput": dict(value["FeatureStoreOutput"]), "AppManaged": True}
    if "S3Uri" in value or "LocalPath" in value or "S3UploadMode" in value:
        value = {"S3Output": dict(value)}
    unknown = sorted(set(value) - {"S3Output"} - _MEMBERS)
    if "S3Output" not in value or unknown:
        raise ValueError(
            f"is a dict with {', '.join(map(str, value)) or 'nothing'} in it; it must have S3Output or "
            "FeatureStoreOutput, as in ProcessingOutputConfig of CreateProcessingJob"
        )
    inner = dict(value["S3Output"])
    inner.setdefault("S3Uri", "")
    inner.setdefault("LocalPath", f"{OUTPUT}/{name}")
    inner.setdefault("S3UploadMode", "EndOfJob")
    return {"S3Output": inner, **_managed(value)}


def _managed(value: Mapping[str, Any]) -> Entry:
    return {"AppManaged": True} if value.get("AppManaged") is True else {}
