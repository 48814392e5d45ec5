"""NumPy arrays and scalars: the bytes out of band and uncopied, the rest as plain facts that any NumPy reads.

May import: the standard library, this folder; NumPy inside the functions.
"""

from __future__ import annotations

import mmap
import pickle
from typing import Any, Optional, Tuple

from .refuse import Refused

IN_BAND = 128 * 1024
"""Buffers below this many bytes travel inside the stream."""


def reduce_array(pickler: Any, array: Any) -> Any:
    """The reduction of an exact ``numpy.ndarray``."""
    import numpy as np

    pickler.mark("numpy")
    check_mapped(array)
    if array.dtype.hasobject:
        # Through a list: every element travels by its own rules, and shared elements stay shared.
        order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
        items = array.ravel(order="C").tolist() if array.dtype == object else array.tolist()
        return make_objects, (array.dtype, array.shape, items, order)
    if array.ndim == 0 or (array.nbytes < IN_BAND and pickler.shared_base(array) is None and array.flags.c_contiguous):
        # Small ones travel inside the stream, as immutable bytes: 5,000 small arrays are one blob, not 5,000.
        return make_array, (array.tobytes(), array.dtype, array.shape, "C", array.flags.writeable)
    base = pickler.shared_base(array)
    if base is not None:
        offset = array.__array_interface__["data"][0] - base.__array_interface__["data"][0]
        return make_view, (base, offset, array.dtype, array.shape, array.strides, array.flags.writeable)
    order = "C"
    if not array.flags.c_contiguous:
        if array.flags.f_contiguous:
            order = "F"
        else:
            array = np.ascontiguousarray(array)
    data = array.view(np.uint8) if array.dtype.kind in "mMV" and order == "C" and array.dtype.itemsize else array
    if array.dtype.kind in "mMV" and order == "F":
        data = array.T.view(np.uint8)
    return make_array, (pickle.PickleBuffer(data), array.dtype, array.shape, order)


def check_mapped(array: Any) -> None:
    """Refuse an array over a file that became shorter since it was mapped: to read it would kill this process (SIGBUS).

    Raises:
        Refused: names the file.
    """
    import numpy as np

    base = array
    while isinstance(base, (np.ndarray, memoryview)):
        area = getattr(base, "_mmap", None)
        if isinstance(base, np.memmap) and isinstance(area, mmap.mmap):
            needed, there = int(base.offset) + base.nbytes, _file_size(area)
            if there is not None and there < needed:
                raise Refused(
                    f"it lies over the file {base.filename}, which has {there} bytes now and had at least {needed} "
                    "when it was opened. Open the file anew."
                )
        base = base.obj if isinstance(base, memoryview) else base.base
    if isinstance(base, mmap.mmap):
        there = _file_size(base)
        if there is not None and there < len(base):
            raise Refused(f"it lies over a file that has become shorter ({there} of {len(base)} bytes). Open it anew.")


def _file_size(area: mmap.mmap) -> Optional[int]:
    try:
        return area.size()
    except (OSError, ValueError):  # anonymous memory, or closed
        return None


def make_array(buffer: Any, dtype: Any, shape: Tuple[int, ...], order: str, write: bool = True) -> Any:
    """An array over the buffer itself; writeable when the buffer is."""
    import numpy as np

    if isinstance(buffer, bytes):
        if buffer:
            made = np.frombuffer(buffer, dtype=np.uint8).copy().view(dtype).reshape(shape)
        else:
            made = np.empty(shape, dtype)
        made.flags.writeable = write
        return made
    flat = np.frombuffer(buffer, dtype=np.uint8).view(dtype)
    return flat.reshape(shape) if order == "C" else flat.reshape(shape[::-1]).T


def make_view(base: Any, offset: int, dtype: Any, shape: Tuple[int, ...], strides: Tuple[int, ...], write: bool) -> Any:
    """A view into ``base``, as at the other end."""
    import numpy as np

    view = np.ndarray(shape, dtype, buffer=base, offset=offset, strides=strides)
    view.flags.writeable = write and base.flags.writeable
    return view


def make_objects(dtype: Any, shape: Tuple[int, ...], items: Any, order: Any = "C") -> Any:
    """An array of Python objects, or of records that hold some."""
    import numpy as np

    made = np.empty(shape, dtype, order)
    if dtype == object:
        flat = made.flat
        for index, item in enumerate(items):
            flat[index] = item
    else:
        made[...] = np.array(items, dtype)
    return made


def reduce_scalar(scalar: Any) -> Any:
    """The reduction of a NumPy scalar."""
    return make_scalar, (scalar.dtype, scalar.tobytes())


def make_scalar(dtype: Any, data: bytes) -> Any:
    """The inverse of ``reduce_scalar``."""
    import numpy as np

    return np.frombuffer(data, dtype=np.uint8).view(dtype)[0]


def owner(array: Any) -> Any:
    """The array that owns the memory of ``array``; itself when it does, or when no array owns it."""
    import numpy as np

    found = array
    while isinstance(found.base, np.ndarray):
        found = found.base
    return found
