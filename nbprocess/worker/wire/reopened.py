"""Data files of the notebook's folder that a library has open for reading: the other end opens them again, by the
library's own call and under the same path.

What writes is refused: two processes would write into one file. May import: the standard library, this folder.
"""

from __future__ import annotations

import contextlib
import os
from typing import Any, Dict, List, Optional, Tuple

from .classes import make_bare, set_state
from .refuse import Refused
from .ways import Table, Ways

_WRITES = "it may write to {file}, which two processes must not do at once. Call close() first, or open it with {mode}."
_ELSEWHERE = "its file {file} is outside of this notebook's folder. Open it inside the cell."


def _path(file: Any) -> str:
    """A file as seen from the current folder."""
    path = within(file)
    if path is None:
        raise Refused(_ELSEWHERE.format(file=os.fsdecode(file)))
    return path


def within(file: Any) -> Optional[str]:
    """A file below the current folder, as seen from there; None for all others."""
    path: str = os.path.relpath(os.fsdecode(file))
    return path if path.split(os.sep)[0] != os.pardir and os.path.isfile(path) else None


def _check_reads(file: str, mode: str, *, wanted: str = "mode='r'") -> None:
    if mode not in ("r", "rb", "readonly", "denywrite"):
        raise Refused(_WRITES.format(file=file, mode=wanted))


def find(path: str) -> str:
    """The path of a file that is to be opened again.

    Raises:
        FileNotFoundError: it did not come along.
    """
    if not os.path.exists(path):
        raise FileNotFoundError(f"the file {path} did not come along: name it in the cell, or use --file {path}")
    return path


# -- HDF5 and netCDF ---------------------------------------------------------------------------------------------------


def _reduce_h5py(obj: Any) -> Any:
    kind = type(obj).__name__
    if kind not in ("File", "Group", "Dataset"):
        return NotImplemented
    if not obj:
        held = {name: value for name, value in vars(obj).items() if name != "_id"}
        return make_closed_h5py, (kind,), held, None, None, set_state
    if kind != "File":
        return take_h5py, (obj.file, obj.name)
    _check_reads(obj.filename, obj.mode)
    return make_h5py, (_path(obj.filename),)


def make_h5py(path: str) -> Any:
    """A file of ``h5py`` that is read."""
    import h5py

    return h5py.File(find(path), "r")


def take_h5py(file: Any, name: str) -> Any:
    """A group or dataset of a file."""
    return file[name]


def make_closed_h5py(kind: str) -> Any:
    """A closed file, or what was in one: all that can be known of it."""
    import h5py

    made = getattr(h5py, kind).__new__(getattr(h5py, kind))
    numbers = {"File": h5py.h5f.FileID, "Group": h5py.h5g.GroupID, "Dataset": h5py.h5d.DatasetID}
    made._id = numbers[kind](0)
    return made


def _reduce_netcdf(obj: Any) -> Any:
    kind = type(obj).__name__
    if kind == "Variable" and obj.group().isopen():
        return take_netcdf, (obj.group(), obj.name)
    if kind == "Group" and obj.isopen():
        return take_netcdf, (obj.parent, obj.name)
    if kind == "Dataset" and not obj.isopen():
        return make_closed_netcdf, ()
    if kind != "Dataset":
        raise Refused("its file is closed: it can be used no more. Leave it out.")
    file = obj.filepath()
    _check_reads(file, "a" if _is_written(file) else "r")
    return make_netcdf, (_path(file),)


def make_closed_netcdf() -> Any:
    """A closed file of ``netCDF4``: all that can be known of it."""
    import netCDF4

    made = netCDF4.Dataset("closed", "w", diskless=True, persist=False)
    made.close()
    return made


