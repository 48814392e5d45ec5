"""Functions that a function of Keras or TensorFlow made: wrappers that it put around methods, the lambdas of a tracker.

They go by the place where their code stands in the library, not as text or bytecode. May import: the standard library,
this folder.
"""

from __future__ import annotations

import importlib
import sys
import types
from typing import Any, Dict, Iterator, List, Optional, Tuple

from . import functionstate

_PACKAGES = ("keras", "tensorflow")
Place = Tuple[str, str, Tuple[Tuple[str, int], ...]]
"""Module, way from it to a function, and the steps from there: name of the code, and which one of that name."""

_places: Dict[str, Dict[int, Tuple[types.CodeType, Place]]] = {}
"""Module → code by identity, and its place."""


def place_of(function: types.FunctionType) -> Optional[Place]:
    """Where the code of a function stands; None for a function of its module, and of other packages."""
    module = function.__globals__.get("__name__") or ""
    if module.split(".")[0] not in _PACKAGES or getattr(sys.modules.get(module), "__dict__", None) is None:
        return None
    if module not in _places:
        _places[module] = {id(code): (code, place) for code, place in _codes_of(module)}
    found = _places[module].get(id(function.__code__))
    return None if found is None else found[1]


def reduce_nested(function: types.FunctionType) -> Any:
    """The reduction of such a function; NotImplemented for all others."""
    place = place_of(function)
    if place is None:
        return NotImplemented
    cells = tuple(function.__closure__ or ())
    return make_nested, (place, cells), functionstate.state_of(function), None, None, functionstate.set_state


def make_nested(place: Place, cells: Tuple[Any, ...]) -> types.FunctionType:
    """The function at that place of the library that is here."""
    module = importlib.import_module(place[0])
    if place[0] not in _places:
        _places[place[0]] = {id(code): (code, found) for code, found in _codes_of(place[0])}
    code = next((code for code, found in _places[place[0]].values() if found == place), None)
    if code is None or len(code.co_freevars) != len(cells):
        raise AttributeError(f"{place[0]} has no {place[1]} with such a function inside here")
    return types.FunctionType(code, vars(module), code.co_name, None, cells or None)


def _codes_of(module: str) -> Iterator[Tuple[types.CodeType, Place]]:
    """The code of all functions inside of functions and methods of a module, each with its place."""
    for name, value in list(vars(sys.modules[module]).items()):
        if getattr(value, "__module__", None) != module:
            continue
        members = list(vars(value).items()) if isinstance(value, type) else []
        for way, member in [(name, value), *((f"{name}.{inner}", held) for inner, held in members)]:
            function = _function(member)
            if function is not None:
                for code, steps in _inside(function.__code__, ()):
                    yield code, (module, way, steps)


def _function(value: Any) -> Optional[types.FunctionType]:
    """The function below decorators, properties and class methods."""
    for _ in range(10):
        if isinstance(value, types.FunctionType) and "__wrapped__" not in vars(value):
            return value
        inner = (vars(value) if isinstance(value, types.FunctionType) else {}).get("__wrapped__")
        if inner is None:
            inner = getattr(value, "__func__", None) or getattr(value, "fget", None)
        if inner is None:
            return None
        value = inner
    return None


def _inside(code: types.CodeType, steps: Tuple[Tuple[str, int], ...]) -> Iterator[Any]:
    counts: Dict[str, int] = {}
    inner: List[types.CodeType] = [part for part in code.co_consts if isinstance(part, types.CodeType)]
    for part in sorted(inner, key=lambda part: part.co_firstlineno):
        number = counts[part.co_name] = counts.get(part.co_name, -1) + 1
        yield part, (*steps, (part.co_name, number))
        yield from _inside(part, (*steps, (part.co_name, number)))
