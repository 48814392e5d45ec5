"""The two clients that move bytes to and from S3, behind one small face.

May import: ``direct``, the standard library; the clients are given to them. Errors are theirs; ``code`` names them in
S3's words.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from .direct import DirectReader, Refused, Unsupported

Page = list[tuple[str, int, float]]

_CUTS = 5
_PART = 8 * 1024 * 1024
_WHOLE_COPY = 1 << 30  # CopyObject takes up to 5 GB in one call
_CODE = re.compile(r"<Code>([A-Za-z0-9.]+)</Code>")


class Transfer(Protocol):
    """Calls on one bucket. ``name`` is the whole key."""

    def put(self, name: str, data: memoryview) -> None: ...
    def put_file(self, name: str, path: Path) -> None: ...
    def put_new(self, name: str, data: memoryview) -> bool: ...
    def copy(self, source: str, target: str) -> None: ...
    def get(self, name: str) -> bytes: ...
    def read_into(self, name: str, buffer: memoryview, offset: int) -> int: ...
    def exists(self, name: str) -> bool: ...
    def entries(self, prefix: str) -> Iterator[Page]: ...
    def delete(self, name: str) -> None: ...
    def code(self, error: BaseException) -> str:
        """S3's code of an error, or the name of its type."""


class _View(io.RawIOBase):
    """A file over a view: boto3 takes no memoryview, and ``BytesIO`` would copy it."""

    def __init__(self, view: memoryview) -> None:
        self._view, self._at = view, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, len(self._view))[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def __len__(self) -> int:
        return len(self._view)

    def readinto(self, buffer: Any) -> int:
        piece = self._view[self._at : self._at + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


class Boto3Transfer:
    """Through boto3's client: where obstore is not installed."""

    def __init__(
        self, client: Any, bucket: str, owner: dict[str, str], kms_key: str | None, direct: DirectReader | None = None
    ) -> None:
        self._client, self._bucket, self._direct = client, bucket, direct
        self._at: dict[str, Any] = {"Bucket": bucket, **owner}
        self._write: dict[str, Any] = dict(self._at)
        if kms_key:
            self._write |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key, "BucketKeyEnabled": True}

    def put(self, name: str, data: memoryview) -> None:
        self._client.put_object(Key=name, Body=_View(data), ContentLength=len(data), **self._write)

    def put_file(self, name: str, path: Path) -> None:
        from boto3.s3.transfer import TransferConfig

        extra = {key: value for key, value in self._write.items() if key != "Bucket"}
        config = TransferConfig(multipart_threshold=_PART, multipart_chunksize=_PART, max_concurrency=4)
        self._client.upload_file(str(path), self._bucket, name, ExtraArgs=extra, Config=config)

    def put_new(self, name: str, data: memoryview) -> bool:
        try:
            self._client.put_object(Key=name, Body=_View(data), ContentLength=len(data), IfNoneMatch="*", **self._write)
        except self._client.exceptions.ClientError as error:
            if self.code(error) in ("PreconditionFailed", "412"):
                return False
            raise
        return True

    def copy(self, source: str, target: str) -> None:
        size = self._client.head_object(Key=source, **self._at)["ContentLength"]
        place = {"CopySource": {"Bucket": self._bucket, "Key": source}}
        owner = self._at.get("ExpectedBucketOwner")
        if owner:
            place["ExpectedSourceBucketOwner"] = owner
        if size <= _WHOLE_COPY:
            self._client.copy_object(Key=target, **place, **self._write)
            return
        upload = self._client.create_multipart_upload(Key=target, **self._write)["UploadId"]
        at = {"Key": target, "UploadId": upload, **self._at}
        try:
            parts = []
            for number, start in enumerate(range(0, size, _WHOLE_COPY), 1):
                area = f"bytes={start}-{min(start + _WHOLE_COPY, size) - 1}"
                done = self._client.upload_part_copy(PartNumber=number, CopySourceRange=area, **place, **at)
                parts.append({"PartNumber": number, "ETag": done["CopyPartResult"]["ETag"]})
            self._client.complete_multipart_upload(MultipartUpload={"Parts": parts}, **at)
        except BaseException:
            self._client.abort_multipart_upload(**at)
            raise

    def get(self, name: str) -> bytes:
        data: bytes = self._client.get_object(Key=name, **self._at)["Body"].read()
        return data

    def read_into(self, name: str, buffer: memoryview, offset: int) -> int:
        if self._direct is not None:
            try:
                return self._direct.read_into(name, buffer, offset)
            except Unsupported:
                self._direct = None  # something between us and S3 speaks HTTP in its own way: the client's own reader
        return self._read_through_client(name, buffer, offset)

    def _read_through_client(self, name: str, buffer: memoryview, offset: int) -> int:
        from botocore.exceptions import HTTPClientError, IncompleteReadError

        done, cuts = 0, 0
        while done < len(buffer):
            at = offset + done
            area = {"Range": f"bytes={at}-{offset + len(buffer) - 1}"} if at else {}
            body = self._client.get_object(Key=name, **area, **self._at)["Body"]
            try:
                while done < len(buffer):
                    piece = body.read(min(1 << 20, len(buffer) - done))
                    if not piece:
                        return done
                    buffer[done : done + len(piece)] = piece
                    done += len(piece)
            except (HTTPClientError, IncompleteReadError):
                cuts += 1  # boto3 retries requests, but not their bodies: go on where the connection broke
                if cuts == _CUTS:
                    raise
            finally:
                body.close()
        return done

    def exists(self, name: str) -> bool:
        try:
            self._client.head_object(Key=name, **self._at)
        except self._client.exceptions.ClientError as error:
            if self.code(error) in ("404", "NoSuchKey"):
                return False
            raise
        return True

    def entries(self, prefix: str) -> Iterator[Page]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Prefix=prefix, **self._at)
        for page in pages:
            yield [(i["Key"], i["Size"], i["LastModified"].timestamp()) for i in page.get("Contents", [])]

    def delete(self, name: str) -> None:
        self._client.delete_object(Key=name, **self._at)

    @staticmethod
    def error_code(error: BaseException) -> str:
        """S3's code of an error, or the name of its type."""
        if isinstance(error, Refused):
            return error.code
        response = getattr(error, "response", None) or {}
        return str(response.get("Error", {}).get("Code") or type(error).__name__)

    def code(self, error: BaseException) -> str:
        code = self.error_code(error)
        return "NoSuchKey" if code in ("404", "NoSuchKey") else code


