"""The managed images of SageMaker: framework, version and Python → image URI. Data: ``images.json``.

What an installed SageMaker SDK knows beyond the catalogue is read from its files; the SDK itself is not imported.
"""

from __future__ import annotations

import difflib
import functools
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import OptionError
from .image_configs import Row, installed_config, rows

FRAMEWORKS = (
    "sklearn",
    "pytorch",
    "tensorflow",
    "huggingface",
    "xgboost",
    "mxnet",
    "spark",
    "base-python",
    "distribution",
)

PACKAGES = {
    "sklearn": "scikit-learn",
    "pytorch": "torch",
    "tensorflow": "tensorflow",
    "huggingface": "transformers",
    "xgboost": "xgboost",
    "mxnet": "mxnet",
    "spark": "pyspark",
}
"""What the framework is called as a package."""


@dataclass(frozen=True)
class Image:
    """One managed image. ``python`` is ``(3, 12)``, or None where the image's data do not tell it."""

    uri: str
    framework: str
    version: str
    python: tuple[int, int] | None
    processor: str
    source: str


@functools.cache
def _data() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(Path(__file__).with_name("images.json").read_text())
    for found in data["frameworks"].values():
        for row in found:
            row["accounts"] = data["accounts"][row["accounts"]]
            row["source"] = f"{data['source']}, {data['date']}"
    return data


@functools.cache
def _rows(framework: str) -> list[Row]:
    """The catalogue's images, then those that only the installed SDK knows; sorted, oldest version first."""
    found = list(_data()["frameworks"][framework])
    known = {(row["version"], row["base"], row["py"]) for row in found}
    installed = installed_config(framework)
    if installed is not None:
        source, config = installed
        more = [row for row in rows(framework, config) if (row["version"], row["base"], row["py"]) not in known]
        found += [{**row, "source": source} for row in more]
    return sorted(found, key=lambda row: (_number(row["version"]), _rank(row["base"]), _number(row["py"])))


def _number(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text))


def _rank(base: str) -> tuple[bool, tuple[int, ...]]:
    return base.startswith("pytorch"), _number(base)


def versions(framework: str) -> list[str]:
    """All versions of a framework, newest first.

    Raises:
        OptionError: there is no such framework.
    """
    _check_framework(framework)
    return list(dict.fromkeys(row["version"] for row in reversed(_rows(framework))))


def pythons(framework: str) -> list[str]:
    """The Pythons of a framework's images, newest first, where their data tell them: ``3.12``."""
    _check_framework(framework)
    known = {row["python"] for row in _rows(framework) if row["python"]}
    return sorted(known, key=_number, reverse=True)


def image(
    framework: str, version: str | None = None, py: str | None = None, *, region: str = "us-east-1", gpu: bool = False
) -> Image:
    """The managed image of a framework.

    Args:
        framework: one of ``FRAMEWORKS``.
        version: the framework's version, or its beginning (``2.8`` is the newest 2.8.x); the newest when None. Of
            huggingface also with its base: ``4.56.2-pytorch2.8.0``.
        py: ``3.12``, ``312`` or ``py312``; the newest when None.
        region: where the image is pulled from.
        gpu: for an instance with GPUs.

    Raises:
        OptionError: there is none; says what there is.
    """
    _check_framework(framework)
    found = _rows(framework)
    if version:
        wanted, _, base = version.partition("-") if framework == "huggingface" else (version, "", "")
        exact = [row for row in found if row["version"] == wanted]
        found = exact or [row for row in found if row["version"].startswith((wanted + ".", wanted + "-"))]
        found = [row for row in found if row["base"].startswith(base)]
        if not found:
            known = versions(framework)
            raise OptionError(
                f"--framework-version {version}: there is no managed image of {framework} in that version"
                f"{_meant(version, known)}. There are: {', '.join(known)}; or give an --image."
            )
    if py:
        word = "py" + re.sub(r"\D", "", py)
        tagged = sorted({row["py"] for row in found if row["py"]}, key=_number, reverse=True)
        found = [row for row in found if row["py"] == word or "py" + row["python"].replace(".", "") == word]
        if not found:
            raise OptionError(
                f"--py-version {py}: there is no image of {framework} {version or ''} with that Python. "
                f"There are: {', '.join(tagged) or 'images whose name does not say'}."
            )
    there = [row for row in found if region in row["accounts"]]
    if not there:
        regions = sorted({name for row in found for name in row["accounts"]})
        raise OptionError(
            f"--region {region}: the images of {framework} {version or ''} are not in that region. "
            f"They are in: {', '.join(regions)}; or give an --image."
        )
    kind = "gpu" if gpu else "cpu"
    fit = [row for row in there if kind in row["tags"]]
    if not fit and gpu:
        fit, kind = there, "cpu"  # an image without CUDA runs on a GPU machine too
    if not fit:
        raise OptionError(
            f"--framework {framework}: its images of version {version or there[-1]['version']} are for instances with "
            "a GPU only. Choose one with --gpu, another --framework-version, or an --image."
        )
    row = fit[-1]
    python = _number(row["python"])
    return Image(
        uri=f"{row['accounts'][region]}.dkr.ecr.{region}.{_suffix(region)}/{row['repository']}:{row['tags'][kind]}",
        framework=framework,
        version=row["version"],
        python=(python[0], python[1]) if len(python) == 2 else None,
        processor=kind,
        source=row["source"],
    )


def _suffix(region: str) -> str:
    for pattern, suffix in _data()["suffixes"].items():
        if re.fullmatch(pattern.strip("^$"), region):
            return str(suffix)
    return "amazonaws.com"


def python_of(uri: str) -> tuple[int, int] | None:
    """The Python in a managed image, found by its repository and tag; None for other images."""
    repository, _, tag = uri.rpartition("/")[2].partition(":")
    for framework in FRAMEWORKS:
        for row in _rows(framework):
            if row["repository"] == repository and tag in row["tags"].values():
                number = _number(row["python"])
                return (number[0], number[1]) if len(number) == 2 else None
    return None


def framework_of(uri: str) -> str:
    """The framework of a managed image; "" for other images."""
    repository = uri.rpartition("/")[2].partition(":")[0]
    for framework in FRAMEWORKS:
        if any(row["repository"] == repository for row in _rows(framework)):
            return framework
    return ""


def _check_framework(name: str) -> None:
    if name not in FRAMEWORKS:
        raise OptionError(
            f"--framework {name}: there are no managed images of it{_meant(name, FRAMEWORKS)}. "
            f"There are: {', '.join(FRAMEWORKS)}; or give an --image."
        )


def _meant(word: str, known: list[str] | tuple[str, ...]) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f" (did you mean {near[0]}?)" if near else ""
