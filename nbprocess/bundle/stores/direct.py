"""Reads S3 objects as ``nbprocess.worker.s3read`` does, signed with AWS's Signature Version 4.

May import: ``nbprocess.worker.s3read``, the standard library; place, region, credentials and certificates are given.
"""

from __future__ import annotations

import hashlib
import hmac
import ssl
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from ...worker.s3read import Reader, Refused, Unsupported

__all__ = ["DirectReader", "Keys", "Refused", "Unsupported"]

_EMPTY = hashlib.sha256(b"").hexdigest()


class Keys(NamedTuple):
    """AWS credentials; ``token`` is empty for those of a user."""

    access: str
    secret: str
    token: str


class DirectReader(Reader):
    """Reads parts of objects of one bucket.

    Args:
        base: URL of the bucket, with the slash after which keys begin.
        region: of the bucket, for the signature.
        keys: the credentials to sign with, asked before every request.
        headers: sent with every request, signed (the expected bucket owner).
        context: for https.
    """

    def __init__(
        self,
        base: str,
        region: str,
        keys: Callable[[], Keys],
        headers: Mapping[str, str],
        context: ssl.SSLContext | None,
    ) -> None:
        place = urlsplit(base)
        super().__init__(place.hostname or "", place.port or (443 if place.scheme == "https" else 80), context)
        self._host, self._path, self._region = place.netloc, place.path, region
        self._keys, self._headers = keys, dict(headers)
        self._signing: tuple[str, str, bytes] = ("", "", b"")

    def request(self, name: str, area: str) -> bytes:
        path = self._path + quote(name, safe="/~")
        return f"GET {path} HTTP/1.1\r\n{self._signed(path, area)}\r\n".encode()

    def _signed(self, path: str, area: str) -> str:
        """The header lines of a GET, with AWS's Signature Version 4 (SigV4, "Authenticating Requests", S3 API)."""
        keys = self._keys()
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        headers = {"host": self._host, "range": area, "x-amz-content-sha256": _EMPTY, "x-amz-date": stamp}
        headers |= self._headers
        if keys.token:
            headers["x-amz-security-token"] = keys.token
        names = ";".join(sorted(headers))
        lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        scope = f"{stamp[:8]}/{self._region}/s3/aws4_request"
        request = hashlib.sha256(f"GET\n{path}\n\n{lines}\n{names}\n{_EMPTY}".encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{request}"
        signature = hmac.digest(self._signing_key(stamp[:8], keys.secret), text.encode(), "sha256").hex()
        value = f"AWS4-HMAC-SHA256 Credential={keys.access}/{scope}, SignedHeaders={names}, Signature={signature}"
        return lines.replace("\n", "\r\n") + f"authorization: {value}\r\n"

    def _signing_key(self, day: str, secret: str) -> bytes:
        known = self._signing
        if known[:2] == (day, secret):
            return known[2]
        key = f"AWS4{secret}".encode()
        for part in (day, self._region, "s3", "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        self._signing = (day, secret, key)
        return key
