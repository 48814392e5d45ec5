"""Prices come from AWS's Price List with their date; nothing is guessed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import nbprocess
from nbprocess import backends
from nbprocess.backends.sagemaker import pricing
from nbprocess.errors import OptionError
from nbprocess.testing.aws import Emulator, emulator


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Emulator]:
    with emulator(**getattr(request, "param", {})) as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("NBPROCESS_HOME", str(tmp_path))
        backends.get.cache_clear()
        yield running
        backends.get.cache_clear()


def test_a_price_has_its_date_and_is_asked_once(aws: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    account = backends.get("sagemaker").account
    found = pricing.price(account, "ml.g4dn.xlarge")
    assert found is not None and found.usd_per_hour == 0.9 and found.source == "AWS Price List"
    monkeypatch.setattr(pricing, "_ask", lambda *_: pytest.fail("asked again"))
    assert pricing.price(account, "ml.g4dn.xlarge") == found
    monkeypatch.setattr(pricing, "KEPT", -1.0)
    monkeypatch.setattr(pricing, "_ask", lambda *_: 1.25)
    later = pricing.price(account, "ml.g4dn.xlarge")
    assert later is not None and later.usd_per_hour == 1.25


def test_a_price_list_out_of_reach_is_waited_for_once(aws: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    account, asked = backends.get("sagemaker").account, []

    class Pricing:
        def get_products(self, **given: object) -> None:
            from botocore.exceptions import ConnectTimeoutError

            asked.append(given)
            raise ConnectTimeoutError(endpoint_url="https://api.pricing.us-east-1.amazonaws.com")

    monkeypatch.setattr(account.session, "client", lambda *_, **__: Pricing())
    shipped = pricing.price(account, "ml.m5.xlarge")
    assert shipped is not None and shipped.source != "AWS Price List"
    assert pricing.price(account, "ml.g5.xlarge") is None and len(asked) == 1


@pytest.mark.parametrize("aws", [{"denied": ("GetProducts",)}], indirect=True)
def test_who_may_not_ask_gets_the_table_that_ships_or_nothing(aws: Emulator) -> None:
    account = backends.get("sagemaker").account
    known = pricing.price(account, "ml.m5.xlarge")
    assert known is not None and known.source != "AWS Price List"
    assert pricing.price(account, "ml.p5.4xlarge") is None


def test_a_cost_cap_becomes_the_runtime_and_needs_a_price(aws: Emulator) -> None:
    namespace = {"__name__": "__main__"}
    job = nbprocess.submit("1", namespace, backend="sagemaker", instance=("ml.g4dn.xlarge",), max_cost=0.45)
    assert job.describe()["StoppingCondition"]["MaxRuntimeInSeconds"] == 1800
    assert job.result(timeout=120) == 1 and job.price_per_hour == 0.9
    with pytest.raises(OptionError, match=r"--max-cost.*ml[.]p5[.]4xlarge.*--timeout"):
        nbprocess.submit("1", namespace, backend="sagemaker", instance=("ml.p5.4xlarge",), max_cost=1.0)
