"""``manifest.json``: what a job consists of, pinned by its SHA-256 in the request. Built here, read by the worker.

May import: ``nbprocess.errors``, ``blobs``, the standard library.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..errors import CaptureError, IntegrityError
from .blobs import Blob, check_blob, chunk_sizes

FORMAT = 1

_SHAPE: dict[str, type | tuple[type, ...]] = {
    "format": int,
    "job": str,
    "home": dict,
    "cell": dict,
    "groups": list,
    "strength": dict,
    "tombstones": dict,
    "files": list,
    "syspath": list,
    "ambient": dict,
    "imports": list,
    "save": (list, type(None)),
    "skip": list,
    "args": list,
    "inputs": dict,
    "outputs": dict,
    "requirements": (dict, type(None)),
    "timeout": (int, type(None)),
    "execution_count": (int, type(None)),
}


def build(
    job: str,
    *,
    home: Mapping[str, Any],
    cell: Mapping[str, Any],
    groups: Sequence[Mapping[str, Any]] = (),
    strength: Mapping[str, str] | None = None,
    tombstones: Mapping[str, str] | None = None,
    files: Sequence[Mapping[str, Any]] = (),
    syspath: Sequence[str] = (),
    ambient: Mapping[str, Any] | None = None,
    imports: Sequence[str] = (),
    save: Sequence[str] | None = None,
    skip: Sequence[str] = (),
    args: Sequence[str] = (),
    inputs: Mapping[str, str] | None = None,
    outputs: Mapping[str, str] | None = None,
    requirements: Mapping[str, Any] | None = None,
    timeout: int | None = None,
    execution_count: int | None = None,
) -> dict[str, Any]:
    """The manifest of ``job``; the arguments are its entries as ``docs/architecture.md`` describes them.

    Raises:
        IntegrityError: an entry does not have the shape of the format.
    """
    manifest = {
        "format": FORMAT,
        "job": job,
        "home": dict(home),
        "cell": dict(cell),
        "groups": [dict(group) for group in groups],
        "strength": dict(strength or {}),
        "tombstones": dict(tombstones or {}),
        "files": [dict(file) for file in files],
        "syspath": list(syspath),
        "ambient": dict(ambient or {}),
        "imports": list(imports),
        "save": None if save is None else list(save),
        "skip": list(skip),
        "args": list(args),
        "inputs": dict(inputs or {}),
        "outputs": dict(outputs or {}),
        "requirements": None if requirements is None else dict(requirements),
        "timeout": timeout,
        "execution_count": execution_count,
    }
    check(manifest)
    return manifest


def check(manifest: Any) -> None:
    """Raise IntegrityError, naming the entry, when ``manifest`` is not of this format."""
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        found = manifest.get("format") if isinstance(manifest, dict) else type(manifest).__name__
        raise IntegrityError(f"The manifest has format {found!r}; this version of nbprocess reads format {FORMAT}.")
    for name, kind in _SHAPE.items():
        if name not in manifest:
            raise IntegrityError(f"The manifest has no entry {name!r}.")
        if not isinstance(manifest[name], kind):
            raise IntegrityError(f"The manifest's entry {name!r} is a {type(manifest[name]).__name__}.")
    for blob in blobs_of(manifest):
        check_blob(blob)
    for file in manifest["files"]:
        path = file["path"]
        if not path or path.startswith("/") or ".." in path.split("/") or "\0" in path:
            raise IntegrityError(f"The manifest names the file {path!r}, which is not inside the notebook's folder.")


def blobs_of(manifest: Mapping[str, Any]) -> Iterator[Blob]:
    """Every blob that the manifest refers to: streams, buffers and files."""
    for group in (*manifest["groups"], *(manifest.get("handed") or ())):
        yield group["stream"]
        yield from group["buffers"]
    for file in manifest["files"]:
        yield file["blob"]
    requirements = manifest.get("requirements")
    if requirements and "blob" in requirements:
        yield requirements["blob"]


def chunks_of(manifest: Mapping[str, Any]) -> dict[str, int]:
    """Digest → bytes of every chunk that the worker needs, each once, in the order of first use."""
    return {digest: size for blob in blobs_of(manifest) for digest, size in chunk_sizes(blob)}


def encode(manifest: Mapping[str, Any]) -> bytes:
    """The canonical bytes: the same manifest gives the same bytes and so the same digest.

    Raises:
        CaptureError: an entry (of ``ambient``, say) is not plain JSON.
    """
    try:
        text = json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=True)
        return text.encode("utf-8", "surrogatepass")
    except (TypeError, ValueError) as error:
        raise CaptureError(f"The job's description is not plain data: {error}.") from error


def digest(data: bytes) -> str:
    """SHA-256 of ``data`` in hexadecimal, as the request pins it."""
    return hashlib.sha256(data).hexdigest()
