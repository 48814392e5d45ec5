"""The control plane: SageMaker Processing and CloudWatch over the local backend's own instances."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from ...backends.local.backend import Backend
from ...errors import BackendError, JobNameInUse, JobNotFound, NbprocessError, RequestError
from ...state import TERMINAL
from ..s3 import S3Server
from . import services
from .metrics import Metrics, kill
from .services import ACCOUNT


class Refused(Exception):
    """An error as AWS answers it."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status


@dataclass
class Faults:
    """What goes wrong. Counts are used up, one by each call that they hit.

    ``throttle``, ``errors``, ``resets``: so many calls get ThrottlingException, HTTP 500, a closed connection.
    ``denied``: operations that are refused with AccessDeniedException. ``capacity``: jobs fail with a CapacityError.
    ``quota``: CreateProcessingJob is refused with ResourceLimitExceeded. ``no_logs``: log streams are lost.
    ``quotas``: instance type → how many Service Quotas allows. ``no_image``, ``no_role``: ECR and IAM know it not.
    ``no_trust``: the role does not trust SageMaker; ``no_pass``: the caller may not pass it. ``slow_start``: seconds
    that a machine takes. ``cut_uploads``: so many uploads of values lose their connection midway. ``clock_skew``: AWS
    finds the clock of the caller wrong. ``killed``: so many jobs lose their machine soon after they began to run.
    ``late_logs``: seconds until CloudWatch has a line. ``lost_answers``: so many jobs are created, and the connection
    is closed before the caller hears of it. ``vpc_only``: the apps of the Studio domain may use its VPC only.
    ``lost_outputs``: the platform uploads nothing of jobs that fail or are stopped.
    """

    throttle: int = 0
    errors: int = 0
    resets: int = 0
    denied: Collection[str] = ()
    capacity: bool = False
    quota: bool = False
    no_logs: bool = False
    quotas: Mapping[str, float] = field(default_factory=dict)
    no_image: bool = False
    no_role: bool = False
    no_trust: bool = False
    no_pass: bool = False
    slow_start: float = 0.0
    cut_uploads: int = 0
    clock_skew: bool = False
    killed: int = 0
    late_logs: float = 0.0
    lost_answers: int = 0
    vpc_only: bool = False
    lost_outputs: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def reset(self) -> bool:
        """Whether this call's connection is closed unanswered."""
        return self._use("resets")

    def lose(self) -> bool:
        """Whether the answer to this call is lost."""
        return self._use("lost_answers")

    def kill(self) -> bool:
        """Whether this job's machine dies."""
        return self._use("killed")

    def _use(self, name: str) -> bool:
        with self.lock:
            left = getattr(self, name)
            if left > 0:
                setattr(self, name, left - 1)
            return bool(left > 0)

    def check(self, operation: str) -> None:
        """Raise what this call gets instead of an answer."""
        if self.clock_skew:
            raise Refused(
                "InvalidSignatureException",
                "Signature expired: 20260101T000000Z is now earlier than 20260101T010000Z",
                403,
            )
        if self._use("throttle"):
            raise Refused("ThrottlingException", "Rate exceeded")
        if self._use("errors"):
            raise Refused("InternalFailure", "The request processing has failed because of an unknown error.", 500)
        if operation in self.denied:
            raise Refused("AccessDeniedException", f"User is not authorized to perform: {operation}")
        if operation == "CreateProcessingJob" and self.quota:
            raise Refused(
                "ResourceLimitExceeded",
                "The account-level service limit 'ml.m5.xlarge for processing job usage' is 0 Instances, with current "
                "utilization of 0 Instances and a request delta of 1 Instances.",
            )


class _Machines(Backend):
    """The local backend in a folder of its own; every image stands for this interpreter."""

    def python(self, image: str) -> str:
        return super().python(image) if image.startswith("local") else sys.executable


