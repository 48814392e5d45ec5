"""What is known about chunks without reading or asking again: their names by a fast hash, and which a store holds.

May import: the stores, the standard library; ``xxhash`` where it is installed.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from .stores import Store

SMALL = 256 * 1024
"""Up to this many bytes it is cheaper to send a chunk again than to ask a far store whether it is there."""

LISTING_SECONDS = 600.0
"""How long one listing of a far store's blobs is trusted in this process."""


class Recognised:
    """Fast hash → SHA-256 of chunks that this process has hashed before.

    It only ever answers "what was the name of this?"; the bytes that go to a store are always hashed in full. The seed
    is random, so nobody can prepare two chunks that it takes for one another.
    """

    LIMIT = 1 << 20  # entries: 4 TiB of data, some 200 MB at worst

    def __init__(self) -> None:
        self._names: dict[bytes, str] = {}
        self._seed = int.from_bytes(os.urandom(8), "little")
        self._hash: Callable[[memoryview, int], bytes] | None = None
        try:
            import xxhash
        except ImportError:
            return  # without it every chunk is hashed in full each time: slower, nothing else
        self._hash = xxhash.xxh3_128_digest

    def fingerprint(self, chunk: memoryview) -> bytes | None:
        return self._hash(chunk, self._seed) if self._hash else None

    def name(self, fingerprint: bytes | None) -> str | None:
        return self._names.get(fingerprint) if fingerprint else None

    def learn(self, fingerprint: bytes | None, digest: str) -> None:
        if fingerprint:
            if len(self._names) >= self.LIMIT:
                self._names.clear()
            self._names[fingerprint] = digest


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


_present: dict[tuple[str, str], Presence] = {}


def presence(store: Store, prefix: str) -> Presence:
    with _lock_all:
        key = (store.uri, prefix)
        if key not in _present or store.path("x") is not None:
            _present[key] = Presence(store, prefix)
        return _present[key]


def forget_listing(store: Store, prefix: str = "blobs") -> None:
    """Look again which blobs are in ``store`` the next time: call it after a job missed one, and after cleaning."""
    with _lock_all:
        _present.pop((store.uri, prefix), None)
