"""Sends the values of a plan, and says how far it is.

May import: ``meter``, ``plan``, ``bundle``, ``worker.packing``, ``state``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .meter import Meter, beside
from .state import Transfer

if TYPE_CHECKING:
    from .plan import Plan

Report = Callable[[Transfer | None], None]
"""Told how far sending is, in the caller's own thread; None when it is over."""

_SMALL = 8 << 20  # bytes; below, it is through before anybody could read how far it is


def send(plan: Plan, store: Any, report: Report) -> None:
    """Put every value of ``plan`` into ``store``, and note in its manifest where they are.

    Raises:
        StoreError: something could not be written.
        KeyboardInterrupt: the person gave up; what was not sent yet stays unsent.
    """
    from .bundle.blobs import BlobWriter

    codec = "" if store.path("-") is not None else codec_of(plan)
    pending = plan.pending
    meter = Meter("up", pending.size, lambda transfer: None)
    names = labels(plan)
    with BlobWriter(store, codec=codec, progress=meter.note) as writer:
        if pending.size < _SMALL:
            pending.write(writer, names)
        else:
            try:
                beside(lambda: pending.write(writer, names), lambda: report(meter.transfer()))
            finally:
                report(None)
    plan.sent = (writer.new_bytes, writer.reused_bytes)
    if writer.packs:
        plan.manifest["pack"] = codec  # the way back is as slow
    # The groups hold the blobs that were filled in just now.
    plan.manifest["groups"] = [group.to_json() for group in plan.dumped.groups]


def labels(plan: Plan) -> dict[int, str]:
    """Identity of a blob → the variables that it belongs to."""
    groups = plan.dumped.groups
    return {id(blob): ", ".join(group.names[:3]) for group in groups for blob in (group.stream, *group.buffers)}


def count(plan: Plan) -> tuple[int, int]:
    """Bytes that would be sent, and bytes that the store has already. Hashes what this process has not seen before.

    Raises:
        StoreError: the store cannot be asked.
    """
    from .bundle.blobs import CountingWriter

    store = plan.store()
    with CountingWriter(store, codec="" if store.path("-") is not None else codec_of(plan)) as writer:
        writer.put_all([(view, "") for _, view in plan.pending.items])
    return writer.new_bytes, writer.reused_bytes


def codec_of(plan: Plan) -> str:
    """What both ends can unpack."""
    from .worker import packing

    there = plan.backend.interpreter(plan.request) or {}
    return packing.choose(tuple(there.get("python", ())), there.get("packages", ()))
