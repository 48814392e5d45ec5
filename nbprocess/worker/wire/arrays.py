"""NumPy arrays and scalars: the bytes out of band and uncopied, the rest as plain facts that any NumPy reads.

May import: the standard library, this folder; NumPy inside the functions.
"""

from __future__ import annotations

import contextlib
import gc
import mmap
import pickle
import warnings
import weakref
from typing import Any, Dict, Iterator, Optional, Sequence, Tuple

from . import singles
from .refuse import Refused

IN_BAND = 128 * 1024
"""Buffers below this many bytes travel inside the stream."""


def reduce_array(pickler: Any, array: Any) -> Any:
    """The reduction of an exact ``numpy.ndarray``."""
    import numpy as np

    pickler.mark("numpy")
    check_mapped(array)
    base = pickler.shared_base(array) if array.dtype == object or not array.dtype.hasobject else None
    order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
    if array.dtype.hasobject and base is None:
        # Through a list: every element travels by its own rules, and shared elements stay shared.
        items = singles.items(array.ravel(order="C").tolist()) if array.dtype == object else array.tolist()
        return make_objects, (array.dtype, array.shape, items, order, not array.flags.forc, is_writeable(array))
    if base is not None:
        place = address(array)
        if not isinstance(base, np.ndarray):
            return pickler.array_over(base, place, *_facts(array))
        make = make_view if base is owner(array) else make_view_at  # of an input: it may be a view itself
        return make, (base, place - address(base), *_facts(array))
    if array.ndim == 0 or (array.nbytes < IN_BAND and array.flags.forc):
        # Small ones travel inside the stream, as immutable bytes: 5,000 small arrays are one blob, not 5,000.
        made = (array.tobytes("A"), array.dtype, array.shape, order, is_writeable(array))
        if _is_turned(array) and id(array) not in pickler.private:
            return make_turned, (*made, array.base.shape)
        return make_array, made
    if not array.flags.forc:
        first, size = span(array)
        if size <= _sent_with_gaps(array):
            return make_spanned, (first, _memory(array, first, size), *_facts(array))
        facts, lost, array = _facts(array), loses_gaps(array), np.ascontiguousarray(array)
        content = pickle.PickleBuffer(array)
        return (make_dense, (content, *facts[:2], facts[-1])) if lost else (make_spaced, (content, first, size, *facts))
    data = array.view(np.uint8) if array.dtype.kind in "mMV" and order == "C" and array.dtype.itemsize else array
    if array.dtype.kind in "mMV" and order == "F":
        data = array.T.view(np.uint8)
    return make_array, (pickle.PickleBuffer(data), array.dtype, array.shape, order, is_writeable(array))


def _is_turned(array: Any) -> bool:
    """Whether an array is all of another one in another shape, as ``reshape`` gives it: ``flags`` and ``base`` tell."""
    base = array.base
    whole = type(base) is type(array) and base.size == array.size and base.dtype is array.dtype
    return bool(whole and base.flags.c_contiguous and base.flags.owndata)


def check_mapped(array: Any) -> None:
    """Refuse an array over a file that became shorter since it was mapped: to read it would kill this process (SIGBUS).

    Raises:
        Refused: names the file.
    """
    import numpy as np

    base = array
    while isinstance(base, (np.ndarray, memoryview)):
        area = getattr(base, "_mmap", None)
        if isinstance(base, np.memmap) and isinstance(area, mmap.mmap):
            needed, there = int(base.offset) + base.nbytes, _file_size(area)
            if there is not None and there < needed:
                raise Refused(
                    f"it lies over the file {base.filename}, which has {there} bytes now and had at least {needed} "
                    "when it was opened. Open the file anew."
                )
        base = base.obj if isinstance(base, memoryview) else base.base
    if isinstance(base, mmap.mmap):
        there = _file_size(base)
        if there is not None and there < len(base):
            raise Refused(f"it lies over a file that has become shorter ({there} of {len(base)} bytes). Open it anew.")


def _file_size(area: mmap.mmap) -> Optional[int]:
    try:
        return area.size()
    except (OSError, ValueError):  # anonymous memory, or closed
        return None