class Control:
    """Answers one operation after the other; thread-safe, its state is on disk."""

    def __init__(self, base: Path, faults: Faults) -> None:
        self.faults = faults
        self.server: S3Server | None = None
        """Where the buckets are served; set once it runs."""
        self._base = base.resolve()
        self._machines = _Machines(base)
        self._metrics = Metrics(self._machines, self._base)
        self._failed: dict[str, dict[str, Any]] = {}
        self._tags: dict[str, list[dict[str, str]]] = {}
        self._starting: dict[str, dict[str, Any]] = {}
        self._life = threading.Lock()  # a job goes from "starting" to its machine, or is stopped before: one of the two

    def call(self, operation: str, given: dict[str, Any]) -> dict[str, Any]:
        """The answer of an operation. Raises Refused."""
        self.faults.check(operation)
        method = getattr(self, f"_{operation}", None)
        if method is None:
            raise Refused("UnknownOperationException", f"The emulator does not know {operation}.")
        try:
            answer: dict[str, Any] = method(given)
        except JobNotFound as error:
            raise Refused("ValidationException", f"Could not find requested job with name: {error}") from error
        except RequestError as error:
            raise Refused("ValidationException", str(error)) from error
        except JobNameInUse as error:
            raise Refused(
                "ResourceInUse", f"Job name must be unique within an AWS account and region: {error}"
            ) from error
        except BackendError as error:
            raise Refused("ValidationException", str(error)) from error
        plain: dict[str, Any] = json.loads(json.dumps(answer, default=_seconds))
        return plain

    def close(self) -> None:
        """Stop what still runs, and wait for its end."""
        with self._life:
            for waiting in self._starting.values():
                _end(waiting, "Stopped")
        for job in list(self._machines.jobs(StatusEquals="InProgress")):
            with contextlib.suppress(NbprocessError):
                self._machines.stop(job["ProcessingJobName"])
        for job in list(self._machines.jobs()):
            name = job["ProcessingJobName"]
            for _ in range(100):
                if self._machines.describe(name)["ProcessingJobStatus"] in TERMINAL:
                    break
                self._machines.wait(name, 0.1)

    # -- SageMaker ---------------------------------------------------------------------------------------------------

    def _CreateProcessingJob(self, given: dict[str, Any]) -> dict[str, Any]:
        name = given.get("ProcessingJobName", "")
        if name in self._failed or name in self._starting:
            raise JobNameInUse(name)
        self._tags[name] = given.get("Tags", [])
        if self.faults.slow_start or self.faults.capacity:
            return self._start_later(name, given)
        self._create(given)
        if self.faults.kill():
            threading.Thread(target=self._lose, args=(name,), daemon=True).start()
        return {"ProcessingJobArn": _arn(name)}

    def _create(self, given: dict[str, Any]) -> None:
        self._machines.create(self._with_role(given))
        self._metrics.watch(given["ProcessingJobName"])

    def _with_role(self, given: dict[str, Any]) -> dict[str, Any]:
        """A job has its role's credentials and its region, unless it is isolated; its AWS is this one."""
        if (given.get("NetworkConfig") or {}).get("EnableNetworkIsolation"):
            return given
        return {**given, "Environment": {**self._platform(), **given.get("Environment", {})}}

    def _platform(self) -> dict[str, str]:
        """What the platform puts into a container's environment."""
        if self.server is None:
            return {}
        place = self.server.endpoint
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{place}/credentials",
            "AWS_ENDPOINT_URL": place,
            "AWS_REGION": self.server.region,
            "AWS_DEFAULT_REGION": self.server.region,
        }

    def _lose_outputs(self, answer: Mapping[str, Any]) -> None:
        """What came over no connection, the platform has not uploaded."""
        assert self.server is not None
        own = {(seen.bucket, seen.key) for seen in self.server.requests if seen.method == "PUT"}
        for output in (answer.get("ProcessingOutputConfig") or {}).get("Outputs", ()):
            bucket, _, prefix = output.get("S3Output", {}).get("S3Uri", "").removeprefix("s3://").partition("/")
            root = self._base / "buckets" / bucket
            for path in (root / prefix).rglob("*") if prefix else ():
                if path.is_file() and (bucket, path.relative_to(root).as_posix()) not in own:
                    path.unlink()

    def _start_later(self, name: str, given: dict[str, Any]) -> dict[str, Any]:
        """The machine takes its time, or never comes: the job is in progress, and nothing of it runs yet."""
        from ...request import validate

        validate(given)
        with contextlib.suppress(JobNotFound):
            self._machines.describe(name)
            raise JobNameInUse(name)
        moment = datetime.now().astimezone()
        times = {"CreationTime": moment, "LastModifiedTime": moment}
        self._starting[name] = {**given, **times, "ProcessingJobStatus": "InProgress"}

        def start() -> None:
            with self._life:
                waiting = self._starting.get(name)
                if waiting is None or waiting["ProcessingJobStatus"] != "InProgress":
                    return  # it was deleted, or stopped, and stays so
                if self.faults.capacity:
                    _end(waiting, "Failed", FailureReason=_NO_CAPACITY)
                    return
                self._create(given)
                del self._starting[name]

        timer = threading.Timer(self.faults.slow_start, start)
        timer.daemon = True  # a long wait must not keep the emulator's process from ending
        timer.start()
        return {"ProcessingJobArn": _arn(name)}

    def _lose(self, name: str) -> None:
        """The machine of a running job dies: nothing more is heard of it."""
        while "ProcessingStartTime" not in self._machines.describe(name):
            self._machines.wait(name, 0.1)
        self._failed[name] = {
            "ProcessingJobStatus": "Failed",
            "ProcessingEndTime": datetime.now().astimezone(),
            "FailureReason": "InternalServerError: We encountered an internal error. Please try again.",
        }
        kill(self._base / "instances" / name)

    def _DescribeProcessingJob(self, given: Mapping[str, Any]) -> dict[str, Any]:
        name = given["ProcessingJobName"]
        waiting = self._starting.get(name)
        if waiting is not None:
            return {**{k: v for k, v in waiting.items() if k != "Tags"}, "ProcessingJobArn": _arn(name)}
        answer = {k: v for k, v in self._machines.describe(name).items() if k not in ("Tags", "ExitCode")}
        own, platform = answer.pop("Environment", None) or {}, self._platform()
        own = {key: value for key, value in own.items() if platform.get(key) != value}
        if own:
            answer["Environment"] = own
        if self.faults.lost_outputs and answer["ProcessingJobStatus"] in ("Failed", "Stopped"):
            self._lose_outputs(answer)
        if name in self._failed:
            answer.pop("ExitMessage", None)
        if "ProcessingStartTime" in answer:
            answer["ProcessingResources"] = {"ClusterConfig": self._selected(answer)}
        return {**answer, "ProcessingJobArn": _arn(name), **self._failed.get(name, {})}

    def _selected(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """The machines; of several types that would do, the first that the account may use."""
        cluster: dict[str, Any] = dict(answer["ProcessingResources"]["ClusterConfig"])
        allowed = [
            item
            for item in cluster.get("InstancePreferences") or ()
            if self.faults.quotas.get(item["InstanceType"], 1) >= 1
        ]
        if allowed:
            count = allowed[0].get("InstanceCount") or cluster.get("InstanceCount", 1)
            cluster.update(SelectedInstanceType=allowed[0]["InstanceType"], SelectedInstanceCount=count)
        return cluster

    def _ListProcessingJobs(self, given: Mapping[str, Any]) -> dict[str, Any]:
        start, count = int(given.get("NextToken", 0)), int(given.get("MaxResults", 10))
        asked = {k: v for k, v in given.items() if k not in ("NextToken", "MaxResults")}
        for key in [key for key in asked if "Time" in key and key != "SortBy"]:
            asked[key] = datetime.fromtimestamp(asked[key]).astimezone()
        asked.setdefault("SortOrder", "Ascending")
        found = [
            {
                **job,
                "ProcessingJobArn": _arn(job["ProcessingJobName"]),
                **self._failed.get(job["ProcessingJobName"], {}),
            }
            for job in [*self._machines.jobs(**asked), *self._waiting(asked)]
        ]
        if asked.get("SortBy", "CreationTime") == "CreationTime":
            found.sort(key=lambda job: job["CreationTime"], reverse=asked["SortOrder"] == "Descending")
        more = {"NextToken": str(start + count)} if start + count < len(found) else {}
        return {"ProcessingJobSummaries": found[start : start + count], **more}

    def _waiting(self, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Summaries of the jobs that have no machine (yet)."""
        return [
            {key: value for key, value in job.items() if key in _SUMMARY}
            for job in list(self._starting.values())
            if asked.get("NameContains", "") in job["ProcessingJobName"]
            and asked.get("StatusEquals", job["ProcessingJobStatus"]) == job["ProcessingJobStatus"]
        ]

    def _StopProcessingJob(self, given: Mapping[str, Any]) -> dict[str, Any]:
        name = given["ProcessingJobName"]
        status = self._DescribeProcessingJob(given)["ProcessingJobStatus"]
        if status in TERMINAL:
            raise RequestError(f"The request was rejected because the processing job is in status {status}.")
        with self._life:
            waiting = self._starting.get(name)
            if waiting is not None:
                _end(waiting, "Stopped")
                return {}
        self._machines.stop(name)
        return {}

    def _DeleteProcessingJob(self, given: Mapping[str, Any]) -> dict[str, Any]:
        if self._starting.pop(given["ProcessingJobName"], None) is None:
            self._machines.delete(given["ProcessingJobName"])
        self._failed.pop(given["ProcessingJobName"], None)
        return {}

    def _ListTags(self, given: Mapping[str, Any]) -> dict[str, Any]:
        return {"Tags": self._tags.get(given["ResourceArn"].rpartition("/")[2], [])}

    # -- what pre-flight asks ----------------------------------------------------------------------------------------

    def _ListServiceQuotas(self, given: Mapping[str, Any]) -> dict[str, Any]:
        return services.quotas(given, self.faults.quotas)

    def _GetProducts(self, given: Mapping[str, Any]) -> dict[str, Any]:
        return services.products(given)

    def _DescribeDomain(self, given: Mapping[str, Any]) -> dict[str, Any]:
        return services.domain(given["DomainId"], self.faults.vpc_only)

    def _DescribeUserProfile(self, given: Mapping[str, Any]) -> dict[str, Any]:
        return {**given, "Status": "InService", "UserSettings": {}}

    def _DescribeImages(self, given: Mapping[str, Any]) -> dict[str, Any]:
        found = services.images(given, self.faults.no_image)
        if found is None:
            raise Refused("ImageNotFoundException", "The image with imageId does not exist within the repository.")
        return found

    # -- CloudWatch ---------------------------------------------------------------------------------------------------

    def _GetMetricData(self, given: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return self._metrics.answer(given)
        except ValueError as error:
            raise Refused("ValidationError", str(error)) from error

    # -- CloudWatch Logs ---------------------------------------------------------------------------------------------

    def _lines(self, job: str) -> dict[str, list[dict[str, Any]]]:
        """Stream → events, from the log that the instances write."""
        try:
            describe = self._machines.describe(job)
        except JobNotFound:
            return {}
        stamp = int(describe["CreationTime"].timestamp())
        streams: dict[str, list[dict[str, Any]]] = {}
        cursor: Any = None
        while not self.faults.no_logs:
            page = self._machines.logs(job, cursor)
            if not page.lines:
                break
            cursor = page.cursor
            for line in page.lines:
                if line.time > time.time() - self.faults.late_logs:
                    continue
                event = {
                    "timestamp": int(line.time * 1000),
                    "message": line.text,
                    "ingestionTime": int(line.time * 1000),
                }
                streams.setdefault(f"{job}/{line.host}-{stamp}", []).append(event)
        return streams

    def _DescribeLogStreams(self, given: Mapping[str, Any]) -> dict[str, Any]:
        job = given["logStreamNamePrefix"].rstrip("/")
        names = sorted(self._lines(job))
        if not names:
            raise Refused("ResourceNotFoundException", "The specified log group does not exist.")
        return {"logStreams": [{"logStreamName": name} for name in names]}

    def _GetLogEvents(self, given: Mapping[str, Any]) -> dict[str, Any]:
        job = given["logStreamName"].partition("/")[0]
        events = self._lines(job).get(given["logStreamName"])
        if events is None:
            raise Refused("ResourceNotFoundException", "The specified log stream does not exist.")
        token = given.get("nextToken", "f/0")
        start = int(token.partition("/")[2])
        part = events[start : start + int(given.get("limit", 10_000))]
        return {"events": part, "nextForwardToken": f"f/{start + len(part)}", "nextBackwardToken": f"b/{start}"}


_NO_CAPACITY = "CapacityError: Unable to provision requested ML compute capacity. Please retry."
_SUMMARY = (
    "ProcessingJobName",
    "CreationTime",
    "LastModifiedTime",
    "ProcessingEndTime",
    "ProcessingJobStatus",
    "FailureReason",
)


def _end(job: dict[str, Any], status: str, **more: Any) -> None:
    moment = datetime.now().astimezone()
    job.update(ProcessingJobStatus=status, ProcessingEndTime=moment, LastModifiedTime=moment, **more)


def _arn(name: str) -> str:
    return f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:processing-job/{name}"


def _seconds(value: Any) -> float:
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"{type(value).__name__} is no JSON")
