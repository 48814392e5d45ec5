"""Files of a job's own outputs: list them, read a range. Nothing outside the output's place in the store is reached.

May import: ``errors``, the protocol of stores, the standard library.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from ..bundle.stores.base import MissingKey, check_key
from ..errors import NbprocessError

if TYPE_CHECKING:
    from ..bundle.stores import Store
    from ..job import Job

MAX_FILES = 1_000


class NoSuchFile(NbprocessError, LookupError):
    """The job has no such output, or the output no such file."""


class OutsideOutput(NbprocessError, ValueError):
    """The path would leave the output."""


def _store(job: Job, output: str) -> Store:
    known = job.outputs.uris()
    if output not in known:
        names = ", ".join(sorted(known)) or "none"
        raise NoSuchFile(f"Job {job.name} has no output named {output}. Its outputs: {names}.")
    return job.backend.open_store(known[output].rstrip("/"))


def list_files(job: Job, output: str) -> dict[str, Any]:
    """Up to ``MAX_FILES`` files with their sizes in bytes; ``more`` says whether there are others.

    Raises:
        NoSuchFile: the job has no such output.
    """
    found = list(itertools.islice(_store(job, output).list(), MAX_FILES + 1))
    rows = sorted(found[:MAX_FILES])
    return {"files": [{"path": key, "size": size} for key, size in rows], "more": len(found) > MAX_FILES}


def read_range(job: Job, output: str, path: str, start: int, size: int) -> tuple[bytes, int]:
    """``size`` bytes of a file from byte ``start``, and the size of the whole file.

    Raises:
        OutsideOutput: the path is absolute or leaves the output.
        NoSuchFile: there is no such output or file.
    """
    try:
        check_key(path)
    except ValueError as error:
        raise OutsideOutput(f"{error}. Paths are those that the list of the output's files gives.") from None
    store = _store(job, output)
    total = next((length for key, length in store.list(path) if key == path), None)
    if total is None:
        raise NoSuchFile(f"Output {output} of job {job.name} has no file {path}.")
    buffer = bytearray(max(0, min(size, total - start)))
    try:
        read = store.read_into(path, buffer, start) if buffer else 0
    except MissingKey:
        raise NoSuchFile(f"File {path} of output {output} was removed meanwhile.") from None
    return bytes(buffer[:read]), total
