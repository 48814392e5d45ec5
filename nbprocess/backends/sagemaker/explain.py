"""Errors and failure reasons of AWS in plain words, with the way out. May import: ``errors``, the standard library."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

from ...errors import BackendError, JobNameInUse, JobNotFound, NotAllowed, RequestError

# (pattern in a failure reason or error, what it means and the way out)
_MEANINGS = (
    (
        r"CapacityError|InsufficientCapacity|Unable to provision",
        "AWS has no such machine free just now. Try again later, or give several: --instance a,b,c.",
    ),
    (
        r"ResourceLimitExceeded|service limit",
        "Your quota of this instance type for processing is used up or 0. Ask for more, or choose another --instance.",
    ),
    (
        r"CannotPullContainer|failed to pull|ImageNotFound|No such image",
        "The image cannot be pulled: check --image, and that the role may read it (ecr:BatchGetImage).",
    ),
    (
        r"Signature expired|Signature not yet current|RequestTimeTooSkewed|RequestExpired",
        "The clock of this machine is wrong by minutes, so AWS refuses what it signs. Set the clock and try again.",
    ),
    (
        r"ExpiredToken|UnrecognizedClient|InvalidClientTokenId|security token included in the request",
        "The credentials have ended or are wrong. Log in again (`aws sso login`, say) or set new ones; a job that runs "
        "goes on, and %processing_attach NAME brings its results.",
    ),
    (
        r"[Cc]ould not assume role|validate that the role",
        "SageMaker may not use the role: it must trust sagemaker.amazonaws.com (`nbprocess policy --only trust`); a "
        "role that was made just now needs half a minute.",
    ),
    (r"AccessDenied|not authorized", "A permission is missing. `nbprocess policy` prints what user and role need."),
    (r"[Nn]o space left", "The volume is full: give a larger --volume."),
    (
        r"InternalServerError",
        "SageMaker says no more; most often the machine ran out of memory. Choose a larger --instance.",
    ),
    (
        r"exit code: 137|OutOfMemory",
        "The process was killed, most often because the memory ran out. Choose a larger --instance.",
    ),
    (
        r"ClientError: Failed to download data",
        "An input cannot be read: check its S3 URI, and that the role may list and read it.",
    ),
)


def meaning(text: str) -> str:
    """What a reason means, with the way out; empty when nothing is known about it."""
    return next((words for pattern, words in _MEANINGS if re.search(pattern, text)), "")


_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "UnrecognizedClientException", "InvalidClientTokenId")


def is_expired(error: BackendError) -> bool:
    """Whether AWS refused because the credentials have ended or are not known (any more)."""
    response = getattr(error.__cause__, "response", {})
    return response.get("Error", {}).get("Code") in _EXPIRED


@contextlib.contextmanager
def plainly(job: str = "") -> Iterator[None]:
    """Turn boto's errors into ours.

    Raises:
        JobNotFound, JobNameInUse, RequestError, BackendError: in place of botocore's.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise _translated(error, job) from error
    except BotoCoreError as error:
        raise BackendError(f"AWS cannot be asked: {error}") from error


def _translated(error: Any, job: str) -> BackendError | RequestError:
    code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
    if code in ("ResourceNotFound", "ResourceNotFoundException") or re.search(r"Could not find\b.*\bjob\b", message):
        return JobNotFound(
            f"There is no SageMaker processing job named {job}. %processing_jobs lists the jobs there are."
        )
    if code == "ResourceInUse":
        return JobNameInUse(
            f"--name {job}: a processing job of that name exists in this account and region. Choose another."
        )
    words = meaning(f"{code} {message}")
    if code == "ValidationException":
        return RequestError(f"SageMaker refused the request: {message}" + (f" {words}" if words else ""))
    kind = NotAllowed if code.startswith(("AccessDenied", "UnauthorizedOperation")) else BackendError
    return kind(f"AWS refused ({code}): {message.rstrip('. ')}." + (f" {words}" if words else ""))
