"""One file of a job's output: read in parts where it lies, or brought to this machine.

May import: ``bundle.stores.base``, ``errors``, ``home``, the standard library; the store comes in as an object.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from .bundle.stores.base import check_key
from .errors import StoreError
from .home import cache

if TYPE_CHECKING:
    from .bundle.stores import Entry, Store

_PART = 8 * 1024 * 1024
_AHEAD = 1024 * 1024


class OutputFile:
    """A file in a store, usable wherever a path is: ``pd.read_csv(file)``, ``open(file)``, ``joblib.load(file)``.

    Attributes:
        name: its path below the output.
        uri: ``s3://bucket/prefix/path``.
    """

    def __init__(self, store: Store, name: str) -> None:
        self._store, self.name, self.uri = store, name, store.url(name)

    def __repr__(self) -> str:
        return f"<OutputFile {self.uri}>"

    def __str__(self) -> str:
        return self.uri

    def __fspath__(self) -> str:
        return str(self.download())

    @property
    def size(self) -> int:
        """Its bytes, as the store has it now. Raises StoreError: there is no such file."""
        return self._entry().size

    def open(self, mode: str = "r", encoding: str = "utf-8", *, ahead: int | None = None) -> IO[Any]:
        """Open it for reading, as text or with ``mode="rb"`` as bytes; only what is read is fetched.

        Args:
            ahead: bytes that one request fetches at the least.

        Raises:
            StoreError: there is no such file.
        """
        if mode not in ("r", "rt", "rb"):
            raise ValueError(f"open(mode={mode!r}): outputs are read only; use 'r' or 'rb'")
        data = io.BufferedReader(_Parts(self._store, self.name, self._entry().size), ahead or _AHEAD)
        return data if mode == "rb" else io.TextIOWrapper(data, encoding=encoding)

    def read_bytes(self) -> bytes:
        """All of it."""
        return self._store.get(self.name)

    def read_text(self, encoding: str = "utf-8") -> str:
        """All of it as text."""
        return self.read_bytes().decode(encoding)

    def download(self, folder: str | os.PathLike[str] | None = None) -> Path:
        """Its path on this machine; where it is not here, it is fetched, once.

        Args:
            folder: put a copy there; None leaves it in the local store, or in nbprocess's cache.

        Raises:
            StoreError: it cannot be read.
            OSError: the folder cannot be written.
        """
        try:
            check_key(self.name)
        except ValueError as error:  # whoever may write to the bucket chose its name
            raise StoreError(f"{self.uri} is not fetched: {error}") from None
        entry, here = self._entry(), self._store.path(self.name)
        if folder is not None:
            target = Path(folder) / self.name
            target.parent.mkdir(parents=True, exist_ok=True)
            if here is not None:
                shutil.copyfile(here, target)
                return target
        elif here is not None:
            return here
        else:
            place = hashlib.sha256(self._store.uri.encode()).hexdigest()[:16]
            target = cache() / "outputs" / place / self.name
            if _is(target, entry):
                return target
            target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name[:80]}.{os.getpid()}.{os.urandom(4).hex()}")
        try:
            with self.open("rb") as source, open(part, "wb") as file:
                shutil.copyfileobj(source, file, _PART)
            # Size and time tell later whether the store has another one by now.
            os.utime(part, (entry.modified, entry.modified))
            os.replace(part, target)
        finally:
            part.unlink(missing_ok=True)
        return target

    def _entry(self) -> Entry:
        for entry in self._store.entries(self.name):
            if entry.key == self.name:
                return entry
        raise StoreError(f"{self.uri} is not there.")


def _is(path: Path, entry: Entry) -> bool:
    try:
        facts = path.stat()
    except OSError:
        return False
    return facts.st_size == entry.size and abs(facts.st_mtime - entry.modified) < 1e-3


class _Parts(io.RawIOBase):
    """A file whose bytes are fetched as they are read."""

    def __init__(self, store: Store, key: str, size: int) -> None:
        self._store, self._key, self._size, self._at = store, key, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = max(0, offset + (0, self._at, self._size)[whence])
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")[: max(0, self._size - self._at)]
        if not view:
            return 0
        done = self._store.read_into(self._key, view, self._at)
        self._at += done
        return done
