"""What a function holds beside its code: set when it exists, so that it may refer to itself.

May import: ``refuse``, the worker's ``drawing``, the standard library.
"""

from __future__ import annotations

import types
from typing import Any, Dict, Tuple

from .. import drawing
from . import refuse, scope


def state_of(function: types.FunctionType) -> Dict[str, Any]:
    """Defaults, attributes, names and what is in the cells of its closure."""
    cells = function.__closure__ or ()
    return {
        "defaults": function.__defaults__,
        "kwdefaults": function.__kwdefaults__,
        "dict": attributes_of(function),
        "cells": list(cells),
        "contents": [_content(cell) for cell in cells],
        "name": function.__name__,
        "qualname": function.__qualname__,
        "module": function.__module__,
        "annotations": dict(function.__annotations__),
        "doc": function.__doc__,
    }


def attributes_of(function: Any) -> Dict[str, Any]:
    """The attributes of a function. From home no widget (``interact``): the page has it, and a container need not know
    widgets at all."""
    stays = not drawing.only_pictures  # a job's process
    return {name: held for name, held in vars(function).items() if not (stays and refuse.is_widget(type(held)))}


def _content(cell: Any) -> Tuple[bool, Any]:
    try:
        return True, cell.cell_contents
    except ValueError:  # an empty cell: a name that was not bound yet
        return False, None


def set_state(function: types.FunctionType, state: Dict[str, Any]) -> None:
    """The inverse of ``state_of``."""
    function.__defaults__ = state["defaults"]
    function.__kwdefaults__ = state["kwdefaults"]
    function.__dict__.update(state["dict"])
    function.__name__ = state["name"]
    function.__qualname__ = state["qualname"]
    function.__module__ = scope.module_name(state["module"])
    function.__doc__ = state["doc"]
    held = function.__annotations__  # `functools.wraps` has given it to a wrapper (jax.jit)
    if held != state["annotations"]:
        held.clear()
        held.update(state["annotations"])
    for cell, (full, value) in zip(state["cells"], state["contents"]):
        if full:
            cell.cell_contents = value
