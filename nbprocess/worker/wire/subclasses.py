"""What libraries and notebooks make of NumPy's arrays and pandas' frames: with the attributes that pickle forgets.

May import: the standard library, this folder; NumPy where it is loaded.
"""

from __future__ import annotations

import sys
import warnings
import weakref
from typing import Any, Dict, Tuple

from . import arrays
from .frames import extras, set_extras


def is_array(obj: Any) -> bool:
    """Whether it is an array of NumPy or of a kind made of it."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(obj, getattr(numpy, "ndarray", ()))


def reduce_array(pickler: Any, array: Any) -> Any:
    """The reduction of an array of another kind; NotImplemented where the kind has a way of its own."""
    import numpy as np

    kind: Any = type(array)
    masked = kind.__module__ == "__main__" and kind.__reduce__ is np.ma.MaskedArray.__reduce__
    if masked and array.dtype.isnative:
        made = array.__reduce_ex__(5)
        return (*made[:2], (made[2], _own_attributes(array)), None, None, set_masked)
    if kind.__reduce__ is not np.ndarray.__reduce__ or kind.__setstate__ is not np.ndarray.__setstate__:
        return NotImplemented if array.dtype.isnative else _swapped(array)
    plain = pickler.plain(array, array.view(np.ndarray))
    return make_array, (plain, kind), dict(getattr(array, "__dict__", {})), None, None, set_attributes


def _swapped(array: Any) -> Any:
    """An array in another byte order than the machine's, by its kind's own way: ``ndarray.__setstate__`` gives it the
    machine's (NumPy 1.26 to 2.4)."""
    found = array.__reduce_ex__(5)
    if not isinstance(found, tuple) or len(found) != 3 or not hasattr(array, "__setstate__"):
        return NotImplemented
    return (*found[:2], (found[2], array.dtype), None, None, set_swapped)


def set_swapped(array: Any, state: Tuple[Any, Any]) -> None:
    """The inverse of ``_swapped``."""
    import numpy as np

    own, dtype = state
    array.__setstate__(own)
    if array.dtype != dtype:
        array.view(np.ndarray).byteswap(inplace=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # newer versions of NumPy may advise against it
            array.dtype = dtype


def _own_attributes(array: Any) -> Dict[str, Any]:
    """What a kind of masked array of the notebook has beside what all masked arrays have."""
    import numpy as np

    known = vars(np.ma.MaskedArray([0]))
    return {name: value for name, value in vars(array).items() if name not in known and name != "_basedict"}


def set_masked(array: Any, state: Tuple[Any, Dict[str, Any]]) -> None:
    """Give a masked array of the notebook's kind its state and attributes."""
    array.__setstate__(state[0])
    array._fill_value = state[0][-1]  # as it is: nobody may have asked for it yet
    vars(array).update(state[1])


def make_array(plain: Any, kind: type) -> Any:
    """An array of that kind over the memory of a plain one."""
    return plain.view(kind)


def reduce_masked(pickler: Any, array: Any) -> Any:
    """The reduction of a masked array: data and mask may be those of others."""
    import numpy as np

    mask = None if array._mask is np.ma.nomask else array._mask
    plain = pickler.plain(array, array._data.view(np.ndarray))
    return make_masked, (plain, mask, array._fill_value, array._hardmask, array._sharedmask, dict(array._optinfo))


def make_masked(plain: Any, mask: Any, fill: Any, hard: bool, shared: bool, info: Dict[str, Any]) -> Any:
    """A masked array over the memory of a plain one, and of its mask."""
    import numpy as np

    made: Any = np.ma.MaskedArray(plain, np.ma.nomask if mask is None else mask, hard_mask=hard)
    made._fill_value, made._sharedmask = fill, shared
    made._optinfo.update(info)
    return made


def set_attributes(obj: Any, attributes: Dict[str, Any]) -> None:
    """Give an object the attributes that it had, and no others."""
    if attributes or getattr(obj, "__dict__", None):
        vars(obj).clear()
        vars(obj).update(attributes)


def array_state(array: Any) -> Any:
    """The kind of state, and the state, of an array of another kind; None where only the kind itself knows it."""
    import numpy as np

    from .fingerprint import array_content

    kind: Any = type(array)
    if array.dtype.hasobject or isinstance(array, np.memmap):
        return None
    if issubclass(kind, np.ma.MaskedArray):
        if kind is not np.ma.MaskedArray:
            return None
        mask = None if array._mask is np.ma.nomask else array_content(array._mask)
        return "masked", (array_content(array._data), mask, repr(array.fill_value), array.hardmask)
    if kind.__reduce__ is not np.ndarray.__reduce__:
        return None
    return "subarray", (array_content(array.view(np.ndarray)), dict(getattr(array, "__dict__", {})))


def array_patch(array: Any, kind: str) -> Any:
    """What ``apply_array`` needs of an array that was changed."""
    import numpy as np

    if kind == "masked":
        mask = None if array._mask is np.ma.nomask else arrays.contents(array._mask)
        return arrays.contents(array._data), mask, array.fill_value, array.hardmask
    return arrays.contents(array.view(np.ndarray)), dict(getattr(array, "__dict__", {}))


def apply_array(array: Any, kind: str, state: Tuple[Any, ...]) -> bool:
    """Change an array in place. False: it has another shape or type now."""
    import numpy as np

    target = array._data if kind == "masked" else array.view(np.ndarray)
    data = state[0]
    if target.shape != data.shape or target.dtype != data.dtype or not target.flags.writeable:
        return False
    target[...] = data
    if kind != "masked":
        set_attributes(array, state[1])
        return True
    _, mask, fill, hard = state
    if mask is None:
        array._mask = np.ma.nomask
    elif array._mask is not np.ma.nomask and array._mask.flags.writeable:
        array._mask[...] = mask
    else:
        array._mask = np.array(mask)
    array.fill_value, array._hardmask = fill, hard
    return True


def take_over(array: Any, new: Any) -> bool:
    """Give an array of a kind that knows its state alone (with a unit) the data and attributes of another one. False:
    it has another shape or type now, or a mask."""
    import numpy as np

    target, data = array.view(np.ndarray), new.view(np.ndarray)
    if isinstance(array, np.ma.MaskedArray) or target.shape != data.shape or target.dtype != data.dtype:
        return False
    if not target.flags.writeable:
        return False
    target[...] = data
    own = getattr(array, "__dict__", {})
    # A reference to whom it belongs stays: the other one has none.
    own.update({n: v for n, v in getattr(new, "__dict__", {}).items() if not isinstance(own.get(n), weakref.ref)})
    return True


def reduce_frame(frame: Any) -> Any:
    """pandas' own reduction, with the attributes that the subclass keeps beside the data."""
    made = frame.__reduce_ex__(5)
    if len(made) > 2 and isinstance(made[2], dict):
        made[2].update({name: value for name, value in extras(frame).items() if name not in made[2]})
        if hasattr(frame, "_name"):  # a kind of series with other ``_metadata`` forgets it
            made[2].setdefault("_name", frame._name)
        if "_metadata" not in vars(frame):  # of the class: pandas 2 would set it on the frame
            made[2].pop("_metadata", None)
    return made


def take_extras(frame: Any, new: Any) -> None:
    """Give a frame what another one keeps beside its data."""
    kept = extras(new)
    for name in extras(frame).keys() - kept.keys():
        object.__delattr__(frame, name)
    set_extras(frame, kept)
