"""Arrays over a file (``numpy.memmap``): the file travels with the notebook's folder, and the other end maps it again.

Where the file is not there, a plain array of the same content stands for it. May import: the standard library, this
folder; NumPy inside the functions.
"""

from __future__ import annotations

import os
import pickle
from typing import Any, Optional, Tuple

from . import arrays


def reduce_mapped(pickler: Any, array: Any) -> Any:
    """The reduction of a ``memmap``, or of a part of one."""
    import numpy as np

    root = arrays.owner(array)
    path = _path(root)
    if path is None or array.dtype.hasobject:
        return arrays.reduce_array(pickler, pickler.own(np.array(array)))
    if array is not root:
        offset = arrays.address(array) - arrays.address(root)
        return make_part, (root, offset, array.dtype, array.shape, array.strides, arrays.is_writeable(array))
    order = "C" if root.flags.c_contiguous else "F"
    plain = pickler.own(root.view(np.ndarray))  # the same chunks as the file's, where it maps all of it
    content = plain if root.nbytes < arrays.IN_BAND else pickle.PickleBuffer(root.T if order == "F" else root)
    pickler.owners.setdefault(id(root), [root, set()])[1].add(id(root))
    return make_mapped, (path, root.mode, root.offset, root.dtype, root.shape, order, content)


def _path(root: Any) -> Optional[str]:
    """The mapped file as seen from the current folder; None where it is elsewhere, or gone."""
    import numpy as np

    name = getattr(root, "filename", None)
    if type(root) is not np.memmap or name is None or isinstance(root.base, np.ndarray) or not os.path.exists(name):
        return None
    path = os.path.relpath(name)
    return None if path.split(os.sep)[0] == os.pardir else path


def make_mapped(path: str, mode: str, offset: int, dtype: Any, shape: Tuple[int, ...], order: Any, content: Any) -> Any:
    """The inverse of ``reduce_mapped``; a plain array where there is no such file."""
    import numpy as np

    plain = content if isinstance(content, np.ndarray) else arrays.make_array(content, dtype, shape, order)
    if not os.path.exists(path) or os.path.getsize(path) < offset + plain.nbytes:
        return plain
    made: Any = np.memmap(path, dtype, "r+" if mode == "w+" else mode, offset, shape, order)  # type: ignore[call-overload]
    if mode == "c":  # what was written to it is not in the file
        made[...] = plain
    return made


def make_part(root: Any, offset: int, dtype: Any, shape: Any, strides: Any, write: bool) -> Any:
    """A part of a ``memmap``, or of the plain array that stands for it."""
    return arrays.make_view_at(root, offset, dtype, shape, strides, write).view(type(root))


def state_of(array: Any) -> Optional[Tuple[str, Any]]:
    """The kind of state, and the state; None for a part of a ``memmap``, and for one that may only be read."""
    from .fingerprint import array_content  # which leads to the pickler, and that to here

    root = arrays.owner(array)
    if array is not root or array.mode == "r":
        return None
    return ("array" if array.mode == "c" else "mapped"), array_content(array)


def plain(array: Any) -> Any:
    """What is in the memory of an array, as an array like any other."""
    import numpy as np

    return array.view(np.ndarray)


def touch(array: Any) -> None:
    """Let the file show that it was written to: not every file system notes it when that is done in memory."""
    name = getattr(array, "filename", None)
    if name is not None and array.mode in ("r+", "w+") and os.path.exists(name):
        array.flush()
        os.utime(name)