def _is_written(file: str) -> bool:
    """Whether this process has a file open for writing, as far as its system tells."""
    try:
        numbers = os.listdir("/proc/self/fd")
    except OSError:
        return True
    for number in numbers:
        try:
            if os.path.samefile(f"/proc/self/fd/{number}", file):
                with open(f"/proc/self/fdinfo/{number}") as told:
                    flags = next(line.split()[1] for line in told if line.startswith("flags:"))
                if int(flags, 8) & (os.O_WRONLY | os.O_RDWR):
                    return True
        except (OSError, StopIteration):  # closed meanwhile
            continue
    return False


def make_netcdf(path: str) -> Any:
    """A file of ``netCDF4`` that is read."""
    import netCDF4

    return netCDF4.Dataset(find(path), "r")


def take_netcdf(group: Any, name: str) -> Any:
    """A variable or group of a file."""
    return group[name]


def _reduce_store(store: Any) -> Any:
    """pandas' ``HDFStore``; a closed one is what it holds."""
    if not store.is_open:
        return make_bare, (type(store),), dict(vars(store)), None, None, set_state
    _check_reads(store._path, store._mode)
    return make_store, (_path(store._path),)


def make_store(path: str) -> Any:
    """A file of HDF5 that pandas reads."""
    import pandas as pd

    return pd.HDFStore(find(path), mode="r")


def _reduce_zarr(store: Any) -> Any:
    """A folder of zarr's: without it each value would be read as the one that stands for what was never written."""
    parts = sorted(os.listdir(store.root)) if os.path.isdir(store.root) else []
    return make_bare, (type(store),), (dict(vars(store)), parts[:1]), None, None, set_zarr


def set_zarr(store: Any, state: Tuple[Dict[str, Any], List[str]]) -> None:
    """The inverse, where the folder came along."""
    vars(store).update(state[0])
    for part in state[1]:
        find(os.path.join(store.root, part))


# -- tables ------------------------------------------------------------------------------------------------------------


def _reduce_excel(book: Any) -> Any:
    if not isinstance(book._io, (str, os.PathLike)) or not os.path.exists(book._io):
        return NotImplemented
    return make_excel, (_path(book._io), book.engine, book.io)


def make_excel(path: str, engine: Any, given: Any) -> Any:
    """A workbook of which pandas reads sheets."""
    import pandas as pd

    made: Any = pd.ExcelFile(find(path), engine=engine)
    made.io = made._io = given
    return made


def _reduce_chunks(reader: Any) -> Any:
    """What ``read_csv(..., chunksize=)`` gives: it goes on behind the rows that it has given."""
    file: Any = reader.handles.handle if reader.handles is not None else None
    name = getattr(file, "name", None)
    if not isinstance(name, str) or reader.handles.compression["method"] is not None:
        return NotImplemented
    return make_chunks, (_path(name), reader.engine, reader.orig_options, reader._currow, file.closed)


def make_chunks(path: str, engine: Any, options: Dict[str, Any], given: int, closed: bool) -> Any:
    """A file of CSV that is read in parts, behind the rows that were given before."""
    from pandas.io.parsers import TextFileReader

    made: Any = TextFileReader(find(path), engine, **options)
    if given:
        made.get_chunk(given)
    if closed:
        with contextlib.suppress(StopIteration):  # it may have come to the end
            made.get_chunk(1)
        made.close()
        made._currow = given
    return made


# -- archives, images --------------------------------------------------------------------------------------------------


def _reduce_zip(archive: Any) -> Any:
    name = getattr(archive.fp, "name", None)
    if archive._filePassed or not isinstance(name, str):
        return NotImplemented
    _check_reads(name, archive.mode)
    held = {key: value for key, value in vars(archive).items() if key != "fp"}
    return make_bare, (type(archive),), (held, {"fp": (_path(name), "")}), None, None, set_files


def _reduce_tar(archive: Any) -> Any:
    name, way = archive.name, type(archive.fileobj).__name__
    if archive.closed or archive._extfileobj or way not in _OPENING or not isinstance(name, str):
        return NotImplemented
    _check_reads(name, archive.mode)
    held = {key: value for key, value in vars(archive).items() if key != "fileobj"}
    return make_bare, (type(archive),), (held, {"fileobj": (_path(name), way)}), None, None, set_files


