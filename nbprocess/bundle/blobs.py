"""Buffers ↔ chunked, content-addressed blobs: every chunk is named by its SHA-256 and checked when it is read.

May import: ``nbprocess.errors``, the stores, the standard library; ``xxhash`` where it is installed.
"""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import os
import pickle
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..errors import IntegrityError, StoreError
from .known import presence, recognition
from .stores import Buffer, MissingKey, Store

Blob = dict[str, Any]
"""``{"size": bytes, "chunks": ["<sha256>", ...]}``: chunks of CHUNK bytes, the last one shorter."""

CHUNK = 4 * 1024 * 1024
"""Bytes of a chunk. The worker has the same figure; a test compares the two."""

Progress = Callable[[int, int, str], None]
"""``progress(done bytes, total bytes so far, what)``; called from several threads."""


def byte_view(buffer: Any) -> memoryview:
    """The bytes of any contiguous buffer (C or Fortran order), flat, without a copy."""
    if isinstance(buffer, pickle.PickleBuffer):
        return buffer.raw()
    view = memoryview(buffer)
    if view.format == "B" and view.ndim == 1 and view.contiguous:
        return view
    return pickle.PickleBuffer(view).raw()


def chunk_sizes(blob: Blob) -> Iterator[tuple[str, int]]:
    """Digest and size of every chunk of ``blob``, in order."""
    rest = blob["size"]
    for digest in blob["chunks"]:
        yield digest, min(CHUNK, rest)
        rest -= CHUNK


class _Named(NamedTuple):
    digest: str
    fingerprint: bytes | None
    new: bool


@dataclass
class _Chunk:
    view: memoryview
    what: str
    named: Future[_Named] = field(default_factory=Future)


