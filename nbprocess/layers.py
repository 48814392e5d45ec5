"""Installed requirements that earlier jobs have packed: found again by what was asked for and where it runs.

``layers/<key>.json`` in the store names the job that holds the packed layer, and its SHA-256, which came through the
control plane with that job's outcome. When the job is deleted, the layer is made anew.

May import: ``errors``, the standard library.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .errors import StoreError

if TYPE_CHECKING:
    from .bundle.stores import Store


def key_of(text: str, image: str, python: object) -> str:
    """What a layer is found by: the requirements' text, the image and the Python in it."""
    return hashlib.sha256(json.dumps([text, image, python]).encode()).hexdigest()[:32]


def find(store: Store, key: str) -> dict[str, Any] | None:
    """The layer of this key: ``uri`` (of the packed file), ``sha256``, ``size``; None when there is none any more."""
    from .bundle.stores import MissingKey

    try:
        entry: dict[str, Any] = json.loads(store.get(f"layers/{key}.json"))
        if store.exists(entry["path"]):
            return {"uri": store.url(entry["path"]), "sha256": entry["sha256"], "size": entry["size"]}
    except (MissingKey, ValueError, KeyError):
        pass  # never made, or not readable: it is made anew
    return None


def remember(store: Store, job: str, host: str, outcome: Mapping[str, Any]) -> None:
    """Note the layer that a verified outcome says its host has packed."""
    packed = outcome.get("layer")
    if not packed:
        return
    entry = {"path": f"jobs/{job}/out/{host}/layer.tar", "sha256": packed["sha256"], "size": packed["size"]}
    try:
        store.put(f"layers/{packed['key']}.json", json.dumps(entry).encode())
    except StoreError:
        pass  # only a later job's start takes longer
