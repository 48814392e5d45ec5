"""Writes a job's bundle, all or nothing: worker, manifest, cell script, blob list, request.

May import: ``nbprocess.errors``, the rest of this folder, the standard library.

The order of a submission: ``announce`` the job, put the values with a ``BlobWriter``, build manifest and request,
``write_bundle``. Whatever fails in between: ``discard``.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol, cast

from ..errors import CaptureError, IntegrityError, JobNameInUse, NbprocessError, StoreError
from . import manifest as manifests
from .archive import digest_of
from .blobs import CHUNK, Blob, BlobWriter
from .stores import Store

ARRIVED = "bundle/arrived"
"""Key below a job that is there when its late blobs are."""

CLEANING = "cleaning/marker"
"""Key that is there while ``clean`` works on a store."""

CLEANING_SECONDS = 1800.0
"""``clean`` gives up by itself after this time, so an older marker was left by one that died."""


class FileToSend(Protocol):
    """The part of capture's ``LocalFile`` that is used here."""

    @property
    def path(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def kind(self) -> str: ...


@dataclass(frozen=True)
class Bundle:
    """What was written. ``manifest_sha256`` and ``worker_sha256`` are what the request's entrypoint pins."""

    job: str
    uri: str
    manifest_sha256: str
    worker_sha256: str
    chunks: int
    size: int


def announce(store: Store, job: str, *, patience: float = 60.0) -> None:
    """Say that ``job`` is being written, so that ``clean`` spares the blobs it is about to refer to.

    Call it before the first blob is put. Waits up to ``patience`` seconds for a running ``clean``.

    Raises:
        JobNameInUse: the store holds a job of that name already.
        StoreError: a ``clean`` does not end.
    """
    if not store.put_new(f"jobs/{job}/writing", str(time.time()).encode()):
        raise JobNameInUse(f"{store.url(f'jobs/{job}')} is being written by another process. Choose another --name.")
    if store.exists(f"jobs/{job}/request.json"):
        store.delete(f"jobs/{job}/writing")
        raise JobNameInUse(f"{store.url(f'jobs/{job}')} holds a job of that name already. Choose another --name.")
    deadline = time.monotonic() + patience
    while _cleaning(store):
        if time.monotonic() > deadline:
            store.delete(f"jobs/{job}/writing")
            raise StoreError(
                f"`nbprocess clean` has been working on {store.uri} for more than {patience:.0f} s. Wait until it "
                f"ends, or delete {store.url(CLEANING)} if it died."
            )
        time.sleep(0.2)


def put_files(writer: BlobWriter, files: Iterable[FileToSend]) -> list[dict[str, Any]]:
    """Put local files as blobs, a few chunks at a time; the manifest's ``files`` entries.

    Raises:
        CaptureError: a file cannot be read.
    """
    entries = []
    for file in files:
        try:
            with open(file.path, "rb", buffering=0) as opened:
                mode = os.fstat(opened.fileno()).st_mode & 0o777
                blob = _put_stream(writer, cast(BinaryIO, opened), os.path.basename(file.path))
        except (OSError, ValueError) as error:
            if isinstance(error, NbprocessError):
                raise
            reason = getattr(error, "strerror", None) or error
            raise CaptureError(
                f"{file.path}: {reason}. Make the file readable, or leave it out of the cell."
            ) from error
        entries.append({"path": file.target, "blob": blob, "mode": mode, "kind": file.kind})
    return entries


def _put_stream(writer: BlobWriter, file: BinaryIO, what: str) -> Blob:
    # Not through mmap: a file that another process truncates meanwhile would kill this kernel with SIGBUS.
    size, chunks = 0, []
    while piece := file.read(4 * CHUNK):
        while len(piece) % CHUNK and (more := file.read(CHUNK - len(piece) % CHUNK)):
            piece += more  # a short read of a pipe-like file must not shift the borders of the chunks
        blob = writer.put(piece, what)
        size += blob["size"]
        chunks += blob["chunks"]
    return {"size": size, "chunks": chunks}


def write_bundle(
    store: Store,
    job: str,
    manifest: Mapping[str, Any],
    *,
    archive: bytes,
    script: str,
    request: Mapping[str, Any],
    home: Mapping[str, Any],
    late: bool = False,
) -> Bundle:
    """Write everything of ``job`` but its blobs, which must be in the store already (``BlobWriter.finish``).

    Args:
        manifest: from ``manifest.build``.
        archive: the bytes of ``worker.pyz``.
        script: the text of ``cell.py``.
        request: the CreateProcessingJob request; it must pin the digests of archive and manifest.
        home: what only the home side needs on attach; plain JSON without values.
        late: the blobs are still to come: the job stays announced until ``arrived``.

    Raises:
        StoreError: it could not be written; nothing of the job is left.
        IntegrityError: the request pins other bytes than those that would be written.
    """
    manifests.check(manifest)
    data = manifests.encode(manifest)
    pins = {"worker.pyz": digest_of(archive), "manifest.json": manifests.digest(data)}
    entrypoint = json.dumps(request.get("AppSpecification", {}))
    for name, digest in pins.items():
        if digest not in entrypoint:
            raise IntegrityError(f"{job}: the request does not pin {name} with the SHA-256 {digest}. Nothing was sent.")
    chunks = manifests.chunks_of(manifest)
    try:
        bundle = f"jobs/{job}/bundle"
        store.put(f"{bundle}/worker.pyz", archive)
        store.put(f"{bundle}/cell.py", script.encode("utf-8", "surrogatepass"))
        store.put(f"{bundle}/manifest.json", data)
        if chunks and not late:
            # SageMaker's ManifestFile: the platform itself downloads exactly these objects.
            listing = [{"prefix": store.url("blobs/")}, *chunks]
            store.put(f"jobs/{job}/blobs.manifest", json.dumps(listing).encode())
        store.put(f"jobs/{job}/home.json", _json(home))
        store.put(f"jobs/{job}/request.json", _json(request))
        if not late:
            store.delete(f"jobs/{job}/writing")
    except BaseException as error:
        discard(store, job, because=error)
        raise
    return Bundle(
        job, store.url(f"jobs/{job}"), pins["manifest.json"], pins["worker.pyz"], len(chunks), sum(chunks.values())
    )


def write_request(store: Store, job: str, request: Mapping[str, Any], home: Mapping[str, Any]) -> None:
    """Write what is kept of a job without a bundle (a script, a container); its files are in the store already.

    Raises:
        StoreError: it could not be written; nothing of the job is left.
    """
    try:
        store.put(f"jobs/{job}/home.json", _json(home))
        store.put(f"jobs/{job}/request.json", _json(request))
        store.delete(f"jobs/{job}/writing")
    except BaseException as error:
        discard(store, job, because=error)
        raise


def arrived(store: Store, job: str) -> None:
    """Say that the blobs of a job that was written as ``late`` are in the store."""
    store.put(f"jobs/{job}/{ARRIVED}", b"1")
    store.delete(f"jobs/{job}/writing")


def discard(store: Store, job: str, *, because: BaseException | None = None) -> None:
    """Remove everything of a job that was not created. Its blobs stay: others may share them."""
    try:
        keys = [key for key, _ in store.list(f"jobs/{job}/")]
        for key in keys:
            store.delete(key)
    except StoreError as error:
        if because is None:
            raise
        note = f"What was already written under {store.url(f'jobs/{job}')} could not be removed either: {error}"
        if hasattr(because, "add_note"):  # Python 3.11
            because.add_note(note)


def _cleaning(store: Store) -> bool:
    for entry in store.entries(CLEANING):
        return time.time() - entry.modified < CLEANING_SECONDS
    return False


def _json(value: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False).encode("utf-8", "surrogatepass")
    except (TypeError, ValueError) as error:
        raise CaptureError(f"The job's description is not plain data: {error}.") from error
