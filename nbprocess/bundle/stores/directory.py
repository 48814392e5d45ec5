"""A store in a folder of this machine. A key is a file; a file is there whole or not at all.

May import: ``nbprocess.errors``, the standard library.

Nothing is fsync'ed: a blob is named by its digest and checked when it is read, so a file that a power cut left empty is
found out, and the hot path stays at the speed of memory.
"""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from ...errors import StoreError
from .base import Buffer, Entry, MissingKey, byte_view, check_key

_FICLONE = 0x40049409  # linux/fs.h: make a file share the extents of another (btrfs, XFS, bcachefs)
_PART = ".nbprocess-part"

_ELSEWHERE = "or set NBPROCESS_HOME to"
_WAYS_OUT = {
    errno.ENOSPC: f"the disk is full. Free some space, run `nbprocess clean`, {_ELSEWHERE} a folder on a larger disk.",
    errno.EDQUOT: f"the disk quota is used up. Free some space, run `nbprocess clean`, {_ELSEWHERE} another disk.",
    errno.EACCES: f"no permission. Give this user the right to it (chmod u+rwX), {_ELSEWHERE} a folder of your own.",
    errno.EPERM: f"not permitted. Give this user the right to it (chmod u+rwX), {_ELSEWHERE} a folder of your own.",
    errno.EROFS: f"the file system is read-only. Remount it, {_ELSEWHERE} a folder that can be written.",
    errno.EFBIG: "the file would pass the limit on file sizes. Raise `ulimit -f`.",
    errno.EMFILE: "too many open files. Raise `ulimit -n`.",
    errno.ENOTDIR: f"a part of the path is a file, not a folder. Remove that file, {_ELSEWHERE} another folder.",
    errno.EEXIST: f"a part of the path is a file, not a folder. Remove that file, {_ELSEWHERE} another folder.",
}


