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


def test_a_price_has_its_date_and_is_never_guessed() -> None:
    known = catalog.price("ml.m5.xlarge", "us-east-1")
    assert known is not None and known.usd_per_hour == 0.23 and known.as_of.startswith("2026")
    assert catalog.price("ml.g5.xlarge", "us-east-1") is None
    assert catalog.price("ml.m5.xlarge", "eu-north-1") is None


def test_search_reads_names_and_gpus() -> None:
    assert {item.gpu for item in catalog.search("g5 a10g")} == {"A10G"}
