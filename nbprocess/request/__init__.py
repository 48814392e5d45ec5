"""Options + manifest → the CreateProcessingJob request, one plain dict; and its validator.

May import: ``errors``, the standard library; botocore's data files are read from disk, no client is made.
"""

from __future__ import annotations

from .build import build, has_local_disk, input_entry, job_name, output_entry
from .validate import validate

__all__ = ["build", "has_local_disk", "input_entry", "job_name", "output_entry", "validate"]
