"""``job.outputs``: the job's own outputs, to list and to read.

May import: the standard library; pandas when a table is read. The backend's store comes in as an object.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from .errors import StoreError

if TYPE_CHECKING:
    from .backends.base import Backend
    from .bundle.stores import Store

RESULTS_OUTPUT = "nbprocess-results"
"""The output that carries a cell's variables: not one of the user's."""


class JobOutput:
    """One output of a job. Its files can be read as soon as they are uploaded.

    Attributes:
        name: the output's name.
        uri: where it lies: ``s3://bucket/prefix/``; "" for one of the feature store.
        feature_group: the feature group that it goes to, or "".
    """

    def __init__(self, entry: Mapping[str, Any], backend: Backend) -> None:
        self.name = str(entry["OutputName"])
        self.uri = str(entry.get("S3Output", {}).get("S3Uri", ""))
        self.feature_group = str(entry.get("FeatureStoreOutput", {}).get("FeatureGroupName", ""))
        self._backend = backend

    def __repr__(self) -> str:
        return f"<JobOutput {self.name}: {self.uri or 'feature group ' + self.feature_group}>"

    def __str__(self) -> str:
        return self.uri

    def _store(self) -> Store:
        if not self.uri:
            raise StoreError(
                f"The output {self.name} goes to the feature group {self.feature_group}: it has no files. "
                "Read it through the feature store."
            )
        return self._backend.open_store(self.uri.rstrip("/"))

    def list(self) -> dict[str, int]:
        """Its files: path below the output → size in bytes, sorted.

        Raises:
            StoreError: it cannot be read.
        """
        return dict(sorted(self._store().list("")))

    def path(self) -> Path | None:
        """Its folder, where the store is one of this machine (the local backend); else None."""
        found = self._store().path("-")
        return found.parent if found is not None else None

    def read(self, path: str = "") -> bytes:
        """All bytes of a file; without a path of the only one.

        Raises:
            StoreError: there is no such file; says which there are.
        """
        name = self._one(path, "")
        return self._store().get(name)

    def open(self, path: str = "", mode: str = "r", encoding: str = "utf-8") -> IO[Any]:
        """Open a file for reading, as text or with ``mode="rb"`` as bytes; without a path the only one."""
        if mode not in ("r", "rt", "rb"):
            raise ValueError(f"open(mode={mode!r}): outputs are read only; use 'r' or 'rb'")
        data = io.BytesIO(self.read(path))
        return data if mode == "rb" else io.TextIOWrapper(data, encoding=encoding)

    def read_csv(self, path: str = "", **options: Any) -> Any:
        """A CSV file as a pandas frame; without a path all of them, one below the other.

        Args:
            path: below the output.
            **options: those of ``pandas.read_csv``.
        """
        import pandas

        return self._frames(path, (".csv", ".csv.gz", ".tsv", ".csv.zst"), pandas.read_csv, options)

    def read_parquet(self, path: str = "", **options: Any) -> Any:
        """A Parquet file as a pandas frame; without a path all of them, one below the other."""
        import pandas

        return self._frames(path, (".parquet", ".pq"), pandas.read_parquet, options)

    def _frames(self, path: str, suffixes: tuple[str, ...], read: Any, options: dict[str, Any]) -> Any:
        import pandas

        store = self._store()
        names = [name for name in self.list() if path in ("", name) or name.startswith(path.rstrip("/") + "/")]
        if path not in names:
            names = [name for name in names if name.endswith(suffixes)]
        if not names:
            raise StoreError(self._missing(path or f"file that ends with {' or '.join(suffixes[:2])}"))
        frames = []
        for name in names:
            more = dict(options)
            if name.endswith(".gz"):
                more.setdefault("compression", "gzip")
            frames.append(read(io.BytesIO(store.get(name)), **more))
        return frames[0] if len(frames) == 1 else pandas.concat(frames, ignore_index=True)

    def _one(self, path: str, kind: str) -> str:
        names = list(self.list())
        if not path and len(names) == 1:
            return names[0]
        if path in names:
            return path
        if not path and names:
            raise StoreError(f"The output {self.name} has {len(names)} files; say which: {_some(names)}.")
        raise StoreError(self._missing(path or "file"))

    def _missing(self, what: str) -> str:
        names = list(self.list())
        return f"The output {self.name} has no {what}. It has: {_some(names) or 'nothing'}."


class JobOutputs(Mapping[str, JobOutput]):
    """The outputs of a job by name. ``print`` shows where each lies."""

    def __init__(self, describe: Mapping[str, Any], backend: Backend) -> None:
        entries = (describe.get("ProcessingOutputConfig") or {}).get("Outputs", ())
        self._found = {
            entry["OutputName"]: JobOutput(entry, backend) for entry in entries if entry["OutputName"] != RESULTS_OUTPUT
        }

    def __getitem__(self, name: str) -> JobOutput:
        try:
            return self._found[name]
        except KeyError:
            raise KeyError(f"{name}: the job has no such output. Its outputs: {_some(list(self._found))}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __repr__(self) -> str:
        lines = [f"  {name}: {output.uri or output.feature_group}" for name, output in self._found.items()]
        return "\n".join(["Outputs:", *lines]) if lines else "Outputs: none"

    def uris(self) -> dict[str, str]:
        """Name → URI, of those that lie in S3."""
        return {name: output.uri for name, output in self._found.items() if output.uri}


def _some(names: list[str]) -> str:
    shown = ", ".join(str(PurePosixPath(name)) for name in names[:20])
    return f"{shown} and {len(names) - 20} more" if len(names) > 20 else shown
