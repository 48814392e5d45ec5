"""The local backend: the calls of the AWS API, answered from records in a folder.

May import: its neighbours, ``nbprocess.errors``, the standard library; ``bundle.stores``, ``request`` and ``catalog``
when they are needed.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import BackendError, JobNotFound
from ...home import home
from ...state import TERMINAL
from ...summary import size
from ..base import LogPage
from . import contract, images, mount
from .instance import GRACE
from .logfile import read_log
from .objects import Buckets, split_uri
from .record import Record, now, with_times
from .slots import limit
from .waiting import Waiter
from .warm import imported

if TYPE_CHECKING:
    from ...bundle.stores import Store
    from ...catalog import Price
    from ...state import Usage

ACCOUNT = "000000000000"
BUCKET = "nbprocess-local"
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}\Z")
_SUMMARY = (
    "ProcessingJobName",
    "ProcessingJobArn",
    "CreationTime",
    "ProcessingEndTime",
    "LastModifiedTime",
    "ProcessingJobStatus",
    "FailureReason",
    "ExitMessage",
)
_LITTLE = 2e9
"""Bytes; who has less on the disk is told how to free some."""
_GPU = re.compile(r"ml\.(g\d|p\d)")


def arn_of(name: str) -> str:
    """The ARN of a local job."""
    return f"arn:aws:sagemaker:local:{ACCOUNT}:processing-job/{name}"


class Backend:
    """Jobs as processes of this machine, under the SageMaker Processing container contract."""

    name = "local"

    def __init__(self, base: Path | None = None) -> None:
        """``base``: where records and buckets lie; default ``$NBPROCESS_HOME``, looked up at each call."""
        self._given = base
        self._waiter = Waiter()
        self._preload: tuple[str, ...] = ()
        self._needs: frozenset[str] = frozenset()
        self._ended: dict[str, tuple[tuple[int, int], dict[str, Any]]] = {}
        """Path of an ended job's description → which file it is, and its summary: nothing of it changes any more."""

    @property
    def base(self) -> Path:
        """The folder of records and buckets."""
        return self._given or home()

    def python(self, image: str) -> str:
        """The interpreter that an image stands for. Raises BackendError for an image that is not here."""
        return images.interpreter_of(image)

    # -- what new jobs need ------------------------------------------------------------------------------------------

    def store(self) -> Store:
        """The store of new jobs: ``s3://nbprocess-local``."""
        return self.open_store(f"s3://{BUCKET}")

    def open_store(self, uri: str) -> Store:
        """The store at an ``s3://`` URI: a folder below ``$NBPROCESS_HOME/buckets``."""
        from ...bundle.stores import DirectoryStore

        bucket, key = split_uri(uri)
        return DirectoryStore(self.base / "buckets" / bucket / key.strip("/"), uri)

    def resolve(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """``RoleArn``, ``ImageUri`` and ``InstanceType`` for what the user left out.

        Raises BackendError for an image that is not here, OptionError for a GPU that Processing does not have.
        """
        kind = (options.get("instance") or ("ml.m5.large",))[0]
        if any(options.get(wish) for wish in ("gpu", "cpus", "memory")):
            from ...catalog import choose

            kind = choose(options.get("gpu"), options.get("cpus"), options.get("memory")).name
        role = options.get("role") or "nbprocess-local"
        return {
            "RoleArn": role if role.startswith("arn:") else f"arn:aws:iam::{ACCOUNT}:role/{role}",
            "ImageUri": images.image_uri(options.get("image")),
            "InstanceType": kind,
            "InstanceCount": int(options.get("count") or 1),
        }

    def preflight(self, request: Mapping[str, Any]) -> list[str]:
        """Notices before a job; raises BackendError when it cannot run here."""
        self.python(request["AppSpecification"]["ImageUri"])
        for item in request.get("ProcessingInputs", ()):
            split_uri(_s3(item)["S3Uri"])
        notices = []
        queries = [item["InputName"] for item in request.get("ProcessingInputs", ()) if "S3Input" not in item]
        if queries:
            notices.append(
                f"there is no Athena or Redshift here: {', '.join(queries)} gets what lies at its OutputS3Uri"
            )
        outputs = (request.get("ProcessingOutputConfig") or {}).get("Outputs", ())
        groups = [item["OutputName"] for item in outputs if "S3Output" not in item]
        if groups:
            notices.append(f"there is no feature store on this machine: {', '.join(groups)} goes nowhere")
        there = next(place for place in (self.base, *self.base.parents) if place.exists())
        free = shutil.disk_usage(there).free
        if free < _LITTLE:
            notices.append(
                f"only {size(free)} are free where jobs are kept ({self.base}): `nbprocess clean --older-than 7` "
                "deletes ended jobs older than a week and the data that only they refer to"
            )
        kind = request["ProcessingResources"]["ClusterConfig"].get("InstanceType") or ""
        if _GPU.match(kind) and not _has_gpu():
            notices.append("this machine has no GPU; the job runs on its CPU")
        method = self._method()
        if method == "env":
            notices.append(mount.WARNING)
        if (request.get("NetworkConfig") or {}).get("EnableNetworkIsolation") and not mount.can_isolate(method):
            notices.append("this machine cannot keep a process off the network: the job runs with network access")
        return notices

    def interpreter(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Version and packages (normalised names) of the interpreter that the request's image stands for."""
        return images.describe(self.python(request["AppSpecification"]["ImageUri"]))

    def preload(self, namespace: Mapping[str, Any], needs: Collection[str]) -> None:
        """What the next job and those to come may use: a warm fork server loads it in advance.

        Args:
            namespace: the notebook's names. needs: top-level modules that the next job imports.
        """
        self._preload, self._needs = imported(namespace), frozenset(needs)

    # -- jobs --------------------------------------------------------------------------------------------------------

    def create(self, request: Mapping[str, Any]) -> str:
        """CreateProcessingJob; returns the ARN. Raises JobNameInUse, RequestError, BackendError."""
        from ...request import validate

        validate(request)
        return self.launch(request)

    def launch(self, request: Mapping[str, Any]) -> str:
        """``create`` for a request that was validated."""
        from .launcher import launch

        name, base = request["ProcessingJobName"], self.base
        python = self.python(request["AppSpecification"]["ImageUri"])
        for item in request.get("ProcessingInputs", ()):
            contract.inside("", _s3(item)["LocalPath"])
            split_uri(_s3(item)["S3Uri"])
        for item in (request.get("ProcessingOutputConfig") or {}).get("Outputs", ()):
            if "S3Output" in item:
                contract.inside("", item["S3Output"]["LocalPath"])
                split_uri(item["S3Output"]["S3Uri"])
        moment = now()
        describe = {
            **request,
            "ProcessingJobArn": arn_of(name),
            "ProcessingJobStatus": "InProgress",
            "CreationTime": moment,
            "LastModifiedTime": moment,
        }
        record = Record(base / "instances", name)
        method = self._method()
        spec = {
            "root": str(base / "instances"),
            "name": name,
            "request": dict(request),
            "objects": Buckets(str(base / "buckets")).spec(),
            "python": python,
            "method": method,
            "grace": _grace(),
            "slots": [str(base / "slots"), limit(), f"{moment}-{name}"],
        }
        lock = record.create(describe)
        try:
            launch(spec, lock, self._preload, self._needs)
        except BaseException:
            shutil.rmtree(record.path, ignore_errors=True)
            raise
        finally:
            os.close(lock)
        return arn_of(name)

    def describe(self, name: str) -> dict[str, Any]:
        """DescribeProcessingJob. Raises JobNotFound."""
        return with_times(self._record(name).settle())

    def jobs(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """ListProcessingJobs summaries, newest first unless ``SortOrder``/``SortBy`` say otherwise."""
        known = {"NameContains", "StatusEquals", "MaxResults", "SortBy", "SortOrder", "NextToken"}
        times = {f"{f}Time{side}" for f in ("Creation", "LastModified") for side in ("After", "Before")}
        if unknown := set(filters) - known - times:
            raise BackendError(
                f"jobs({', '.join(sorted(unknown))}=): no such filter. There are: {', '.join(sorted(known | times))}."
            )
        folder = str(self.base / "instances")
        try:
            names = [e.name for e in os.scandir(folder) if not e.name.startswith(".")]
        except FileNotFoundError:
            return
        if len(self._ended) > 2 * len(names):  # most of them were deleted
            self._ended.clear()
        found = []
        for name in names:
            if str(filters.get("NameContains", "")) not in name:
                continue
            try:
                job = self._summary(folder, name)
            except JobNotFound:
                continue  # deleted since the folder was read
            if filters.get("StatusEquals", job["ProcessingJobStatus"]) != job["ProcessingJobStatus"]:
                continue
            if all(_in_time(job, key, filters[key]) for key in times & set(filters)):
                found.append(job)
        field = {"Name": "ProcessingJobName", "Status": "ProcessingJobStatus"}.get(
            str(filters.get("SortBy", "")), "CreationTime"
        )
        found.sort(key=lambda job: job[field], reverse=filters.get("SortOrder") != "Ascending")
        for job in found[: filters.get("MaxResults")]:
            yield dict(job)

    def _summary(self, folder: str, name: str) -> dict[str, Any]:
        """A job as ListProcessingJobs has it. Raises JobNotFound."""
        path = f"{folder}/{name}/describe.json"
        try:
            facts = os.stat(path)
        except OSError:
            raise JobNotFound(name) from None
        file = (facts.st_mtime_ns, facts.st_ino)  # before it is read: a later one is then read again
        kept = self._ended.get(path)
        if kept is not None and kept[0] == file:
            return kept[1]
        job = self.describe(name)
        summary = {key: job[key] for key in _SUMMARY if key in job}
        if job["ProcessingJobStatus"] in TERMINAL:
            self._ended[path] = (file, summary)
        return summary

    def logs(self, name: str, cursor: Any = None, limit: int = 10_000) -> LogPage:
        """Log lines after ``cursor`` (a byte offset), at most ``limit``. Raises JobNotFound."""
        try:
            return read_log(self._record(name).log_path, int(cursor or 0), limit)
        except (FileNotFoundError, NotADirectoryError):
            raise JobNotFound(f"{name}: there is no local job of this name. See %processing_jobs.") from None

    def usage(self, describe: Mapping[str, Any], since: float, until: float) -> list[Usage]:
        """This machine keeps no samples of its own; a cell's worker says what it uses."""
        return []

    def wait(self, name: str, timeout: float) -> None:
        """Return when something may have changed or after ``timeout`` seconds; at once when the job has ended."""
        record = self._record(name)
        if record.settle()["ProcessingJobStatus"] in TERMINAL:
            self._waiter.forget(record.path)
            return
        self._waiter.wait(record.path, timeout)

    def stop(self, name: str) -> None:
        """StopProcessingJob. A job that has ended already is no error. Raises JobNotFound."""
        record = self._record(name)
        if record.settle()["ProcessingJobStatus"] not in TERMINAL:
            record.request_stop()

    def delete(self, name: str) -> None:
        """Forget an ended job. Raises JobNotFound, or BackendError while it runs."""
        record = self._record(name)
        status = record.settle()["ProcessingJobStatus"]
        if status not in TERMINAL:
            raise BackendError(f"{name} is {status}: only an ended job can be deleted. Stop it first.")
        self._waiter.forget(record.path)
        shutil.rmtree(record.path, ignore_errors=True)

    def price(self, instance: str) -> Price | None:
        """Nothing is billed for this machine."""
        return None

    def links(self, describe: Mapping[str, Any]) -> dict[str, str]:
        """Paths of the job's record, its log and its outputs."""
        record = Record(self.base / "instances", describe["ProcessingJobName"])
        found = {"Log": record.log_path}
        for item in (describe.get("ProcessingOutputConfig") or {}).get("Outputs", ()):
            if item["OutputName"] == "nbprocess-results" or "S3Output" not in item:
                continue  # below the job's own folder, or no files at all
            bucket, key = split_uri(item["S3Output"]["S3Uri"])
            found[f"Output {item['OutputName']}"] = str(self.base / "buckets" / bucket / key)
        return found

    def _record(self, name: str) -> Record:
        if not _NAME.match(name):
            raise JobNotFound(f"{name!r}: this cannot be the name of a job.")
        return Record(self.base / "instances", name)

    def _method(self) -> str:
        return mount.choose(self.base / "cache")


def _s3(item: Mapping[str, Any]) -> dict[str, Any]:
    """An input as the S3 objects that it is on this machine."""
    return dict(item["S3Input"]) if "S3Input" in item else contract.as_s3(item["DatasetDefinition"])


def _grace() -> float:
    given = os.environ.get("NBPROCESS_STOP_GRACE", "")
    try:
        return float(given) if given else GRACE
    except ValueError:
        raise BackendError(f"NBPROCESS_STOP_GRACE={given}: it must be a number of seconds.") from None


def _has_gpu() -> bool:
    if not shutil.which("nvidia-smi"):
        return False
    import subprocess

    try:
        done = subprocess.run(["nvidia-smi", "-L"], capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0 and b"GPU" in done.stdout


def _in_time(job: Mapping[str, Any], key: str, limit_: datetime) -> bool:
    moment = limit_ if limit_.tzinfo else limit_.replace(tzinfo=timezone.utc)
    field = key.removesuffix("After").removesuffix("Before")
    return bool(job[field] > moment) if key.endswith("After") else bool(job[field] < moment)
