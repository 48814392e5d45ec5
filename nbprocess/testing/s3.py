"""A small S3 server on loopback whose buckets are folders: for tests and benchmarks, with faults on demand.

May import: ``s3_faults``, ``s3_requests``, the standard library.

    with S3Server(tmp_path, buckets=["data"]) as server:
        client = boto3.client("s3", endpoint_url=server.endpoint, ...)
        server.fail("PUT", "blobs/", Cut(after=1000), times=2)
        ...
        assert server.count("PUT") == 3

Keys are files below ``root/<bucket>/``, as in ``DirectoryStore``. It does what S3 documents for GET (ranges), HEAD, PUT
(conditions, aws-chunked bodies, SHA-256 checks), DELETE, DeleteObjects, CopyObject, ListObjectsV2 (pages, delimiter),
multipart uploads, CreateBucket and HeadBucket, checks the expected bucket owner, and looks at no signature beyond the
access key id and the region in it.
"""

from __future__ import annotations

import ssl
import subprocess
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from .s3_faults import Corrupt, Cut, Fault, Refuse, Seen, Slow
from .s3_requests import Handler

__all__ = ["Corrupt", "Cut", "Fault", "Refuse", "S3Server", "Seen", "Slow", "self_signed"]


@dataclass
class _Planned:
    method: str
    key: str
    fault: Fault
    times: int


@dataclass
class S3Server:
    """Serves the folders of ``root`` while it is used as a context manager.

    Args:
        root: folder of the buckets; each folder in it is one.
        buckets: made when they are not there.
        account: the account that owns all buckets; a request that expects another one gets 403.
        region: of all buckets; a request signed for another one gets 301, as S3 answers.
        access_keys: the access key ids that are accepted (None: all); others get ``ExpiredToken``.
        require_owner: refuse requests without ``x-amz-expected-bucket-owner``.
        page: keys of one ListObjectsV2 page at most.
        check_digests: compare bodies with the SHA-256 that a client names; False for measurements, where S3's own
            processors are not what is measured.
        tls: certificate and key file; see ``self_signed``.
        port: 0 for any that is free.
        handler: answers the requests; a subclass may answer for other services too.
    """

    root: Path
    buckets: Iterable[str] = ()
    account: str = "123456789012"
    region: str = "us-east-1"
    access_keys: set[str] | None = None
    require_owner: bool = False
    page: int = 1000
    check_digests: bool = True
    tls: tuple[Path, Path] | None = None
    port: int = 0
    handler: type[Handler] = Handler
    requests: list[Seen] = field(default_factory=list)
    """Every request so far."""
    _planned: list[_Planned] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    _http: ThreadingHTTPServer | None = None

    def __enter__(self) -> S3Server:
        self.root = Path(self.root)
        for bucket in self.buckets:
            (self.root / bucket).mkdir(parents=True, exist_ok=True)
        handler = type("BoundHandler", (self.handler,), {"server_state": self})
        self._http = _Http(("127.0.0.1", self.port), handler)
        self.port = self._http.server_port
        if self.tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*map(str, self.tls))
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True, name="s3").start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._http is not None:
            self._http.shutdown()
            self._http.server_close()
            self._http = None

    @property
    def endpoint(self) -> str:
        """``http://127.0.0.1:port`` or ``https://…``."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def fail(self, method: str, key: str, fault: Fault, times: int = 1) -> None:
        """Make the next ``times`` requests of ``method`` whose key contains ``key`` go wrong ("" and "*": any)."""
        with self.lock:
            self._planned.append(_Planned(method, key, fault, times))

    def count(self, method: str = "", key: str = "") -> int:
        """How many requests there were of that method (default any) whose key contains ``key``."""
        return sum(1 for seen in list(self.requests) if (not method or seen.method == method) and key in seen.key)

    def forget(self) -> None:
        """Forget all requests and planned faults."""
        with self.lock:
            self.requests.clear()
            self._planned.clear()

    def path(self, bucket: str, key: str) -> Path:
        """The file of a key."""
        return self.root / bucket / key

    def note(self, seen: Seen) -> list[Fault]:
        """Called per request: remember it, and say what is to go wrong with it."""
        with self.lock:
            self.requests.append(seen)
            faults = []
            for planned in self._planned:
                if planned.method in ("", "*", seen.method) and planned.key in seen.key and planned.times > 0:
                    planned.times -= 1
                    faults.append(planned.fault)
                    break
            return faults


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Make a CA and its certificate for 127.0.0.1 with the ``openssl`` command.

    Returns:
        The chain (certificate, then CA: it serves as the clients' CA bundle too) and the key file.
    """
    certificate, key, ca, ca_key = (folder / name for name in ("cert.pem", "key.pem", "ca.pem", "ca-key.pem"))
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]

    def make(*arguments: str) -> None:
        subprocess.run(["openssl", "req", "-x509", *kind, *arguments], check=True, capture_output=True)

    # Two certificates: rustls takes none that is both a CA and a server's own.
    usage = ["-addext", "keyUsage=critical,keyCertSign"]  # Python 3.13 takes no CA without
    make("-subj", "/CN=nbprocess test CA", *usage, "-keyout", str(ca_key), "-out", str(ca))
    issuer = ["-CA", str(ca), "-CAkey", str(ca_key), "-addext", "basicConstraints=critical,CA:FALSE"]
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    make(*names, *issuer, "-keyout", str(key), "-out", str(certificate))
    certificate.write_text(certificate.read_text() + ca.read_text())
    return certificate, key


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Cut connections are what this server is for: no traceback on stderr."""
