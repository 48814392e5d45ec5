"""What the fingerprint says of arrays of NumPy and of tables of pandas, told by their names.

May import: the standard library; see ``walk``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .walk import digest, named

if TYPE_CHECKING:
    from .walk import Walk


def of_numpy(walk: Walk, path: str, value: Any) -> bool:
    kind = type(value)
    if kind.__name__ in ("ndarray", "recarray", "matrix", "memmap", "MaskedArray"):
        _array(walk, path, value)
        return True
    if kind.__module__ == "numpy.dtypes":
        walk.put(path, f"dtype {value!r}")
        return True
    if kind.__module__ == "numpy" and hasattr(value, "dtype") and hasattr(value, "tobytes"):
        walk.put(path, f"{value.dtype} {walk.text(repr(value))}")
        return True
    return False


def _array(walk: Walk, path: str, value: Any) -> None:
    order = "".join(letter for letter, name in (("C", "C_CONTIGUOUS"), ("F", "F_CONTIGUOUS")) if value.flags[name])
    dtype = value.dtype.descr if value.dtype.names else value.dtype
    word = f"{named(type(value))} {dtype} {value.shape} {order or 'strided'}"
    if not value.flags.writeable:
        word += " read-only"
    if value.dtype.hasobject:
        walk.put(path, word)
        walk.items(f"{path}.<items>", value.ravel().tolist() if value.dtype == object else [repr(value)], "items")
    else:
        plain = value.view(value.__array__().__class__) if hasattr(value, "_mask") else value
        head = walk.text(repr(value.ravel()[:3].tolist()))
        # What lies between the fields of a record is nobody's.
        content = repr(plain.tolist()).encode() if value.dtype.names else plain.tobytes()
        walk.put(path, f"{word} {digest(content)} {head[:80]}")
    if type(value).__name__ == "MaskedArray":
        walk.visit(f"{path}.mask", walk.keep(value.mask))
        walk.put(f"{path}.fill_value", repr(value.fill_value))
    owner = value
    while hasattr(getattr(owner, "base", None), "__array_interface__"):
        owner = owner.base
    if value.size:
        begin = value.__array_interface__["data"][0]
        steps = [step * (length - 1) for step, length in zip(value.strides, value.shape)]  # noqa: B905 - as many
        low = begin + sum(step for step in steps if step < 0)
        high = begin + sum(step for step in steps if step > 0) + value.itemsize
        walk.memory(path, owner, begin, low, high)


def is_of_pandas(kind: type) -> bool:
    """pandas' own types, and what others make of its frames and series."""
    frames = ("DataFrame", "Series", "Index")
    names = (base.__name__ for base in kind.__mro__ if (base.__module__ or "").split(".")[0] == "pandas")
    return (kind.__module__ or "").split(".")[0] == "pandas" or any(name in frames for name in names)


def of_pandas(walk: Walk, path: str, value: Any) -> bool:
    name = type(value).__name__
    if (not hasattr(value, "dtype") and not hasattr(value, "dtypes")) or name in ("DataFrameGroupBy", "SeriesGroupBy"):
        return False
    if hasattr(value, "columns") and hasattr(value, "items"):
        walk.put(path, f"{named(type(value))} {value.shape} flags={value.flags.allows_duplicate_labels}")
        walk.visit(f"{path}.columns", value.columns)
        walk.visit(f"{path}.index", value.index)
        for index, label in enumerate(value.columns[:200]):
            column = value.iloc[:, index]
            _column(walk, f"{path}[{walk.text(repr(label))}]", column)
        walk.visit(f"{path}.attrs", dict(value.attrs))
        own = {
            k: v
            for k, v in vars(value).items()
            if k not in ("_mgr", "_item_cache", "_attrs", "_flags", "_is_copy", "_typ")
            and k not in getattr(type(value), "_accessors", ())  # made when first used; pandas 2 keeps them there
        }
        walk.attributes(path, own)
        return True
    if hasattr(value, "index") and hasattr(value, "iloc"):
        walk.put(path, f"{named(type(value))} {value.shape} name={value.name!r}")
        walk.visit(f"{path}.index", value.index)
        _column(walk, f"{path}.values", value)
        walk.visit(f"{path}.attrs", dict(value.attrs))
        return True
    if hasattr(value, "names") and hasattr(value, "get_level_values"):
        word = f"{named(type(value))}[{len(value)}] {value.dtype} names={list(value.names)!r}"
        frequency = getattr(value, "freq", None)
        walk.put(path, word + (f" freq={frequency!r}" if frequency is not None else ""))
        if value.nlevels > 1:
            for level in range(value.nlevels):
                _column(walk, f"{path}.level {level}", value.get_level_values(level))
        else:
            _column(walk, f"{path}.values", value)
        return True
    if hasattr(value, "__len__") and hasattr(value, "dtype"):  # an extension array
        walk.put(path, f"{named(type(value))} {value.dtype}")
        _column(walk, f"{path}.values", value)
        return True
    return False


def _column(walk: Walk, path: str, values: Any) -> None:
    """The values of one column, index or extension array, by digest; objects one by one."""
    dtype = values.dtype
    word = f"{dtype} of {type(dtype).__name__}"
    categories = getattr(dtype, "categories", None)
    if categories is not None:
        codes = values.cat.codes if hasattr(values, "cat") else values.codes
        walk.put(
            path, f"{word} {dtype.ordered} {digest(walk.keep(_bytes(codes)))} {walk.text(repr(list(categories[:50])))}"
        )
        return
    if str(dtype) == "object":
        walk.put(path, word)
        walk.items(f"{path}.<items>", list(values), "items")
        return
    array = values.to_numpy() if not hasattr(values, "codes") else values
    if getattr(array, "dtype", None) is not None and array.dtype == object:
        items = [repr(item) for item in array[:100_000]]
        walk.put(path, f"{word} {digest(walk.text(repr(items)).encode())} {', '.join(items[:3])}")
    else:
        walk.put(path, f"{word} {digest(_bytes(array))} {walk.text(repr(array[:3].tolist()))[:80]}")


def _bytes(values: Any) -> bytes:
    array = values.to_numpy() if hasattr(values, "to_numpy") else values
    data: bytes = array.tobytes()
    return data
