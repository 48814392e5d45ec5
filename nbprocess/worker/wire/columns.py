"""One column of pandas' objects, in a form that pandas 2 and 3 both read: as numbers, texts and masks.

May import: the standard library, this folder; pandas and NumPy inside the functions.
"""

from __future__ import annotations

from typing import Any, List, Tuple

from . import arrays, memory, singles

Part = Tuple[Any, ...]
_NULLABLE = {
    *("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64"),
    *("Float32", "Float64", "boolean"),
}
MEMORY = "memory"
"""A part that shares its memory with others at the other end, too."""


def reduce_column(pickler: Any, column: Any) -> Part:
    """One column as (kind, facts...); "other" for kinds that only their own library can describe."""
    import numpy as np
    import pandas as pd

    dtype, array = column.dtype, column.array
    if isinstance(dtype, np.dtype):
        values = np.asarray(array)
        if memory.is_free() and not pickler.by_columns:
            held = memory.plain(getattr(column, "_values", array))
            return MEMORY, values if held is None else held
        if dtype == object:
            return "object", singles.items(values.tolist())
        return "numpy", own(pickler, values)
    if isinstance(dtype, pd.DatetimeTZDtype):
        return "zoned", own(pickler, array.asi8), dtype.unit, getattr(dtype.tz, "zone", None) or dtype.tz
    if isinstance(dtype, pd.CategoricalDtype):
        return "category", own(pickler, getattr(array, "_ndarray", array.codes)), array.categories, bool(array.ordered)
    if isinstance(dtype, pd.StringDtype):
        missing = "nan" if getattr(dtype, "na_value", pd.NA) is not pd.NA else "NA"
        text, places, mask = _text(array)
        mask = mask if mask is None else pickler.own(mask)
        return "string", pickler.own(text), pickler.own(places), mask, dtype.storage, missing
    if str(dtype) in _NULLABLE:
        return "nullable", own(pickler, array._data), own(pickler, array._mask), str(dtype)
    if isinstance(dtype, pd.PeriodDtype):
        return "period", own(pickler, array.asi8), str(dtype)
    if isinstance(dtype, pd.IntervalDtype):
        return "interval", array.left, array.right, array.closed
    if type(dtype).__name__ == "ArrowDtype" and hasattr(array, "_pa_array"):
        return "arrow", array._pa_array
    pickler.mark("pickle")
    return "other", array


def own(pickler: Any, values: Any) -> Any:
    """A contiguous array that is not seen as a view into its block, so that who writes there gets memory of his own;
    the array itself where pandas lets others see what is written (pandas 2)."""
    import numpy as np

    if memory.is_free() and not pickler.by_columns:
        return values
    whole = np.ascontiguousarray(values).view()
    if not whole.flags.writeable:
        # pandas hands out views that look read-only; what is made of them at the other end is to be writeable.
        whole = np.asarray(_Writeable(whole))
    return arrays.columns.add(pickler.own(whole))


class _Writeable:
    """The same memory, said to be writeable: nobody writes there, but the copy at the other end takes after it."""

    def __init__(self, array: Any) -> None:
        facts = array.__array_interface__
        self.__array_interface__ = {**facts, "data": (facts["data"][0], False)}
        self.kept = array


def _text(array: Any) -> Tuple[Any, Any, Any]:
    """UTF-8 bytes, offsets and the mask of missing values of a string column."""
    import numpy as np

    arrow = getattr(array, "_pa_array", None)
    if arrow is not None:
        import pyarrow as pa

        whole = arrow.cast(pa.large_string()).combine_chunks()
        if isinstance(whole, pa.ChunkedArray):
            whole = whole.chunk(0) if whole.num_chunks else pa.array([], pa.large_string())
        _, offsets, data = whole.buffers()
        count = len(whole)
        places = (
            np.frombuffer(offsets, np.int64)[whole.offset : whole.offset + count + 1]
            if offsets
            else np.zeros(1, np.int64)
        )
        text = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
        text = text[places[0] : places[-1]]
        mask = np.asarray(whole.is_null()) if whole.null_count else None
        # A copy of the places only where the column is a slice of a longer one.
        return np.ascontiguousarray(text), places - places[0] if places[0] else places, mask
    values = array.tolist() if hasattr(array, "tolist") else list(array)
    mask = np.asarray(array.isna())
    encoded = [b"" if gone else value.encode("utf-8", "surrogatepass") for value, gone in zip(values, mask)]
    places = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum([len(item) for item in encoded], out=places[1:])
    return np.frombuffer(b"".join(encoded), np.uint8), places, mask if mask.any() else None


