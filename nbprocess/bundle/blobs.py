"""Buffers → chunked, content-addressed blobs: every chunk is named by the SHA-256 of what is stored.

May import: ``nbprocess.errors``, ``chunks``, ``known``, the stores, ``nbprocess.worker.packing``, the standard library.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import queue
import threading
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..errors import StoreError
from ..worker import packing
from .chunks import CHUNK, Blob, Progress, byte_view, check_blob, chunk_sizes, connections
from .known import Name, Recognised, link, presence, recognition
from .reading import BlobReader
from .stores import Store


class _Named(NamedTuple):
    name: Name
    fingerprint: bytes | None
    new: bool


@dataclass
class _Chunk:
    view: memoryview
    what: str
    named: Future[_Named] = field(default_factory=Future)


class Begun:
    """A buffer that is being written."""

    def __init__(self, chunks: list[_Chunk], recognise: Recognised, pool: ThreadPoolExecutor) -> None:
        self._chunks, self._recognise, self._pool = chunks, recognise, pool

    def wait(self) -> None:
        """Until the names of all chunks are known, and what is sent is a copy.

        Raises:
            StoreError: it could not be written.
        """
        for chunk in self._chunks:
            chunk.named.result()

    def blob(self) -> Blob:
        """The blob; compares what was sent with what the buffer holds now, in one pass at memory speed.

        Raises:
            StoreError: it could not be written, or was changed by another thread meanwhile.
        """
        found = [chunk.named.result() for chunk in self._chunks]
        if any(named.new for named in found):
            each = self._pool.map if len(found) > 1 else map
            if not all(each(self._as_sent, self._chunks)):
                raise StoreError(
                    f"{self._chunks[0].what or 'A value'} was changed by another thread while it was being sent, so "
                    "what was sent is no consistent copy. Stop that thread, or send a copy of the value."
                )
        blob: Blob = {
            "size": sum(len(chunk.view) for chunk in self._chunks),
            "chunks": [named.name.digest for named in found],
        }
        if any(named.name.codec for named in found):
            blob["codecs"] = [named.name.codec for named in found]
        return blob

    def _as_sent(self, chunk: _Chunk) -> bool:
        return chunk.named.result().fingerprint in (None, self._recognise.fingerprint(chunk.view))


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
        codec: what the reading end can unpack ("zlib", "zstd"; "": nothing). Used for chunks that get shorter by it
            when the link to the store is measured to be slow enough; never for a store on this machine.
    """

    _sends = True

    def __init__(
        self,
        store: Store,
        prefix: str = "blobs",
        *,
        progress: Progress | None = None,
        threads: int | None = None,
        codec: str = "",
    ) -> None:
        self._store, self._prefix, self._progress = store, prefix, progress
        self._near = store.path("x") is not None
        count = threads or (min(4, os.cpu_count() or 1) if self._near else connections(14))
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="nbprocess-blobs")
        self._scratch: queue.SimpleQueue[bytearray] = queue.SimpleQueue()
        self._slots = threading.Semaphore(count * 2)
        self._codec, self._link = "" if self._near else codec, link(store)
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
        self.stored_bytes = 0
        """Bytes that went to the store: ``new_bytes``, less what packing saved."""
        self.total_bytes = 0
        """Bytes of all buffers put so far."""

    @property
    def packs(self) -> bool:
        """Whether the link was found to be slow enough for packing."""
        return bool(self._codec) and self._link.rate is not None and self._link.slow(self._codec)

    def put(self, buffer: Any, what: str = "") -> Blob:
        """Write ``buffer`` (anything with the buffer protocol) and return its blob. ``what`` names it in the progress.

        Raises:
            StoreError: it could not be written, or it was changed by another thread meanwhile.
        """
        return self.begin(buffer, what).blob()

    def put_all(self, buffers: Iterable[tuple[Any, str]]) -> list[Blob]:
        """Write buffers that belong together: (buffer, what) pairs. They are of one moment, or there is an error.

        Raises:
            StoreError: as ``put``.
        """
        begun = [self.begin(buffer, what) for buffer, what in buffers]
        for one in begun:
            one.wait()  # from here on every chunk has been copied; each is compared with its copy after this moment
        return [one.blob() for one in begun]

    def begin(self, buffer: Any, what: str = "") -> Begun:
        """Take a buffer's chunks in hand. It must stay as it is until its blob was given."""
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
            task.add_done_callback(functools.partial(self._done, chunk))
        return Begun(chunks, self._recognise, self._pool)

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
            size = len(chunk.view)
            fingerprint, names = self._recognise.look_up(chunk.view)
            for known in names:
                if known.codec not in ("", self._codec):
                    continue  # it was packed for an end that could read that
                new = self._claim(known.digest, size)
                if not new or not self._sends:
                    chunk.named.set_result(_Named(known, fingerprint, False))
                    self._count(size, size if new else None, what=chunk.what)
                    return
                self._unclaim(known.digest)  # recognised, but the store lacks it: what goes there is hashed in full
            scratch = self._take_scratch()
            try:
                private = memoryview(scratch)[:size]
                private[:] = chunk.view
                fingerprint = self._recognise.fingerprint(private)
                packed = packing.pack(self._codec, private) if self._codec and self._link.slow(self._codec) else None
                stored = private if packed is None else memoryview(packed)
                name = Name(hashlib.sha256(stored).hexdigest(), "" if packed is None else self._codec)
                self._recognise.learn(private, fingerprint, name)
                new = self._claim(name.digest, size)
                chunk.named.set_result(_Named(name, fingerprint, new))
                if new:
                    self._write(name.digest, stored)
                self._count(size, len(stored) if new else None, what=chunk.what)
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
        with self._link.measured(len(data)):
            self._store.put(f"{self._prefix}/{digest}", data)
        self._present.add(digest)

    def _count(self, size: int, stored: int | None = None, *, what: str) -> None:
        with self._lock:
            if stored is not None:
                self.new_bytes += size
                self.stored_bytes += stored
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

    def _done(self, chunk: _Chunk, task: Future[None]) -> None:
        self._slots.release()
        if task.cancelled() and not chunk.named.done():
            chunk.named.set_exception(StoreError(f"Sending {chunk.what or 'a value'} was given up."))
        error = None if task.cancelled() else task.exception()
        with self._lock:
            self._pending.discard(task)
            if error is not None and self._error is None:
                self._error = error

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error


class CountingWriter(BlobWriter):
    """A BlobWriter that writes nothing. ``new_bytes`` is what would be sent.

    It takes the fast hash's word for chunks that were hashed before, so its names are for showing, or are to be
    compared with those that a BlobWriter gives.
    """

    _sends = False

    def _write(self, digest: str, data: memoryview) -> None:
        """Count only."""


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
    "Progress",
    "check_blob",
    "chunk_sizes",
    "missing_chunks",
]
