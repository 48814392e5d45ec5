"""The loopback S3 server with its objects in memory: the far end of a link that costs as little as it can.

    python benchmarks/memory_s3.py FOLDER [tls]

prints its endpoint, then answers each line on its standard input with the number of requests since the last one, and
lets go of the objects that were deleted. Both ends of a loopback connection share this machine's cores, so what the
server does with a byte counts against every client: a folder costs it three times as much (pages of 4 KiB, and a copy
more), and a multipart upload two copies. The memory of deleted objects is used again: new pages cost a second per GiB
where a hypervisor has to find them.
"""

from __future__ import annotations

import mmap
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from nbprocess.testing.s3 import S3Server, Seen, self_signed
from nbprocess.testing.s3_requests import Handler


def fresh(size: int) -> memoryview:
    """Memory from the kernel, as a result of that many bytes needs it: not touched yet, in huge pages."""
    area = mmap.mmap(-1, max(1, size), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        area.madvise(mmap.MADV_HUGEPAGE)
    return memoryview(area)[:size]


class MemoryHandler(Handler):
    """Every object is a file without content, of the right size; what it holds is kept by the file's number."""

    kept: ClassVar[dict[int, list[memoryview]]] = {}
    spare: ClassVar[dict[int, list[memoryview]]] = {}

    def _receive(self, seen: Seen, file: Any) -> None:
        framed = seen.headers.get("transfer-encoding") or "aws-chunked" in seen.headers.get("content-encoding", "")
        if framed:
            whole = memoryview(b"".join(bytes(piece) for piece in self._body(seen)))
        else:
            self._body_read = True
            size, done = int(seen.headers.get("content-length") or 0), 0
            try:
                whole = self.spare[size].pop()
            except LookupError:
                whole = fresh(size)
            while done < len(whole):
                count = self.rfile.readinto(whole[done:])  # type: ignore[attr-defined]
                if not count:
                    raise ConnectionResetError
                done += count
        self._keep(file, [whole])

    def _keep(self, file: Any, pieces: list[memoryview]) -> None:
        self.kept[os.fstat(file.fileno()).st_ino] = pieces
        file.truncate(sum(map(len, pieces)))

    def _join(self, parts: Sequence[Path], whole: Any) -> None:
        self._keep(whole, [piece for path in parts for piece in self.kept[path.stat().st_ino]])

    def _send(self, file: Any, start: int, end: int) -> None:
        self.wfile.flush()
        at = 0
        for piece in self.kept[os.fstat(file.fileno()).st_ino]:
            if at < end and start < at + len(piece):
                self.request.sendall(piece[max(0, start - at) : end - at])
            at += len(piece)

    @classmethod
    def forget_deleted(cls, root: Path) -> None:
        """Set the memory of objects whose files are gone aside for others."""
        there = {os.stat(os.path.join(folder, name)).st_ino for folder, _, names in os.walk(root) for name in names}
        gone = {id(piece): piece for number in cls.kept.keys() - there for piece in cls.kept.pop(number)}
        held = {id(piece) for pieces in cls.kept.values() for piece in pieces}  # parts live on in what they became
        for number in gone.keys() - held:
            if not gone[number].readonly:
                cls.spare.setdefault(len(gone[number]), []).append(gone[number])


def main(root: Path, tls: bool) -> None:
    """Serve until the input ends."""
    pair = self_signed(root) if tls else None
    server = S3Server(root / "s3", buckets=["bench"], tls=pair, check_digests=False, handler=MemoryHandler)
    with server:
        print(server.endpoint, flush=True)
        for _ in sys.stdin:
            MemoryHandler.forget_deleted(root / "s3")
            print(len(server.requests), flush=True)
            server.requests.clear()


if __name__ == "__main__":
    main(Path(sys.argv[1]), "tls" in sys.argv[2:])
