"""A digest of a value's whole graph. May import: the standard library, this folder."""

from __future__ import annotations

import hashlib
import io
from typing import Any

from .pickler import Pickler


def fingerprint(value: Any) -> str:
    """SHA-256 over the value's stream and buffers: equal for an unchanged value within one process.

    Raises:
        Exception: whatever keeps the value from travelling.
    """
    file = io.BytesIO()
    pickler = Pickler(file)
    pickler.dump(value)
    digest = hashlib.sha256(file.getbuffer())
    for buffer in pickler.buffers:
        digest.update(buffer.raw())
    return digest.hexdigest()
