"""What a blob is: its chunks, their size and names.

May import: ``nbprocess.errors``, the standard library.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterator
from typing import Any

from ..errors import IntegrityError

Blob = dict[str, Any]
"""``{"size": bytes, "chunks": ["<sha256>", ...]}``: chunks of CHUNK bytes, the last one shorter.

``"codecs": ["", "zlib", ...]`` is there when some chunks are packed; a chunk's name is the digest of what is stored.
"""

CHUNK = 4 * 1024 * 1024
"""Bytes of a chunk. The worker has the same figure; a test compares the two."""

CODECS = ("", "zlib", "zstd")

Progress = Callable[[int, int, str], None]
"""``progress(done bytes, total bytes so far, what)``; called from several threads."""


def connections(most: int) -> int:
    """How many chunks go to or come from a far store at once: S3 gives a connection some 80 MB/s (its performance
    guidelines), and a machine's network grows with its processors."""
    return max(8, min(most, 4 * (os.cpu_count() or 1)))


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


def check_blob(blob: Any) -> tuple[int, list[str]]:
    """Size and chunk names of a blob that came from outside.

    Raises:
        IntegrityError: it is not of the shape of a blob, or its size does not fit its number of chunks.
    """
    size = blob.get("size") if isinstance(blob, dict) else None
    chunks = blob.get("chunks") if isinstance(blob, dict) else None
    codecs = blob.get("codecs") if isinstance(blob, dict) else None
    if (
        not isinstance(size, int)
        or not isinstance(chunks, list)
        or size < 0
        or len(chunks) != -(-size // CHUNK)
        or not all(
            isinstance(name, str) and len(name) == 64 and set(name) <= set("0123456789abcdef") for name in chunks
        )
        or not (codecs is None or (isinstance(codecs, list) and len(codecs) == len(chunks)))
        or any(codec not in CODECS for codec in codecs or ())
    ):
        raise IntegrityError(f"A blob's description is malformed: {str(blob)[:200]}")
    return size, chunks
