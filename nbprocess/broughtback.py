"""What a job brings back beside values: the files that the cell wrote, its current folder, its ``sys.path``.

May import: ``worker.places``, ``worker.wire``, ``errors``.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import IntegrityError


def write_files(outcome: Mapping[str, Any], folder: Path, reader: Any) -> list[str]:
    """Files that the cell wrote or changed in its folder, written here in the same places.

    Args:
        outcome: the verified outcome.
        folder: the notebook's.
        reader: reads the outcome's blobs.

    Returns:
        What has to be said, one line each.

    Raises:
        IntegrityError: a file would not be inside the folder.
    """
    notices, written = [], []
    open_here: set[tuple[int, int]] | None = None
    for name in outcome.get("folders") or ():
        target = (folder / name).resolve()
        if target.is_relative_to(folder.resolve()):
            target.mkdir(parents=True, exist_ok=True)
    gone = [name for name in outcome.get("files_deleted") or () if (folder / name).exists()]
    if gone:
        notices.append(f"The cell deleted {_some(gone)} in its copy of the folder: still here.")
    for item in outcome.get("files") or ():
        target = (folder / item["path"]).resolve()
        if not target.is_relative_to(folder.resolve()):
            raise IntegrityError(
                f"The job names the file {item['path']}, which is not inside {folder}. It was not written."
            )
        if item.get("blob") is None:
            notices.append(f"{item['path']} did not come back: {item.get('reason', '')}.")
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if open_here is None:
            open_here = _open_here(str(folder.resolve()))
        _write(target, reader.get(item["blob"]), item.get("mode", 0o644), open_here)
        written.append(item["path"])
    if written:
        from .worker import wire

        wire.reopen({str(folder.resolve() / name) for name in written})  # logging goes on in the new file
        notices.append(f"The cell wrote {_some(written)}: now in {folder}.")
    return notices


def _write(target: Path, data: Any, mode: int, open_here: set[tuple[int, int]]) -> None:
    """Write a file whole or not at all; one that this kernel has open (a database, a ``memmap``) in its place, so that
    what is open is the file that the job left."""
    known = target.stat() if target.exists() else None
    if known is not None and (known.st_dev, known.st_ino) in open_here:
        with target.open("r+b") as file:
            file.write(data)
            file.truncate()
        return
    part = target.with_name(f".{target.name}.part")
    part.write_bytes(data)
    part.chmod(mode)
    part.replace(target)


def _open_here(folder: str) -> set[tuple[int, int]]:
    """Device and inode of the files below a folder that this process has open or mapped, as far as the system tells."""
    found = set()
    with contextlib.suppress(OSError):  # no /proc
        paths: list[Any] = [int(name) for name in os.listdir("/proc/self/fd")]
        with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as file:
            paths += {line.split(maxsplit=5)[5].rstrip("\n") for line in file if f" {folder}/" in line}
        for path in paths:
            with contextlib.suppress(OSError):  # closed meanwhile; deleted
                info = os.stat(path)
                found.add((info.st_dev, info.st_ino))
    return found


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def move(outcome: Mapping[str, Any], folder: Path) -> list[str]:
    """Go to the folder in which the cell ended, and put into ``sys.path`` what the cell put there.

    Returns:
        What has to be said: why this kernel stays where it is.
    """
    from .worker import places

    changed = outcome.get("places") or {}
    places.extend(changed.get("path") or (), str(folder))
    to = changed.get("folder")
    if to is None:
        return []
    target = (folder / to).resolve()
    if os.path.isabs(to) or not target.is_dir():
        return [f"The cell changed its folder to {to} in the job; here it is still {Path.cwd()}."]
    if Path.cwd().resolve() != (folder / (changed.get("from") or ".")).resolve():
        return [f"The cell changed its folder to {target}, but it was changed here meanwhile: still {Path.cwd()}."]
    os.chdir(target)
    return []