class DirectoryStore:
    """The folder ``root`` as a store.

    Args:
        root: the folder; made with mode 0700 at the first write.
        uri: how the store is called, ``s3://bucket`` or ``s3://bucket/prefix``.
    """

    def __init__(self, root: Path | str, uri: str) -> None:
        self.root = Path(os.path.abspath(root))
        self._uri = uri.rstrip("/")
        self._root = str(self.root)
        self._made: set[str] = set()
        self._count = itertools.count()

    def __repr__(self) -> str:
        return f"DirectoryStore({self._root!r}, {self._uri!r})"

    @property
    def uri(self) -> str:
        """``s3://bucket`` or ``s3://bucket/prefix``."""
        return self._uri

    def url(self, key: str) -> str:
        """The ``s3://`` URI of ``key``."""
        return f"{self._uri}/{key}"

    def path(self, key: str) -> Path:
        """The file of ``key``, whether it is there or not."""
        return Path(self._file(key))

    def put(self, key: str, data: Buffer | Path) -> None:
        """Write or replace ``key`` by a rename. A file is reflinked where the file system can do so, else copied."""
        target = self._file(key)
        part = self._write_part(target, data)
        try:
            os.replace(part, target)
        except OSError as error:
            _remove(part)
            raise _explain("write", target, error) from error

    def copy(self, source: str, target: str) -> None:
        """Write or replace ``target`` with what ``source`` holds."""
        if not self.exists(source):
            raise MissingKey(f"{self.url(source)} is not in the store.")
        self.put(target, self.path(source))

    def put_new(self, key: str, data: Buffer) -> bool:
        """Write ``key`` unless it is there; whether it was written."""
        target = self._file(key)
        if os.path.lexists(target):
            return False
        part = self._write_part(target, data)
        try:
            os.link(part, target)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.EXDEV):
                raise _explain("write", target, error) from error
            # A file system without hard links: claim the name first, then put the content in its place.
            try:
                os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            except FileExistsError:
                return False
            os.replace(part, target)
        finally:
            _remove(part)
        return True

    def get(self, key: str) -> bytes:
        """All bytes of ``key``."""
        target = self._file(key)
        try:
            with open(target, "rb", buffering=0) as file:
                return file.read()
        except OSError as error:
            raise self._explain_read(key, target, error) from error

    def read_into(self, key: str, buffer: bytearray | memoryview, offset: int = 0) -> int:
        """Fill ``buffer`` from byte ``offset`` of ``key``; the number of bytes read."""
        target, view, done = self._file(key), byte_view(buffer), 0
        try:
            with open(target, "rb", buffering=0) as file:
                if offset:
                    file.seek(offset)
                while done < len(view):
                    count = file.readinto(view[done:])
                    if not count:
                        break
                    done += count
        except OSError as error:
            raise self._explain_read(key, target, error) from error
        return done

    def exists(self, key: str) -> bool:
        """Whether ``key`` is there."""
        return os.path.isfile(self._file(key))

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """Keys that start with ``prefix`` and their sizes in bytes."""
        return ((entry.key, entry.size) for entry in self.entries(prefix))

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        """Keys that start with ``prefix``, their sizes and the times of their last write."""
        folder = prefix.rpartition("/")[0]
        waiting = [folder] if not folder or check_key(folder) else []
        while waiting:
            folder = waiting.pop()
            try:
                entries = list(os.scandir(os.path.join(self._root, folder)))
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise _explain("list", os.path.join(self._root, folder), error) from error
            for entry in entries:
                if entry.name.startswith(".") and entry.name.endswith(_PART):
                    continue  # being written
                key = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_dir(follow_symlinks=False):
                    if f"{key}/".startswith(prefix) or prefix.startswith(f"{key}/"):
                        waiting.append(key)
                elif key.startswith(prefix):
                    try:
                        facts = entry.stat()
                    except FileNotFoundError:
                        continue  # deleted by another process since the folder was read
                    yield Entry(key, facts.st_size, facts.st_mtime)

    def delete(self, key: str) -> None:
        """Remove ``key`` and the folders that become empty by it; no error when it is not there."""
        target = self._file(key)
        try:
            os.unlink(target)
        except FileNotFoundError:
            return
        except OSError as error:
            raise _explain("delete", target, error) from error
        folder = os.path.dirname(target)
        while folder != self._root:
            try:
                os.rmdir(folder)
            except OSError:
                return  # not empty: others use it
            self._made.discard(folder)
            folder = os.path.dirname(folder)

    def _file(self, key: str) -> str:
        return f"{self._root}/{check_key(key)}"

    def _write_part(self, target: str, data: Buffer | Path) -> str:
        """Write a temporary file next to ``target``; its path."""
        folder, name = os.path.split(target)
        # Two threads, processes or machines never share a temporary name: process id, counter and random bits.
        part = f"{folder}/.{name[:80]}.{os.getpid()}-{next(self._count)}-{os.urandom(4).hex()}{_PART}"
        descriptor = -1
        try:
            if folder not in self._made:
                self._make_folder(folder)
            flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_CLOEXEC", 0)
            try:
                descriptor = os.open(part, flags, 0o600)
            except FileNotFoundError:
                self._make_folder(folder)  # another process removed the folder when it became empty
                descriptor = os.open(part, flags, 0o600)
            if isinstance(data, Path):
                _copy_file(data, descriptor)
            else:
                view = byte_view(data)
                while view:
                    view = view[os.write(descriptor, view) :]
        except OSError as error:
            if descriptor >= 0:
                _remove(part)
            if isinstance(error, StoreError):
                raise
            raise _explain("write", target, error) from error
        finally:
            if descriptor >= 0:
                os.close(descriptor)
        return part

    def _make_folder(self, folder: str) -> None:
        if not os.path.isdir(self._root):
            os.makedirs(self._root, mode=0o700, exist_ok=True)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        self._made.add(folder)

    def _explain_read(self, key: str, target: str, error: OSError) -> StoreError:
        if isinstance(error, (FileNotFoundError, IsADirectoryError, NotADirectoryError)):
            return MissingKey(f"{self.url(key)} is not in the store (looked for {target}).")
        return _explain("read", target, error)


def _copy_file(source: Path, descriptor: int) -> None:
    """Copy ``source`` into an open file: shared extents, then the kernel's copy, then ours."""
    try:
        file = open(source, "rb", buffering=0)
    except OSError as error:
        raise _explain("read", str(source), error) from error
    with file:
        if sys.platform == "linux":
            import fcntl

            try:
                fcntl.ioctl(descriptor, _FICLONE, file.fileno())
                return
            except OSError:
                pass  # another file system, or one that cannot share extents: copy
            try:
                while os.copy_file_range(file.fileno(), descriptor, 1 << 30):
                    pass
                return
            except OSError as error:
                if error.errno not in (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
                    raise
                os.lseek(descriptor, 0, os.SEEK_SET)
                file.seek(0)
        with open(descriptor, "wb", closefd=False) as target:
            shutil.copyfileobj(file, target, 1 << 20)


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass  # it was renamed away, or the fault that is being reported holds for this too


def _explain(action: str, path: str, error: OSError) -> StoreError:
    reason = _WAYS_OUT.get(error.errno or 0, f"{error.strerror or error}.")
    explained = StoreError(f"Could not {action} {path}: {reason}")
    explained.errno = error.errno
    return explained
