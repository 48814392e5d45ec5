"""What instances cost, from AWS's Price List, kept with its date; the table that ships where AWS may not be asked.

May import: ``account``, ``preflight``, ``errors``, ``home``, ``catalog``, the standard library; botocore.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import time
from typing import Any

from ...catalog import Price
from ...catalog import price as shipped
from ...errors import BackendError
from ...home import cache
from .account import Account
from .preflight import AGAIN

KEPT = 7 * 86_400.0
"""Seconds for which an answer counts: prices change seldom, and each is shown with its date."""

# The Price List has few endpoints, and each tells the prices of all regions: its documentation.
_ENDPOINTS = {"eu": "eu-central-1", "ap": "ap-south-1", "cn": "cn-northwest-1"}


def price(account: Account, instance: str) -> Price | None:
    """USD per hour of a processing instance in the account's region; None when it is not known."""
    path = cache() / f"prices-{account.region}.json"
    kept = _kept(path)
    entry = kept.get(instance)
    if entry is None or time.time() - entry["asked"] > KEPT:
        usd = _ask_again(account, instance)
        if usd is None:
            return shipped(instance, account.region)
        today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
        entry = {"usd": usd, "as_of": today, "asked": time.time()}
        with contextlib.suppress(OSError):  # a full disk: it is asked again next time
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f"{path.name}.{os.getpid()}")
            part.write_text(json.dumps({**kept, instance: entry}))
            part.replace(path)
    return Price(entry["usd"], entry["as_of"], "AWS Price List")


def _ask_again(account: Account, instance: str) -> float | None:
    """Ask, unless the Price List was out of reach or forbidden a short while ago: no cell waits for it twice."""
    if time.monotonic() - account.silent.get("prices", -AGAIN) < AGAIN:
        return None
    try:
        return _ask(account, instance)
    except BackendError:
        account.silent["prices"] = time.monotonic()
        return None


def _kept(path: Any) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text())
        return found
    except (OSError, ValueError):
        return {}


def _ask(account: Account, instance: str) -> float | None:
    """From the Price List; None when it is not there or has no single price.

    Raises:
        BackendError: it may not be asked, or does not answer.
    """
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    place = _ENDPOINTS.get(account.region.partition("-")[0], "us-east-1")
    wanted = {
        "productFamily": "ML Instance",
        "component": "Processing",
        "instanceName": instance,
        "regionCode": account.region,
    }
    filters = [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in wanted.items()]
    try:
        config = Config(retries={"total_max_attempts": 1}, connect_timeout=1.5, read_timeout=3)
        client = account.session.client("pricing", region_name=place, config=config)
        answer = client.get_products(ServiceCode="AmazonSageMaker", Filters=filters, MaxResults=10)
    except (BotoCoreError, ClientError) as error:
        raise BackendError(f"The Price List cannot be asked: {error}") from error
    found = set()
    for text in answer["PriceList"]:
        for term in json.loads(text)["terms"].get("OnDemand", {}).values():
            for dimension in term["priceDimensions"].values():
                if dimension["unit"] in ("Hrs", "Hours", "hours") and "USD" in dimension["pricePerUnit"]:
                    found.add(float(dimension["pricePerUnit"]["USD"]))
    found.discard(0.0)
    return found.pop() if len(found) == 1 else None
