"""A store in an S3 bucket: obstore moves the bytes (boto3 where it is not installed), with boto3's own configuration.

May import: ``nbprocess.errors``, the standard library; boto3 and obstore when a store is opened.

Credentials, region, endpoint, CA bundle and proxies are those of the boto3 session: what works with boto3 works here.
Every request says whose bucket it expects (``x-amz-expected-bucket-owner``, signed).
"""

from __future__ import annotations

import os
import ssl
import threading
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ...errors import StoreError
from .base import Buffer, Entry, MissingKey, byte_view, check_key
from .direct import DirectReader, Keys
from .refusals import DAMAGED, EXPIRED, NO_CREDENTIALS, reason_of
from .transfer import Boto3Transfer, ObstoreTransfer, Transfer

T = TypeVar("T")

ATTEMPTS = 5
"""How often a request is tried; between the attempts both clients wait longer and longer, with jitter."""


class S3Store:
    """``s3://bucket/prefix``.

    Args:
        bucket: its name.
        prefix: put in front of every key; without slashes at its ends.
        session: a ``boto3.Session``, or a function that gives the present one; a default one when None.
        expected_owner: the AWS account (12 digits) that must own the bucket.
        kms_key: key id or ARN for SSE-KMS of what is written; the bucket's default encryption when None.
        region: of the bucket; found out when None.
        endpoint: URL of the S3 service; boto3's configuration decides when None.
        transfer: ``"obstore"``, ``"boto3"`` or ``"auto"`` (obstore where it can be imported).

    The bucket is looked at with the first request, not when the store is made.
    """

    def __init__(
        self,
        bucket: str,
        prefix: str = "",
        *,
        session: Any = None,
        expected_owner: str | None,
        kms_key: str | None = None,
        region: str | None = None,
        endpoint: str | None = None,
        transfer: str = "auto",
    ) -> None:
        self.bucket, self.prefix = bucket, prefix.strip("/")
        self.expected_owner, self.kms_key = expected_owner, kms_key
        self._session, self._region, self._endpoint, self._kind = session, region, endpoint, transfer
        self._open: Transfer | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"S3Store({self.uri!r})"

    def with_key(self, kms_key: str) -> S3Store:
        """The same place; what is written through it is encrypted with that KMS key (SSE-KMS)."""
        if kms_key == self.kms_key:
            return self
        return S3Store(
            self.bucket,
            self.prefix,
            session=self._session,
            expected_owner=self.expected_owner,
            kms_key=kms_key,
            region=self._region,
            endpoint=self._endpoint,
            transfer=self._kind,
        )

    @property
    def uri(self) -> str:
        """``s3://bucket`` or ``s3://bucket/prefix``."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    @property
    def place(self) -> str:
        """``uri``, and the service that it is at: what one service holds another need not."""
        asked = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        return f"{self.uri} {self._endpoint or asked or ''}"

    def url(self, key: str) -> str:
        """The ``s3://`` URI of ``key``."""
        return f"{self.uri}/{key}"

    def path(self, key: str) -> Path | None:
        """None: the store is not on this machine."""
        return None

    def put(self, key: str, data: Buffer | Path) -> None:
        """Write or replace ``key``; a file is streamed in parts."""
        name = self._name(key)
        if isinstance(data, Path):
            self._call(key, "write", lambda transfer: transfer.put_file(name, data))
        else:
            view = byte_view(data)
            self._call(key, "write", lambda transfer: transfer.put(name, view))

    def put_new(self, key: str, data: Buffer) -> bool:
        """Write ``key`` unless it is there (``If-None-Match: *``); whether it was written."""
        name, view = self._name(key), byte_view(data)
        return self._call(key, "write", lambda transfer: transfer.put_new(name, view))

    def copy(self, source: str, target: str) -> None:
        """Write or replace ``target`` with what ``source`` holds; S3 copies, nothing comes here."""
        old, new = self._name(source), self._name(target)
        self._call(source, "copy", lambda transfer: transfer.copy(old, new))

    def get(self, key: str) -> bytes:
        """All bytes of ``key``."""
        name = self._name(key)
        return self._call(key, "read", lambda transfer: transfer.get(name))

    def read_into(self, key: str, buffer: bytearray | memoryview, offset: int = 0) -> int:
        """Fill ``buffer`` from byte ``offset`` of ``key``; the number of bytes read."""
        name, view = self._name(key), byte_view(buffer)
        if not len(view):
            return 0
        return self._call(key, "read", lambda transfer: transfer.read_into(name, view, offset))

    def exists(self, key: str) -> bool:
        """Whether ``key`` is there."""
        name = self._name(key)
        return self._call(key, "look for", lambda transfer: transfer.exists(name))

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """Keys that start with ``prefix`` and their sizes in bytes."""
        return ((entry.key, entry.size) for entry in self.entries(prefix))

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        """Keys that start with ``prefix``, their sizes and the times of their last write; 1,000 with a request."""
        start = f"{self.prefix}/" if self.prefix else ""
        pages = self._call(prefix, "list", lambda transfer: transfer.entries(start + prefix))
        while True:
            page = self._call(prefix, "list", lambda transfer: next(pages, None))
            if page is None:
                return
            for name, size, modified in page:
                yield Entry(name[len(start) :], size, modified)

    def delete(self, key: str) -> None:
        """Remove ``key``; no error when it is not there."""
        name = self._name(key)
        self._call(key, "delete", lambda transfer: transfer.delete(name))

    def presigned(self, keys: Iterable[str], seconds: float) -> dict[str, Any] | None:
        """Links with which anybody can read ``keys`` for so long: ``place``, ``targets`` (key → path), ``headers``.

        None where none can be made that last: credentials that end before, certificates or a proxy of one's own.
        """
        through = self._transfer()
        session = self._session() if callable(self._session) else self._session
        client = getattr(through, "_client", None)
        if client is None or session is None:
            return None
        ends = getattr(session.get_credentials(), "_expiry_time", None)
        if ends is not None and (ends - datetime.now(timezone.utc)).total_seconds() < seconds:
            return None
        endpoint = client.meta.endpoint_url
        if _proxy(endpoint) or (endpoint.startswith("https:") and _ca_bundle(session)):
            return None  # the job would have to know them too
        owner = {"ExpectedBucketOwner": self.expected_owner} if self.expected_owner else {}
        targets, place = {}, ""
        for key in keys:
            asked = {"Bucket": self.bucket, "Key": self._name(key), **owner}
            link = urlsplit(client.generate_presigned_url("get_object", Params=asked, ExpiresIn=int(seconds)))
            place, targets[key] = f"{link.scheme}://{link.netloc}", f"{link.path}?{link.query}"
        headers = {"x-amz-expected-bucket-owner": self.expected_owner} if self.expected_owner else {}
        return {"place": place, "targets": targets, "headers": headers}

    # -- the connection ----------------------------------------------------------------------------------------------

    def _name(self, key: str) -> str:
        check_key(key)
        return f"{self.prefix}/{key}" if self.prefix else key

    def _call(self, key: str, action: str, call: Callable[[Transfer], T]) -> T:
        """Do it; once more with fresh credentials when they have expired meanwhile, or when it came there damaged."""
        for last in (False, True):
            transfer = self._transfer()
            try:
                return call(transfer)
            except Exception as error:
                code = transfer.code(error)
                if code == "NoSuchKey":
                    raise MissingKey(f"{self.url(key)} is not in the store.") from error
                if last or code not in EXPIRED | DAMAGED:
                    raise self._explain(key, action, code, error) from error
                if code in EXPIRED:
                    self._reconnect(transfer)
        raise AssertionError("unreachable")

    def _transfer(self) -> Transfer:
        with self._lock:
            if self._open is None:
                self._open = self._connect()
            return self._open

    def _reconnect(self, old: Transfer) -> None:
        with self._lock:
            if self._open is old:
                # A new session reads files, environment and metadata service again.
                self._open = None

    def _connect(self) -> Transfer:
        import boto3
        import botocore.config
        import botocore.exceptions

        session = self._session() if callable(self._session) else self._session or boto3.Session()
        retries: Any = {"total_max_attempts": ATTEMPTS, "mode": "standard"}
        config = botocore.config.Config(retries=retries, max_pool_connections=32)
        owner = {"ExpectedBucketOwner": self.expected_owner} if self.expected_owner else {}
        try:
            client = session.client("s3", region_name=self._region, endpoint_url=self._endpoint, config=config)
            # One request that finds out all at once: is it there, is it ours, where is it. boto3 follows the region.
            response = _head(client, self.bucket, owner)
            region = response.get("BucketRegion") or client.meta.region_name or "us-east-1"
            if region != client.meta.region_name:
                client = session.client("s3", region_name=region, endpoint_url=self._endpoint, config=config)
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
            raise self._explain("", "open", Boto3Transfer.error_code(error), error) from error
        direct = None if _proxy(client.meta.endpoint_url) else self._direct(session, client, region)
        through_boto3 = Boto3Transfer(client, self.bucket, owner, self.kms_key, direct)
        if self._kind != "boto3":
            try:
                import obstore
            except ImportError:
                if self._kind == "obstore":
                    raise
            else:
                return ObstoreTransfer(self._obstore(session, client, region), obstore, through_boto3)
        return through_boto3

    def _direct(self, session: Any, client: Any, region: str) -> DirectReader:
        import botocore.httpsession

        # boto3 knows where a bucket answers: under a host of its own, below a path, through an access point.
        signed = client.generate_presigned_url("get_object", Params={"Bucket": self.bucket, "Key": "-"})
        context = None
        if signed.startswith("https:"):
            bundle = _ca_bundle(session)
            _readable(bundle)
            context = ssl.create_default_context(cafile=bundle or botocore.httpsession.get_cert_path(True))
        owner = {"x-amz-expected-bucket-owner": self.expected_owner} if self.expected_owner else {}
        return DirectReader(signed.partition("?")[0][:-1], region, _keys(session), owner, context)

    def _obstore(self, session: Any, client: Any, region: str) -> Any:
        from obstore.store import S3Store as Native

        endpoint = client.meta.endpoint_url
        # An upload of one chunk over a slow link may take minutes; a dead connection is noticed by TCP itself.
        options: dict[str, Any] = {"timeout": "10m", "connect_timeout": "10s"}
        options["allow_http"] = endpoint.startswith("http://")
        if self.expected_owner:
            options["default_headers"] = {"x-amz-expected-bucket-owner": self.expected_owner}
        bundle = _ca_bundle(session)
        if bundle:
            options["root_certificate"] = _readable(bundle)
        proxy = _proxy(endpoint)
        if proxy:
            options["proxy_url"] = proxy if "://" in proxy else f"http://{proxy}"
        settings: dict[str, Any] = {
            "region": region,
            "endpoint": endpoint,
            # A chunk's digest is its name and is checked when it is read; hashing it once more for the signature
            # would halve the speed. S3 itself checks the CRC.
            "unsigned_payload": True,
            "checksum_algorithm": "CRC64NVME",
        }
        if self.kms_key:
            settings |= {
                "server_side_encryption": "aws:kms",
                "sse_kms_key_id": self.kms_key,
                "sse_bucket_key_enabled": True,
            }
        native: Any = Native
        return native(
            self.bucket,
            client_options=options,
            retry_config={
                "max_retries": ATTEMPTS - 1,
                "retry_timeout": timedelta(minutes=4),
                "backoff": {"init_backoff": timedelta(seconds=0.4), "max_backoff": timedelta(seconds=10), "base": 2},
            },
            credential_provider=_credentials(session),
            **settings,
        )

    def _explain(self, key: str, action: str, code: str, error: Exception) -> StoreError:
        if isinstance(error, StoreError):
            return error
        reason = reason_of(code, error, self.bucket, self.expected_owner)
        return StoreError(f"Could not {action} {self.url(key) if key else self.uri}: {reason}")


