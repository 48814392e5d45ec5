"""The local object store as an instance sees it: URIs to files, and files to URIs.

May import: ``nbprocess.errors``, the standard library.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import shutil
from pathlib import Path
from typing import NamedTuple, Protocol

from ...errors import BackendError

_FICLONE = 0x40049409
_PART = ".nbprocess-part"
_BLOB = re.compile(r"/blobs/[0-9a-f]{64}\Z")


class Object(NamedTuple):
    """One object: its key, and the file that holds its content."""

    key: str
    path: str


class Objects(Protocol):
    """What an instance needs of an object store."""

    def resolve(self, uri: str) -> list[Object]:
        """Objects whose key starts with that of ``uri``, sorted by key. Raises BackendError."""

    def exact(self, uri: str) -> Object | None:
        """The object at ``uri``."""

    def put(self, uri: str, path: str, done: bool = False) -> None:
        """Store the content of a file under ``uri``, whole or not at all; ``done``: nobody writes it any more.

        Raises:
            OSError: disk full, no permission.
        """

    def immutable(self, path: str) -> bool:
        """Whether that object never changes, so that a job may be given the file itself to read."""

    def spec(self) -> list[str]:
        """Module, class and argument from which the instance's process makes the same view."""


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an ``s3://`` URI.

    Raises:
        BackendError: it is no such URI, or its key would leave the store.
    """
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket or bucket in (".", ".."):
        reason = "the local backend reads s3:// URIs only" if scheme == "https" else "it is no s3://bucket/key"
        raise BackendError(f"{uri}: {reason}. Give it as s3://bucket/key, or as a path of this machine.")
    if any(part in (".", "..") for part in key.split("/")) or "\0" in key:
        raise BackendError(f"{uri}: a key with '.' or '..' as a part cannot be kept in a folder. Rename the object.")
    return bucket, key


class Buckets:
    """``s3://bucket/key`` is the file ``<root>/bucket/key``."""

    def __init__(self, root: str) -> None:
        self.root = root

    def spec(self) -> list[str]:
        """What another process makes the same view from: module, class, argument."""
        return [__name__, type(self).__name__, self.root]

    def exact(self, uri: str) -> Object | None:
        """The object at ``uri``."""
        bucket, key = split_uri(uri)
        path = f"{self.root}/{bucket}/{key}"
        return Object(key, path) if key and not key.endswith("/") and os.path.isfile(path) else None

    def resolve(self, uri: str) -> list[Object]:
        """Objects whose key starts with that of ``uri``: a plain prefix, as S3 has it."""
        bucket, key = split_uri(uri)
        base = f"{self.root}/{bucket}"
        if not os.path.isdir(base):
            raise BackendError(f"{uri}: there is no bucket {bucket!r} in {self.root}. Check the name.")
        found = []
        waiting = [key.rpartition("/")[0]]
        while waiting:
            folder = waiting.pop()
            try:
                entries = list(os.scandir(f"{base}/{folder}"))
            except (FileNotFoundError, NotADirectoryError):
                continue
            for entry in entries:
                name = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_dir(follow_symlinks=False):
                    if f"{name}/".startswith(key) or key.startswith(f"{name}/"):
                        waiting.append(name)
                elif name.startswith(key) and not entry.name.endswith(_PART):
                    found.append(Object(name, entry.path))
        return sorted(found)

    def put(self, uri: str, path: str, done: bool = False) -> None:
        """Store a file's content by a rename; a file that nobody writes any more is linked, not copied."""
        bucket, key = split_uri(uri)
        target = f"{self.root}/{bucket}/{key}"
        os.makedirs(os.path.dirname(target), exist_ok=True)
        part = f"{os.path.dirname(target)}/.{os.path.basename(target)[:80]}.{os.getpid()}{_PART}"
        try:
            linked = False
            if done and not os.path.islink(path) and os.stat(path).st_nlink == 1:
                try:
                    os.link(path, part)
                    linked = True
                except OSError:
                    pass  # another file system: copy
            if not linked:
                copy(path, part)
            os.replace(part, target)
        except OSError:
            try:
                os.unlink(part)
            except OSError:
                pass  # it was never made; the first error is the one that counts
            raise

    def immutable(self, path: str) -> bool:
        """Blobs are named by their digest and checked by whoever reads them."""
        return _BLOB.search(path) is not None


def copy(source: str, target: str) -> None:
    """Copy a file by shared extents where the file system can, else bytes. Does not follow a symlink."""
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb", buffering=0) as file, open(_fresh(target), "xb", buffering=0) as out:
        try:
            fcntl.ioctl(out.fileno(), _FICLONE, file.fileno())
        except OSError:  # another file system, or one that cannot share extents
            shutil.copyfileobj(file, out, 1 << 20)


def _fresh(target: str) -> str:
    """``target``, with nothing in its place: what stands there may be a link to a file of the store."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(target)
    return target


def read_manifest(objects: Objects, uri: str) -> list[tuple[str, str]]:
    """(URI, relative path) of each object that a ManifestFile names.

    Raises:
        BackendError: it is not there or not in the documented form.
    """
    found = objects.exact(uri)
    if found is None:
        raise BackendError(f"{uri}: there is no such ManifestFile. Check the URI.")
    try:
        entries = json.loads(Path(found.path).read_bytes())
        prefix, names = entries[0]["prefix"], entries[1:]
        if not all(isinstance(name, str) for name in [prefix, *names]):
            raise TypeError
    except (ValueError, LookupError, TypeError):
        raise BackendError(
            f'{uri}: not a ManifestFile. It must be JSON: [{{"prefix": "s3://bucket/prefix/"}}, "key", ...].'
        ) from None
    return [(prefix + name, name) for name in names]


def is_full(error: OSError) -> bool:
    """Whether the disk or the quota is used up."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)
