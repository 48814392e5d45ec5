"""What can be known to go wrong before anything is uploaded or billed, asked of AWS at once and within seconds.

What the caller may not ask, or what is not answered in time, is left out: the job then says it itself.

May import: ``account``, ``quotas``, ``errors``, ``catalog``, the standard library; botocore.
"""

from __future__ import annotations

import functools
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from ...errors import BackendError
from . import quotas
from .account import Account

SECONDS = 2.5
"""The most that the questions may take together."""
AGAIN = 3600.0
"""Seconds for which a question that was not answered in time is not asked again: in a VPC without a way to IAM, say."""

_ECR = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.[a-z0-9.-]+/([^:@]+)(?::([^@]+))?(?:@(sha256:[0-9a-f]+))?\Z")
_GONE = ("ImageNotFoundException", "RepositoryNotFoundException")


def check(account: Account, request: Mapping[str, Any], seconds: float = SECONDS) -> list[str]:
    """Notices about a request.

    Args:
        account: whose request it is.
        request: the CreateProcessingJob request.
        seconds: how long to wait for answers.

    Raises:
        BackendError: the job could not run; names what is missing and the way out.
    """
    checks: dict[str, Callable[[], list[str]]] = {
        "the bucket": lambda: bucket(account, request),
        "the inputs": lambda: inputs(account, request),
        "the role": lambda: role(account, request),
        "the image": lambda: image(account, request),
        "the quota": lambda: quota(account, request),
    }
    account.number  # noqa: B018  # asked once, before there are threads
    # Clients are made in turn: boto3's sessions must not make two at once.
    for service in ("s3", "iam", "ecr", "service-quotas"):
        account.client(service)
    now = time.monotonic()
    asked = {
        what: _Question(what, look) for what, look in checks.items() if now - account.silent.get(what, -AGAIN) >= AGAIN
    }
    for question in asked.values():
        question.start()
    notices: list[str] = []
    for what, question in asked.items():
        # Without the bucket nothing can be sent: that answer is worth waiting for.
        question.join(60.0 if what == "the bucket" else max(0.0, now + seconds - time.monotonic()))
        if question.is_alive():
            account.silent[what] = time.monotonic()
        else:
            notices += question.answer()
    return notices


class _Question(threading.Thread):
    """One check, in a thread that no exit of Python waits for."""

    def __init__(self, what: str, look: Callable[[], list[str]]) -> None:
        super().__init__(name=f"nbprocess-preflight {what}", daemon=True)
        self._look = look
        self._notices: list[str] = []
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._notices = self._look()
        except Exception as error:  # raised where the answer is read
            self._error = error

    def answer(self) -> list[str]:
        """The notices. Raises what the check raised."""
        if self._error is not None:
            raise self._error
        return self._notices


def bucket(account: Account, request: Mapping[str, Any]) -> list[str]:
    """Is the bucket there and ours?"""
    from botocore.exceptions import BotoCoreError, ClientError

    outputs = (request.get("ProcessingOutputConfig") or {}).get("Outputs", ())
    entries = [*outputs, *reversed(request.get("ProcessingInputs", ()))]  # nbprocess's own inputs of a script are last
    uris = [(entry.get("S3Output") or entry.get("S3Input") or {}).get("S3Uri", "") for entry in entries]
    name = next((uri.removeprefix("s3://").partition("/")[0] for uri in uris if uri), "")
    if not name:
        return []  # a container without files
    try:
        account.client("s3").head_bucket(Bucket=name, ExpectedBucketOwner=account.number)
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if status == 404:
            raise BackendError(
                f"The bucket {name} does not exist. Make it with `aws s3 mb s3://{name} --region {account.region}`, or "
                "name another one with --bucket."
            ) from error
        raise BackendError(
            f"The bucket {name} cannot be used (HTTP {status}): it belongs to another account, or the permission is "
            "missing. `nbprocess policy` prints what is needed."
        ) from error
    except BotoCoreError as error:
        raise BackendError(f"AWS cannot be asked: {error}") from error
    return []


def inputs(account: Account, request: Mapping[str, Any]) -> list[str]:
    """Is there anything where the inputs are said to lie? SageMaker says it only when the machine has started."""
    place = f"/jobs/{request.get('ProcessingJobName')}/"  # what is still to be sent
    for entry in request.get("ProcessingInputs", ()):
        source = entry.get("S3Input") or {}
        uri, name = str(source.get("S3Uri", "")), entry["InputName"]
        bucket_name, _, key = uri.removeprefix("s3://").partition("/")
        if not uri.startswith("s3://") or place in uri or name.startswith("nbprocess-"):
            continue
        asked = {"Bucket": bucket_name, "Prefix": key, "MaxKeys": 1, "ExpectedBucketOwner": account.number}
        call = functools.partial(account.client("s3").list_objects_v2, **asked)
        answer = _ask(call, missing="NoSuchBucket")
        if answer is None:
            raise BackendError(f"--input {name}={uri}: there is no bucket {bucket_name}. Check its name.")
        if answer and not answer.get("KeyCount"):
            raise BackendError(
                f"--input {name}={uri}: nothing lies there, and SageMaker refuses an input without objects. Check the "
                "bucket and the prefix."
            )
        found = [item["Key"] for item in answer.get("Contents", ())]
        if found and source.get("S3DataType") == "ManifestFile" and found != [key]:
            raise BackendError(f"--input {name}={uri},manifest: there is no such object. Give the URI of the manifest.")
    return []


