"""The kinds of option values: text (or a Python value) → checked value, raising ValueError with the reason.

May import: ``channels``, the standard library.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .. import channels


def as_text(value: Any) -> str:
    text = str(value).strip()
    if not text:
        raise ValueError("is empty")
    return text


def as_whole(low: int, high: int) -> Callable[[Any], int]:
    def parse(value: Any) -> int:
        try:
            number = int(value)
        except (TypeError, ValueError):
            raise ValueError(f"is no whole number; give one from {low} to {high}") from None
        if not low <= number <= high or isinstance(value, bool):
            raise ValueError(f"is out of range; give a whole number from {low} to {high}")
        return number

    return parse


def as_switch(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off"):
        return False
    raise ValueError("is neither true nor false")


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def as_duration(value: Any) -> int:
    """Seconds, from ``90``, ``90s``, ``30m``, ``1h30m``, ``2d``."""
    text = str(value).strip().lower()
    if re.fullmatch(r"\d+", text):
        seconds = int(text)
    else:
        parts = re.findall(r"(\d+(?:\.\d+)?)([smhd])", text)
        if not parts or "".join(n + u for n, u in parts) != text.replace(" ", ""):
            raise ValueError("is no duration; write it like 90s, 30m, 1h30m or 2d")
        seconds = int(sum(float(n) * _UNITS[u] for n, u in parts))
    # The service model allows 1 to 777600 s (9 days): botocore, ProcessingMaxRuntimeInSeconds.
    if not 1 <= seconds <= 777_600:
        raise ValueError("is out of range; a job may run from 1s to 9d")
    return seconds


_SIZES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}


def parse_size(value: Any) -> int:
    """Bytes, from ``1000``, ``16GB``, ``16GiB``, ``500 MB``.

    Raises:
        ValueError: the text is no size.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?i?)b?", str(value).strip().lower())
    if not match or (match[2] == "i"):
        raise ValueError("is no size; write it like 500MB, 16GB or 16GiB")
    return int(float(match[1]) * _SIZES[match[2]])


def as_money(value: Any) -> float:
    try:
        amount = float(str(value).strip().lstrip("$"))
    except ValueError:
        raise ValueError("is no amount of USD; write it like 2.50") from None
    if not 0 < amount < 1e6:
        raise ValueError("must be more than 0 USD")
    return amount


def as_names(value: Any) -> tuple[str, ...]:
    words = re.split(r"[,\s]+", value.strip()) if isinstance(value, str) else [str(word) for word in value]
    for word in words:
        if word and not word.isidentifier():
            raise ValueError(f"has {word!r} in it, which is no variable name; write names like: model,scores")
    return tuple(word for word in words if word)


def as_words(value: Any) -> tuple[str, ...]:
    words = re.split(r"[,\s]+", value.strip()) if isinstance(value, str) else [str(word) for word in value]
    return tuple(word for word in words if word)


def as_instances(value: Any) -> tuple[str, ...]:
    words = as_words(value)
    for word in words:
        if not re.fullmatch(r"ml\.[a-z0-9\-]+\.[a-z0-9\-]+", word):
            raise ValueError(f"has {word!r} in it, which is no instance type; write it like ml.m5.xlarge")
    # botocore, InstancePreferences: 1 to 5.
    if len(words) > 5:
        raise ValueError("names more than 5 instance types; SageMaker takes up to 5 preferences")
    return words


def as_pair(value: Any) -> tuple[str, str]:
    if isinstance(value, tuple) and len(value) == 2:
        return str(value[0]), str(value[1])
    name, equals, rest = str(value).partition("=")
    if not equals or not name:
        raise ValueError("has no NAME=VALUE form")
    return name, rest


def as_env(value: Any) -> tuple[str, str]:
    name, text = as_pair(value) if not isinstance(value, str) or "=" in value else (value, os.environ.get(value, ""))
    if isinstance(value, str) and "=" not in value and value not in os.environ:
        raise ValueError("names a variable that is not set here; write NAME=VALUE")
    if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name):
        raise ValueError(f"has {name!r} in it, which is no name of an environment variable")
    if len(text) > 256:
        raise ValueError(f"is {len(text)} characters long; SageMaker takes values of up to 256 characters")
    return name, text


