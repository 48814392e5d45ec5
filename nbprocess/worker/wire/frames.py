"""pandas objects, column by column, in a form that pandas 2 and 3 both read; numbers out of band and uncopied.

May import: the standard library, this folder; pandas and NumPy inside the functions.
"""

from __future__ import annotations

import sys
import weakref
from typing import Any, Dict, List, Optional, Tuple

from . import columns, memory

_EXACT = {"DataFrame", "Series"}


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
        part = columns.reduce_column(pickler, obj)
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
    of_whole = _frame_of(frame)
    if of_whole is not None:
        found[_FRAME] = bool(of_whole._is_mixed_type)
    return found


_PART = "_is_copy"
"""Where pandas 2 keeps what a frame is a part of, and so warns (SettingWithCopyWarning); pandas 3 has no such thing."""
_whole: List[Any] = []


def _is_part(frame: Any) -> bool:
    found = _whole_of(frame)
    return found is not None and found.shape != frame.shape


def _whole_of(frame: Any) -> Any:
    whole = getattr(frame, _PART, None)
    return whole() if isinstance(whole, weakref.ref) else None


_COLUMNS, _FRAME = "_item_cache", "_cacher"
"""Where a frame of pandas 2 keeps the series that it made of its columns, and such a series its frame."""


_TELL = "_maybe_update_cacher"
"""By which a series of pandas 2 tells its frame; pandas 3 has no such thing."""
_frames: Dict[bool, Any] = {}
"""Stand for the frames of columns whose frame the other end has not: one of several types, and one of a single type."""


def _frame_of(series: Any) -> Any:
    """The frame of pandas 2 that keeps this series as its column, if it lives: to set items of the series warns where
    the frame has several types, and goes on to the frame where that has other memory by now."""
    return (vars(series).get(_FRAME) or (None, lambda: None))[1]()


def _stand_in(mixed: bool) -> Any:
    if mixed not in _frames:
        import pandas as pd

        _frames[mixed] = pd.DataFrame({"\0whole": [0], "\0": ["" if mixed else 0]})
    return _frames[mixed]


def _links(pickler: Any, obj: Any) -> Dict[str, Any]:
    """The columns of a frame that somebody holds, and of a column the frame where the other end has it: each is to be
    the other's there too, which pandas 2 tells by a warning."""
    if pickler.by_columns or not memory.is_free():
        return {}
    # What the other end has of it may be gone there by then: `df = df.dropna()` leaves no whole.
    whole = _whole_of(obj) if _is_part(obj) else None
    of_whole = {_PART: whole} if id(whole) in pickler.known else {}
    kept = vars(obj).get(_COLUMNS) or {}
    held = {name: kept[name] for name in list(kept) if sys.getrefcount(kept[name]) > 2}
    if held:
        return {_COLUMNS: held, **of_whole}
    frame = _frame_of(obj)
    return (
        of_whole if frame is None or id(frame) not in pickler.known else {_FRAME: (obj._cacher[0], frame), **of_whole}
    )


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
        elif name == _FRAME and isinstance(value, bool):
            if _frame_of(frame) is None and hasattr(frame, _TELL):
                object.__setattr__(frame, name, (frame.name, weakref.ref(_stand_in(value))))
                block = frame._mgr.blocks[0]
                if getattr(block.values, "base", block) is None:  # pandas asks whether it has memory of its own
                    block.values = block.values.view()
        elif name == _FRAME:
            _link(value[0], frame, value[1])
        elif name != _PART:
            object.__setattr__(frame, name, value)
        elif not hasattr(frame, name):
            continue
        elif value is not True:
            object.__setattr__(frame, name, weakref.ref(value))
        elif not _is_part(frame):
            import pandas as pd

            _whole[:] = _whole or [pd.DataFrame()]  # any other frame will do: it is only asked for its shape
            object.__setattr__(frame, name, weakref.ref(_whole[0]))


def update(frame: Any, new: Any) -> None:
    """Let a frame or series hold the values of another one, without a word of pandas 2 about parts."""
    whole = getattr(frame, _PART, None)
    if whole is not None:
        object.__setattr__(frame, _PART, None)
    _update(frame, new)
    if whole is not None and _is_part(new):
        object.__setattr__(frame, _PART, whole)
    if hasattr(frame, _FRAME) and any(_frame_of(new) is other for other in _frames.values()):
        getattr(frame, _TELL)(verify_is_copy=False, inplace=True)  # as pandas does when items are set


def _update(frame: Any, new: Any) -> None:
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
        part = columns.reduce_column(pickler, index)
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


_LARGE = 1 << 20
"""Bytes of a column from which on it goes by itself, as rows that are added to a frame shift all columns of a block."""


def _parts(pickler: Any, frame: Any) -> List[Tuple[Any, columns.Part]]:
    """(places, part) of all columns: those that lie in one array of NumPy go as this array, as pandas reckons with
    them together; to tell whether they changed, each is looked at by itself, for pandas puts them together at will."""
    blocks: Any = getattr(getattr(frame, "_mgr", None), "blocks", ())
    if pickler.by_columns:
        whole = memory.by_rows(blocks[0].values) if len(blocks) == 1 and frame.shape[1] > 1 else None
        if whole is not None:
            return [(None, ("block", columns.own(pickler, whole), True))]
        return [(i, columns.reduce_column(pickler, frame.iloc[:, i])) for i in range(frame.shape[1])]
    found: List[Tuple[Any, columns.Part]] = []
    for block in blocks:
        places, array = block.mgr_locs.as_array, memory.plain(block.values)
        rows = None if array is None else memory.by_rows(array)
        large = array is not None and rows is None and array.nbytes >= _LARGE * len(places)
        if array is None or array.ndim != 2 or ((large or len(places) == 1) and not memory.is_free()):
            found += [(int(place), columns.reduce_column(pickler, frame.iloc[:, place])) for place in places]
        elif memory.is_free():
            found.append((places.tolist(), (columns.MEMORY, array)))
        elif array.dtype == object:
            found.append((places.tolist(), ("block", pickler.own(array.view()), False)))
        else:
            whole = columns.own(pickler, array if rows is None else rows)
            found.append((places.tolist(), ("block", whole, rows is not None)))
    return sorted(found, key=lambda part: part[0] if isinstance(part[0], int) else part[0][0])


def make_frame(
    parts: List[Tuple[Any, columns.Part]], index: Any, columns: Any, attrs: Any, duplicates: bool = True
) -> Any:
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


def _restore_block(part: columns.Part) -> Any:
    """The array of a block, a column a row."""
    if part[0] == columns.MEMORY:
        return columns.restore(part)
    return part[1].T if part[2] else part[1]


def _block(places: Any, part: columns.Part, index: Any) -> Tuple[List[int], Any]:
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


def _plain_series(part: columns.Part, index: Any, name: Any) -> Any:
    return _series(columns.restore(part), index, name)


def make_series(part: columns.Part, index: Any, name: Any, attrs: Any, duplicates: bool = True) -> Any:
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


def make_index(part: columns.Part, name: Any, freq: Optional[str], table: bool = False) -> Any:
    """Any other Index; with ``table`` it looks labels up by one (see ``_has_table``)."""
    import pandas as pd

    values = columns.restore(part)
    dtype = values.dtype if part[0] in ("numpy", "object", columns.MEMORY) and values.dtype.kind not in "mM" else None
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
