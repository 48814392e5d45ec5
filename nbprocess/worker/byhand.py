"""Loads a job's inputs for ``cell.py`` when a person runs it from the bundle. May import: this package."""

from __future__ import annotations

import json
import os

from . import blobs

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any


def inputs(bundle: str, namespace: dict[str, Any]) -> None:
    """Bind the values of the manifest in the folder ``bundle``, verified against it.

    The blobs are where a container has them (``../nbprocess-blobs``) or where the store has them (``../../../blobs``).

    Raises:
        blobs.Corrupt: a blob is missing or damaged.
    """
    from . import wire

    with open(bundle + "/manifest.json", encoding="utf-8") as file:
        manifest = json.load(file)
    places = [bundle + "/../nbprocess-blobs", bundle + "/../../../blobs"]
    folder = next((place for place in places if os.path.isdir(place)), places[0])
    groups = [*(manifest.get("groups") or ()), *(manifest.get("handed") or ())]
    wanted = [(", ".join(g["names"]), blob) for g in groups for blob in [g["stream"], *g["buffers"]]]
    buffers = blobs.read(folder, wanted)
    loaded = wire.load(
        [wire.Group.from_json(group) for group in groups],
        get=lambda blob: bytearray(buffers[blobs.key(blob)]),
        namespace=namespace,
    )
    namespace.update(loaded.values)
    for line in loaded.finish():
        print(line)
    for name, reason in loaded.failed.items():
        print(f"{name} cannot be read here: {reason}")
