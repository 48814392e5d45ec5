"""Models of Bokeh: plots and what they are made of. Their properties know the descriptors in their classes, and what
was shown leads to the process's current document, which leads to all that was shown: both go by name.

May import: the standard library, this folder; Bokeh inside the functions.
"""

from __future__ import annotations

import functools
import sys
from typing import Any, Dict, Tuple

from . import classes, remade
from .atrest import NEWOBJ


def reduce_plot(obj: Any) -> Any:
    """The reduction of a property's descriptor or of the current document; NotImplemented for all else of Bokeh."""
    kind = type(obj)
    if kind.__module__ == "bokeh.core.property.descriptors":
        place = _descriptors(_count()).get(id(obj))
        return NotImplemented if place is None else (make_descriptor, place)
    if kind.__module__ == "bokeh.document.document" and kind.__name__ == "Document":
        state = getattr(sys.modules.get("bokeh.io.state"), "_STATE", None)
        return (make_current_document, ()) if state is not None and state.document is obj else NotImplemented
    if hasattr(kind, "model_class_reverse_map"):
        reduced = obj.__reduce_ex__(5)  # its class's `__new__` would give it a number, which it has
        return (classes.make_bare, (kind,), *reduced[2:]) if reduced[0] is NEWOBJ else NotImplemented
    return NotImplemented


def _all_classes() -> Any:
    waiting = [sys.modules["bokeh.core.has_props"].HasProps]
    while waiting:
        cls: Any = waiting.pop()
        yield cls
        waiting += cls.__subclasses__()


def _count() -> int:
    return len(sys.modules["bokeh.model"].Model.model_class_reverse_map)


@functools.lru_cache(maxsize=1)
def _descriptors(count: int) -> Dict[int, Tuple[str, str, str]]:
    """Where the descriptors of all classes are: they know their name and no class. Anew when there are more classes."""
    root: Any = sys.modules["bokeh.core.property.descriptors"].PropertyDescriptor
    return {
        id(value): (cls.__module__, cls.__qualname__, name)
        for cls in _all_classes()
        if cls.__module__.startswith("bokeh.")
        for name, value in vars(cls).items()
        if isinstance(value, root)
    }


def make_descriptor(module: str, cls: str, name: str) -> Any:
    """What a class has for a property of its instances."""
    return vars(remade.make_attribute(module, cls))[name]


def make_current_document() -> Any:
    """The document that this process shows things in."""
    from bokeh.io import curdoc

    return curdoc()
