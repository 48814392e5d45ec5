"""The memory over which pandas' objects lie, and who else sees what is written there.

May import: the standard library, this folder; pandas and NumPy inside the functions. It reads what is pandas' own, with
care: without it columns go one by one.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any, List, Tuple

from . import arrays


def is_free() -> bool:
    """Whether columns, rows, slices and values share memory with their frame for good, as in pandas 2: what is written
    in one shows in the other. Under copy on write (pandas 3) it does not."""
    pandas: Any = sys.modules.get("pandas")
    if pandas is None or int(pandas.__version__.split(".")[0]) > 2:
        return False
    return getattr(pandas.options.mode, "copy_on_write", False) is not True


def plain(values: Any) -> Any:
    """NumPy's array that the values of a block or a series are, those of times without a zone included; or None."""
    import numpy as np

    if not isinstance(getattr(values, "dtype", None), np.dtype):
        return None
    found = getattr(values, "_ndarray", values)
    return found if type(found) is np.ndarray else None


def by_rows(values: Any) -> Any:
    """A block's array turned, where its columns lie row by row, with gaps or without; else None. Sums along columns
    have other last digits where the columns lie one by one."""
    array = plain(values)
    if array is None or array.ndim != 2 or array.dtype == object or array.shape[0] < 2:
        return None
    turned = array.T
    rows = turned.strides[0] > turned.strides[1] == turned.itemsize or turned.flags.c_contiguous
    return turned if rows else None


def assembled(blocks: List[Tuple[List[int], Any]], index: Any) -> Any:
    """A frame of (places, values), as pandas makes its own from blocks; None where there is no such way."""
    import numpy as np
    import pandas as pd

    try:
        from pandas._libs.internals import _unpickle_block
        from pandas.core.internals.managers import BlockManager

        generic: Any = importlib.import_module("pandas.core.generic")
        count = sum(len(places) for places, _ in blocks)
        made = [_unpickle_block(values, np.array(places, np.intp), 2) for places, values in blocks]
        frame: Any = pd.DataFrame.__new__(pd.DataFrame)
        manager = BlockManager(made, [pd.RangeIndex(count), index])
        generic.NDFrame.__init__(frame, manager)
    except (ImportError, AttributeError, TypeError):
        return None
    return frame


def lies_alike(frame: Any, new: Any) -> bool:
    """Whether two frames or series have the very same axes and memory: what is in one is in the other."""
    first, second = getattr(frame, "_mgr", None), getattr(new, "_mgr", None)
    if first is None or second is None or not is_free() or len(first.blocks) != len(second.blocks):
        return False
    if any(a is not b for a, b in zip(first.axes, second.axes)) or getattr(frame, "_name", 0) != getattr(
        new, "_name", 0
    ):
        return False
    return all(
        a.mgr_locs.as_array.tolist() == b.mgr_locs.as_array.tolist() and _same_memory(plain(a.values), plain(b.values))
        for a, b in zip(first.blocks, second.blocks)
    )


def _same_memory(first: Any, second: Any) -> bool:
    if first is None or second is None or first.dtype != second.dtype:
        return False
    return bool(first.__array_interface__ == second.__array_interface__)


Memory = List[Tuple[int, int]]
_INSIDE = ("_ndarray", "_data", "_mask", "_codes")


def held_by_others(objects: Any) -> Memory:
    """The memory, from and to, of pandas objects that share it with others as long as nobody writes: under copy on
    write (pandas 3), who writes gets memory of his own, and the others see nothing of it."""
    if is_free():
        return []
    found = []
    for obj in objects:
        for block in getattr(getattr(obj, "_mgr", None), "blocks", ()) if hasattr(obj, "_update_inplace") else ():
            if block.refs.has_reference():
                parts = [block.values, *(getattr(block.values, name, None) for name in _INSIDE)]
                found += [arrays.bounds(part) for part in parts if type(part).__name__ == "ndarray" and part.size]
    return found


def is_in(array: Any, memory: Memory) -> bool:
    """Whether an array that was made for the journey lies in that memory."""
    if array not in arrays.columns:
        return False
    place = arrays.address(array)
    return any(low <= place < high for low, high in memory)