class ObstoreTransfer(Boto3Transfer):
    """Puts and small gets through obstore: Rust, no copy on the way out.

    The rest goes through boto3: obstore sends its default headers with listings too, but does not sign them there
    (obstore 0.12), and S3 refuses requests with unsigned ``x-amz-`` headers.
    """

    def __init__(self, store: Any, obstore: Any, through_boto3: Boto3Transfer) -> None:
        self.__dict__.update(through_boto3.__dict__)
        self._store, self._obstore = store, obstore
        self._exceptions = obstore.exceptions

    def put(self, name: str, data: memoryview) -> None:
        self._obstore.put(self._store, name, data, use_multipart=False)

    def put_file(self, name: str, path: Path) -> None:
        self._obstore.put(self._store, name, path, chunk_size=_PART, max_concurrency=4)

    def put_new(self, name: str, data: memoryview) -> bool:
        try:
            self._obstore.put(self._store, name, data, mode="create")
        except (self._exceptions.AlreadyExistsError, self._exceptions.PreconditionError):
            return False
        return True

    def get(self, name: str) -> bytes:
        return bytes(self._obstore.get(self._store, name).bytes())

    def _read_through_client(self, name: str, buffer: memoryview, offset: int) -> int:
        if offset:
            data = memoryview(self._obstore.get_range(self._store, name, start=offset, length=len(buffer)))
            buffer[: len(data)] = data
            return len(data)
        done = 0
        for piece in self._obstore.get(self._store, name).stream(min_chunk_size=1 << 20):
            view = memoryview(piece)
            room = len(buffer) - done
            buffer[done : done + len(view)] = view[:room]
            done += min(len(view), room)
            if len(view) > room:
                break  # the object is longer than it should be; the digest of what is asked for decides
        return done

    def code(self, error: BaseException) -> str:
        if isinstance(error, Refused):
            return super().code(error)
        found = _CODE.search(str(error))
        if found:
            return found[1]
        if isinstance(error, FileNotFoundError):
            return "NoSuchKey"
        if isinstance(error, self._exceptions.PermissionDeniedError):
            return "AccessDenied"
        return super().code(error)
