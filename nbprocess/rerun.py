"""Run a job again under a new name, from what the store keeps of it: no kernel is needed and no value is sent again.

May import: ``nbprocess.bundle``, ``errors``, the standard library.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from typing import TYPE_CHECKING, Any

from .errors import IntegrityError, OptionError, StoreError

if TYPE_CHECKING:
    from .job import Job

_SUFFIX = re.compile(r"-again-\d{6}-[0-9a-f]{4}$")
_NAME_LIMIT = 63  # botocore: ProcessingJobName


def rerun(job: Job, instance: str = "") -> str:
    """Start the bundle of ``job`` again and return the name of the new job.

    The old bundle is checked against the digests that the old request pins before it is used.

    Args:
        instance: another type of machine than it had. What ``--max-cost`` allows then buys another time.

    Raises:
        OptionError: the price of that machine is not known, and the job was to keep to a cost.
        StoreError: the store keeps nothing of the job.
        IntegrityError: the bundle is not the one that the job ran.
        BackendError: the backend refused; nothing of the new job is left behind.
    """
    from .bundle import manifest as manifests
    from .bundle.write import announce, discard, write_bundle

    store = job.store
    if store is None:
        raise StoreError(f"Job {job.name} was not made by nbprocess, so there is no bundle to run again.")
    base, fresh = f"jobs/{job.name}", _new_name(job.name)
    request, home = job.request(), json.loads(store.get(f"{base}/home.json"))
    if instance:
        _on(job, instance, request, home)
    home |= {"began": time.time(), "submitted": time.time()}
    if not job.has_cell:
        return _rerun_script(job, store, request, home, fresh)
    archive = store.get(f"{base}/bundle/worker.pyz")
    old = store.get(f"{base}/bundle/manifest.json")
    pinned = [manifests.digest(archive), manifests.digest(old)]
    application = json.dumps(request["AppSpecification"])
    if not all(digest in application for digest in pinned):
        raise IntegrityError(f"The bundle of job {job.name} was changed after it ran: it is not run again.")
    manifest = {**json.loads(old), "job": fresh}
    digest = manifests.digest(manifests.encode(manifest))
    announce(store, fresh)
    try:
        _copy_inputs(store, job.name, fresh)
        renamed = _renamed(request, job.name, fresh, {pinned[1]: digest})
        write_bundle(
            store,
            fresh,
            manifest,
            archive=archive,
            script=store.get(f"{base}/bundle/cell.py").decode("utf-8", "surrogatepass"),
            request=renamed,
            home=home,
        )
        job.backend.create(renamed)
    except BaseException as error:
        discard(store, fresh, because=error)
        raise
    return fresh


def _on(job: Job, instance: str, request: dict[str, Any], home: dict[str, Any]) -> None:
    """Put another type of machine into what is sent, and into the options that "copy as cell" gives."""
    from .options import Options, parse_line, to_line
    from .setting import price_of

    options = parse_line(home.get("options", ""))
    most = options.get("max_cost")
    cluster = request["ProcessingResources"]["ClusterConfig"]
    cluster.pop("InstancePreferences", None)
    cluster["InstanceType"] = instance
    if most:
        price, _ = price_of(job.backend, request)
        if price is None:
            raise OptionError(
                f"--max-cost {most}: the price of {instance} is not known here, so no runtime can be derived from it. "
                "Copy the job as a cell, and give --timeout instead."
            )
        bought = int(most / (price * cluster["InstanceCount"]) * 3600)
        wanted = options.get("timeout") or request["StoppingCondition"]["MaxRuntimeInSeconds"]
        request["StoppingCondition"]["MaxRuntimeInSeconds"] = max(1, min(wanted, bought))
    kept = {key: value for key, value in options.items() if key not in ("gpu", "cpus", "memory")}
    home["options"] = to_line(Options(**{**kept, "instance": (instance,)}))


def _rerun_script(job: Job, store: Any, request: dict[str, Any], home: dict[str, Any], fresh: str) -> str:
    """A script or container again, with its files as the store has them."""
    from .bundle.write import announce, discard, write_request

    renamed = _renamed(request, job.name, fresh, {})
    announce(store, fresh)
    try:
        _copy_inputs(store, job.name, fresh)
        write_request(store, fresh, renamed, home)
        job.backend.create(renamed)
    except BaseException as error:
        discard(store, fresh, because=error)
        raise
    return fresh


def _copy_inputs(store: Any, old: str, fresh: str) -> None:
    """The files that were sent with the old job become the new one's own: the old job may be deleted at any time.

    Raises:
        StoreError: the old job's files cannot be read.
    """
    base = f"jobs/{old}/inputs/"
    for key, _ in list(store.list(base)):
        store.copy(key, f"jobs/{fresh}/inputs/{key[len(base) :]}")


def _new_name(name: str) -> str:
    suffix = f"-again-{time.strftime('%H%M%S', time.gmtime())}-{secrets.token_hex(2)}"
    return _SUFFIX.sub("", name)[: _NAME_LIMIT - len(suffix)].rstrip("-") + suffix


def _renamed(value: Any, old: str, new: str, digests: dict[str, str]) -> Any:
    """The request with all places below the old job moved below the new one."""
    if isinstance(value, dict):
        return {key: _renamed(item, old, new, digests) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, old, new, digests) for item in value]
    if not isinstance(value, str):
        return value
    if value == old:
        return new
    return digests.get(value) or value.replace(f"/jobs/{old}/", f"/jobs/{new}/")
