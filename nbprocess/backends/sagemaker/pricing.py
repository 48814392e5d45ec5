"""What instances cost, from AWS's Price List, kept with its date; the table that ships where AWS may not be asked.

The list of a region is asked for as a whole, once a week: then the cheapest type that fits can be chosen.
May import: ``account``, ``preflight``, ``errors``, ``home``, ``catalog``, the standard library; botocore.
"""

from __future__ import annotations

import datetime
import json
import os
import time
from collections.abc import Iterable, Mapping
from typing import Any

from ...catalog import Price
from ...catalog import price as shipped
from ...errors import BackendError
from ...home import cache, keep
from .account import Account
from .preflight import AGAIN

KEPT = 7 * 86_400.0
"""Seconds for which an answer counts: prices change seldom, and each is shown with its date."""
SECONDS = 5.0
"""The most that the pages of the list may take together: no cell waits longer for what it costs."""

# The Price List has few endpoints, and each tells the prices of all regions: its documentation.
_ENDPOINTS = {"eu": "eu-central-1", "ap": "ap-south-1", "cn": "cn-northwest-1"}
_WANTED = {"productFamily": "ML Instance", "component": "Processing"}


def price(account: Account, instance: str) -> Price | None:
    """USD per hour of a processing instance in the account's region; None when it is not known."""
    return prices(account).get(instance) or shipped(instance, account.region)


def prices(account: Account) -> dict[str, Price]:
    """Instance type → price, of all that the Price List has for the account's region; empty where it may not be asked.

    Asked once a week, and not again for an hour where it was out of reach or forbidden: no cell waits for it twice.
    """
    path = cache() / f"prices-{account.region}.json"
    kept = _kept(path)
    if time.time() - kept.get("asked", 0.0) > KEPT and time.monotonic() - account.silent.get("prices", -AGAIN) >= AGAIN:
        try:
            kept = update(account)
        except BackendError:
            account.silent["prices"] = time.monotonic()
    as_of, source = kept.get("as_of", ""), kept.get("source", "")
    return {kind: Price(usd, as_of, source) for kind, usd in kept.get("usd", {}).items()}


def update(account: Account, *, public: bool = False) -> dict[str, Any]:
    """Ask AWS now, and keep what it says.

    Args:
        account: whose region it is.
        public: where the Price List may not be asked, read the public file of the region's prices, which needs no
            account; it is large.

    Raises:
        BackendError: neither can be read, or there is nothing about processing in it.
    """
    source = "AWS Price List"
    try:
        usd = _single(_products(account, time.monotonic() + (60.0 if public else SECONDS)))
    except BackendError as error:
        if not public:
            raise
        usd, source = _single(_public(account.region, str(error))), "AWS public offers file"
    if not usd:
        raise BackendError(f"The Price List has no processing instances for {account.region}.")
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    kept = {"usd": usd, "as_of": today, "source": source, "asked": time.time()}
    keep(f"prices-{account.region}.json", kept)
    return kept


def _kept(path: Any) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
        return found if "usd" in found else {}  # else written by an older version
    except (OSError, ValueError):
        return {}


def _products(account: Account, deadline: float) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """(attributes, on-demand terms) of each product, by GetProducts. Raises BackendError."""
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    place = _ENDPOINTS.get(account.region.partition("-")[0], "us-east-1")
    wanted = {**_WANTED, "regionCode": account.region}
    asked: dict[str, Any] = {
        "ServiceCode": "AmazonSageMaker",
        "Filters": [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in wanted.items()],
        "MaxResults": 100,
    }
    found = []
    try:
        config = Config(retries={"total_max_attempts": 1}, connect_timeout=1.5, read_timeout=3)
        client = account.session.client("pricing", region_name=place, config=config)
        while True:
            answer = client.get_products(**asked)
            for text in answer["PriceList"]:
                item = json.loads(text)
                found.append((item["product"]["attributes"], item["terms"].get("OnDemand", {})))
            if not answer.get("NextToken"):
                return found
            if time.monotonic() > deadline:
                raise BackendError("The Price List cannot be asked: it answers too slowly.")
            asked["NextToken"] = answer["NextToken"]
    except (BotoCoreError, ClientError) as error:
        raise BackendError(f"The Price List cannot be asked: {error}") from error


def _public(region: str, before: str) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """The same out of the region's offers file. Raises BackendError."""
    import urllib.request

    # "Getting price list files manually", AWS Billing user guide.
    host = os.environ.get("AWS_ENDPOINT_URL") or "https://pricing.us-east-1.amazonaws.com"
    url = f"{host}/offers/v1.0/aws/AmazonSageMaker/current/{region}/index.json"
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            offers = json.load(answer)
    except (OSError, ValueError) as error:
        raise BackendError(f"{before} Nor can the public prices be read: {url}: {error}") from None
    terms = offers["terms"].get("OnDemand", {})
    wanted = {**_WANTED, "regionCode": region}.items()
    return [
        (product["attributes"], terms.get(sku, {}))
        for sku, product in offers["products"].items()
        if wanted <= {**product["attributes"], "productFamily": product.get("productFamily")}.items()
    ]


def _single(products: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> dict[str, float]:
    """Instance type → USD per hour, where there is exactly one price: of several, none is known to be the right one."""
    found: dict[str, set[float]] = {}
    for attributes, terms in products:
        for term in terms.values():
            for dimension in term["priceDimensions"].values():
                usd = float(dimension["pricePerUnit"].get("USD") or 0)
                if usd and dimension["unit"] in ("Hrs", "Hours", "hours"):
                    found.setdefault(str(attributes.get("instanceName", "")), set()).add(usd)
    return {kind: several.pop() for kind, several in found.items() if kind and len(several) == 1}