def _head(client: Any, bucket: str, owner: dict[str, str]) -> dict[str, Any]:
    """HeadBucket; where that fails without a reason (a HEAD has no body) the error of a listing instead."""
    import botocore.exceptions

    try:
        response: dict[str, Any] = client.head_bucket(Bucket=bucket, **owner)
    except botocore.exceptions.ClientError as error:
        if Boto3Transfer.error_code(error) != "400":
            raise
        client.list_objects_v2(Bucket=bucket, MaxKeys=1, **owner)
        raise
    return response


def _ca_bundle(session: Any) -> str | None:
    """The certificates that boto3 would trust, where they are not its own."""
    return (
        os.environ.get("AWS_CA_BUNDLE")
        or session._session.get_config_variable("ca_bundle")
        or os.environ.get("REQUESTS_CA_BUNDLE")
    )


def _readable(bundle: str | None) -> bytes:
    try:
        return Path(bundle).read_bytes() if bundle else b""
    except OSError as error:
        raise StoreError(f"The CA bundle {bundle} cannot be read: {error.strerror}. Set AWS_CA_BUNDLE.") from error


def _proxy(endpoint: str) -> str | None:
    host = urlsplit(endpoint)
    proxy = urllib.request.getproxies().get(host.scheme)
    return proxy if proxy and not urllib.request.proxy_bypass(host.hostname or "") else None


def _keys(session: Any) -> Callable[[], Keys]:
    """The present credentials: boto3 refreshes what is about to expire."""

    def present() -> Keys:
        credentials = session.get_credentials()
        if credentials is None:
            raise StoreError(f"Could not reach S3: {NO_CREDENTIALS}")
        frozen = credentials.get_frozen_credentials()
        return Keys(frozen.access_key, frozen.secret_key, frozen.token or "")

    return present


def _credentials(session: Any) -> Callable[[], Any]:
    """obstore's credential provider, asked again at least every minute."""
    keys = _keys(session)

    def provide() -> dict[str, Any]:
        found = keys()
        return {
            "access_key_id": found.access,
            "secret_access_key": found.secret,
            "token": found.token or None,
            "expires_at": datetime.now(timezone.utc) + timedelta(minutes=5),
        }

    return provide