def role(account: Account, request: Mapping[str, Any]) -> list[str]:
    """Is the role there, does it trust SageMaker, and may the caller pass it?"""
    arn = request["RoleArn"]
    name = arn.rpartition("/")[2]
    found = _ask(lambda: account.client("iam").get_role(RoleName=name), missing="NoSuchEntity")
    if found is None:
        raise BackendError(
            f"The role {arn} does not exist. Give --role ARN of a role that trusts sagemaker.amazonaws.com; "
            "`nbprocess policy` prints what it needs."
        )
    trust = found.get("Role", {}).get("AssumeRolePolicyDocument")
    if trust is not None and not _trusts_sagemaker(trust):
        raise BackendError(
            f"The role {arn} does not trust sagemaker.amazonaws.com, so no job can use it. Add the trust policy that "
            "`nbprocess policy` prints, or give another --role."
        )
    caller = account.caller
    if caller == arn:
        return []
    asked = {
        "PolicySourceArn": caller,
        "ActionNames": ["iam:PassRole"],
        "ResourceArns": [arn],
        # Without it, policies that allow it for SageMaker only (AmazonSageMakerFullAccess, say) seem to deny it.
        "ContextEntries": [
            {
                "ContextKeyName": "iam:PassedToService",
                "ContextKeyValues": ["sagemaker.amazonaws.com"],
                "ContextKeyType": "string",
            }
        ],
    }
    answer = _ask(lambda: account.client("iam").simulate_principal_policy(**asked), missing="")
    decisions = {item["EvalDecision"] for item in (answer or {}).get("EvaluationResults", ())}
    if "explicitDeny" in decisions:
        raise BackendError(
            f"{caller} may not pass the role {arn} to SageMaker (iam:PassRole is denied). Ask for that permission, or "
            "give another --role; `nbprocess policy` prints the policy."
        )
    if "implicitDeny" in decisions:  # the simulation does not see everything, so that is said only
        return [
            f"IAM knows no policy that lets {caller} pass the role {arn} (iam:PassRole). If the job is refused, that "
            "is why; `nbprocess policy` prints the policy."
        ]
    return []


def image(account: Account, request: Mapping[str, Any]) -> list[str]:
    """Is the image there? Only images of ECR can be asked for, and AWS's own mostly not."""
    uri = request["AppSpecification"]["ImageUri"]
    parts = _ECR.match(uri)
    if parts is None or parts[2] != account.region:
        return []
    registry, _, repository, tag, digest = parts.groups()
    which = {"imageDigest": digest} if digest else {"imageTag": tag or "latest"}
    asked = {"registryId": registry, "repositoryName": repository, "imageIds": [which]}
    if _ask(lambda: account.client("ecr").describe_images(**asked), missing=_GONE) is None:
        raise BackendError(
            f"The image {uri} does not exist in ECR. Correct --image (repository and tag), or leave it out and name a "
            "--framework."
        )
    return []


def quota(account: Account, request: Mapping[str, Any]) -> list[str]:
    """May the account run so many of this type at once?"""
    cluster = request["ProcessingResources"]["ClusterConfig"]
    kinds = [item["InstanceType"] for item in cluster.get("InstancePreferences", ())] or [cluster["InstanceType"]]
    known = quotas.processing(account)
    count = cluster.get("InstanceCount", 1)
    if not known or any(known.get(kind, count) >= count for kind in kinds):
        return []
    asked = f"{count} x " if count > 1 else ""
    have = ", ".join(f"{known[kind]:.0f} of {kind}" for kind in kinds)
    others = quotas.alternatives(known, kinds[0], count)
    way = f"With quota there are: {', '.join(others)}. " if others else ""
    page = f"https://{account.region}.console.aws.amazon.com/servicequotas/home/services/sagemaker/quotas"
    raise BackendError(
        f"The account's quota does not allow {asked}{kinds[0]} for processing jobs (it has {have}). {way}"
        f'Or ask for more of "{kinds[0]} for processing job usage": {page}.'
    )


def _ask(call: Callable[[], Any], missing: str | tuple[str, ...]) -> Any:
    """The answer; None when the thing is ``missing``; {} when it may not be asked for or AWS does not answer."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return call()
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        return None if code and code in ((missing,) if isinstance(missing, str) else missing) else {}
    except BotoCoreError:
        return {}


def _trusts_sagemaker(trust: Any) -> bool:
    import json

    document = json.loads(unquote(trust)) if isinstance(trust, str) else trust
    statements = document.get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        services = (statement.get("Principal") or {}) if isinstance(statement.get("Principal"), dict) else {}
        named = services.get("Service", [])
        if statement.get("Effect") == "Allow" and "sagemaker.amazonaws.com" in (
            named if isinstance(named, list) else [named]
        ):
            return True
    return False
