"""pandas objects, column by column, in a form that pandas 2 and 3 both read; numbers out of band and uncopied.

May import: the standard library, this folder; pandas and NumPy inside the functions.
"""

from __future__ import annotations

import sys
import weakref
from typing import Any, Dict, List, Optional, Tuple

from . import arrays, memory, singles

_EXACT = {"DataFrame", "Series"}
_NULLABLE = {
    *("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64"),
    *("Float32", "Float64", "boolean"),
}
_MEMORY = "memory"
"""A part that shares its memory with others at the other end, too."""


def is_frame(kind: type) -> bool:
    """Whether it is a frame or a series of pandas, or made of one."""
    if not hasattr(kind, "_update_inplace"):
        return False
    names = {base.__name__ for base in kind.__mro__ if (base.__module__ or "").split(".")[0] == "pandas"}
    return not names.isdisjoint(_EXACT)


def reduce_pandas(pickler: Any, obj: Any) -> Any:
    """The reduction of an exact DataFrame, Series or Index; NotImplemented leaves it to pandas."""
    import pandas as pd

    kind = type(obj)
    if kind is pd.DataFrame:
        pickler.mark("frame")
        parts = _parts(pickler, obj)
        made = (parts, obj.index, obj.columns, dict(obj.attrs), obj.flags.allows_duplicate_labels)
        return make_frame, made, {**extras(obj), **_links(pickler, obj)} or None, None, None, set_extras
    if kind is pd.Series:
        pickler.mark("frame")
        part = _column(pickler, obj)
        series = (part, obj.index, obj.name, dict(obj.attrs), obj.flags.allows_duplicate_labels)
        return make_series, series, {**extras(obj), **_links(pickler, obj)} or None, None, None, set_extras
    if isinstance(obj, pd.Index):
        return _reduce_index(pickler, obj)
    return NotImplemented


_OF_FRAMES = {"_mgr", "_attrs", "_flags", "_name", "_item_cache", "_cacher", "_is_copy", "_typ", "_cache"}
_NOTES = ("builtins", "numpy", "pandas", "datetime", "decimal", "pathlib", "collections", "patsy")
"""Packages of what notebooks note on a plain frame; what libraries keep there may not be sendable."""


def extras(frame: Any) -> Dict[str, Any]:
    """What a frame holds beside its data: what a subclass keeps, what a notebook noted (``df.name = "train"``)."""
    cached = getattr(type(frame), "_accessors", ())  # made when they are first used
    found = {name: value for name, value in vars(frame).items() if name not in _OF_FRAMES and name not in cached}
    if found and type(frame).__module__.split(".")[0] == "pandas":
        found = {name: value for name, value in found.items() if type(value).__module__.split(".")[0] in _NOTES}
    if _is_part(frame):
        found[_PART] = True
    return found


_PART = "_is_copy"
"""Where pandas 2 keeps what a frame is a part of, and so warns (SettingWithCopyWarning); pandas 3 has no such thing."""
_whole: List[Any] = []


def _is_part(frame: Any) -> bool:
    whole = getattr(frame, _PART, None)
    found = whole() if isinstance(whole, weakref.ref) else None
    return found is not None and found.shape != frame.shape


_COLUMNS, _FRAME = "_item_cache", "_cacher"
"""Where a frame of pandas 2 keeps the series that it made of its columns, and such a series its frame."""


def _links(pickler: Any, obj: Any) -> Dict[str, Any]:
    """The columns of a frame that somebody holds, and of a column the frame where the other end has it: each is to be
    the other's there too, which pandas 2 tells by a warning."""
    if pickler.by_columns or not memory.is_free():
        return {}
    columns = vars(obj).get(_COLUMNS) or {}
    held = {name: columns[name] for name in list(columns) if sys.getrefcount(columns[name]) > 2}
    if held:
        return {_COLUMNS: held}
    name, whole = vars(obj).get(_FRAME) or ("", None)
    frame = None if whole is None else whole()
    return {_FRAME: (name, frame)} if id(frame) in pickler.known else {}


def _link(name: Any, column: Any, frame: Any) -> None:
    if hasattr(frame, _COLUMNS):
        getattr(frame, _COLUMNS)[name] = column
        object.__setattr__(column, _FRAME, (name, weakref.ref(frame)))


def set_extras(frame: Any, values: Dict[str, Any]) -> None:
    """Give a frame what another one holds beside its data."""
    for name, value in values.items():
        if name == _COLUMNS:
            for label, column in value.items():
                _link(label, column, frame)
        elif name == _FRAME:
            _link(value[0], frame, value[1])
        elif name != _PART:
            object.__setattr__(frame, name, value)
        elif hasattr(frame, name):  # any other frame will do for the whole: it is only asked for its shape
            import pandas as pd

            _whole[:] = _whole or [pd.DataFrame()]
            object.__setattr__(frame, name, weakref.ref(_whole[0]))


