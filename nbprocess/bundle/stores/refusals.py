"""What S3 says no with, in words that tell the way out.

May import: the standard library.
"""

from __future__ import annotations

import re

EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
"""Codes after which fresh credentials may help."""

DAMAGED = frozenset({"BadDigest", "XAmzContentSHA256Mismatch"})
"""Codes for bytes that are not those that were sent."""

NO_CREDENTIALS = "no AWS credentials were found. Log in (`aws sso login`), or use `--backend local`."

_NO_RIGHT = (
    "access denied. Either the bucket {bucket} does not belong to the account {owner}, or this role lacks "
    "s3:ListBucket, s3:GetObject, s3:PutObject or s3:DeleteObject on it (with a KMS key also "
    "kms:GenerateDataKey and kms:Decrypt)."
)
_NO_BUCKET = "there is no bucket {bucket}. Create it, or name another one with --bucket."
_REGION = "the bucket {bucket} is in another region. Set AWS_REGION to its region."
_BUSY = "S3 is busy and kept saying so ({said}). Run the cell again: what was sent is not sent again."
_AWAY = (
    "S3 cannot be reached ({said}). Look at the network, the proxy (HTTPS_PROXY) and AWS_ENDPOINT_URL, or use "
    "`--backend local`."
)

_REASONS = {
    **dict.fromkeys(("AccessDenied", "403"), _NO_RIGHT),
    **dict.fromkeys(("NoSuchBucket", "404"), _NO_BUCKET),
    **dict.fromkeys(("PermanentRedirect", "301"), _REGION),
    **dict.fromkeys(("SlowDown", "ServiceUnavailable", "InternalError", "500", "502", "503", "504"), _BUSY),
    **dict.fromkeys(
        (
            "EndpointConnectionError",
            "ConnectTimeoutError",
            "ProxyConnectionError",
            "gaierror",
            "ConnectionRefusedError",
        ),
        _AWAY,
    ),
    **dict.fromkeys(
        DAMAGED,
        "it was damaged on the way to S3, twice: S3 got other bytes than were sent. Run the cell again; if that fails "
        "too, look at the proxy or the network in between.",
    ),
    "ExpiredToken": "the AWS credentials have expired. Log in again (`aws sso login`, say), then run the cell again.",
    "InvalidToken": "the AWS session token is not valid. Log in again (`aws sso login`, say).",
    "NoCredentialsError": NO_CREDENTIALS,
    "InvalidAccessKeyId": "the AWS access key is unknown. Log in again, or choose another AWS_PROFILE.",
    "SignatureDoesNotMatch": "the AWS secret key does not fit the access key. Log in again.",
    "RequestTimeTooSkewed": "the clock of this machine is wrong by minutes. Set the clock and run the cell again.",
}
_KMS = "the KMS key cannot be used ({said}). Enable it, or name another one with --kms-key."
_MESSAGE = re.compile(r"<Message>([^<]*)</Message>")


def reason_of(code: str, error: BaseException, bucket: str, owner: str | None) -> str:
    """Why a call on ``bucket`` failed, and what to do about it; ``code`` is S3's, or the name of the error's type."""
    quoted = _MESSAGE.search(str(error))  # obstore quotes the whole answer
    told = quoted[1] if quoted else getattr(error, "response", {}).get("Error", {}).get("Message")
    said = f"{code}: {told}" if told else f"{type(error).__name__}: {str(error).strip()[:500]}"
    reason = _KMS if code.startswith("KMS.") else _REASONS.get(code)
    return said if reason is None else reason.format(bucket=bucket, owner=owner or "(any)", said=said)
