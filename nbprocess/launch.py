"""``launch``: send what a plan holds, and start the job. All or nothing.

May import: what ``plan`` may.
"""

from __future__ import annotations

import functools
import time
from dataclasses import asdict
from typing import Any

from . import setting
from .cellrequest import pinned
from .errors import JobNameInUse
from .handover import adopt
from .job import Job, Source
from .options import to_line
from .overlap import reason_against, send_while_starting
from .plan import Plan
from .sending import Report, send


def launch(
    plan: Plan,
    namespace: dict[str, Any],
    report: Report = lambda transfer: None,
) -> Job:
    """Send the bundle and start the job.

    Args:
        plan: from ``prepare``.
        namespace: where the results will be bound.
        report: told how far the values are sent, where that takes a while; None when they are.

    Returns:
        The job, in progress.

    Raises:
        StoreError, BackendError, JobNameInUse: nothing of the job is left behind, or (where it was created before all
            of its data was sent) it was stopped.
    """
    from .bundle import manifest as manifests
    from .bundle.archive import digest_of
    from .bundle.script import cell_script
    from .bundle.write import announce, arrived, discard, write_bundle

    store = plan.store()
    source = Source(
        notebook=plan.context.notebook,
        cell_id=plan.context.cell_id,
        cell=plan.capture.cell.source,
        options=to_line(plan.options),
        began=plan.began,
        submitted=time.time(),
        names=tuple(plan.manifest["strength"]),
    )
    if store.exists(f"jobs/{plan.job}/request.json"):
        # Before anything is written: what stands there belongs to the other job.
        raise JobNameInUse(
            f"--name {plan.job}: a job of that name exists in {store.uri}. Choose another, or leave it out."
        )
    announce(store, plan.job)
    request: dict[str, Any] = {}
    arn = ""

    def create(late: bool = False) -> None:
        nonlocal request, arn
        blobs = not late and bool(manifests.chunks_of(plan.manifest))
        manifest = manifests.digest(manifests.encode(plan.manifest))
        request = pinned(plan.request, digest_of(plan.worker), manifest, blobs=blobs)
        write_bundle(
            store,
            plan.job,
            plan.manifest,
            archive=plan.worker,
            script=cell_script(plan.manifest),
            request=request,
            home=asdict(source),
            late=late,
        )
        _preload(plan, namespace)
        arn = plan.backend.create(request)

    try:
        setting.send_inputs(plan.options, store, plan.job)
        if plan.options.framework == "spark":
            from .spark import parts

            parts(plan.options, store.uri, plan.job).send(store)
        adopt(store, plan.handed)
        against = reason_against(plan, store)
        if against is None:
            stop = functools.partial(plan.backend.stop, plan.job)
            send_while_starting(plan, store, report, functools.partial(create, late=True), stop)
            arrived(store, plan.job)
        else:
            if against:
                plan.notices.append(f"The data was sent before the job was created: {against}.")
            send(plan, store, report)
            create()
    except BaseException as error:
        if arn:  # the control plane knows it already, and it was stopped: what it refers to stays
            store.delete(f"jobs/{plan.job}/writing")
        else:
            discard(store, plan.job, because=error)
        raise
    job = Job(
        plan.job,
        plan.backend,
        store=store,
        describe={**request, "ProcessingJobArn": arn, "ProcessingJobStatus": "InProgress"},
        source=source,
    )
    job.namespace = namespace
    job.folder = plan.root
    job.memo, job.bound, job.ambient = plan.dumped.memo, plan.bound, plan.capture.ambient
    job.price_per_hour, job.price_note = plan.price_per_hour, plan.price_note
    for text in plan.notices:
        job.notice(text)
    return job


def _preload(plan: Plan, namespace: dict[str, Any]) -> None:
    """Let a backend that keeps a warm interpreter know what the notebook has imported."""
    warm = getattr(plan.backend, "preload", None)
    if warm is not None:
        needs = set(plan.manifest["imports"])
        for group in plan.dumped.groups:
            needs.update(group.needs)
        warm(namespace, needs)
