"""Values → blobs → one manifest, in a store; and back. This is the room's face.

May import: ``nbprocess.errors``, ``nbprocess.worker.wire``, the standard library; an S3 store alone
loads boto3 and obstore, when it is opened.
"""

from .blobs import BlobReader, BlobWriter, CountingWriter
from .cleaning import Cleaned, clean, drop_damaged
from .collect import Outcome, read_outcome
from .write import Bundle, announce, discard, put_files, write_bundle

__all__ = [
    "BlobReader",
    "BlobWriter",
    "Bundle",
    "Cleaned",
    "CountingWriter",
    "Outcome",
    "announce",
    "clean",
    "discard",
    "drop_damaged",
    "put_files",
    "read_outcome",
    "write_bundle",
]
