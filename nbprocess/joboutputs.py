"""``job.outputs``: the job's own outputs, to list and to read.

May import: ``outputfile``, the standard library; pandas when a table is read. The backend's store comes as an object.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import unquote

from .errors import StoreError
from .outputfile import OutputFile

if TYPE_CHECKING:
    from .backends.base import Backend
    from .bundle.stores import Store

RESULTS_OUTPUT = "nbprocess-results"
"""The output that carries a cell's variables: not one of the user's."""


_CSV = (".csv", ".csv.gz", ".tsv", ".csv.zst", ".csv.bz2", ".csv.xz", ".tsv.gz")
_PARQUET = (".parquet", ".pq")
_AHEAD = 8 * 1024 * 1024  # a CSV file is read from its beginning to its end
_COMPRESSION = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2", ".xz": "xz"}


class JobOutput:
    """One output of a job. Its files can be read as soon as they are uploaded.

    ``for file in output`` goes through them, ``output / "a.csv"`` is one of them, and both it and the output itself are
    paths to whatever takes one: ``pd.read_csv(output / "a.csv")``, ``joblib.load(output / "model.joblib")``.

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

    def files(self) -> Sequence[OutputFile]:
        """Its files, sorted: each can be opened, read, and given to whatever takes a path."""
        return [OutputFile(self._store(), name) for name in self.list()]

    def __iter__(self) -> Iterator[OutputFile]:
        return iter(self.files())

    def __truediv__(self, path: str) -> OutputFile:
        """``output / "part/a.csv"``: one of its files, usable as a path. It need not be there yet."""
        return OutputFile(self._store(), str(PurePosixPath(path)))

    def __fspath__(self) -> str:
        return str(self.download())

    def path(self) -> Path | None:
        """Its folder, where the store is one of this machine (the local backend); else None."""
        found = self._store().path("-")
        return found.parent if found is not None else None

    def download(self, folder: str | os.PathLike[str] | None = None) -> Path:
        """The folder on this machine that has all its files; what is not here yet, or was changed, is fetched.

        Args:
            folder: put copies there; None leaves them in the local store, or in nbprocess's cache.

        Raises:
            StoreError: it cannot be read, or has no files.
        """
        here = self.path()
        if folder is None and here is not None:
            return here
        files = self.files()
        if not files:
            raise StoreError(self._missing("file"))
        placed = [file.download(folder) for file in files]
        depth = files[0].name.count("/")
        return Path(folder) if folder is not None else placed[0].parents[depth]

    def read(self, path: str = "") -> bytes:
        """All bytes of a file; without a path of the only one.

        Raises:
            StoreError: there is no such file; says which there are.
        """
        return self._one(path).read_bytes()

    def open(self, path: str = "", mode: str = "r", encoding: str = "utf-8") -> IO[Any]:
        """Open a file for reading, as text or with ``mode="rb"`` as bytes; without a path the only one.

        Only what is read is fetched: a few columns of a large Parquet file are a few requests.
        """
        return self._one(path).open(mode, encoding)

    def read_csv(self, path: str = "", **options: Any) -> Any:
        """A CSV file as a pandas frame; without a path all of them, one below the other.

        Args:
            path: a file, or a folder below the output.
            **options: those of ``pandas.read_csv``.
        """
        import pandas

        return self._frames(path, _CSV, pandas.read_csv, options)

    def read_parquet(self, path: str = "", **options: Any) -> Any:
        """A Parquet file as a pandas frame; without a path all of them, one below the other.

        Folders such as ``year=2026/`` become columns, as pandas makes them of a partitioned data set.

        Args:
            path: a file, or a folder below the output.
            **options: those of ``pandas.read_parquet``.
        """
        import pandas

        return self._frames(path, _PARQUET, pandas.read_parquet, options)

    def _frames(self, path: str, suffixes: tuple[str, ...], read: Any, options: dict[str, Any]) -> Any:
        import pandas

        names = [name for name in self.list() if path in ("", name) or name.startswith(path.rstrip("/") + "/")]
        if path not in names:
            # What begins with _ or . is no table: _SUCCESS, .part-0.csv.crc, _temporary/
            parts = (name for name in names if not any(part[0] in "_." for part in name.split("/")))
            names = [name for name in parts if name.endswith(suffixes)]
        if not names:
            raise StoreError(self._missing(path or f"file that ends with {' or '.join(suffixes[:2])}"))
        frames = []
        for name in names:
            more = dict(options)
            if read is pandas.read_csv:
                more.setdefault("compression", _COMPRESSION.get(PurePosixPath(name).suffix))
                if ".tsv" in PurePosixPath(name).suffixes and not {"sep", "delimiter"} & set(more):
                    more["sep"] = "\t"
            file = OutputFile(self._store(), name).open("rb", ahead=_AHEAD if read is pandas.read_csv else None)
            if options.get("chunksize") or options.get("iterator"):
                if len(names) > 1:
                    raise StoreError(
                        f"The output {self.name} is read in pieces file by file; say which: {_some(names)}."
                    )
                return read(file, **more)  # pandas goes on reading from it
            with file:
                frame = read(file, **more)
            if read is pandas.read_parquet:
                frame = frame.assign(**_partition(name, options.get("columns")))
            frames.append(frame)
        if len(frames) == 1:
            return frames[0]
        # A frame whose index has a name keeps it: the person asked for it (index_col), or the file carries it.
        return pandas.concat(frames, ignore_index=all(frame.index.name is None for frame in frames))

    def _one(self, path: str) -> OutputFile:
        names = list(self.list())
        if not path and len(names) == 1:
            return OutputFile(self._store(), names[0])
        if path in names:
            return OutputFile(self._store(), path)
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


def _partition(name: str, columns: Sequence[str] | None) -> dict[str, Any]:
    """The columns that the folders of a file stand for: ``year=2026/part-0.parquet`` → ``{"year": 2026}``."""
    found: dict[str, Any] = {}
    for folder in name.split("/")[:-1]:
        key, sign, value = folder.partition("=")
        if sign and (columns is None or key in columns):
            text = unquote(value)
            found[key] = None if text == "__HIVE_DEFAULT_PARTITION__" else int(text) if text.isdecimal() else text
    return found