_SMALL_SPAN, _SPAN = 1 << 20, 1 << 26
"""Bytes of memory, gaps included, up to which an array's gaps travel with it, and up to which it has gaps at the other
end; larger ones may have half as much again."""


_OWNED = 1 << 26
"""Bytes of a group's buffers up to which arrays are copied out of them, so that they own their memory."""
_owning = [False]


@contextlib.contextmanager
def owning(total: int) -> Iterator[None]:
    """While a group is read whose buffers have so many bytes: arrays own their memory, as ``flags``, ``base``,
    ``resize`` and ``sys.getsizeof`` tell, unless there is much of it."""
    before, _owning[0] = _owning[0], total <= _OWNED
    try:
        yield
    finally:
        _owning[0] = before


class _Noted:
    """Arrays that something is known of; they have no attributes and no hash of their own."""

    def __init__(self) -> None:
        self._known: Dict[int, Any] = {}

    def add(self, array: Any) -> Any:
        key = id(array)
        self._known[key] = weakref.ref(array, lambda _: self._known.pop(key, None))
        return array

    def __contains__(self, array: Any) -> bool:
        found = self._known.get(id(array))
        return found is not None and found() is array


_dense = _Noted()
"""Arrays whose gaps were left out on the way: views into them have other places than at the other end."""
_contents = _Noted()
columns = _Noted()
"""Arrays over the memory of pandas objects, which ``frames`` made for the journey: no notebook holds them."""


def span(array: Any) -> Tuple[int, int]:
    """How many bytes before the first element an array's memory begins, and how many it spans."""
    low = sum(step * (count - 1) for step, count in zip(array.strides, array.shape) if step < 0)
    high = sum(step * (count - 1) for step, count in zip(array.strides, array.shape) if step > 0)
    return -low, high - low + array.itemsize


def bounds(array: Any) -> Tuple[int, int]:
    """Where the memory of an array begins and ends."""
    before, size = span(array)
    low = address(array) - before
    return low, low + size


def address(array: Any) -> int:
    """Where an array has its first element."""
    return int(array.__array_interface__["data"][0])


def is_writeable(array: Any) -> bool:
    """Whether an array may be written to. One that ``broadcast_arrays`` made warns when its flag is asked: that is left
    out, without a filter (each change of them lets warnings come once more that were given)."""
    if array.base is None or not array.__array_interface__["data"][1]:
        return bool(array.flags.writeable)
    told: Any = warnings
    show, told._showwarnmsg = told._showwarnmsg, lambda message: None
    try:
        return bool(array.flags.writeable)
    except FutureWarning:  # where warnings are errors
        return True
    finally:
        told._showwarnmsg = show


def loses_gaps(array: Any) -> bool:
    """Whether an array has too many gaps in its memory to have them at the other end: nothing can lie over it there."""
    if array.flags.c_contiguous or array.flags.f_contiguous:
        return False
    return bool(span(array)[1] > max(_SPAN, _sent_with_gaps(array)))


