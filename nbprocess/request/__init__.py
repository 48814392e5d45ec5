"""Options + manifest → the CreateProcessingJob request, one plain dict; and its validator.

May import: ``errors``, the standard library; botocore's data files are read from disk, no client is made.
"""

from __future__ import annotations

from .build import build, job_name
from .validate import validate

__all__ = ["build", "job_name", "validate"]
