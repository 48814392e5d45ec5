"""Prices come from AWS's Price List with their date; nothing is guessed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import nbprocess
from nbprocess import backends, catalog
from nbprocess.backends.sagemaker import pricing
from nbprocess.cli import main
from nbprocess.errors import OptionError
from nbprocess.testing.aws import Emulator, emulator
from nbprocess.testing.aws.services import NO_PRICE


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Emulator]:
    with emulator(**getattr(request, "param", {})) as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("NBPROCESS_HOME", str(tmp_path))
        backends.get.cache_clear()
        yield running
        backends.get.cache_clear()


def test_the_list_of_a_region_has_its_date_and_is_asked_once(aws: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    account = backends.get("sagemaker").account
    found = pricing.price(account, "ml.g4dn.xlarge")
    assert found is not None and found.usd_per_hour == 0.9 and found.source == "AWS Price List"
    assert len(pricing.prices(account)) > 200 and NO_PRICE not in pricing.prices(account)
    products = pricing._products
    monkeypatch.setattr(pricing, "_products", lambda *_: pytest.fail("asked again"))
    assert pricing.price(account, "ml.g4dn.xlarge") == found
    monkeypatch.setattr(pricing, "KEPT", -1.0)
    monkeypatch.setattr(pricing, "_products", lambda *given: products(*given)[:1])
    assert len(pricing.prices(account)) == 1, "after a week it is asked again"


def test_the_cheapest_that_fits_is_chosen_by_the_price_list(aws: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = backends.get("sagemaker")
    usd = {kind: known.usd_per_hour for kind, known in backend.prices().items()}  # type: ignore[attr-defined]
    fits = [kind for kind in catalog.search("") if kind.gpu == "A10G"]
    cheapest = min(fits, key=lambda kind: usd[kind.name]).name
    dear = {**usd, cheapest: 99.0}
    assert backend.resolve({"gpu": "A10G"})["InstanceType"] == cheapest
    second = catalog.choose("A10G", prices=dear).name
    assert second == min(fits, key=lambda kind: dear[kind.name]).name != cheapest


def test_two_prices_of_one_type_are_none() -> None:
    def terms(usd: str, unit: str = "Hrs") -> dict[str, Any]:
        return {"T": {"priceDimensions": {"R": {"unit": unit, "pricePerUnit": {"USD": usd}}}}}

    found = pricing._single(
        [
            ({"instanceName": "ml.a"}, terms("0.5")),
            ({"instanceName": "ml.a"}, terms("0.0")),
            ({"instanceName": "ml.b"}, terms("1.0")),
            ({"instanceName": "ml.b"}, terms("2.0")),
            ({"instanceName": "ml.c"}, terms("3.0", "GB")),
        ]
    )
    assert found == {"ml.a": 0.5}, "which of two is the right one is not known, and not guessed"


@pytest.mark.parametrize("aws", [{"denied": ("GetProducts",)}], indirect=True)
def test_who_may_not_ask_can_read_the_public_file(aws: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prices", "T4"]) == 0
    shown = capsys.readouterr()
    assert "ml.g4dn.xlarge" in shown.out and "unknown" in shown.out and "m5" not in shown.out
    assert "nbprocess prices --update" in shown.err
    assert main(["prices", "--update", "T4"]) == 0
    shown = capsys.readouterr()
    row = next(line for line in shown.out.splitlines() if line.startswith("ml.g4dn.xlarge"))
    assert "0.900" in row and row.endswith("AWS public offers file") and not shown.err
    known = pricing.price(backends.get("sagemaker").account, "ml.g4dn.xlarge")
    assert known is not None and known.usd_per_hour == 0.9, "not the dearer one of training"


def test_a_job_of_another_kernel_has_its_cost(aws: Emulator) -> None:
    job = nbprocess.submit(
        "1", {"__name__": "__main__"}, backend="sagemaker", instance=("ml.m5.large", "ml.g4dn.xlarge")
    )
    assert job.result(timeout=120) == 1
    assert job.price_per_hour == 0.115 and job.state().cost is not None
    again = nbprocess.attach(job.name, "sagemaker").state()
    assert again.price_per_hour == 0.115 and again.cost == job.state().cost and again.price_note.startswith("as of ")


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