def as_input(value: Any) -> tuple[str, Any]:
    name, source = value if isinstance(value, tuple) and len(value) == 2 else as_pair(value)
    channels.check_name(name)
    source = channels.parse(source) if isinstance(source, str) else source
    channels.input_entry(name, source)
    return name, str(source) if isinstance(source, Path) else source


def as_output(value: Any) -> tuple[str, Any]:
    name, rest = value if isinstance(value, tuple) and len(value) == 2 else channels.split_output(str(value))
    channels.check_name(name)
    rest = channels.parse(rest) if isinstance(rest, str) else rest
    channels.output_entry(name, rest)
    return name, rest


def as_command(value: Any) -> tuple[str, ...]:
    """Words of a command: text as a shell splits it, or a list."""
    try:
        words = shlex.split(value) if isinstance(value, str) else [str(word) for word in value]
    except ValueError as error:
        raise ValueError(f"cannot be split into words: {str(error).lower()}") from None
    if not words or not all(words):
        raise ValueError("is empty; write it like Rscript, or 'bash -e'")
    for word in words:
        # botocore, ContainerEntrypointString: up to 256 characters, no newline.
        if len(word) > 256 or "\n" in word:
            raise ValueError("has a word that is longer than 256 characters or holds a newline")
    return tuple(words)


def as_paths(value: Any) -> tuple[str, ...]:
    words = value.split(",") if isinstance(value, str) else [os.fspath(word) for word in value]
    return tuple(word.strip() for word in words if word.strip())


def as_spark_config(value: Any) -> Any:
    """A file's name, or the configuration itself: ``{"spark.executor.memory": "4g"}`` or EMR's list."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise ValueError(f"is no JSON ({error}); give a file, or NAME=VALUE pairs in a dict") from None
    if isinstance(value, Mapping):
        if "Classification" in value:
            return (dict(value),)
        settings = {str(k): str(v) for k, v in value.items()}
        return ({"Classification": "spark-defaults", "Properties": settings},)
    return tuple(value) if isinstance(value, (list, tuple)) else as_text(value)


_EXPERIMENT = {"trial": "TrialName", "run": "RunName", "display": "TrialComponentDisplayName"}


def as_experiment(value: Any) -> tuple[tuple[str, str], ...]:
    """ExperimentConfig as pairs, from ``NAME[,trial=NAME][,run=NAME][,display=NAME]`` or a dict of the API."""
    if isinstance(value, Mapping):
        found = {str(k): str(v) for k, v in value.items()}
    elif isinstance(value, (tuple, list)):
        found = {str(k): str(v) for k, v in value}
    else:
        name, *rest = str(value).split(",")
        found = {"ExperimentName": name.strip()}
        for word in rest:
            key, equals, text = word.strip().partition("=")
            if key not in _EXPERIMENT or not equals:
                raise ValueError(f"has {word!r} in it; after the name may stand trial=, run= and display=")
            found[_EXPERIMENT[key]] = text
    unknown = sorted(set(found) - {"ExperimentName", *_EXPERIMENT.values()})
    if unknown:
        raise ValueError(f"has {', '.join(unknown)} in it, which ExperimentConfig does not know")
    for key, text in found.items():
        # botocore, ExperimentEntityName.
        if not re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,119}", text):
            raise ValueError(f"has the {key} {text!r}; use up to 120 letters, digits and hyphens")
    return tuple(found.items())


def as_given(value: Any) -> Any:
    return value


def as_job_name(value: Any) -> str:
    text = str(value)
    # botocore, ProcessingJobName.
    if not re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", text):
        raise ValueError("is no job name; use 1 to 63 letters, digits and hyphens, starting and ending with no hyphen")
    return text