def _reduce_fits(file: Any) -> Any:
    """What astropy keeps of a file that it has open."""
    inner = file._file
    if type(inner).__name__ != "BufferedReader" or inner.closed or not isinstance(inner.name, str):
        return NotImplemented
    _check_reads(inner.name, file.mode)
    held = {key: None if key == "_mmap" else value for key, value in vars(file).items() if key != "_file"}
    return make_bare, (type(file),), (held, {"_file": (_path(inner.name), "")}), None, None, set_files


def _reduce_image(image: Any) -> Any:
    """A picture of which nothing but its head was read so far, or one of several that a file holds."""
    inner: Any = getattr(image, "fp", None) or getattr(image, "_fp", None)
    name = getattr(inner, "name", None)
    if not isinstance(name, str) or inner.closed or not hasattr(type(image), "_open"):
        return NotImplemented
    made = (_path(name), image.tell(), image.filename)
    if getattr(image, "_im", image) is not None:
        again = make_image(*made)
        if getattr(again, "n_frames", 1) == 1 or (again.mode, again.tobytes()) != (image.mode, image.tobytes()):
            return NotImplemented
    return make_image, made, dict(image.info), None, None, set_info


def make_image(path: str, frame: int, given: Any) -> Any:
    """A picture of PIL that is read when it is needed."""
    from PIL import Image

    made: Any = Image.open(find(path))
    if frame:
        made.seek(frame)
    made.filename = given
    return made


def set_info(image: Any, info: Dict[str, Any]) -> None:
    """What is noted on a picture."""
    image.info.clear()
    image.info.update(info)


_OPENING = {"": "", "BufferedReader": "", "GzipFile": "gzip", "BZ2File": "bz2", "LZMAFile": "lzma"}
"""How a file is packed, by the type of what reads it → the module that opens it."""


def set_files(obj: Any, state: Tuple[Dict[str, Any], Dict[str, Tuple[str, str]]]) -> None:
    """Give an object what it holds, and the files that are opened for it."""
    import builtins
    import importlib

    vars(obj).update(state[0])
    for name, (path, way) in state[1].items():
        opener: Any = importlib.import_module(_OPENING[way]) if _OPENING[way] else builtins
        vars(obj)[name] = opener.open(find(path), "rb")


TABLE: Table = [
    (("h5py", "HLObject"), _reduce_h5py),
    (("netCDF4", "Dataset"), _reduce_netcdf),
    (("netCDF4", "Variable"), _reduce_netcdf),
    (("zarr", "LocalStore"), _reduce_zarr),
    (("pandas", "HDFStore"), _reduce_store),
    (("pandas", "ExcelFile"), _reduce_excel),
    (("pandas", "TextFileReader"), _reduce_chunks),
    (("zipfile", "ZipFile"), _reduce_zip),
    (("tarfile", "TarFile"), _reduce_tar),
    (("astropy", "_File"), _reduce_fits),
    (("PIL", "ImageFile"), _reduce_image),
]
"""For such an object, or a part of one. ``Refused``: its file is open for writing, or lies elsewhere."""
WAYS = Ways(TABLE)


def take_over(old: Any, new: Any) -> bool:
    """Close a file that was closed at the other end; False: it is to be another object."""
    if not _is_closed(new) or _is_closed(old):
        return False
    old.close()
    return True


def _is_closed(obj: Any) -> bool:
    kind = type(obj)
    if (kind.__module__ or "").split(".")[0] == "h5py":
        return not obj
    if hasattr(kind, "isopen"):
        return not obj.isopen()
    if hasattr(kind, "is_open"):
        return not obj.is_open
    return obj.fp is None if hasattr(obj, "NameToInfo") else bool(getattr(obj, "closed", False))


def can_close(kind: type) -> bool:
    """Whether objects of this type are files that a cell may close."""
    return (
        WAYS.of(kind) is not None
        and hasattr(kind, "close")
        and (kind.__module__ or "").split(".")[0] not in ("PIL", "zarr")
    )