class BlobWriter:
    """Writes buffers as blobs: hashed and sent in parallel, only what is missing, memory bounded by a few chunks.

    ``put`` returns when the names of all chunks are known; sending goes on behind it. Use it as a context manager (or
    call ``finish``): only then everything is in the store. What is hashed is a private copy of one chunk, and that copy
    is what is sent, so a name can never stand for other bytes.

    Args:
        store: where to.
        prefix: folder of the blobs in the store.
        progress: called after every chunk.
        threads: how many chunks are worked on at once (memory: that many times 4 MiB).
    """

    def __init__(
        self, store: Store, prefix: str = "blobs", *, progress: Progress | None = None, threads: int | None = None
    ) -> None:
        self._store, self._prefix, self._progress = store, prefix, progress
        self._near = store.path("x") is not None
        count = threads or (min(4, os.cpu_count() or 1) if self._near else 8)
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="nbprocess-blobs")
        self._scratch: queue.SimpleQueue[bytearray] = queue.SimpleQueue()
        self._slots = threading.Semaphore(count * 2)
        self._present = presence(store, prefix)
        self._recognise = recognition()
        self._lock = threading.Lock()
        self._claimed: set[str] = set()
        self._pending: set[Future[None]] = set()
        self._error: BaseException | None = None
        self.new_bytes = 0
        """Bytes that were written because the store did not have them."""
        self.reused_bytes = 0
        """Bytes that the store had already (or that this writer wrote before)."""
        self.total_bytes = 0
        """Bytes of all buffers put so far."""

    def put(self, buffer: Any, what: str = "") -> Blob:
        """Write ``buffer`` (anything with the buffer protocol) and return its blob. ``what`` names it in the progress.

        Raises:
            StoreError: it could not be written, or it was changed by another thread meanwhile.
        """
        self._raise()
        view = byte_view(buffer)
        with self._lock:
            self.total_bytes += len(view)
        chunks = [_Chunk(view[start : start + CHUNK], what) for start in range(0, len(view), CHUNK)]
        for chunk in chunks:
            self._slots.acquire()
            task = self._pool.submit(self._work, chunk)
            with self._lock:
                self._pending.add(task)
            task.add_done_callback(self._done)
        names = [chunk.named.result() for chunk in chunks]
        if len(chunks) > 1 and any(name.new for name in names):
            self._check_unchanged(chunks, names, what)
        return {"size": len(view), "chunks": [name.digest for name in names]}

    def finish(self) -> None:
        """Wait until everything is in the store; raise the first error."""
        while True:
            with self._lock:
                waiting = list(self._pending)
            if not waiting:
                break
            for task in waiting:
                with contextlib.suppress(BaseException):  # kept in _error by _done, raised below
                    task.result()
        self._raise()

    def close(self) -> None:
        """Give the threads back. What is still being sent is given up."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> BlobWriter:
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        try:
            if kind is None:
                self.finish()
        finally:
            self.close()

    def _work(self, chunk: _Chunk) -> None:
        try:
            fingerprint = self._recognise.fingerprint(chunk.view)
            known = self._recognise.name(fingerprint)
            size = len(chunk.view)
            if known is not None and not self._claim(known, size):
                chunk.named.set_result(_Named(known, fingerprint, False))
                self._count(size, new=False, what=chunk.what)
                return
            if known is not None:
                self._unclaim(known)  # recognised, but the store lacks it: what goes there is hashed in full
            scratch = self._take_scratch()
            try:
                private = memoryview(scratch)[:size]
                private[:] = chunk.view
                digest = hashlib.sha256(private).hexdigest()
                fingerprint = self._recognise.fingerprint(private)
                self._recognise.learn(fingerprint, digest)
                new = self._claim(digest, size)
                chunk.named.set_result(_Named(digest, fingerprint, new))
                if new:
                    self._write(digest, private)
                self._count(size, new=new, what=chunk.what)
            finally:
                self._scratch.put(scratch)
        except BaseException as error:
            if not chunk.named.done():
                chunk.named.set_exception(error)
            raise

    def _claim(self, digest: str, size: int) -> bool:
        """Whether the caller has to write this chunk: the store lacks it and no other thread of this writer took it."""
        with self._lock:
            if digest in self._claimed:
                return False
            self._claimed.add(digest)
        return not self._present.has(digest, size)

    def _unclaim(self, digest: str) -> None:
        with self._lock:
            self._claimed.discard(digest)

    def _write(self, digest: str, data: memoryview) -> None:
        self._store.put(f"{self._prefix}/{digest}", data)
        self._present.add(digest)

    def _count(self, size: int, *, new: bool, what: str) -> None:
        with self._lock:
            if new:
                self.new_bytes += size
            else:
                self.reused_bytes += size
            done, total = self.new_bytes + self.reused_bytes, self.total_bytes
        if self._progress is not None:
            self._progress(done, total, what)

    def _take_scratch(self) -> bytearray:
        try:
            return self._scratch.get_nowait()
        except queue.Empty:
            return bytearray(CHUNK)

    def _done(self, task: Future[None]) -> None:
        self._slots.release()
        error = None if task.cancelled() else task.exception()
        with self._lock:
            self._pending.discard(task)
            if error is not None and self._error is None:
                self._error = error

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _check_unchanged(self, chunks: list[_Chunk], names: list[_Named], what: str) -> None:
        """Sending took a while: is the buffer still what the first chunks were taken from? One pass at memory speed."""
        for chunk, name in zip(chunks, names, strict=True):
            if name.fingerprint is not None and self._recognise.fingerprint(chunk.view) != name.fingerprint:
                raise StoreError(
                    f"{what or 'A value'} was changed by another thread while it was being sent, so what was sent is "
                    "no consistent copy. Stop that thread, or send a copy of the value."
                )


class CountingWriter(BlobWriter):
    """A BlobWriter that writes nothing: for the plan of a dry run. ``new_bytes`` is what would be sent."""

    def _write(self, digest: str, data: memoryview) -> None:
        """Count only."""


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
        self._threads = threads or (min(4, os.cpu_count() or 1) if store.path("x") is not None else 8)
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
            for digest, view in parts:
                self._read(digest, view, what)
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
        """Start to read ``blobs`` in parallel; ``get`` then waits for its own. For many small ones in a far store.

        Their buffers are the ones that ``get`` returns, so this takes no more memory than the values do.

        Raises:
            IntegrityError: a blob's description is malformed.
        """
        for blob in blobs:
            _, chunks = check_blob(blob)
            started = self._start(blob, what)
            with self._lock:
                self._ahead.setdefault(tuple(chunks), []).append(started)

    def _lay_out(self, blob: Blob) -> tuple[memoryview, list[tuple[str, memoryview]]]:
        buffer = _allocate(blob["size"])
        with self._lock:
            self.total_bytes += blob["size"]
        return buffer, [(name, buffer[n * CHUNK : (n + 1) * CHUNK]) for n, name in enumerate(blob["chunks"])]

    def _start(self, blob: Blob, what: str) -> tuple[memoryview, list[Future[None]]]:
        buffer, parts = self._lay_out(blob)
        with self._lock:
            if self._pool is None:
                # Its threads end when this reader is let go of.
                self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="nbprocess-blobs")
            pool = self._pool
        return buffer, [pool.submit(self._read, digest, view, what) for digest, view in parts]

    def _read(self, digest: str, view: memoryview, what: str) -> None:
        key = f"{self._prefix}/{digest}"
        found = ""
        for _ in range(2):  # a fault on the way is fetched again once; one in the store stays and is refused
            count = self._store.read_into(key, view)
            found = hashlib.sha256(view[:count]).hexdigest()
            if count == len(view) and found == digest:
                break
        else:
            need = f" (needed for {what})" if what else ""
            raise IntegrityError(
                f"{self._store.url(key)} is damaged or was tampered with{need}: it should have "
                f"{digest}, but {count} bytes with {found} were read, twice. Nothing of it was used. Delete that "
                "object and run the cell again."
            )
        with self._lock:
            self.read_bytes += len(view)
            done, total = self.read_bytes, self.total_bytes
        if self._progress is not None:
            self._progress(done, total, what)


def check_blob(blob: Any) -> tuple[int, list[str]]:
    """Size and chunk names of a blob that came from outside.

    Raises:
        IntegrityError: it is not of the shape of a blob, or its size does not fit its number of chunks.
    """
    size = blob.get("size") if isinstance(blob, dict) else None
    chunks = blob.get("chunks") if isinstance(blob, dict) else None
    if (
        not isinstance(size, int)
        or not isinstance(chunks, list)
        or size < 0
        or len(chunks) != -(-size // CHUNK)
        or not all(
            isinstance(name, str) and len(name) == 64 and set(name) <= set("0123456789abcdef") for name in chunks
        )
    ):
        raise IntegrityError(f"A blob's description is malformed: {str(blob)[:200]}")
    return size, chunks


def _allocate(size: int) -> memoryview:
    """``size`` writable bytes. Large ones come from the kernel, which zeroes a page only when it is first touched."""
    if size < 1 << 20:
        return memoryview(bytearray(size))
    area = mmap.mmap(-1, size)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):  # a kernel without huge pages: only slower
            area.madvise(mmap.MADV_HUGEPAGE)
    return memoryview(area)


def missing_chunks(store: Store, blobs: Iterable[Blob], prefix: str = "blobs") -> list[str]:
    """Digests of the chunks of ``blobs`` that are not in the store."""
    present = presence(store, prefix)
    wanted = {digest: size for blob in blobs for digest, size in chunk_sizes(blob)}
    return [digest for digest, size in wanted.items() if not present.has(digest, size)]


__all__ = [
    "CHUNK",
    "Blob",
    "BlobReader",
    "BlobWriter",
    "CountingWriter",
    "MissingKey",
    "check_blob",
    "chunk_sizes",
    "missing_chunks",
]
