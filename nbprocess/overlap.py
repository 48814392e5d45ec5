"""Creates the job while its data is still on the way, where the machine takes longer to start than the rest to arrive.

May import: ``sending``, ``meter``, ``plan``, ``bundle``, ``errors``.

What is safe about it: the digests of all values are in the manifest that the request pins, before the job is created;
it is created only when the rest of the data is through within the time that a machine takes to start, so that no
machine is paid for waiting; when sending fails, it is stopped.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .errors import NbprocessError, StoreError
from .meter import Meter, beside
from .sending import Report, codec_of, count, labels

if TYPE_CHECKING:
    from .plan import Plan

LEAST_SECONDS = 5.0
"""What is sent sooner gains nothing by it."""

SUPPOSED_RATE = 60e6
"""Bytes a second of a link that was not measured yet."""

LINK_SECONDS = 12 * 3600.0
"""How long the job's links to its data are to last: machines may be waited for, and a job is retried."""

PATIENCE = 600.0
"""Seconds without any data after which the job gives up: whoever sent it has died."""


def reason_against(plan: Plan, store: Any) -> str | None:
    """None when it pays to create the job first; else why not ("": nobody needs to know)."""
    if not getattr(plan.backend, "start_seconds", 0.0) or not hasattr(store, "presigned"):
        return ""
    if os.environ.get("NBPROCESS_OVERLAP") == "0" or _seconds(plan.pending.size, store) < LEAST_SECONDS:
        return ""
    if plan.handed:
        return "values of an earlier job go along"
    from .bundle.known import link

    network = plan.request.get("NetworkConfig") or {}
    if network.get("EnableNetworkIsolation"):
        return "its network is isolated"
    if network.get("VpcConfig"):
        return "its VPC may have no way to S3"
    codec, way = codec_of(plan), link(store)
    if codec and way.rate is not None and way.slow(codec):
        return ""  # the link is so slow that packing gains more
    new, _ = count(plan)
    if _seconds(new, store) < LEAST_SECONDS:
        return ""
    if store.presigned([], LINK_SECONDS) is None:
        return "the AWS credentials here (or a proxy or CA bundle) allow no links that last until it runs"
    return None


def send_while_starting(
    plan: Plan, store: Any, report: Report, create: Callable[[], None], undo: Callable[[], None]
) -> None:
    """Send the values; call ``create()`` as soon as the rest of them takes no longer than a machine to start.

    Args:
        plan: its manifest gets the blobs, and the links under which the job finds them.
        store: where to.
        report: told how far it is.
        create: writes the bundle and creates the job.
        undo: stops the job when sending fails after that.

    Raises:
        StoreError: something could not be written, or a value changed while it was sent.
    """
    from .bundle.blobs import BlobWriter, CountingWriter
    from .bundle.write import ARRIVED

    pending = plan.pending
    with CountingWriter(store) as naming:
        named = naming.put_all([(view, "") for _, view in pending.items])
    for (blob, _), found in zip(pending.items, named, strict=True):
        blob.update(found)
    plan.manifest["groups"] = [group.to_json() for group in plan.dumped.groups]
    wanted = sorted({digest for blob, _ in pending.items for digest in blob["chunks"]})
    arrived = f"jobs/{plan.job}/{ARRIVED}"
    links = store.presigned([*(f"blobs/{digest}" for digest in wanted), arrived], LINK_SECONDS)
    if links is None:
        raise StoreError("The AWS credentials are about to end. Log in again, then run the cell again.")
    plan.manifest["fetch"] = {
        "place": links["place"],
        "headers": links["headers"],
        "sent": links["targets"].pop(arrived),
        "targets": {key.removeprefix("blobs/"): target for key, target in links["targets"].items()},
        "patience": PATIENCE,
    }
    meter = Meter("up", pending.size, lambda transfer: None)
    created = False

    def tick() -> None:
        nonlocal created
        report(meter.transfer())
        left = meter.seconds_left
        if not created and left is not None and left <= plan.backend.start_seconds:  # type: ignore[attr-defined]
            create()
            created = True

    try:
        with BlobWriter(store, progress=meter.note) as writer:
            beside(lambda: _send(plan, writer), tick)
        if not created:
            create()
            created = True
    except BaseException as error:
        if created:
            try:
                undo()
            except NbprocessError as left_running:
                if hasattr(error, "add_note"):  # Python 3.11
                    error.add_note(f"The job {plan.job} could not be stopped either: {left_running}")
        raise
    finally:
        report(None)
    plan.sent = (writer.new_bytes, writer.reused_bytes)
    pending.items.clear()


def _send(plan: Plan, writer: Any) -> None:
    names = labels(plan)
    stored = writer.put_all([(view, names.get(id(blob), "")) for blob, view in plan.pending.items])
    for (blob, _), found in zip(plan.pending.items, stored, strict=True):
        if found["chunks"] != blob["chunks"]:
            raise StoreError(
                f"{names.get(id(blob), 'A value')} was changed while it was being sent. Nothing of it was used: stop "
                "what changes it, or send a copy of it."
            )
    writer.finish()


def _seconds(size: int, store: Any) -> float:
    from .bundle.known import link

    return size / (link(store).rate or SUPPOSED_RATE)
