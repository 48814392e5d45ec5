"""The stores: where blobs and jobs lie. ``DirectoryStore`` is here and ``S3Store`` is loaded when it is asked for.

May import: ``nbprocess.errors``, the standard library; ``S3Store`` alone boto3 and obstore, when one is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .base import Buffer, Entry, MissingKey, Store, check_key
from .directory import DirectoryStore

if TYPE_CHECKING:
    from .s3 import S3Store

__all__ = ["Buffer", "DirectoryStore", "Entry", "MissingKey", "S3Store", "Store", "check_key"]


def __getattr__(name: str) -> Any:
    if name == "S3Store":
        from .s3 import S3Store

        return S3Store
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
