"""The protocol of a store: a flat map from keys to bytes, the same for a folder and for S3.

May import: ``nbprocess.errors``, the standard library.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol, TypeAlias

from ...errors import StoreError

Buffer: TypeAlias = "bytes | bytearray | memoryview"


class MissingKey(StoreError, LookupError):
    """There is nothing under that key."""


class Entry(NamedTuple):
    """One key: its size in bytes and when it was last written (POSIX seconds of the store's clock)."""

    key: str
    size: int
    modified: float


class Store(Protocol):
    """Keys are relative, with ``/`` between their parts.

    Every method raises StoreError when the store cannot be read or written; a write is whole or did not happen.
    """

    @property
    def uri(self) -> str:
        """``s3://bucket`` or ``s3://bucket/prefix``, without a slash at the end."""

    def put(self, key: str, data: Buffer | Path) -> None:
        """Write or replace ``key``. A ``Path`` is a file whose content is taken."""

    def put_new(self, key: str, data: Buffer) -> bool:
        """Write ``key`` unless it is there already (one atomic step); whether it was written."""

    def copy(self, source: str, target: str) -> None:
        """Write or replace ``target`` with what ``source`` holds; nothing passes through here. Raises MissingKey."""

    def get(self, key: str) -> bytes:
        """All bytes of ``key``. Raises MissingKey."""

    def read_into(self, key: str, buffer: bytearray | memoryview, offset: int = 0) -> int:
        """Fill ``buffer`` from byte ``offset`` of ``key``; the number of bytes read. Raises MissingKey."""

    def exists(self, key: str) -> bool:
        """Whether ``key`` is there."""

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """Keys that start with ``prefix`` and their sizes in bytes, in no order, read page by page."""

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        """As ``list``, with the time of the last write."""

    def delete(self, key: str) -> None:
        """Remove ``key``; no error when it is not there."""

    def url(self, key: str) -> str:
        """The ``s3://`` URI of ``key``."""

    def path(self, key: str) -> Path | None:
        """The file of ``key`` where the store is a folder of this machine, else None."""


def check_key(key: str) -> str:
    """The key itself when it is one that a store may hold.

    Raises:
        ValueError: it is absolute, has an empty part, or would leave the store.
    """
    if not key or any(part in ("", ".", "..") for part in key.split("/")) or "\0" in key or "\\" in key:
        raise ValueError(f"{key!r} is no key of a store: it must be relative, without empty parts, '.' or '..'")
    return key


def byte_view(data: Buffer) -> memoryview:
    """The bytes of ``data`` as a flat view, without a copy."""
    view = memoryview(data)
    return view if view.format == "B" and view.ndim == 1 else view.cast("B")
