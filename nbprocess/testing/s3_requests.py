"""How the loopback S3 server answers one request: objects, listings, multipart uploads, errors.

May import: ``s3_faults``, the standard library.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import re
import shutil
import socket
import ssl
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from .s3_faults import Corrupt, Cut, Fault, Refuse, Seen

if TYPE_CHECKING:
    from .s3 import S3Server

_PIECE = 256 * 1024  # stays in the processor's cache between the socket and the file
_PART = ".nbprocess-part"


class _Refused(Exception):
    def __init__(self, status: int, code: str, message: str = "", **headers: str) -> None:
        super().__init__(code)
        self.status, self.code, self.message, self.headers = status, code, message, headers


class _Cut(Exception):
    pass


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "nbprocess-s3"
    disable_nagle_algorithm = True
    wbufsize = 65536
    server_state: S3Server

    def setup(self) -> None:
        super().setup()
        if isinstance(self.request, ssl.SSLSocket):
            self.request.do_handshake()

    def handle_expect_100(self) -> bool:
        self.send_response_only(100)
        self.end_headers()
        self.wfile.flush()  # the client waits for it
        return True

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        self._serve()

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET

    # -- one request -------------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        split = urlsplit(self.path)
        bucket, _, key = unquote(split.path).lstrip("/").partition("/")
        query = {name: values[0] for name, values in parse_qs(split.query, keep_blank_values=True).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = Seen(self.command, bucket, key, query, headers)
        self._cut: int | None = None
        self._corrupt: int | None = None
        self._body_read = False
        try:
            for fault in self.server_state.note(seen):
                self._apply(fault)
            self._authorise(seen)
            self._route(seen)
        except _Refused as refused:
            self._drain(seen)
            self._answer_error(refused, seen)
        except (_Cut, BrokenPipeError, ConnectionResetError, TimeoutError):
            self._hang_up()
        except OSError as error:
            self._answer_error(_Refused(500, "InternalError", str(error)), seen)
            self.close_connection = True
        try:
            self.wfile.flush()
        except (OSError, ValueError):
            self.close_connection = True

    def _apply(self, fault: Fault) -> None:
        if isinstance(fault, Cut):
            if fault.after == 0:
                raise _Cut
            self._cut = fault.after
        elif isinstance(fault, Refuse):
            raise _Refused(fault.status, fault.code, fault.message)
        elif isinstance(fault, Corrupt):
            self._corrupt = fault.at
        else:
            time.sleep(fault.seconds)

    def _authorise(self, seen: Seen) -> None:
        state = self.server_state
        owner = seen.headers.get("x-amz-expected-bucket-owner") or seen.query.get("x-amz-expected-bucket-owner")
        if (owner or state.require_owner) and owner != state.account:
            raise _Refused(403, "AccessDenied", "Access Denied")
        signed = re.search(r"Credential=([^/]+)/\d+/([^/]+)/", seen.headers.get("authorization", ""))
        if signed and state.access_keys is not None and signed[1] not in state.access_keys:
            raise _Refused(400, "ExpiredToken", "The provided token has expired.")
        if signed and signed[2] != state.region:
            raise _Refused(301, "PermanentRedirect", "Another region.", **{"x-amz-bucket-region": state.region})
        creates = seen.method == "PUT" and not seen.key
        if not creates and seen.bucket and not (state.root / seen.bucket).is_dir():
            raise _Refused(404, "NoSuchBucket", "The specified bucket does not exist")

    def _route(self, seen: Seen) -> None:
        method, query = seen.method, seen.query
        if not seen.key:
            if method == "GET" and "location" in query:
                self._answer_xml(f"<LocationConstraint>{self.server_state.region}</LocationConstraint>")
            elif method == "GET" and seen.bucket:
                self._list(seen)
            elif method == "GET":
                names = sorted(path.name for path in self.server_state.root.iterdir())
                day = "<CreationDate>2026-01-01T00:00:00.000Z</CreationDate>"
                buckets = "".join(f"<Bucket><Name>{name}</Name>{day}</Bucket>" for name in names)
                self._answer_xml(f"<ListAllMyBucketsResult><Buckets>{buckets}</Buckets></ListAllMyBucketsResult>")
            elif method == "HEAD":
                self._answer(200, {"x-amz-bucket-region": self.server_state.region})
            elif method == "PUT":
                (self.server_state.root / seen.bucket).mkdir(parents=True, exist_ok=True)
                self._drain(seen)
                self._answer(200, {"Location": f"/{seen.bucket}"})
            elif method == "POST" and "delete" in query:
                self._delete_many(seen)
            else:
                raise _Refused(501, "NotImplemented", f"{method} {self.path}")
        elif method in ("GET", "HEAD"):
            self._get(seen)
        elif method == "PUT" and "x-amz-copy-source" in seen.headers:
            self._copy(seen)
        elif method == "PUT":
            self._put(seen)
        elif method == "DELETE":
            self._delete(seen)
        elif method == "POST" and ("uploads" in query or "uploadId" in query):
            self._multipart(seen)
        else:
            raise _Refused(501, "NotImplemented", f"{method} {self.path}")

    # -- objects -----------------------------------------------------------------------------------------------------

    def _file(self, seen: Seen, key: str | None = None) -> Path:
        key = seen.key if key is None else key
        if any(part in (".", "..") for part in key.split("/")):
            raise _Refused(400, "InvalidArgument", "Keys with . or .. are not supported here")
        return self.server_state.root / seen.bucket / key

    def _get(self, seen: Seen) -> None:
        path = self._file(seen)
        try:
            file = open(path, "rb", buffering=0)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise _Refused(404, "NoSuchKey", "The specified key does not exist.") from None
        with file:
            facts = os.fstat(file.fileno())
            start, end, status = 0, facts.st_size, 200
            wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", seen.headers.get("range", ""))
            headers = {"ETag": _etag(facts), "Last-Modified": formatdate(facts.st_mtime, usegmt=True)}
            headers["Accept-Ranges"] = "bytes"
            if wanted and (wanted[1] or wanted[2]):
                start = int(wanted[1]) if wanted[1] else max(0, end - int(wanted[2]))
                end = min(end, int(wanted[2]) + 1) if wanted[1] and wanted[2] else end
                if start >= facts.st_size:
                    raise _Refused(416, "InvalidRange", "The requested range is not satisfiable")
                status = 206
                headers["Content-Range"] = f"bytes {start}-{end - 1}/{facts.st_size}"
            self._answer(status, headers, length=end - start)
            if seen.method == "GET":
                self._send(file, start, end)

    def _send(self, file: BinaryIO | Any, start: int, end: int) -> None:
        self.wfile.flush()
        plain = self._cut is None and self._corrupt is None and not isinstance(self.request, ssl.SSLSocket)
        if plain and hasattr(os, "sendfile"):
            while start < end:
                sent = os.sendfile(self.request.fileno(), file.fileno(), start, end - start)
                if not sent:
                    raise _Cut
                start += sent
            return
        file.seek(start)
        position = 0
        while start + position < end:
            piece = bytearray(file.read(min(_PIECE, end - start - position)))
            if self._corrupt is not None and position <= self._corrupt < position + len(piece):
                piece[self._corrupt - position] ^= 1
            if self._cut is not None and position + len(piece) > self._cut:
                self.wfile.write(piece[: self._cut - position])
                self.wfile.flush()
                raise _Cut
            self.wfile.write(piece)
            position += len(piece)

    def _put(self, seen: Seen) -> None:
        upload, number = seen.query.get("uploadId"), seen.query.get("partNumber")
        path = self._upload_folder(upload) / f"{int(number or 0):05d}" if upload else self._file(seen)
        if seen.key.endswith("/") and not upload:
            path.mkdir(parents=True, exist_ok=True)
            self._drain(seen)
            self._answer(200, {"ETag": '"0"'})
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name[:80]}.{uuid.uuid4().hex}{_PART}")
        try:
            with open(part, "wb", buffering=0) as file:
                self._receive(seen, file)
            self._store(seen, part, path)
        finally:
            part.unlink(missing_ok=True)
        self._answer(200, {"ETag": _etag(path.stat())})

    def _receive(self, seen: Seen, file: BinaryIO | Any) -> None:
        """The body into ``file``, checked against the SHA-256 that the client gave, if any."""
        wanted = base64.b64decode(seen.headers.get("x-amz-checksum-sha256", "")).hex()
        payload = seen.headers.get("x-amz-content-sha256", "")
        wanted = wanted or (payload if re.fullmatch(r"[0-9a-f]{64}", payload) else "")
        digest = hashlib.sha256() if wanted and self.server_state.check_digests else None
        position = 0
        for piece in self._body(seen):
            if self._corrupt is not None and position <= self._corrupt < position + len(piece):
                piece[self._corrupt - position] ^= 1
            if digest:
                digest.update(piece)
            file.write(piece)
            position += len(piece)
        # Other checksums (CRC64NVME) are taken at their word, which a byte that was flipped here cannot fit.
        named = any(name.startswith(("x-amz-checksum-", "x-amz-trailer")) for name in seen.headers)
        if (digest and digest.hexdigest() != wanted) or (named and self._corrupt is not None):
            raise _Refused(400, "BadDigest", "The checksum you specified did not match what we received.")

    def _store(self, seen: Seen, part: Path, path: Path) -> None:
        with self.server_state.lock:
            if seen.headers.get("if-none-match") == "*" and path.exists():
                raise _Refused(
                    412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold"
                )
            match = seen.headers.get("if-match")
            if match and (not path.exists() or _etag(path.stat()) != match):
                raise _Refused(
                    412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold"
                )
            os.replace(part, path)

    def _copy(self, seen: Seen) -> None:
        owner = seen.headers.get("x-amz-source-expected-bucket-owner")
        if owner not in (None, self.server_state.account):
            raise _Refused(403, "AccessDenied", "Access Denied")
        source = self.server_state.root / unquote(seen.headers["x-amz-copy-source"]).lstrip("/")
        if not source.is_file():
            raise _Refused(404, "NoSuchKey", "The specified key does not exist.")
        upload, number = seen.query.get("uploadId"), seen.query.get("partNumber")
        path = self._upload_folder(upload) / f"{int(number or 0):05d}" if upload else self._file(seen)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name[:80]}.{uuid.uuid4().hex}{_PART}")
        area = re.fullmatch(r"bytes=(\d+)-(\d+)", seen.headers.get("x-amz-copy-source-range", ""))
        if area:
            with open(source, "rb") as whole, open(part, "wb") as piece:
                whole.seek(int(area[1]))
                piece.write(whole.read(int(area[2]) + 1 - int(area[1])))
        else:
            shutil.copyfile(source, part)
        self._store(seen, part, path)
        kind = "CopyPartResult" if upload else "CopyObjectResult"
        self._answer_xml(f"<{kind}><ETag>{escape(_etag(path.stat()))}</ETag></{kind}>")

    def _delete(self, seen: Seen) -> None:
        if "uploadId" in seen.query:
            shutil.rmtree(self._upload_folder(seen.query["uploadId"]), ignore_errors=True)
        else:
            self._remove(seen, seen.key)
        self._answer(204, {})

    def _remove(self, seen: Seen, key: str) -> None:
        path, bucket = self._file(seen, key), self.server_state.root / seen.bucket
        if path.is_dir():
            return
        path.unlink(missing_ok=True)
        for folder in path.parents:
            if folder == bucket or bucket not in folder.parents:
                break
            try:
                folder.rmdir()
            except OSError:
                break  # not empty

    def _delete_many(self, seen: Seen) -> None:
        document = ElementTree.fromstring(b"".join(bytes(piece) for piece in self._body(seen)))
        keys = [element.text or "" for element in document.iter() if element.tag.rpartition("}")[2] == "Key"]
        for key in keys:
            self._remove(seen, key)
        deleted = "".join(f"<Deleted><Key>{escape(key)}</Key></Deleted>" for key in keys)
        self._answer_xml(f"<DeleteResult>{deleted}</DeleteResult>")

    # -- listings and multipart uploads ------------------------------------------------------------------------------

    def _list(self, seen: Seen) -> None:
        query = seen.query
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        after = unquote(query["continuation-token"]) if "continuation-token" in query else query.get("start-after", "")
        limit = min(self.server_state.page, int(query.get("max-keys", "1000")))
        rows: list[str] = []
        folders: list[str] = []
        truncated, last = False, ""
        for key, facts in _walk(self.server_state.root / seen.bucket, prefix):
            rest = key[len(prefix) :]
            folder = prefix + rest[: rest.index(delimiter) + 1] if delimiter and delimiter in rest else ""
            name = folder or key
            if name <= after or (folder and folders and folders[-1] == folder):
                continue
            if len(rows) + len(folders) >= limit:
                truncated = True
                break
            last = name
            if folder:
                folders.append(folder)
                continue
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(facts.st_mtime))
            rows.append(
                f"<Contents><Key>{_xml_key(key, query)}</Key><LastModified>{stamp}</LastModified>"
                f"<ETag>{escape(_etag(facts))}</ETag><Size>{facts.st_size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            )
        more = f"<NextContinuationToken>{quote(last, safe='')}</NextContinuationToken>" if truncated else ""
        encoding = "<EncodingType>url</EncodingType>" if query.get("encoding-type") == "url" else ""
        common = "".join(f"<CommonPrefixes><Prefix>{_xml_key(f, query)}</Prefix></CommonPrefixes>" for f in folders)
        self._answer_xml(
            f"<ListBucketResult><Name>{escape(seen.bucket)}</Name><Prefix>{_xml_key(prefix, query)}</Prefix>{encoding}"
            f"<KeyCount>{len(rows) + len(folders)}</KeyCount><MaxKeys>{limit}</MaxKeys>"
            f"<IsTruncated>{str(truncated).lower()}</IsTruncated>{more}{''.join(rows)}{common}</ListBucketResult>"
        )

    def _upload_folder(self, upload: str | None) -> Path:
        folder = self.server_state.root / ".multipart" / re.sub(r"[^0-9a-z]", "", upload or "")
        if not folder.is_dir():
            raise _Refused(404, "NoSuchUpload", "The specified upload does not exist.")
        return folder

    def _multipart(self, seen: Seen) -> None:
        if "uploads" in seen.query:
            upload = uuid.uuid4().hex
            (self.server_state.root / ".multipart" / upload).mkdir(parents=True)
            self._drain(seen)
            self._answer_xml(
                f"<InitiateMultipartUploadResult><Bucket>{escape(seen.bucket)}</Bucket><Key>{escape(seen.key)}</Key>"
                f"<UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
            )
            return
        folder = self._upload_folder(seen.query["uploadId"])
        document = ElementTree.fromstring(b"".join(bytes(piece) for piece in self._body(seen)))
        numbers = [int(e.text or 0) for e in document.iter() if e.tag.rpartition("}")[2] == "PartNumber"]
        path = self._file(seen)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name[:80]}.{uuid.uuid4().hex}{_PART}")
        parts = [folder / f"{number:05d}" for number in numbers]
        missing = next((piece for piece in parts if not piece.exists()), None)
        if missing is not None:
            raise _Refused(400, "InvalidPart", f"Part {int(missing.name)} was not found.")
        with open(part, "wb", buffering=0) as whole:
            self._join(parts, whole)
        self._store(seen, part, path)
        shutil.rmtree(folder, ignore_errors=True)
        self._answer_xml(
            f"<CompleteMultipartUploadResult><Bucket>{escape(seen.bucket)}</Bucket><Key>{escape(seen.key)}</Key>"
            f"<ETag>{escape(_etag(path.stat()))}</ETag></CompleteMultipartUploadResult>"
        )

    def _join(self, parts: Sequence[Path], whole: BinaryIO | Any) -> None:
        for path in parts:
            with open(path, "rb") as piece:
                shutil.copyfileobj(piece, whole, _PIECE)

    # -- bytes in and out --------------------------------------------------------------------------------------------

    def _body(self, seen: Seen) -> Iterator[memoryview]:
        """The body piece by piece, without the framing of HTTP (chunked) and of S3 (aws-chunked)."""
        self._body_read = True
        source: Any = self.rfile
        if "chunked" in seen.headers.get("transfer-encoding", ""):
            source = io.BufferedReader(_Unchunked(self.rfile), _PIECE)
        if "aws-chunked" in seen.headers.get("content-encoding", ""):
            while size := int(source.readline(8192).partition(b";")[0] or b"0", 16):
                yield from self._pieces(source, size)
                source.readline(8)
            while source.readline(8192).strip():
                pass  # trailing checksums
        elif source is self.rfile:
            yield from self._pieces(source, int(seen.headers.get("content-length") or 0))
        if source is not self.rfile:
            while piece := bytearray(source.read(_PIECE)):
                yield memoryview(piece)

    def _pieces(self, source: Any, rest: int) -> Iterator[memoryview]:
        buffer, position = memoryview(bytearray(min(_PIECE, max(rest, 1)))), 0
        while rest:
            count = source.readinto(buffer[: min(rest, len(buffer))])
            if not count:
                raise _Cut
            rest -= count
            position += count
            if self._cut is not None and position >= self._cut:
                raise _Cut
            yield buffer[:count]

    def _drain(self, seen: Seen) -> None:
        """Read a body that nobody wants, so that the connection can be used again."""
        if not self._body_read:
            for _ in self._body(seen):
                pass

    def _answer(self, status: int, headers: Mapping[str, str], length: int = 0) -> None:
        self.send_response(status)
        self.send_header("x-amz-request-id", "0")
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def _answer_xml(self, xml: str, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        data = f'<?xml version="1.0" encoding="UTF-8"?>\n{xml}'.encode()
        self._answer(status, {"Content-Type": "application/xml", **(headers or {})}, len(data))
        if self.command != "HEAD":
            self.wfile.write(data)

    def _answer_error(self, refused: _Refused, seen: Seen) -> None:
        xml = f"<Error><Code>{refused.code}</Code><Message>{escape(refused.message)}</Message>"
        region = f"<Region>{self.server_state.region}</Region>"
        self._answer_xml(f"{xml}<Key>{escape(seen.key)}</Key>{region}</Error>", refused.status, refused.headers)

    def _hang_up(self) -> None:
        self.close_connection = True
        try:
            self.request.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the other side was faster


class _Unchunked(io.RawIOBase):
    """A body in HTTP's chunked transfer coding, as a plain file."""

    def __init__(self, source: Any) -> None:
        self._source, self._rest, self._ended = source, 0, False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._ended:
            return 0
        if not self._rest:
            self._rest = int(self._source.readline(8192).partition(b";")[0] or b"0", 16)
            if not self._rest:
                self._ended = True
                while self._source.readline(8192).strip():
                    pass  # trailers
                return 0
        count = int(self._source.readinto(memoryview(buffer)[: self._rest]))
        self._rest -= count
        if not self._rest:
            self._source.readline(8)
        return count


def _etag(facts: os.stat_result) -> str:
    return f'"{facts.st_mtime_ns:x}-{facts.st_size:x}"'


def _xml_key(key: str, query: Mapping[str, str]) -> str:
    return quote(key, safe="/") if query.get("encoding-type") == "url" else escape(key)


def _walk(bucket: Path, prefix: str) -> Iterator[tuple[str, os.stat_result]]:
    """Keys of a bucket that start with ``prefix``, in S3's order (that of their UTF-8 bytes)."""
    top = os.path.join(bucket, prefix.rpartition("/")[0])
    found = []
    for folder, _, names in os.walk(top):
        for name in names:
            if name.endswith(_PART):
                continue
            key = os.path.relpath(os.path.join(folder, name), bucket)
            if key.startswith(prefix):
                found.append(key)
    for key in sorted(found, key=lambda name: name.encode()):
        try:
            yield key, os.stat(bucket / key)
        except FileNotFoundError:
            continue
