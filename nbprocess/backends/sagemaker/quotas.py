"""How many processing instances of each type the account may run at once, from Service Quotas, kept for a day.

May import: ``account``, ``home``, ``catalog``, the standard library; botocore.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Mapping

from ...home import cache, keep
from .account import Account

KEPT = 86_400.0
"""Seconds for which an answer counts. Quotas change by request, and a refusal makes the table be read anew."""

_NAME = re.compile(r"(ml\.[a-z0-9.-]+) for processing job usage")


def processing(account: Account) -> dict[str, float]:
    """Instance type → how many at once; empty when the caller may not ask or AWS does not answer."""
    path = cache() / f"quotas-{account.number}-{account.region}.json"
    with contextlib.suppress(OSError, ValueError):  # never asked, or half written by another version
        if time.time() - path.stat().st_mtime < KEPT:
            kept: dict[str, float] = json.loads(path.read_text())
            return kept
    found = _ask(account)
    if found:
        keep(path.name, found)
    return found


def forget(account: Account) -> None:
    """Ask again next time: the table did not say what CreateProcessingJob said."""
    (cache() / f"quotas-{account.number}-{account.region}.json").unlink(missing_ok=True)


def _ask(account: Account) -> dict[str, float]:
    from botocore.exceptions import BotoCoreError, ClientError

    found: dict[str, float] = {}
    try:
        pages = account.client("service-quotas").get_paginator("list_service_quotas")
        for page in pages.paginate(ServiceCode="sagemaker", PaginationConfig={"PageSize": 100}):
            for item in page["Quotas"]:
                named = _NAME.fullmatch(item["QuotaName"])
                if named:
                    found[named[1]] = float(item["Value"])
    except (BotoCoreError, ClientError):  # no permission, or no such service in this partition
        return {}
    return found


def alternatives(quotas: Mapping[str, float], instance: str, count: int, most: int = 3) -> list[str]:
    """Types that the quota allows and that have at least as much of everything, the nearest first."""
    from ...catalog import find, search

    wanted = find(instance)
    if wanted is None:
        return []
    fits = []
    for other in search(""):
        if other.name == instance or quotas.get(other.name, 0) < count:
            continue
        if bool(other.gpus) != bool(wanted.gpus) or other.gpus < wanted.gpus:
            continue
        if other.vcpus >= wanted.vcpus and other.memory >= wanted.memory:
            fits.append(other)
    fits.sort(key=lambda item: (item.gpu != wanted.gpu, item.vcpus, item.memory, item.name))
    return [item.name for item in fits[:most]]