def update(frame: Any, new: Any) -> None:
    """Let a frame or series hold the values of another one, without a word of pandas 2 about parts."""
    if hasattr(frame, _PART):
        object.__setattr__(frame, _PART, None)
    if memory.lies_alike(frame, new):
        _take_columns(frame, new)
        return
    vars(frame).pop("_cacher", None)  # a column of a frame of pandas 2: it would write its values into the frame
    frame._update_inplace(new)
    if hasattr(new, "_name"):  # of a series: pandas takes over the values only
        object.__setattr__(frame, "_name", new._name)
    _take_columns(frame, new)


def _take_columns(frame: Any, new: Any) -> None:
    """Let the columns that somebody holds of a frame be those of the other one."""
    if memory.is_free() and hasattr(new, _COLUMNS):
        getattr(frame, _COLUMNS).clear()
        for label, column in getattr(new, _COLUMNS).items():
            _link(label, column, frame)


def _of_times(index: Any) -> Any:
    """What keeps the frequency of an index of times: the index, in pandas 2 its array; None for all others."""
    return next((part for part in (index, getattr(index, "_data", None)) if hasattr(part, "_freq")), None)


def frequency(index: Any) -> Any:
    """The frequency of an index of times, which a cell may set."""
    return getattr(_of_times(index), "_freq", None)


def set_frequency(index: Any, value: Any) -> None:
    """Give an index of times a frequency; it is one that fits."""
    if _of_times(index) is not None:
        _of_times(index)._freq = value


def _reduce_index(pickler: Any, index: Any) -> Any:
    import pandas as pd

    kind = type(index)
    if kind is pd.RangeIndex:
        return make_range, (index.start, index.stop, index.step, index.name)
    if kind is pd.MultiIndex:
        codes = [pickler.own(part.copy()) for part in map(_array, index.codes)]
        return make_multi, (list(index.levels), codes, list(index.names))
    if kind in (pd.Index, pd.DatetimeIndex, pd.TimedeltaIndex, pd.CategoricalIndex, pd.PeriodIndex, pd.IntervalIndex):
        part = _column(pickler, index)
        freq = getattr(index, "freqstr", None) if kind in (pd.DatetimeIndex, pd.TimedeltaIndex) else None
        return make_index, (part, index.name, freq, _has_table(index))
    return NotImplemented


_TABLE = 200_000
"""Labels from which on no table is made for the sake of its size."""


def _has_table(index: Any) -> bool:
    """Whether an index has made the table in which it looks labels up: ``df.info()`` counts its memory."""
    engine = getattr(index, "_cache", {}).get("_engine")
    return 0 < len(index) <= _TABLE and bool(getattr(engine, "is_mapping_populated", False))


def _array(values: Any) -> Any:
    import numpy as np

    return np.asarray(values)


Part = Tuple[Any, ...]


def _parts(pickler: Any, frame: Any) -> List[Tuple[Any, Part]]:
    """(places, part) of all columns: those that lie in one array of NumPy go as this array, as pandas reckons with
    them together; to tell whether they changed, each is looked at by itself, for pandas puts them together at will."""
    blocks: Any = getattr(getattr(frame, "_mgr", None), "blocks", ())
    if pickler.by_columns:
        whole = memory.by_rows(blocks[0].values) if len(blocks) == 1 and frame.shape[1] > 1 else None
        if whole is not None:
            return [(None, ("block", _own(pickler, whole), True))]
        return [(i, _column(pickler, frame.iloc[:, i])) for i in range(frame.shape[1])]
    found: List[Tuple[Any, Part]] = []
    for block in blocks:
        places, array = block.mgr_locs.as_array, memory.plain(block.values)
        if array is None or array.ndim != 2 or (len(places) == 1 and not memory.is_free()):
            found += [(int(place), _column(pickler, frame.iloc[:, place])) for place in places]
        elif memory.is_free():
            found.append((places.tolist(), (_MEMORY, array)))
        elif array.dtype == object:
            found.append((places.tolist(), ("block", pickler.own(array.view()), False)))
        else:
            rows = memory.by_rows(array)
            whole = _own(pickler, array if rows is None else rows)
            found.append((places.tolist(), ("block", whole, rows is not None)))
    return sorted(found, key=lambda part: part[0] if isinstance(part[0], int) else part[0][0])


