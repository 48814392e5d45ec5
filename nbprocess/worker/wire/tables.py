"""Tables of Arrow, of polars and of astropy: column by column, so that only what is new is sent again; exact types.

May import: the standard library, this folder; pyarrow and polars inside the functions.
"""

from __future__ import annotations

import io
import pickle
import sys
from typing import Any, Dict, Iterable, List, Optional, Tuple

from . import arrays
from .atrest import NEWOBJ


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


Part = Tuple[Any, ...]


def is_polars(kind: type) -> bool:
    """Whether it is a DataFrame or Series of polars, whose content its attributes only point at."""
    return kind.__name__ in ("DataFrame", "Series") and (kind.__module__ or "").split(".")[0] == "polars"


def reduce_polars(pickler: Any, obj: Any) -> Any:
    """The reduction of a polars DataFrame or Series; NotImplemented leaves it to polars."""
    import polars as pl

    columns = obj.get_columns() if isinstance(obj, pl.DataFrame) else [obj]
    parts = [_part(pickler, column) for column in columns]
    if None in parts or not parts:
        return NotImplemented
    return (make_sheet, (parts,)) if isinstance(obj, pl.DataFrame) else (make_column, tuple(parts))


def _part(pickler: Any, column: Any) -> Optional[Part]:
    """One column as (kind, whether it is sorted, facts...); None: only polars itself can describe it."""
    import polars as pl

    order = next((name for name in ("SORTED_ASC", "SORTED_DESC") if column.flags.get(name)), None)
    if column.dtype == pl.Object:
        return "objects", order, column.name, column.to_list()
    if "Object" in repr(column.dtype):
        return None  # Arrow's format would take the addresses of the objects inside for bytes
    try:
        values = (column.to_physical() if column.dtype.is_temporal() else column).to_numpy(allow_copy=False)
        if values.ndim == 1 and values.dtype.kind in "iuf":
            return "numbers", order, column.name, pickler.own(values), column.dtype
    except (RuntimeError, TypeError, ValueError, AttributeError):
        pass  # its memory is not that of an array: text, missing values, several pieces
    data = io.BytesIO()
    column.to_frame().write_ipc_stream(data)
    # Of the bytes, not of a memoryview: CPython crashes when its collector meets that one first (both are in a cycle).
    return "arrow", order, pickle.PickleBuffer(data.getvalue())


def make_sheet(parts: List[Part]) -> Any:
    """A polars DataFrame over its columns."""
    import polars as pl

    return pl.DataFrame([make_column(part) for part in parts])


def make_column(part: Part) -> Any:
    """A polars Series."""
    import polars as pl

    kind, order, *facts = part
    if kind == "objects":
        made = pl.Series(facts[0], facts[1], dtype=pl.Object)
    elif kind == "numbers":
        made = pl.Series(facts[0], facts[1]).cast(facts[2])
    else:
        made = pl.read_ipc_stream(io.BytesIO(facts[0])).to_series()
    return made if order is None else made.set_sorted(descending=order == "SORTED_DESC")


def take_over(obj: Any, new: Any) -> None:
    """Let a polars DataFrame or Series hold what another one holds."""
    for name in ("_df", "_s"):
        if hasattr(new, name):
            setattr(obj, name, getattr(new, name))


def reduce_columns(table: Any) -> Any:
    """A table of astropy with its columns: its own way gives it copies of them when it arrives, so that a column that
    has a name, too, would be another one."""
    kind = type(table)
    if not is_columnar(kind):
        return NotImplemented
    return NEWOBJ, (kind,), dict(vars(table)), None, None, set_columns


def is_columnar(kind: Any) -> bool:
    """Whether it is a kind of astropy's tables that leaves to them what their state is."""
    base: Any = getattr(sys.modules.get("astropy.table"), "Table", None)
    return base is not None and issubclass(kind, base) and kind.__getstate__ is base.__getstate__


def set_columns(table: Any, attributes: Dict[str, Any]) -> None:
    """The inverse of ``reduce_columns``."""
    vars(table).update(attributes)
    belong(table)


def settle_columns(objects: Iterable[Any]) -> None:
    """After changes: columns may be others now."""
    if "astropy.table" in sys.modules:
        for table in filter(is_of_columns, objects):
            belong(table)


def belong(table: Any) -> None:
    """Tell the columns of a table of astropy that they are its own: they forget it on the way."""
    for column in table.columns.values():
        if not hasattr(column.info, "_format_funcs"):
            column.info._format_funcs = {}  # a Quantity's does not come with it
        if column.info.parent_table is not table:
            column.info.parent_table = table


def is_of_columns(obj: Any) -> bool:
    """Whether it is a table of astropy."""
    module: Any = sys.modules.get("astropy.table")
    return module is not None and isinstance(obj, getattr(module, "Table", ()))


def reduce_sql(context: Any) -> Any:
    """A ``SQLContext`` of polars: the frames that it knows by name."""
    frames = {name: context.execute(f'SELECT * FROM "{name}"', eager=False) for name in context.tables()}
    return make_sql, (type(context), frames, context._eager_execution)


def make_sql(kind: Any, frames: Any, eager: bool) -> Any:
    """The inverse of ``reduce_sql``."""
    return kind(frames, eager=eager)
