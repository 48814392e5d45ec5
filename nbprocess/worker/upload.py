"""Puts the results of a job that did not complete into S3 by itself. Standard library only.

SageMaker promises to upload the outputs of jobs that complete. A cell that raises makes its job fail, as alarms and
pipelines expect, and what it had ready and its traceback are to come home all the same. The container's own role may
write there; where it has no credentials (network isolation) or no way to S3, the platform's upload is all there is.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import http.client
import json
import os
import threading
import time
import urllib.parse
import urllib.request

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

ATTEMPTS = 3
_THREADS = 8
_PART = 1 << 20
_LINK_LOCAL = "http://169.254.170.2"  # where ECS, and with it SageMaker, serves a container's credentials


class Impossible(Exception):
    """Why it cannot be done."""


def credentials(environ: Mapping[str, str]) -> dict[str, str] | None:
    """The role's keys, as the AWS SDKs find them in a container; None where the platform gives none.

    Raises:
        Impossible: they cannot be fetched.
    """
    where = environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
    relative = environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    if not where and not relative:
        return None
    request = urllib.request.Request(where or _LINK_LOCAL + str(relative))
    if environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN"):
        request.add_header("Authorization", environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"])
    try:
        # No proxy leads to a container's own address.
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5) as answer:
            found = json.load(answer)
            return {"key": found["AccessKeyId"], "secret": found["SecretAccessKey"], "token": found.get("Token") or ""}
    except (OSError, ValueError, KeyError) as error:
        raise Impossible(f"the role's credentials cannot be had: {error}") from None


def send(folder: str, host: str, place: Mapping[str, Any], seconds: float) -> bool:
    """Upload the results of this host: values and events first, what pins them last.

    Args:
        folder: the results, complete.
        host: this container's name.
        place: ``upload`` of the manifest: endpoint, region, bucket, prefix, owner, kms_key.
        seconds: how long it may take.

    Returns:
        Whether they were; False where the platform gives no credentials.

    Raises:
        Impossible: says why.
    """
    keys = credentials(os.environ)
    if keys is None:
        return False
    names = [os.path.relpath(os.path.join(base, name), folder) for base, _, found in os.walk(folder) for name in found]
    names = [name for name in names if not os.path.basename(name).startswith(".") and name != "outcome.json"]
    deadline = time.monotonic() + seconds
    errors: list[Exception] = []

    def work() -> None:
        while not errors:
            try:
                name = names.pop()
            except IndexError:
                return
            try:
                _put(f"{folder}/{name}", f"{host}/{name}", place, keys, deadline)
            except Exception as error:
                errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(min(_THREADS, len(names)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        if errors:
            raise errors[0]
        _put(f"{folder}/outcome.json", f"{host}/outcome.json", place, keys, deadline)
    except (OSError, http.client.HTTPException) as error:
        raise Impossible(f"{place['bucket']} cannot be written to: {error}") from None
    return True


def _put(path: str, name: str, place: Mapping[str, Any], keys: Mapping[str, str], deadline: float) -> None:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for part in iter(lambda: file.read(_PART), b""):
            digest.update(part)
        size = file.tell()
        url = urllib.parse.urlsplit(place["endpoint"])
        target = urllib.parse.quote(f"/{place['bucket']}/{place['prefix']}{name}", safe="/-_.~")
        for attempt in range(1, ATTEMPTS + 1):
            file.seek(0)
            left = deadline - time.monotonic()
            if left <= 0:
                raise Impossible("it takes too long")
            kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
            connection = kind(url.hostname or "", url.port, timeout=min(60.0, left))
            try:
                headers = signed("PUT", url.netloc, target, digest.hexdigest(), place, keys)
                connection.request("PUT", target, body=file, headers={**headers, "Content-Length": str(size)})
                answer = connection.getresponse()
                text = answer.read(2000).decode("utf-8", "replace")
                if answer.status == 200:
                    return
                if answer.status < 500 or attempt == ATTEMPTS:
                    raise Impossible(f"S3 refused (HTTP {answer.status}): {' '.join(text.split())[:500]}")
            except (OSError, http.client.HTTPException):
                if attempt == ATTEMPTS:
                    raise
            finally:
                connection.close()
            time.sleep(0.2 * 2**attempt)


def signed(
    method: str, host: str, target: str, digest: str, place: Mapping[str, Any], keys: Mapping[str, str], now: Any = None
) -> dict[str, str]:
    """The headers of a request with its signature, version 4.

    Args:
        method: of the request. host: with its port. target: the path, quoted.
        digest: SHA-256 of the body.
        place: region, and what the bucket is to be asked for: owner, kms_key.
        keys: key, secret and token.
        now: the time, in UTC; default the present.
    """
    moment = (now or datetime.datetime.now(datetime.timezone.utc)).strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": host, "x-amz-content-sha256": digest, "x-amz-date": moment}
    if place.get("owner"):
        headers["x-amz-expected-bucket-owner"] = place["owner"]
    if keys["token"]:
        headers["x-amz-security-token"] = keys["token"]
    if place.get("kms_key"):
        headers["x-amz-server-side-encryption"] = "aws:kms"
        headers["x-amz-server-side-encryption-aws-kms-key-id"] = place["kms_key"]
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = "\n".join([method, target, "", lines, names, digest])
    scope = f"{moment[:8]}/{place['region']}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{keys['secret']}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={keys['key']}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return headers