def restore(part: Part) -> Any:
    """The inverse of ``reduce_column``."""
    import numpy as np
    import pandas as pd

    kind = part[0]
    if kind == "numpy":
        return part[1]
    if kind == MEMORY:
        return part[1] if memory.is_free() else part[1].copy()
    if kind == "object":
        made = np.empty(len(part[1]), object)
        for index, item in enumerate(part[1]):
            made[index] = item
        return made
    if kind == "zoned":
        values, unit, zone = part[1:]
        # Whole numbers are moments of UTC to pandas, and are taken without a copy.
        return pd.array(values, dtype=pd.DatetimeTZDtype(unit, _zone(zone)), copy=False)
    if kind == "period":
        dtype: Any = pd.api.types.pandas_dtype(part[2])
        return pd.arrays.PeriodArray(part[1], dtype=dtype)
    if kind == "interval":
        return pd.arrays.IntervalArray.from_arrays(part[1], part[2], closed=part[3])
    if kind == "arrow":
        return pd.arrays.ArrowExtensionArray(part[1])
    if kind == "other":
        return part[1]
    if kind == "category":
        return pd.Categorical.from_codes(part[1], categories=part[2], ordered=part[3])
    if kind == "string":
        return _restore_text(*part[1:])
    values, mask, name = part[1:]
    pd_dtype: Any = pd.array([], dtype=name).dtype
    return pd_dtype.construct_array_type()(values, mask)


def _zone(zone: Any) -> Any:
    """A zone that travelled by its name was pytz's: again, or the standard library's where there is no pytz."""
    if not isinstance(zone, str):
        return zone
    try:
        import pytz
    except ImportError:
        return zone  # pandas makes what it prefers
    return pytz.timezone(zone)


def _restore_text(text: Any, places: Any, mask: Any, storage: str, missing: str) -> Any:
    import numpy as np
    import pandas as pd

    dtype: Any
    make: Any = pd.StringDtype
    try:
        dtype = make(storage, na_value=np.nan) if missing == "nan" else make(storage)
    except (TypeError, ImportError, ValueError):  # pandas 2 without na_value, or no pyarrow here
        dtype = make("python") if missing == "NA" else None
    if dtype is not None and storage == "pyarrow":
        import pyarrow as pa

        valid = None if mask is None else pa.py_buffer(np.packbits(~mask, bitorder="little"))
        buffers = [valid, pa.py_buffer(np.ascontiguousarray(places)), pa.py_buffer(text)]
        whole = pa.Array.from_buffers(pa.large_string(), len(places) - 1, buffers)
        # The arrays may lie over memory that the loader hands over; pandas keeps strings immutable.
        return (
            dtype.construct_array_type()(pa.chunked_array([whole])) if missing == "NA" else pd.array(whole, dtype=dtype)
        )
    data = text.tobytes()
    gone = pd.NA if missing == "NA" else np.nan
    items: List[Any] = [
        data[start:end].decode("utf-8", "surrogatepass")
        for start, end in zip(places[:-1].tolist(), places[1:].tolist())
    ]
    if mask is not None:
        items = [gone if absent else item for item, absent in zip(items, mask)]
    made = np.empty(len(items), object)
    made[:] = items
    return made if dtype is None else pd.array(made, dtype=dtype)