def _sent_with_gaps(array: Any) -> int:
    return int(max(_SMALL_SPAN, array.nbytes * 3 // 2))


def _memory(array: Any, first: int, size: int) -> bytes:
    """The bytes that an array spans, gaps included."""
    import numpy as np

    data: bytes = make_view_at(array, -first, np.dtype(np.uint8), (size,), (1,), False).tobytes()
    return data


def _facts(array: Any) -> Tuple[Any, ...]:
    return array.dtype, array.shape, array.strides, is_writeable(array)


def make_spanned(first: int, data: bytes, dtype: Any, shape: Any, strides: Any, write: bool) -> Any:
    """An array with the gaps that it had."""
    import numpy as np

    made = np.ndarray(shape, dtype, buffer=np.frombuffer(data, np.uint8).copy(), offset=first, strides=strides)
    made.flags.writeable = write
    return made


def make_spaced(buffer: Any, first: int, size: int, dtype: Any, shape: Any, strides: Any, write: bool) -> Any:
    """An array with gaps as large as they were; what was in them stayed behind."""
    import numpy as np

    made = np.ndarray(shape, dtype, buffer=np.empty(size, np.uint8), offset=first, strides=strides)
    made[...] = make_array(buffer, dtype, shape, "C")
    made.flags.writeable = write
    return made


def make_dense(buffer: Any, dtype: Any, shape: Tuple[int, ...], write: bool = True) -> Any:
    """An array whose gaps were left out."""
    return _dense.add(make_array(buffer, dtype, shape, "C", write))


def is_dense(array: Any) -> bool:
    """Whether an array's gaps were left out when it came here."""
    return array in _dense


def contents(array: Any) -> Any:
    """What is in an array now, uncopied, for a dump that must not make a view of it."""
    return _contents.add(array.view())


def is_contents(array: Any) -> bool:
    """Whether ``contents`` made it."""
    return array in _contents


def take_shape(array: Any, shape: Tuple[int, ...]) -> bool:
    """Give an array another shape over the same memory, as ``a.shape = ...`` does. False: it cannot have that one."""
    if array.shape != shape:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # newer versions of NumPy advise against it
                array.shape = shape
        except (AttributeError, ValueError):
            return False
    return True


class _Window:
    """Memory of another array, from a given byte on, for NumPy to make a view of."""

    def __init__(self, base: Any, interface: Dict[str, Any]) -> None:
        self.base, self.__array_interface__ = base, interface


def make_view_at(base: Any, offset: int, dtype: Any, shape: Any, strides: Any, write: bool) -> Any:
    """A view into the memory of ``base``, ``offset`` bytes from its first element, gaps or not."""
    import numpy as np

    place = address(base) + offset
    facts = {"data": (place, not is_writeable(base)), "shape": shape, "strides": strides, "version": 3}
    root = owner(base)
    start = address(root)
    flat = root.T if root.flags.f_contiguous else root
    if flat.flags.c_contiguous and not root.dtype.hasobject:  # the usual case: its base is a plain array
        view = np.ndarray(shape, dtype, buffer=flat, offset=place - start, strides=strides)
    else:
        whole = np.asarray(_Window(base, {**facts, "typestr": "|O" if dtype == object else f"|V{dtype.itemsize}"}))
        view = whole.view(dtype) if dtype.itemsize else whole
    view.flags.writeable = write and view.flags.writeable
    return view


def make_array(buffer: Any, dtype: Any, shape: Tuple[int, ...], order: Any, write: bool = True) -> Any:
    """An array over the buffer itself; writeable when the buffer is."""
    import numpy as np

    if isinstance(buffer, bytes):
        made = np.empty(shape, dtype, order)  # it owns its memory, as resize() and some C code want it
        if buffer:
            flat = np.frombuffer(buffer, dtype=np.uint8).view(dtype)
            np.copyto(made, flat.reshape(shape) if order == "C" else flat.reshape(shape[::-1]).T)
        made.flags.writeable = write
        return made
    flat = np.frombuffer(buffer, dtype=np.uint8).view(dtype)
    made = flat.reshape(shape) if order == "C" else flat.reshape(shape[::-1]).T
    if _owning[0]:
        made = made.copy(order)
    if not write:
        made.flags.writeable = False
    return made


def make_turned(data: bytes, dtype: Any, shape: Tuple[int, ...], order: Any, write: bool, base: Tuple[int, ...]) -> Any:
    """A view of all of an array that has another shape."""
    whole = make_array(data, dtype, base, "C")
    made = whole.reshape(shape) if order == "C" else whole.reshape(shape[::-1]).T
    made.flags.writeable = write
    return made


def make_view(base: Any, offset: int, dtype: Any, shape: Tuple[int, ...], strides: Tuple[int, ...], write: bool) -> Any:
    """A view into ``base``, as at the other end."""
    import numpy as np

    if not base.flags.c_contiguous or dtype == object:  # turned, or with gaps: NumPy makes views of plain memory only
        return make_view_at(base, offset, dtype, shape, strides, write)
    view = np.ndarray(shape, dtype, buffer=base, offset=offset, strides=strides)
    view.flags.writeable = write and base.flags.writeable
    return view


def make_kind(plain: Any, kind: type) -> Any:
    """A recarray or matrix over the memory of a plain array."""
    return plain.view(kind)


def make_objects(
    dtype: Any, shape: Tuple[int, ...], items: Any, order: Any = "C", gaps: bool = False, write: bool = True
) -> Any:
    """An array of Python objects, or of records that hold some."""
    import numpy as np

    made = np.empty(shape, dtype, order)
    if dtype == object:
        flat = made.flat
        for index, item in enumerate(items):
            flat[index] = item
    else:
        made[...] = np.array(items, dtype)
    made.flags.writeable = write
    return _dense.add(made) if gaps else made


def reduce_dtype(dtype: Any) -> Any:
    """The reduction of a dtype, where NumPy's own forgets something: that one of C's types is another one of the same
    size (``long long``), or that it is NumPy's one object for such numbers (``np.asarray(x, float)`` is ``x`` only
    then). NotImplemented for all others."""
    import numpy as np

    if dtype.kind not in "biufcO" or not dtype.isnative:
        return NotImplemented
    usual = np.dtype(dtype.str)
    if dtype.char in ("q", "Q") and usual.char != dtype.char:
        return np.dtype, (dtype.char,)
    if dtype.byteorder in "<>":  # asked for (``newbyteorder``), though it is the machine's: its repr tells
        return make_ordered, (dtype.str,)
    return (np.dtype, (dtype.str,)) if usual is dtype else NotImplemented


def make_ordered(text: str) -> Any:
    """A dtype of which the byte order was asked for."""
    import numpy as np

    plain: Any = np.dtype(text)
    return plain.newbyteorder(text[0])


def reduce_scalar(scalar: Any) -> Any:
    """The reduction of a NumPy scalar."""
    return make_scalar, (scalar.dtype, scalar.tobytes())


def make_scalar(dtype: Any, data: bytes) -> Any:
    """The inverse of ``reduce_scalar``."""
    import numpy as np

    return np.frombuffer(data, dtype=np.uint8).view(dtype)[0]


def owner(array: Any) -> Any:
    """The array that owns the memory of ``array``; itself when it does, or when no array owns it."""
    import numpy as np

    found = array
    while isinstance(found.base, (np.ndarray, _Window, np.void)):  # a record lies over an array
        found = found.base
    return found


def reduce_walk(walk: Any) -> Any:
    """An iterator over all elements of an array (``x.flat``), or of several side by side."""
    over = [walk.base] if hasattr(walk, "base") else [one.base for one in walk.iters]
    return make_walk, (type(walk).__name__, over, walk.index)


def make_walk(name: str, over: Sequence[Any], index: int) -> Any:
    """The inverse: as far as the other end's had come."""
    import numpy as np

    made: Any = over[0].flat if name == "flatiter" else np.broadcast(*over)
    for _ in range(index):
        next(made)
    return made


def set_vectorize(vectorized: Any, state: Dict[str, Any]) -> None:
    """Give a ``numpy.vectorize`` what the other one has; what only this NumPy's have is as in a new one."""
    vars(vectorized).update(vars(type(vectorized)(len)))
    vars(vectorized).update(state)


def reduce_ufunc(ufunc: Any) -> Any:
    """A ufunc of ``frompyfunc``: the function that it calls, which only the collector tells. Others have a name."""
    if not ufunc.__name__.endswith(" (vectorized)"):
        module = pickle.whichmodule(ufunc, ufunc.__name__)  # type: ignore[attr-defined]
        if module not in ("__main__", "__mp_main__"):
            return NotImplemented
        raise Refused("it is machine code of this process (Numba's target='parallel'). Define it inside the cell.")
    called = next((part for part in gc.get_referents(ufunc) if callable(part)), None)
    return NotImplemented if called is None else (make_ufunc, (called, ufunc.nin, ufunc.nout, ufunc.identity))


def make_ufunc(function: Any, inputs: int, outputs: int, identity: Any) -> Any:
    """The inverse of ``reduce_ufunc``."""
    import numpy as np

    known = {} if identity is None else {"identity": identity}
    return np.frompyfunc(function, inputs, outputs, **known)
