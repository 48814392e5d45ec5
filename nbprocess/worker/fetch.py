"""The values of a job that began while they were still being sent: waited for, then read from S3.

Standard library only.
Home made the job as soon as it knew what the values are (the manifest pins their digests) and sends them while the
machine starts. The links in the manifest are presigned, so the image needs neither boto3 nor a right of its own; who
gets hold of them can read these values until they expire, and change nothing.
"""

from __future__ import annotations

import os
import ssl
import threading
import time
from urllib.parse import urlsplit

from .blobs import Corrupt
from .s3read import Reader, Refused, Unsupported

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_AGAIN = 0.5  # seconds between two looks for what is not there yet


class Stopped(Exception):
    """The job was stopped while it waited."""


class Late:
    """Reads chunks that may not be there yet.

    Args:
        given: the manifest's ``fetch``: ``place`` (URL), ``targets`` (digest → path and query), ``sent`` (the same, of
            an object that is there when all are), ``headers``, ``patience`` (seconds without a new chunk).
        stopped: whether the job was told to stop.
    """

    threads = max(8, min(32, 4 * (os.cpu_count() or 1)))  # S3 gives a connection some 80 MB/s

    def __init__(self, given: Any, stopped: Callable[[], bool]) -> None:
        place = urlsplit(given["place"])
        secure = place.scheme == "https"
        context = ssl.create_default_context() if secure else None
        self._targets, self._sent = given["targets"], given["sent"]
        self._patience, self._stopped = float(given["patience"]), stopped
        self._reader = _Linked(place.hostname or "", place.port or (443 if secure else 80), context)
        self._reader.head = "".join(f"{name}: {value}\r\n" for name, value in given["headers"].items())
        self._reader.host = place.netloc
        self._lock = threading.Lock()
        self._came = time.monotonic()

    def load(self, digest: str, target: memoryview) -> int:
        """Fill ``target`` with the chunk; the number of bytes.

        Raises:
            Corrupt: it cannot be had.
            Stopped: the job was told to stop.
        """
        link = self._targets.get(digest)
        if link is None:
            raise Corrupt(f"the manifest has no link to {digest}. Send the cell again.")
        over = False
        while True:
            if self._stopped():
                raise Stopped
            count = self._get(link, target)
            if count is not None:
                with self._lock:
                    self._came = time.monotonic()
                return count
            if over:
                raise Corrupt(f"the chunk {digest} was never sent, or was deleted. Send the cell again.")
            over = self._get(self._sent, memoryview(bytearray(1))) is not None
            with self._lock:
                waited = time.monotonic() - self._came
            if waited > self._patience:
                raise Corrupt(
                    f"no data came for {waited:.0f} s: the kernel that was sending it has died, or lost its "
                    "connection. Send the cell again."
                )
            if not over:
                time.sleep(_AGAIN)

    def _get(self, link: str, target: memoryview) -> int | None:
        try:
            return self._reader.read_into(link, target, 0)
        except Refused as refused:
            if refused.code in ("NoSuchKey", "404"):
                return None
            raise Corrupt(f"S3 refused to give the data: {refused}. Send the cell again.") from None
        except (OSError, Unsupported) as error:
            raise Corrupt(
                f"S3 cannot be reached from the job ({error}). Send the cell again with NBPROCESS_OVERLAP=0: its data "
                "is then sent before the job is created."
            ) from None


class _Linked(Reader):
    host = head = ""

    def request(self, name: str, area: str) -> bytes:
        return f"GET {name} HTTP/1.1\r\nhost: {self.host}\r\nrange: {area}\r\n{self.head}\r\n".encode()
