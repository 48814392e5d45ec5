"""Chunked, content-addressed blobs → buffers: read straight into their final place, every chunk checked.

May import: ``nbprocess.errors``, ``chunks``, the stores, ``nbprocess.worker.packing``, the standard library.
"""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import os
import threading
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import NamedTuple

from ..errors import IntegrityError
from ..worker import packing
from .chunks import CHUNK, Blob, Progress, check_blob, connections
from .stores import Buffer, Store

_AT_ONCE = 64 * 1024
"""What is smaller and on this machine is read sooner than a thread would begin to."""


class _Part(NamedTuple):
    digest: str
    codec: str
    view: memoryview


class BlobReader:
    """Reads blobs straight into their final buffer and checks every chunk.

    Args:
        store: where from.
        prefix: folder of the blobs in the store.
        progress: called after every chunk.
        threads: how many chunks are read at once.
    """

    def __init__(
        self, store: Store, prefix: str = "blobs", *, progress: Progress | None = None, threads: int | None = None
    ) -> None:
        self._store, self._prefix, self._progress = store, prefix, progress
        self._near = store.path("x") is not None
        self._threads = threads or (min(4, (os.cpu_count() or 1) + 1) if self._near else connections(32))
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._ahead: dict[tuple[str, ...], list[tuple[memoryview, list[Future[None]]]]] = {}
        self.read_bytes = 0
        """Bytes read so far."""
        self.total_bytes = 0
        """Bytes of all blobs asked for so far."""

    def get(self, blob: Blob, what: str = "") -> Buffer:
        """The bytes of ``blob`` in one writable buffer.

        Raises:
            IntegrityError: the blob's list is malformed, or a chunk does not have its digest, twice.
            MissingKey: a chunk is not in the store.
        """
        _, chunks = check_blob(blob)
        with self._lock:
            waiting = self._ahead.get(tuple(chunks))
            ahead = waiting.pop() if waiting else None
        if ahead is None and len(chunks) < 2:
            buffer, parts = self._lay_out(blob)
            for part in parts:
                self._read(part, what)
            return buffer
        buffer, tasks = ahead or self._start(blob, what)
        try:
            for task in tasks:
                task.result()
        except BaseException:
            for task in tasks:
                task.cancel()
            wait(tasks)  # none of them writes into the buffer after this
            raise
        return buffer

    def prefetch(self, blobs: Iterable[Blob], what: str = "") -> None:
        """Start to read ``blobs`` in parallel; ``get`` then waits for its own.

        Their buffers are the ones that ``get`` returns, so this takes no more memory than the values do.

        Raises:
            IntegrityError: a blob's description is malformed.
        """
        for blob in blobs:
            size, chunks = check_blob(blob)
            if self._near and size < _AT_ONCE:
                continue
            started = self._start(blob, what)
            with self._lock:
                self._ahead.setdefault(tuple(chunks), []).append(started)

    def _lay_out(self, blob: Blob) -> tuple[memoryview, list[_Part]]:
        buffer = _allocate(blob["size"])
        with self._lock:
            self.total_bytes += blob["size"]
        names, codecs = blob["chunks"], blob.get("codecs") or [""] * len(blob["chunks"])
        pieces = (buffer[start : start + CHUNK] for start in range(0, len(buffer), CHUNK))
        return buffer, [_Part(*part) for part in zip(names, codecs, pieces, strict=True)]

    def _start(self, blob: Blob, what: str) -> tuple[memoryview, list[Future[None]]]:
        buffer, parts = self._lay_out(blob)
        with self._lock:
            if self._pool is None:
                # Its threads end when this reader is let go of.
                self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="nbprocess-blobs")
            pool = self._pool
        return buffer, [pool.submit(self._read, part, what) for part in parts]

    def _read(self, part: _Part, what: str) -> None:
        digest, codec, view = part
        key = f"{self._prefix}/{digest}"
        need = f" (needed for {what})" if what else ""
        # What is packed is shorter than what it stands for, and is verified before it is unpacked.
        target = memoryview(bytearray(len(view))) if codec else view
        found = ""
        for _ in range(2):  # a fault on the way is fetched again once; one in the store stays and is refused
            count = self._store.read_into(key, target)
            found = hashlib.sha256(target[:count]).hexdigest()
            if (codec or count == len(view)) and found == digest:
                break
        else:
            raise IntegrityError(
                f"{self._store.url(key)} is damaged or was tampered with{need}: it should have "
                f"{digest}, but {count} bytes with {found} were read, twice. Nothing of it was used. Delete that "
                "object and run the cell again."
            )
        if codec:
            try:
                view[:] = packing.unpack(codec, target[:count], len(view))
            except packing.Damaged as error:
                raise IntegrityError(f"{self._store.url(key)} cannot be used{need}: {error}.") from error
        with self._lock:
            self.read_bytes += len(view)
            done, total = self.read_bytes, self.total_bytes
        if self._progress is not None:
            self._progress(done, total, what)


def _allocate(size: int) -> memoryview:
    """``size`` writable bytes. Large ones come from the kernel, which zeroes a page only when it is first touched.

    They are private: a process that the notebook forks changes its own copy, as with any other memory, and only
    private memory gets huge pages.
    """
    if size < 1 << 20 or not hasattr(mmap, "MAP_PRIVATE"):
        return memoryview(bytearray(size))
    area = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):  # a kernel without huge pages: only slower
            area.madvise(mmap.MADV_HUGEPAGE)
    return memoryview(area)
