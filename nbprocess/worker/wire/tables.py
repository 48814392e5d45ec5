"""Tables of Arrow and of polars: column by column, so that only new columns and rows are sent again; exact types.

May import: the standard library, this folder; pyarrow and polars inside the functions.
"""

from __future__ import annotations

import io
import pickle
from typing import Any, List, Optional

from . import arrays


def reduce_arrow(array: Any) -> Any:
    """An Arrow array that is a slice of a longer one, without the rest of it; NotImplemented leaves it to pyarrow,
    whose own reduction sends whole buffers, uncopied."""
    import pyarrow as pa

    if not isinstance(array, pa.Array):
        return NotImplemented
    try:
        if array.get_total_buffer_size() <= max(arrays.IN_BAND, array.nbytes * 3 // 2):
            return NotImplemented
        return pa.concat_arrays([array]).__reduce_ex__(5)
    except (pa.ArrowException, AttributeError):  # types that it cannot copy or measure (yet)
        return NotImplemented


def reduce_polars(pickler: Any, obj: Any) -> Any:
    """The reduction of an exact polars DataFrame or Series; NotImplemented leaves it to polars."""
    import polars as pl

    kind = type(obj)
    if kind is pl.DataFrame and obj.width:
        return make_sheet, (obj.get_columns(),)
    if kind is not pl.Series:
        return NotImplemented
    order = next((name for name in ("SORTED_ASC", "SORTED_DESC") if obj.flags.get(name)), None)
    try:
        values = (obj.to_physical() if obj.dtype.is_temporal() else obj).to_numpy(allow_copy=False)
        if values.ndim == 1 and values.dtype.kind in "iuf":
            return make_numbers, (obj.name, pickler.own(values), obj.dtype, order)
    except (RuntimeError, TypeError, ValueError, AttributeError):
        pass  # its memory is not that of an array: text, missing values, several pieces
    if obj.dtype == pl.Object:
        return make_things, (obj.name, obj.to_list())
    if "Object" in repr(obj.dtype):
        return NotImplemented  # Arrow's format would take the addresses of the objects inside for bytes
    data = io.BytesIO()
    obj.to_frame().write_ipc_stream(data)
    return make_column, (pickle.PickleBuffer(data.getbuffer()), order)


def make_sheet(columns: List[Any]) -> Any:
    """A polars DataFrame over its columns."""
    import polars as pl

    return pl.DataFrame(columns)


def make_numbers(name: str, values: Any, dtype: Any, order: Optional[str]) -> Any:
    """A polars Series of numbers, or of what polars keeps as numbers."""
    import polars as pl

    return _sorted(pl.Series(name, values).cast(dtype), order)


def make_things(name: str, things: List[Any]) -> Any:
    """A polars Series of Python objects."""
    import polars as pl

    return pl.Series(name, things, dtype=pl.Object)


def make_column(data: Any, order: Optional[str]) -> Any:
    """Any other polars Series, out of Arrow's stream format."""
    import polars as pl

    return _sorted(pl.read_ipc_stream(io.BytesIO(data)).to_series(), order)


def _sorted(column: Any, order: Optional[str]) -> Any:
    return column if order is None else column.set_sorted(descending=order == "SORTED_DESC")
