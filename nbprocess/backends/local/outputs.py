"""Outputs of a container on their way to the store: Continuous ones while it runs, all at the end.

May import: ``objects``, the standard library.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from .contract import inside
from .objects import Objects, split_uri

_TEMPORARY = (".tmp", ".part", ".nbprocess-part", ".swp", "~")


class Outputs:
    """The outputs of one host. Symlinks are not followed and not uploaded (developer guide)."""

    def __init__(self, request: Mapping[str, Any], ml: str, objects: Objects) -> None:
        self._objects = objects
        self._items = []
        for item in (request.get("ProcessingOutputConfig") or {}).get("Outputs", ()):
            if "S3Output" not in item:
                continue  # FeatureStoreOutput: the application itself puts records into the feature group
            s3 = item["S3Output"]
            split_uri(s3["S3Uri"])
            self._items.append((inside(ml, s3["LocalPath"]), s3["S3Uri"].rstrip("/"), s3["S3UploadMode"]))
        self._sent: dict[str, tuple[int, int, int]] = {}

    @property
    def continuous(self) -> bool:
        """Whether something is to be uploaded while the job runs."""
        return any(mode == "Continuous" for _, _, mode in self._items)

    def sync(self, final: bool) -> None:
        """Upload what is new or changed: of Continuous outputs, with ``final`` of all. Raises OSError."""
        for folder, uri, mode in self._items:
            if not final and mode != "Continuous":
                continue
            for path, facts in _files(folder):
                name = path[len(folder) + 1 :]
                if not final and _temporary(name):
                    continue
                if final and name.rpartition("/")[2].startswith(".") and _temporary(name):
                    continue  # was never finished: its owner was killed before it gave the file its name
                state = (facts.st_ino, facts.st_size, facts.st_mtime_ns)
                if self._sent.get(path) == state:
                    continue
                try:
                    self._objects.put(f"{uri}/{name}", path, done=final)
                except FileNotFoundError:
                    if os.path.lexists(path):
                        raise
                    continue  # removed or renamed by the job since the folder was read
                self._sent[path] = state


def _temporary(name: str) -> bool:
    return name.endswith(_TEMPORARY)


def _files(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        try:
            if entry.is_dir(follow_symlinks=False):
                yield from _files(entry.path)
            elif entry.is_file(follow_symlinks=False):
                yield entry.path, entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue  # removed by the job since the folder was read
