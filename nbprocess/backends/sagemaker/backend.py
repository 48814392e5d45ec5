"""The control plane of SageMaker Processing through boto3.

May import: its neighbours, ``base``, ``errors``, ``state``; ``bundle.stores``, ``catalog`` when they are needed.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ...errors import BackendError, OptionError
from ...state import TERMINAL
from ..base import LogPage
from . import logs
from .account import Account
from .explain import is_expired, meaning, plainly

if TYPE_CHECKING:
    from ...bundle.stores import Store
    from ...catalog import Price
    from ...state import Usage

# aws/sagemaker-distribution: major version of the image → its Python.
_DISTRIBUTION = {"1": (3, 10), "2": (3, 11), "3": (3, 12), "4": (3, 12)}

_CONSOLES = {"aws-cn": "console.amazonaws.cn", "aws-us-gov": "console.amazonaws-us-gov.com"}
"""Partition → where its console is."""


_LOST_ANSWER = 600.0  # seconds within which boto3 has given up asking again


class Backend:
    """Jobs as SageMaker Processing jobs. Clients are made lazily, once."""

    name = "sagemaker"
    start_seconds = 90.0
    """What a machine takes to start at the least: data that arrives within it may follow the job."""

    def __init__(self, region: str | None = None) -> None:
        self.account = Account(region or os.environ.get("NBPROCESS_REGION"))
        self._stores: dict[str, Store] = {}
        self._elsewhere: dict[str, Backend] = {}
        low = float(os.environ.get("NBPROCESS_POLL_SECONDS", "2"))
        self.poll_seconds = (low, 5 * low)
        self.log_seconds = 2.5 * low
        """How long after a job's end CloudWatch may still get lines of it."""

    @property
    def region(self) -> str:
        """The region of the jobs."""
        return self.account.region

    def at(self, region: str) -> Backend:
        """The backend of another region. This one stays where it is: jobs of its region are asked for there."""
        with contextlib.suppress(BackendError):  # no region is set here
            if region == self.region:
                return self
        if region not in self._elsewhere:
            self._elsewhere[region] = Backend(region)
        return self._elsewhere[region]

    @contextlib.contextmanager
    def _asking(self, job: str = "") -> Iterator[None]:
        """``plainly``; credentials that have ended are looked for anew, so that the next question may find others."""
        try:
            with plainly(job):
                yield
        except BackendError as error:
            if is_expired(error):
                self.account.forget()
            raise

    # -- what new jobs need ------------------------------------------------------------------------------------------

    def store(self) -> Store:
        """``s3://sagemaker-<region>-<account>/nbprocess``, or below the SageMaker SDK's default bucket and prefix."""
        return self.open_store(f"s3://{self.account.bucket}/{self.account.prefix}")

    def open_store(self, uri: str) -> Store:
        """The store at an ``s3://`` URI. Every call expects the bucket to be this account's."""
        from ...bundle.stores import S3Store

        key = os.environ.get("NBPROCESS_KMS_KEY") or self.account.settings.get("KmsKeyId")
        known = f"{uri}\0{key or ''}"
        if known not in self._stores:
            bucket, _, prefix = uri.removeprefix("s3://").partition("/")
            self._stores[known] = S3Store(
                bucket,
                prefix,
                session=lambda: self.account.session,
                expected_owner=self.account.number,
                region=self.region,
                kms_key=key or None,
            )
        return self._stores[known]

    def resolve(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Role, image and machine for what the user left out.

        Raises:
            OptionError: no image is known, or no instance type fits.
            BackendError: no credentials, region or role.
        """
        from ...catalog import choose

        if self.account.look():
            self._stores.clear()
        kinds = tuple(options.get("instance") or ())
        if not kinds:
            if any(options.get(name) for name in ("gpu", "cpus", "memory")):
                usd = {kind: known.usd_per_hour for kind, known in self.prices().items()}
                kinds = (choose(options.get("gpu"), options.get("cpus"), options.get("memory"), usd).name,)
            else:
                kinds = ("ml.m5.xlarge",)
        found: dict[str, Any] = {
            **{k: v for k, v in self.account.settings.items() if k not in ("Bucket", "Prefix")},
            "RoleArn": self.account.role_arn(options["role"]) if options.get("role") else self.account.role,
            "ImageUri": options.get("image") or self._image(kinds[0]),
            "InstanceType": kinds[0],
        }
        if len(kinds) > 1:
            found["InstancePreferences"] = [{"InstanceType": kind} for kind in kinds]
        known = [self.price(kind) for kind in kinds]
        if all(known):
            # The dearest counts: a cost cap must hold whichever machine is given.
            found["PricePerHour"] = max(item.usd_per_hour for item in known if item)
        elif options.get("max_cost"):
            raise OptionError(
                f"--max-cost {options['max_cost']}: the price of {', '.join(kinds)} in {self.region} is not known "
                "here, so no runtime can be derived from it. Give --timeout instead."
            )
        return found

    def _image(self, instance: str) -> str:
        """The image of the running Studio app, so that Python and packages match; else a SageMaker Distribution."""
        studio = os.environ.get("SAGEMAKER_INTERNAL_IMAGE_URI")
        if studio:
            return studio
        from ...catalog import image

        try:
            return image("distribution", region=self.region, gpu=bool(re.match(r"ml[.](g|p)[0-9]", instance))).uri
        except OptionError as error:
            raise OptionError(
                f"--image is missing: no default image is known for {self.region}. Give one with --framework, or the "
                "URI of an image with Python 3.9 or later, such as that of your Studio app."
            ) from error

    def upload(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Where a worker puts results by itself when its job does not complete; empty where it has no network."""
        if (request.get("NetworkConfig") or {}).get("EnableNetworkIsolation"):
            return {}
        config = request["ProcessingOutputConfig"]
        uri = next(one["S3Output"]["S3Uri"] for one in config["Outputs"] if one["OutputName"] == "nbprocess-results")
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        meta = self.account.client("s3").meta
        return {
            "endpoint": meta.endpoint_url,
            "region": self.region,
            "bucket": bucket,
            "prefix": prefix.rstrip("/") + "/",
            "owner": self.account.number,
            "kms_key": config.get("KmsKeyId") or "",
        }

    def preflight(self, request: Mapping[str, Any]) -> list[str]:
        """Role, bucket, image and quota. Raises BackendError before anything is uploaded or billed."""
        from . import preflight

        return preflight.check(self.account, request)

    def price(self, instance: str) -> Price | None:
        """USD per hour with its date; None when it is not known."""
        from . import pricing

        return pricing.price(self.account, instance)

    def prices(self) -> dict[str, Price]:
        """Instance type → price, of all that the Price List has for this region; empty where it may not be asked."""
        from . import pricing

        return pricing.prices(self.account)

    def quotas(self) -> dict[str, float]:
        """Instance type → how many processing instances the account may run at once; empty where it may not ask."""
        from . import quotas

        return quotas.processing(self.account)

    def interpreter(self, request: Mapping[str, Any]) -> dict[str, Any] | None:
        """The Python in the image, where its name tells."""
        image = request["AppSpecification"]["ImageUri"]
        from ...catalog import python_of

        managed = python_of(image)
        if managed:
            return {"python": list(managed), "packages": {}}
        named = re.search(r"py3(\d{1,2})\b", image)
        if named:
            return {"python": [3, int(named[1])], "packages": {}}
        distribution = re.search(r"sagemaker-distribution\S*:v?(\d+)\.", image)
        if distribution and distribution[1] in _DISTRIBUTION:
            return {"python": list(_DISTRIBUTION[distribution[1]]), "packages": {}}
        return None

    # -- jobs --------------------------------------------------------------------------------------------------------

    def create(self, request: Mapping[str, Any]) -> str:
        """CreateProcessingJob; returns the ARN."""
        from . import quotas

        try:
            with self._asking(request["ProcessingJobName"]):
                return self._create(request)
        except BackendError as error:
            if "quota" in str(error):
                quotas.forget(self.account)
            raise

    def _create(self, request: Mapping[str, Any]) -> str:
        """Create it once: when an answer is lost and boto3 asks again, the name is in use by this very job."""
        from botocore.exceptions import ClientError

        client = self.account.client("sagemaker")
        try:
            return str(client.create_processing_job(**request)["ProcessingJobArn"])
        except ClientError as error:
            again = error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0) > 0
            if error.response["Error"].get("Code") != "ResourceInUse" or not again:
                raise
            there = client.describe_processing_job(ProcessingJobName=request["ProcessingJobName"])
            young = time.time() - there["CreationTime"].timestamp() < _LOST_ANSWER
            if not young or _what_runs(there) != _what_runs(request):
                raise
            return str(there["ProcessingJobArn"])

    def describe(self, name: str) -> dict[str, Any]:
        """DescribeProcessingJob; a failure's reason gets what it means and the way out."""
        with self._asking(name):
            answer: dict[str, Any] = self.account.client("sagemaker").describe_processing_job(ProcessingJobName=name)
        answer.pop("ResponseMetadata", None)
        words = meaning(str(answer.get("FailureReason", "")))
        if words:
            answer["FailureReason"] = f"{answer['FailureReason']} {words}"
        return answer

    def jobs(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """ListProcessingJobs, newest first, page by page."""
        asked = {"SortBy": "CreationTime", "SortOrder": "Descending", "MaxResults": 100, **filters}
        client = self.account.client("sagemaker")
        while True:
            with self._asking():
                answer = client.list_processing_jobs(**asked)
            yield from answer["ProcessingJobSummaries"]
            if not answer.get("NextToken"):
                return
            asked["NextToken"] = answer["NextToken"]

    def logs(self, name: str, cursor: Any = None, limit: int = 10_000) -> LogPage:
        """New lines of all hosts, merged by time."""
        with self._asking(name):
            return logs.read(self.account.client("logs"), name, cursor, limit)

    def usage(self, describe: Mapping[str, Any], since: float, until: float) -> list[Usage]:
        """CloudWatch's samples of all hosts, one a minute, by GetMetricData."""
        from . import metrics

        with self._asking(str(describe["ProcessingJobName"])):
            return metrics.read(self.account.client("cloudwatch"), describe, since, until)

    def wait(self, name: str, timeout: float) -> None:
        """There is nothing to wait on but time."""
        time.sleep(timeout)

    def stop(self, name: str) -> None:
        """StopProcessingJob; a job that has ended already is no error."""
        from ...errors import RequestError

        try:
            with self._asking(name):
                self.account.client("sagemaker").stop_processing_job(ProcessingJobName=name)
        except RequestError:
            if self.describe(name)["ProcessingJobStatus"] not in (*TERMINAL, "Stopping"):
                raise

    def delete(self, name: str) -> None:
        """DeleteProcessingJob, where this boto3 and account have it: frees the name."""
        client = self.account.client("sagemaker")
        if hasattr(client, "delete_processing_job"):
            with self._asking(name):
                client.delete_processing_job(ProcessingJobName=name)

    def links(self, describe: Mapping[str, Any]) -> dict[str, str]:
        """Console pages of the job and its log, and its outputs in S3."""
        arn = str(describe.get("ProcessingJobArn", ""))
        if not arn:
            return {}
        name = describe["ProcessingJobName"]
        host = _CONSOLES.get(arn.split(":")[1], "console.aws.amazon.com")
        base = f"https://{self.region}.{host}"
        # CloudWatch's own escaping: % written as $25 of the already quoted text.
        group, stream = (quote(quote(text, safe=""), safe="").replace("%", "$") for text in (logs.GROUP, f"{name}/"))
        found = {
            "Console": f"{base}/sagemaker/home?region={self.region}#/processing-jobs/{name}",
            "Log": f"{base}/cloudwatch/home?region={self.region}#logsV2:log-groups/log-group/{group}"
            f"$3FlogStreamNameFilter$3D{stream}",
        }
        for output in (describe.get("ProcessingOutputConfig") or {}).get("Outputs", ()):
            if "S3Output" in output and output["OutputName"] != "nbprocess-results":
                bucket, _, prefix = output["S3Output"]["S3Uri"].removeprefix("s3://").partition("/")
                found[f"Output {output['OutputName']}"] = f"{base}/s3/buckets/{bucket}?prefix={quote(prefix)}"
        return found


def _what_runs(job: Mapping[str, Any]) -> Any:
    """Program and inputs of a request or description; a description has the service's defaults beside them."""
    inputs = [
        (item["InputName"], (item.get("S3Input") or {}).get("S3Uri")) for item in job.get("ProcessingInputs") or ()
    ]
    return job["AppSpecification"], inputs
