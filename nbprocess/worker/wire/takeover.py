"""Objects that know their state alone (a random generator, a text in memory) and can be given that of another one: they
stay those that they are.

May import: the standard library, this folder.
"""

from __future__ import annotations

from typing import Any, Callable, Optional, Tuple

from . import matrices, models, plotly_figures, reopened, subclasses, tables, torchmodules


def stays(obj: Any) -> bool:
    """Whether a changed object is to be given its new state at the other end, and not to be replaced there."""
    masked = subclasses.is_array(obj) and _has(obj, "_mask")
    return not masked and _way(obj) is not None


def take_over(obj: Any, new: Any) -> bool:
    """Give an object the state of another one of its kind. False: it cannot be."""
    way = _way(obj) if type(obj) is type(new) else None
    return way is not None and way(obj, new) is not False


def _way(obj: Any) -> Optional[Callable[[Any, Any], Any]]:
    kind = type(obj)
    if _has(obj, "bit_generator"):
        return _generator
    if _has(obj, "getstate") and _has(obj, "setstate"):
        return lambda old, new: old.setstate(new.getstate())
    for fits, way in _BY_TYPE:
        if fits(kind):
            return way
    if torchmodules.is_script(obj):
        return torchmodules.take_over
    if type(kind).__module__ == "_ctypes":
        return _memory
    if _has(obj, "random_raw") and _has(obj, "state"):
        return _bits
    if subclasses.is_array(obj):
        return subclasses.take_over
    if keeps_inside(kind):
        return _inside
    if kind.__name__ == "array" and _has(obj, "typecode"):
        return _items
    if _has(obj, "get_state") and _has(obj, "set_state"):
        return lambda old, new: old.set_state(new.get_state())
    return None


_BY_TYPE: Tuple[Tuple[Callable[[type], bool], Callable[[Any, Any], Any]], ...] = (
    (tables.is_polars, tables.take_over),
    (models.is_booster, models.take_over),
    (reopened.can_close, reopened.take_over),
    (models.is_typed, models.take_over_typed),
    (matrices.is_matrix, matrices.take_over),
    (plotly_figures.is_plotted, plotly_figures.take_over),
)


def _has(obj: Any, name: str) -> bool:
    try:
        return hasattr(obj, name)
    except Exception:  # of a `__getattr__` that raises something else
        return False


def keeps_inside(kind: type) -> bool:
    """Whether a type written in C has a state that is no attribute, and gives and takes it: a text in memory."""
    own = getattr(kind, "__getstate__", None)
    own = own if own is not getattr(object, "__getstate__", None) else None
    return type(own) is type(str.join) and hasattr(kind, "__setstate__")


def _generator(old: Any, new: Any) -> None:
    old.bit_generator.state = new.bit_generator.state


def _bits(old: Any, new: Any) -> None:
    old.state = new.state


def _inside(old: Any, new: Any) -> None:
    if getattr(new, "closed", False):
        old.close()
    else:
        old.__setstate__(new.__getstate__())


def _memory(old: Any, new: Any) -> None:
    import ctypes

    ctypes.memmove(ctypes.addressof(old), ctypes.addressof(new), ctypes.sizeof(new))
    vars(old).clear()
    vars(old).update(vars(new))


def _items(old: Any, new: Any) -> None:
    old[:] = new
