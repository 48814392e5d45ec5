"""Designs of patsy, and the data of statsmodels' models that a formula made. patsy refuses to be pickled; statsmodels
leaves the design out and evaluates the formula once more where it is read, with the names that it finds there.

May import: the standard library, this folder.
"""

from __future__ import annotations

import sys
from typing import Any

from . import arrays, remade
from .atrest import NEWOBJ


def reduce_design(pickler: Any, obj: Any) -> Any:
    """An object of patsy by its attributes; NotImplemented for those that pickle knows, and where names of a whole
    notebook hang on it (patsy keeps those that the formula uses)."""
    kind = type(obj)
    if kind.__name__ == "DesignMatrix":
        made = (pickler.plain(obj, obj.view(sys.modules["numpy"].ndarray)), kind)
        return arrays.make_kind, made, dict(vars(obj)), None, None, remade.add_attributes
    refuses = any("__getstate__" in vars(base) for base in kind.__mro__ if base.__module__.startswith("patsy."))
    if not refuses or any(names is vars(sys.modules["__main__"]) for names in getattr(obj, "_namespaces", ())):
        return NotImplemented
    return NEWOBJ, (kind,), dict(vars(obj))


def reduce_data(obj: Any) -> Any:
    """The data of a model, with the design of its formula; NotImplemented for all else of statsmodels."""
    state = getattr(obj, "__dict__", {})
    if not type(state.get("model_spec")).__module__.startswith("patsy."):
        return NotImplemented
    return NEWOBJ, (type(obj),), dict(state), None, None, remade.add_attributes
