"""Records: items of an array with fields. Other than NumPy's scalars they may be written to, and lie over their array.

May import: the standard library, ``arrays``.
"""

from __future__ import annotations

from typing import Any

from . import arrays


def is_record(obj: Any) -> bool:
    """Whether an object is one record of an array with fields: it may be written to, and shares the array's memory."""
    kind = type(obj)
    plain = kind.__module__ == "numpy" and kind.__name__ in ("void", "record")
    return plain and bool(obj.dtype.names) and not obj.dtype.hasobject and hasattr(obj.base, "ndim")


def of_record(record: Any) -> Any:
    """The memory of a record (``array[0]`` of an array with fields) as an array without dimensions."""
    base = record.base
    if base.ndim == 0 and base.dtype == record.dtype:
        return base
    return arrays.make_view_at(
        base, arrays.address(record) - arrays.address(base), record.dtype, (), (), record.flags.writeable
    )


def make_record(array: Any) -> Any:
    """A record over the memory of an array without dimensions."""
    return array[()]
