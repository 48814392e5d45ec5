"""What is known about chunks without reading or asking again: their names by a fast hash, and which a store holds.

May import: the stores, the standard library; ``xxhash`` where it is installed.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from .stores import Store

SMALL = 256 * 1024
"""Up to this many bytes it is cheaper to send a chunk again than to ask a far store whether it is there."""

LISTING_SECONDS = 600.0
"""How long one listing of a far store's blobs is trusted in this process."""


class Name(NamedTuple):
    """A chunk's name: SHA-256 of what is stored, and how that is packed ("": not at all)."""

    digest: str
    codec: str = ""


class Recognised:
    """Fast hash → names of chunks that this process has hashed before: as it is, and packed.

    It only ever answers "what was the name of this?"; the bytes that go to a store are always hashed in full. The seed
    is random, so nobody can prepare two chunks that it takes for one another.
    """

    LIMIT = 1 << 20  # entries: 4 TiB of data, some 200 MB at worst
    HEAD = 4096  # bytes: a chunk that begins as none before was not hashed before, and needs no pass to tell

    def __init__(self) -> None:
        self._names: dict[bytes, tuple[Name, ...]] = {}
        self._heads: set[int] = set()
        self._seed = int.from_bytes(os.urandom(8), "little")
        self._hash: Callable[[memoryview, int], bytes] | None = None
        try:
            import xxhash
        except ImportError:
            return  # without it every chunk is hashed in full each time: slower, nothing else
        self._hash = xxhash.xxh3_128_digest

    def fingerprint(self, chunk: memoryview) -> bytes | None:
        return self._hash(chunk, self._seed) if self._hash else None

    def _head(self, chunk: memoryview) -> int:
        return hash(bytes(chunk[: self.HEAD]))

    def look_up(self, chunk: memoryview) -> tuple[bytes | None, tuple[Name, ...]]:
        """The chunk's fingerprint, where one was needed, and the names that it is known by."""
        if self._head(chunk) not in self._heads:
            return None, ()
        fingerprint = self.fingerprint(chunk)
        return fingerprint, self._names.get(fingerprint, ()) if fingerprint else ()

    def learn(self, chunk: memoryview, fingerprint: bytes | None, name: Name) -> None:
        """From now on ``chunk``, which has that fingerprint, is known by ``name``."""
        if fingerprint:
            if len(self._names) >= self.LIMIT:
                self._names.clear()
                self._heads.clear()
            self._heads.add(self._head(chunk))
            known = self._names.get(fingerprint, ())
            if name not in known:
                self._names[fingerprint] = (*known, name)


_recognised: Recognised | None = None
_lock_all = threading.Lock()


def recognition() -> Recognised:
    global _recognised
    with _lock_all:
        if _recognised is None:
            _recognised = Recognised()
        return _recognised


def forget_recognised() -> None:
    """Forget which chunks this process has hashed before: for measurements of a first run."""
    global _recognised
    with _lock_all:
        _recognised = None


class Presence:
    """Which chunks are in a store: asked of the folder file by file, learnt of a far store by one listing."""

    def __init__(self, store: Store, prefix: str) -> None:
        self._store, self._prefix = store, prefix
        self._near = store.path("x") is not None
        self._names: set[str] = set()
        self._listed = 0.0
        self._lock = threading.Lock()

    def has(self, digest: str, size: int) -> bool:
        if self._near:
            path = self._store.path(f"{self._prefix}/{digest}")
            try:
                return path is not None and path.stat().st_size == size  # a damaged one is written anew
            except OSError:
                return False
        with self._lock:
            fresh = time.monotonic() - self._listed < LISTING_SECONDS and self._listed > 0
            if digest in self._names and fresh:
                return True
            if size <= SMALL or fresh:
                return False
            start = len(self._prefix) + 1
            self._names = {key[start:] for key, _ in self._store.list(f"{self._prefix}/")}
            self._listed = time.monotonic()
            return digest in self._names

    def add(self, digest: str) -> None:
        with self._lock:
            self._names.add(digest)


PAYS_BELOW = {"zlib": 40e6, "zstd": 300e6}
"""Bytes a second below which packing is faster than sending: what one or two cores do with the codec."""


class Link:
    """How fast a far store takes bytes, measured while they go."""

    PATIENCE = 0.25  # seconds to wait for a first measurement; what takes longer is slow
    LEAST = 1 << 20  # bytes: what is smaller measures the way there and back, not the width
    WINDOW = 256 << 20  # bytes after which old measurements lose half of their weight

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._bytes = 0.0
        self._seconds = 0.0
        self._flying = 0
        self._since = 0.0

    @property
    def rate(self) -> float | None:
        """Bytes a second; None before anything large was sent."""
        with self._lock:
            return self._rate()

    def _rate(self) -> float | None:
        flying = time.monotonic() - self._since if self._flying else 0.0
        return self._bytes / (self._seconds + flying + 1e-6) if self._bytes else None

    @contextmanager
    def measured(self, size: int) -> Iterator[None]:
        """Around a put of ``size`` bytes."""
        if size < self.LEAST:
            yield
            return
        with self._lock:
            if not self._flying:
                self._since = time.monotonic()
            self._flying += 1
        done = 0
        try:
            yield
            done = size
        finally:
            with self._lock:
                self._flying -= 1
                self._bytes += done
                now = time.monotonic()
                if not self._flying:
                    self._seconds += now - self._since
                if self._bytes > self.WINDOW:
                    self._seconds += now - self._since if self._flying else 0.0
                    self._since = now
                    self._bytes, self._seconds = self._bytes / 2, self._seconds / 2
                self._lock.notify_all()

    def slow(self, codec: str) -> bool:
        """Whether packing with ``codec`` is worth its time. The first to ask sends as it is, and so measures."""
        with self._lock:
            if self._rate() is None:
                if not self._flying:
                    return False
                self._lock.wait_for(lambda: self._rate() is not None, self.PATIENCE)
            rate = self._rate()
            return rate is None or rate < PAYS_BELOW[codec]


_present: dict[tuple[str, str], Presence] = {}
_links: dict[str, Link] = {}


def _place(store: Store) -> str:
    return str(getattr(store, "place", store.uri))


def link(store: Store) -> Link:
    with _lock_all:
        return _links.setdefault(_place(store), Link())


def presence(store: Store, prefix: str) -> Presence:
    with _lock_all:
        key = (_place(store), prefix)
        if key not in _present or store.path("x") is not None:
            _present[key] = Presence(store, prefix)
        return _present[key]


def forget_listing(store: Store, prefix: str = "blobs") -> None:
    """Look again which blobs are in ``store`` the next time: call it after a job missed one, and after cleaning."""
    with _lock_all:
        _present.pop((_place(store), prefix), None)
