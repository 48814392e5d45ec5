"""What an instance costs per hour: a small dated table that ships. Unknown where absent, never guessed."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Price:
    """On demand, of a processing job, in USD per hour; volumes and transfer are billed apart."""

    usd_per_hour: float
    as_of: str
    source: str


@functools.cache
def _table() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(Path(__file__).with_name("prices.json").read_text())
    return data


def price(instance: str, region: str) -> Price | None:
    """The price of an instance type in a region; None when it is not known."""
    table = _table()
    found = table["usd_per_hour"].get(region, {}).get(instance)
    return None if found is None else Price(found, table["date"], table["source"])