def _column(pickler: Any, column: Any) -> Part:
    """One column as (kind, facts...); "other" for kinds that only their own library can describe."""
    import numpy as np
    import pandas as pd

    dtype, array = column.dtype, column.array
    if isinstance(dtype, np.dtype):
        values = np.asarray(array)
        if memory.is_free() and not pickler.by_columns:
            held = memory.plain(getattr(column, "_values", array))
            return _MEMORY, values if held is None else held
        if dtype == object:
            return "object", singles.items(values.tolist())
        return "numpy", _own(pickler, values)
    if isinstance(dtype, pd.DatetimeTZDtype):
        return "zoned", _own(pickler, array.asi8), dtype.unit, getattr(dtype.tz, "zone", None) or dtype.tz
    if isinstance(dtype, pd.CategoricalDtype):
        return "category", _own(pickler, getattr(array, "_ndarray", array.codes)), array.categories, bool(array.ordered)
    if isinstance(dtype, pd.StringDtype):
        missing = "nan" if getattr(dtype, "na_value", pd.NA) is not pd.NA else "NA"
        text, places, mask = _text(array)
        mask = mask if mask is None else pickler.own(mask)
        return "string", pickler.own(text), pickler.own(places), mask, dtype.storage, missing
    if str(dtype) in _NULLABLE:
        return "nullable", _own(pickler, array._data), _own(pickler, array._mask), str(dtype)
    if isinstance(dtype, pd.PeriodDtype):
        return "period", _own(pickler, array.asi8), str(dtype)
    if isinstance(dtype, pd.IntervalDtype):
        return "interval", array.left, array.right, array.closed
    if type(dtype).__name__ == "ArrowDtype" and hasattr(array, "_pa_array"):
        return "arrow", array._pa_array
    pickler.mark("pickle")
    return "other", array


def _own(pickler: Any, values: Any) -> Any:
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


def _restore(part: Part) -> Any:
    """The inverse of ``_column``."""
    import numpy as np
    import pandas as pd

    kind = part[0]
    if kind == "numpy":
        return part[1]
    if kind == _MEMORY:
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


def make_frame(parts: List[Tuple[Any, Part]], index: Any, columns: Any, attrs: Any, duplicates: bool = True) -> Any:
    """A DataFrame over the restored columns and blocks, uncopied."""
    import pandas as pd

    made: Any = None
    if not parts:
        made = pd.DataFrame(index=index)
    elif len(parts) == 1 and not isinstance(parts[0][0], int):
        whole = _restore_block(parts[0][1]).T
        made = pd.DataFrame(whole, index=index, copy=False, dtype=object if whole.dtype == object else None)
    elif any(not isinstance(places, int) for places, _ in parts):
        made = memory.assembled([_block(places, part, index) for places, part in parts], index)
    if made is None:
        data: Dict[int, Any] = {}
        for places, part in parts:
            if isinstance(places, int):
                data[places] = _plain_series(part, index, None)
            else:
                data.update((place, _series(row, index)) for place, row in zip(places, _restore_block(part)))
        made = pd.DataFrame({place: data[place] for place in sorted(data)}, index=index, copy=False)
    made.columns = columns
    made.attrs.update(attrs)
    if not duplicates:
        made.flags.allows_duplicate_labels = False
    return made


def _restore_block(part: Part) -> Any:
    """The array of a block, a column a row."""
    if part[0] == _MEMORY:
        return _restore(part)
    return part[1].T if part[2] else part[1]


def _block(places: Any, part: Part, index: Any) -> Tuple[List[int], Any]:
    """Places and values of a block."""
    if not isinstance(places, int):
        return places, _restore_block(part)
    alone = _plain_series(part, index, None).to_frame()
    return [places], alone._mgr.blocks[0].values


def _series(values: Any, index: Any, name: Any = None) -> Any:
    import pandas as pd

    # pandas 3 would guess ``str`` for objects that are all text.
    dtype = object if values.dtype == object else None
    return pd.Series(values, index=index, name=name, dtype=dtype, copy=False)


def _plain_series(part: Part, index: Any, name: Any) -> Any:
    return _series(_restore(part), index, name)


def make_series(part: Part, index: Any, name: Any, attrs: Any, duplicates: bool = True) -> Any:
    """A Series over the restored values, uncopied."""
    made = _plain_series(part, index, name)
    made.attrs.update(attrs)
    if not duplicates:
        made.flags.allows_duplicate_labels = False
    return made


def make_range(start: int, stop: int, step: int, name: Any) -> Any:
    """A RangeIndex."""
    import pandas as pd

    return pd.RangeIndex(start, stop, step, name=name)


def make_multi(levels: Any, codes: Any, names: Any) -> Any:
    """A MultiIndex with its own levels, unused ones included."""
    import pandas as pd

    return pd.MultiIndex(levels=levels, codes=codes, names=names, verify_integrity=False)


def make_index(part: Part, name: Any, freq: Optional[str], table: bool = False) -> Any:
    """Any other Index; with ``table`` it looks labels up by one (see ``_has_table``)."""
    import pandas as pd

    values = _restore(part)
    dtype = values.dtype if part[0] in ("numpy", "object", _MEMORY) and values.dtype.kind not in "mM" else None
    made = (
        pd.Index(values, name=name, copy=False)
        if dtype is None
        else pd.Index(values, name=name, dtype=dtype, copy=False)
    )
    if freq is not None:
        made.freq = freq  # type: ignore[attr-defined]
    if table:
        made.get_loc(made[0])
    return made
