"""Managed images: the URI that the SDK would give, the newest by default, and what there is when there is none."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import pytest

from nbprocess.catalog import image_configs, images
from nbprocess.errors import OptionError

RECORDED = json.loads((Path(__file__).parent / "sdk_images.json").read_text())
"""What ``sagemaker.image_uris.retrieve`` gave: see record_sdk.py."""


@pytest.mark.parametrize("case", RECORDED["images"], ids=lambda c: f"{c['framework']}-{c['version']}-{c['region']}")
def test_the_uri_is_the_one_that_the_sdk_gives(case: dict) -> None:  # type: ignore[type-arg]
    found = images.image(
        case["framework"], case["version"], case["py"], region=case["region"], gpu=case["instance"].startswith("ml.g")
    )
    assert found.uri == case["uri"]


def test_the_newest_is_the_default_and_a_part_of_a_version_is_enough() -> None:
    assert images.image("pytorch").version == images.versions("pytorch")[0]
    assert images.image("pytorch", "2.8").version == "2.8.0"
    assert images.image("pytorch", "2.8").python == (3, 12)
    assert images.image("huggingface", "4.56.2-pytorch2.8", gpu=True).uri.count("2.8.0-transformers4.56.2-gpu") == 1


def test_what_an_image_says_of_its_python() -> None:
    assert images.python_of(images.image("xgboost", "1.7-1").uri) == (3, 10)
    assert images.python_of(images.image("base-python").uri) == (3, 10)
    assert images.image("sklearn", "1.4-2-py312").python == (3, 12)
    assert images.image("sklearn", "1.2-1").python is None  # its tag hides it
    assert images.python_of("123456789012.dkr.ecr.eu-west-1.amazonaws.com/mine:1") is None
    assert images.framework_of(images.image("spark").uri) == "spark"


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"framework": "skleern"}, "did you mean sklearn"),
        ({"framework": "keras"}, "There are: sklearn, pytorch"),
        ({"framework": "sklearn", "version": "0.99"}, "There are: 1."),
        ({"framework": "pytorch", "version": "2.8", "py": "3.9"}, "There are: py312"),
        ({"framework": "sklearn", "region": "mars-east-1"}, "They are in: "),
        ({"framework": "huggingface"}, "with a GPU only"),
    ],
)
def test_an_unknown_one_lists_what_there_is(asked: dict, says: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(OptionError, match=r"^--") as caught:
        images.image(**asked)
    assert says in str(caught.value)


def test_newer_data_of_an_installed_sdk_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registries = {"us-east-1": "683313688378"}
    newer = {
        "processors": ["cpu"],
        "py_versions": ["py3"],
        "repository": "sagemaker-scikit-learn",
        "registries": registries,
    }
    folder = tmp_path / "sagemaker" / "core" / "image_uri_config"
    folder.mkdir(parents=True)
    (folder / "sklearn.json").write_text(json.dumps({"training": {"versions": {"9.9-1": newer}}}))
    info = tmp_path / "sagemaker_core-9.9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sagemaker-core\nVersion: 9.9\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    images._rows.cache_clear()
    try:
        assert metadata.version("sagemaker-core") == "9.9"
        newest = images.image("sklearn")
        assert newest.uri.endswith("sagemaker-scikit-learn:9.9-1-cpu-py3") and newest.source == "sagemaker-core 9.9"
    finally:
        images._rows.cache_clear()


def test_every_framework_of_the_table_has_a_file() -> None:
    assert tuple(image_configs.FILES) == images.FRAMEWORKS
    data = images._data()
    assert data["source"].startswith("sagemaker_core 2.") and data["date"] >= "2026-11-21"
    assert all(data["frameworks"][name] for name in images.FRAMEWORKS)
