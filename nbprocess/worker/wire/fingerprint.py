"""Digests that tell whether a value changed in this process. May import: the standard library, this folder; NumPy.

They are compared with one another and never sent, so speed counts: SHA-256 takes up to ten times as long.
"""

from __future__ import annotations

import functools
import hashlib
import io
import sys
from typing import Any, Sequence

from .pickler import Pickler

_BLOCK = 1 << 15  # elements of 8 bytes: block and weights stay in the processor's cache
_SMALL = 1 << 16
_ODD = 0x9E3779B97F4A7C15
_FACTOR = 0xC4CEB9FE1A85EC53


def fingerprint(value: Any, apart: Sequence[Any] = ()) -> str:
    """A digest of the value's stream and buffers: equal for an unchanged value within one process.

    Args:
        apart: parts of the value that are looked at by themselves: what is in them does not count.

    Raises:
        Exception: whatever keeps the value from travelling.
    """
    file = io.BytesIO()
    pickler = Pickler(file)
    pickler.by_columns = True
    if apart:
        pickler.memo = {id(part): (number, part) for number, part in enumerate(apart)}  # type: ignore[assignment]
    pickler.dump(value)
    digest = hashlib.sha256(file.getbuffer())
    for buffer in pickler.buffers:
        digest.update(content(buffer.raw()))
    return digest.hexdigest()


def array_content(array: Any) -> Any:
    """What tells whether an array changed: its items or a digest of them, and its form."""
    if array.dtype == object:
        return array.ravel().tolist(), array.shape
    if array.dtype.hasobject:  # records with objects, variable-length text: tolist() makes new objects each time
        return fingerprint(array), array.shape
    plain = array.view(sys.modules["numpy"].ndarray)  # a recarray or matrix has ways of its own to be reshaped
    data = plain if array.flags.c_contiguous else plain.copy()
    view = data.reshape(-1).view("u1") if data.nbytes else b""
    return content(view), array.shape, str(array.dtype)


def content(data: Any) -> bytes:
    """A digest of bytes, at some GB/s and beside other threads: 128 bits, keyed anew in every process.

    Every 8 bytes are mixed one to one (as MurmurHash3 ends, its first factor a random one of the place): every bit
    counts. Sum and exclusive or of a block go on into the next.
    """
    if len(data) < _SMALL:
        return hashlib.sha256(data).digest()
    import numpy as np

    flat = np.frombuffer(data, np.uint8)
    whole = flat.size // 8 * 8
    words, weights = flat[:whole].view(np.uint64), _weights()
    high, low, factor = np.uint64(33), np.uint64(29), np.uint64(_FACTOR)
    total = folded = 0
    mixed_, shifted_ = np.empty(_BLOCK, np.uint64), np.empty(_BLOCK, np.uint64)
    for start in range(0, words.size, _BLOCK):
        part = words[start : start + _BLOCK]
        mixed, shifted = mixed_[: part.size], shifted_[: part.size]
        # A number's top bit alone (the sign of a float) would come through a product as itself: fold it down first.
        np.right_shift(part, high, out=shifted)
        np.bitwise_xor(part, shifted, out=mixed)
        np.multiply(mixed, weights[: part.size], out=mixed)
        np.right_shift(mixed, low, out=shifted)
        np.bitwise_xor(mixed, shifted, out=mixed)
        np.multiply(mixed, factor, out=mixed)
        np.right_shift(mixed, high, out=shifted)
        np.bitwise_xor(mixed, shifted, out=mixed)
        total = (total * _ODD + int(np.add.reduce(mixed))) % (1 << 64)
        folded = (folded * _ODD + int(np.bitwise_xor.reduce(mixed))) % (1 << 64)
    return b"%x-%x-%s" % (total, folded, flat[whole:].tobytes())


@functools.lru_cache(maxsize=1)
def _weights() -> Any:
    import numpy as np

    return np.random.default_rng().integers(0, 1 << 63, _BLOCK, np.uint64) * np.uint64(2) + np.uint64(1)
