"""The catalogue: what there is, the cheapest that fits, and plain words for what there is not."""

from __future__ import annotations

import pytest

from nbprocess import catalog
from nbprocess.catalog.generate import processing_types
from nbprocess.errors import OptionError


def test_no_type_that_botocore_knows_is_lacking() -> None:
    lacking = set(processing_types()) - set(catalog.instance_names())
    assert not lacking, f"run python -m nbprocess.catalog.generate: {sorted(lacking)}"


def test_the_smallest_with_a_gpu_is_chosen() -> None:
    assert catalog.choose("T4").name == "ml.g4dn.xlarge"
    assert catalog.choose("nvidia a10g:4").name == "ml.g5.12xlarge"
    assert catalog.choose("H100").name == "ml.p5.4xlarge"
    assert catalog.choose("RTX PRO 6000").name.startswith("ml.g7e.")


def test_vcpus_and_memory_are_lower_bounds_and_no_gpu_is_paid_for() -> None:
    found = catalog.choose(cpus=8, memory=60 * 10**9)
    assert found.vcpus >= 8 and found.memory >= 60 * 10**9 and not found.gpus


@pytest.mark.parametrize(
    ("gpu", "says"),
    [
        ("A100", "Processing has none (p4d and p4de are for Training only). It offers: A10G"),
        ("H200", "Processing has none"),
        ("T5", "no such GPU. SageMaker Processing offers: A10G"),
        ("T4:99", "The most T4 in one instance are 4"),
        ("T4:two", "write it like T4:2"),
    ],
)
def test_what_there_is_not_is_said(gpu: str, says: str) -> None:
    with pytest.raises(OptionError) as caught:
        catalog.choose(gpu)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "ml.p4d.24xlarge",
            "has no A100 (p4d and p4de are for Training only). The largest with GPUs that it has: ml.g7e",
        ),
        ("ml.p5en.48xlarge", "has no H200"),
        ("ml.p6-b200.48xlarge", "has no B200"),
        ("ml.trn1.2xlarge", "has no TRAINIUM"),
        ("ml.p5.48xlarge", "no such size. Of this family it has: ml.p5.4xlarge"),
        ("ml.m55.xlarge", "Did you mean: ml.m5.xlarge"),
        ("ml.nothing.like-it", "no such type"),
    ],
)
def test_a_type_that_processing_has_not_is_named_with_what_it_has(name: str, says: str) -> None:
    with pytest.raises(OptionError) as caught:
        catalog.check_instance(name)
    assert says in str(caught.value) and name in str(caught.value)


def test_every_type_that_botocore_knows_is_taken() -> None:
    for name in processing_types():
        catalog.check_instance(name)
    catalog.check_instance("ml.m99.large", newer=["ml.m99.large"])


@pytest.mark.parametrize("backend", ["local", "sagemaker"])
def test_it_is_told_before_anything_is_written(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import nbprocess

    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with pytest.raises(OptionError, match=r"--instance ml.p4d.24xlarge.*A100"):
        nbprocess.submit("1", {}, backend=backend, instance=("ml.m5.large", "ml.p4d.24xlarge"))


def test_a_price_has_its_date_and_is_never_guessed() -> None:
    known = catalog.price("ml.m5.xlarge", "us-east-1")
    assert known is not None and known.usd_per_hour == 0.23 and known.as_of.startswith("2026")
    assert catalog.price("ml.g5.xlarge", "us-east-1") is None
    assert catalog.price("ml.m5.xlarge", "eu-north-1") is None


def test_search_reads_names_and_gpus() -> None:
    assert {item.gpu for item in catalog.search("g5 a10g")} == {"A10G"}
