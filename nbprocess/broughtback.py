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

_made: dict[str, tuple[int, int]] = {}
"""Files that jobs made, which were not here before → inode and time of change, as a job wrote them last."""


def write_files(outcome: Mapping[str, Any], folder: Path, reader: Any) -> list[str]:
    """Files that the cell wrote or changed in its folder, written here in the same places.

    What it deleted is deleted here, too, where a job had made it and nobody changed it since; the notebook's own files
    stay, and that is said. A folder that it deleted goes when nothing is left in it.

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
        if _within(folder, name):
            (folder / name).mkdir(parents=True, exist_ok=True)
    kept = [name for name in outcome.get("files_deleted") or () if not _delete(folder, name)]
    if kept:
        notices.append(f"The cell deleted {_some(kept)} in its copy of the folder: still here.")
    for name in outcome.get("folders_deleted") or ():
        if _within(folder, name):
            with contextlib.suppress(OSError):  # not empty, or gone
                (folder / name).rmdir()
    for item in outcome.get("files") or ():
        target = (folder / item["path"]).resolve()
        if not _within(folder, item["path"]):
            raise IntegrityError(
                f"The job names the file {item['path']}, which is not inside {folder}. It was not written."
            )
        if item.get("blob") is None:
            notices.append(f"{item['path']} did not come back: {item.get('reason', '')}.")
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if open_here is None:
            open_here = _open_here(str(folder.resolve()))
        new = _mark(target) is None or _is_made(target)
        _write(target, reader.get(item["blob"]), item.get("mode", 0o644), open_here)
        if new:
            _made[str(target)] = _mark(target)  # type: ignore[assignment]  # it is there
        written.append(item["path"])
    if written:
        from .worker import wire

        wire.reopen({str(folder.resolve() / name) for name in written})  # logging goes on in the new file
        notices.append(f"The cell wrote {_some(written)}: now in {folder}.")
    return notices


def _within(folder: Path, name: str) -> bool:
    return (folder / name).resolve().is_relative_to(folder.resolve())


def _mark(path: Path) -> tuple[int, int] | None:
    try:
        info = path.stat()
    except OSError:
        return None
    return info.st_ino, info.st_mtime_ns


def _is_made(path: Path) -> bool:
    """Whether a job made the file, and nobody changed it since."""
    return str(path) in _made and _made[str(path)] == _mark(path)


def _delete(folder: Path, name: str) -> bool:
    """Delete a file if a job made it. Whether it is gone."""
    target = (folder / name).resolve()
    if _is_made(target) and _within(folder, name):
        target.unlink()
        del _made[str(target)]
    return not (folder / name).exists()


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
