"""Content-addressed bytes: read and verified in one pass, written once. Standard library only.

A blob is ``{"size": bytes, "chunks": ["<sha256>", ...]}``; every chunk is a file named by its digest. Where chunks are
packed, ``"codecs": ["zlib", "", ...]`` says how; the digest is the file's, so it is verified before it is unpacked.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import threading

from . import packing
from .layout import write_whole

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any

CHUNK = 4 * 1024 * 1024
_INLINE = 8 * 1024 * 1024  # below this, starting threads costs more than it saves


class Corrupt(Exception):
    """Bytes are missing or do not have the digest that the manifest pins. Nothing of them was used.

    ``digest``: of the chunk that is damaged where it is stored, for all that is known here; else "".
    """

    def __init__(self, text: str, digest: str = "") -> None:
        super().__init__(text)
        self.digest = digest


def read(folder: Any, wanted: Any, late: Any = None) -> Any:
    """Read blobs into memory and check each chunk's SHA-256 as it is read, in parallel threads.

    Args:
        folder: where the chunk files lie.
        wanted: pairs (what it is, for the error message; blob).
        late: a ``fetch.Late``, which has the chunks instead of the folder.

    Returns:
        A dict from ``key(blob)`` to a writable buffer.

    Raises:
        Corrupt: names the first file that is missing or wrong, and what it belongs to.
    """
    buffers = {}  # type: ignore[var-annotated]
    tasks = []
    total = 0
    for what, blob in wanted:
        if key(blob) in buffers:
            continue
        size = int(blob["size"])
        buffer = buffers[key(blob)] = _memory(size)
        view = memoryview(buffer)
        if len(blob["chunks"]) != (size + CHUNK - 1) // CHUNK and not (size == 0 and len(blob["chunks"]) <= 1):
            raise Corrupt(f"{what}: the manifest names {len(blob['chunks'])} chunks for {size} bytes. Send it again.")
        codecs = blob.get("codecs") or [""] * len(blob["chunks"])
        for index, (digest, codec) in enumerate(zip(blob["chunks"], codecs)):
            tasks.append((what, digest, codec, view[index * CHUNK : (index + 1) * CHUNK]))
        total += size
    errors: list[Exception] = []
    if total < _INLINE:
        for task in tasks:
            _read_chunk(folder, late, *task)
        return buffers
    tasks.reverse()

    def work() -> None:
        while not errors:
            try:
                task = tasks.pop()
            except IndexError:
                return
            try:
                _read_chunk(folder, late, *task)
            except Exception as error:
                errors.append(error)

    many = min(8, os.cpu_count() or 1) if late is None else late.threads
    threads = [threading.Thread(target=work) for _ in range(min(many, len(tasks)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return buffers


def _memory(size: int) -> Any:
    """Private anonymous memory: after the fork the parent drops its mapping, so the child writes without a copy."""
    if size < 1 << 20:
        return bytearray(size)
    area = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        try:
            area.madvise(mmap.MADV_HUGEPAGE)
        except OSError:
            pass  # a kernel without huge pages: only slower
    return area


def key(blob: Any) -> Any:
    """What tells two blobs apart."""
    return (blob["size"], *blob["chunks"])


def _read_chunk(folder: str, late: Any, what: str, digest: str, codec: str, view: memoryview) -> None:
    path = f"{folder}/{digest}"
    if len(digest) != 64 or not digest.isalnum():
        raise Corrupt(f"{what}: {digest!r} is no SHA-256. Send the cell again.")
    # What is packed is shorter than what it stands for.
    target = memoryview(bytearray(len(view))) if codec else view
    done = _from_file(path, what, target) if late is None else late.load(digest, target)
    if late is None and not codec and done < len(view):
        text = f"{what}: the file {path} is cut short ({done} of {len(view)} bytes). Send the cell again."
        raise Corrupt(text, digest)
    found = hashlib.sha256(target[:done]).hexdigest()
    if found != digest and late is not None:  # a fault on the way is fetched again once
        done = late.load(digest, target)
        found = hashlib.sha256(target[:done]).hexdigest()
    if found != digest:
        raise Corrupt(
            f"{what}: the file {path} is corrupt: its SHA-256 is {found}. Nothing was executed. Send the cell again.",
            digest,
        )
    if codec:
        try:
            view[:] = packing.unpack(codec, target[:done], len(view))
        except packing.Damaged as error:
            raise Corrupt(f"{what}: the file {path} cannot be used: {error}. Send the cell again.") from None


def _from_file(path: str, what: str, target: memoryview) -> int:
    try:
        with open(path, "rb", buffering=0) as file:
            done = 0
            while done < len(target):
                count = file.readinto(target[done:])
                if not count:
                    break
                done += count
            if file.read(1):
                raise Corrupt(f"{what}: the file {path} is longer than {len(target)} bytes. Send the cell again.")
    except OSError as error:
        raise Corrupt(f"{what}: the file {path} cannot be read: {error.strerror}. Send the cell again.") from None
    return done


class Writer:
    """Writes buffers as blobs into a folder. Call it with a buffer; it returns the blob.

    ``codec``: pack with it what gets shorter; "" packs nothing.
    """

    def __init__(self, folder: str, codec: str = "") -> None:
        self.folder, self.codec = folder, codec

    def __call__(self, buffer: Any) -> Any:
        view = buffer if isinstance(buffer, memoryview) else memoryview(buffer)
        if view.format != "B" or view.ndim != 1 or not view.contiguous:
            import pickle

            view = pickle.PickleBuffer(view).raw()  # any contiguous layout, Fortran order too, without a copy
        pieces = [view[start : start + CHUNK] for start in range(0, len(view), CHUNK)]
        names = [("", "")] * len(pieces)
        left = list(range(len(pieces)))
        errors: list[Exception] = []

        def work() -> None:
            while left and not errors:
                try:
                    index = left.pop()
                except IndexError:
                    return
                try:
                    names[index] = self._write(pieces[index])
                except Exception as error:
                    errors.append(error)

        if len(view) < _INLINE:
            work()
        else:
            threads = [threading.Thread(target=work) for _ in range(min(8, os.cpu_count() or 1))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        if errors:
            raise errors[0]
        blob: dict[str, Any] = {"size": len(view), "chunks": [digest for digest, _ in names]}
        if any(codec for _, codec in names):
            blob["codecs"] = [codec for _, codec in names]
        return blob

    def _write(self, piece: memoryview) -> tuple[str, str]:
        packed = packing.pack(self.codec, piece) if self.codec else None
        stored = piece if packed is None else packed
        digest = hashlib.sha256(stored).hexdigest()
        path = f"{self.folder}/{digest}"
        if not os.path.exists(path):
            write_whole(path, stored)  # type: ignore[arg-type]
        return digest, "" if packed is None else self.codec
