"""Functions: a notebook's travel as the source of their statement, with defaults, attributes and shared closure cells.

May import: the standard library, this folder.
"""

from __future__ import annotations

import builtins
import functools
import importlib
import sys
import types
from typing import Any, Dict, List, Optional, Tuple

from . import caches, constants, functionstate, handmade, nested, remade, scope, source

# What IPython puts into the namespace: rebuilt by name, never followed.
INJECTED = {"open", "exit", "quit", "display", "get_ipython"}


def is_notebook(obj: Any) -> bool:
    """Whether a function or class was made in the notebook (or by code without a module)."""
    module = getattr(obj, "__module__", None)
    return module in ("__main__", None, "builtins") or module not in sys.modules


def by_reference(obj: Any) -> bool:
    """Whether the other end finds the very object by module and name."""
    name = getattr(obj, "__module__", None) or ""
    module = sys.modules.get(name)
    if module is None and "." in name and name.split(".")[0] in sys.modules:
        try:  # a package may load the module lazily by which its classes call themselves (numpy.rec)
            module = importlib.import_module(name)
        except ImportError:
            return False
    if module is None or module.__name__ == "__main__":
        return False
    found: Any = module
    for part in getattr(obj, "__qualname__", "<locals>").split("."):
        found = getattr(found, part, None)
    return found is obj


def is_offered(obj: Any) -> bool:
    """Whether what is called like a function stands in the module and under the name that it tells of itself."""
    module = sys.modules.get(getattr(obj, "__module__", None) or "")
    return getattr(module, getattr(obj, "__name__", ""), None) is obj


_STAYS = "which stays behind: it lives in a page."


def reduce_function(pickler: Any, function: types.FunctionType) -> Any:
    """The reduction of a function; NotImplemented where pickle's own (module and name) is right."""
    member = handmade.reduce_member(function)
    if member is not NotImplemented:
        return member
    if by_reference(function):
        return NotImplemented
    place = constants.name_of(function)
    if place is not None:
        return remade.make_attribute, place
    if function.__name__ in INJECTED and function.__module__ and function.__module__.startswith("IPython"):
        return injected, (function.__name__,)
    if dispatches(function):
        return _reduce_dispatch(function)
    again = nested.reduce_nested(function)
    if again is not NotImplemented:
        return again
    located = source.locate(function.__code__)
    if located is None:
        return pickler.by_bytecode(function)
    pickler.mark("source")
    statement, number = located
    pickler.files.add(statement.filename)
    pickler.definitions.append(function)
    code = function.__code__
    home = function.__globals__.get("__name__", "__main__")
    module = "" if home == "__main__" or home not in sys.modules else home
    own = None if _is_of_module(function) else function.__globals__
    state = functionstate.state_of(function)
    widgets = vars(function).keys() - state["dict"]
    if widgets:
        pickler.losses.add(f"it has a widget as an attribute ({', '.join(widgets)}), {_STAYS}")
    if own is not None:
        state["globals"] = {name: own[name] for name in names_in(code) if name in own and name != "__builtins__"}
    arguments: Tuple[Any, ...] = (
        statement.sent(),
        (code.co_name, code.co_firstlineno, number),
        function.__name__,
        module,
        tuple(state["cells"]),
    )
    if own is not None:
        arguments += (pickler.space_of(own),)
    return make_function, arguments, state, None, None, set_function


def _is_of_module(function: types.FunctionType) -> bool:
    """Whether a function's globals are those of a module that an import leads to: not a dict of ``exec`` or one that a
    library made for it (``attrs`` copies a module's), nor those of a module that was loaded by hand."""
    module = sys.modules.get(function.__globals__.get("__name__", ""))
    if module is None or not function.__code__.co_filename.startswith("<attrs generated"):
        return module is not None
    return vars(module) is function.__globals__


class Space:
    """The globals that functions made by ``exec`` in a dict of their own share (those of SymPy's ``lambdify``, say)."""

    def __init__(self) -> None:
        self.names: Dict[str, Any] = {"__builtins__": builtins}

    def __reduce__(self) -> Any:
        return Space, ()  # each function brings the names that it uses


def names_in(code: types.CodeType) -> List[str]:
    """The names that a function and those inside of it may read from their globals."""
    found = dict.fromkeys(code.co_names)
    for part in code.co_consts:
        if isinstance(part, types.CodeType):
            found.update(dict.fromkeys(names_in(part)))
    return list(found)


def make_function(
    where: Tuple[str, str, int, int],
    which: Tuple[str, int, int],
    name: str,
    module: str,
    cells: Tuple[Any, ...],
    space: Any = None,
) -> types.FunctionType:
    """Compile the statement here and take the function's code out of it. ``space``: its globals, if not a module's."""
    statement = source.remember(source.Statement(*where))
    code = source.pick(statement, *which)
    scope_ = vars(importlib.import_module(module)) if module else scope.namespace()
    if space is not None:
        scope_ = space.names
    return types.FunctionType(code, scope_, name, None, cells or None)


def set_function(function: types.FunctionType, state: Dict[str, Any]) -> None:
    """What is set after the function exists, so that it may refer to itself."""
    for name, value in state.get("globals", {}).items():
        function.__globals__.setdefault(name, value)
    functionstate.set_state(function, state)


def reduce_cell(cell: Any) -> Any:
    """An empty cell: its function's state fills it, so a closure may hold its own function, and cells stay shared."""
    return make_cell, ()


def make_cell() -> Any:
    """An empty closure cell."""
    return types.CellType()


def injected(name: str) -> Any:
    """What IPython put into the namespace at this end."""
    found = scope.namespace().get(name)
    if found is None and name == "get_ipython":
        core = sys.modules.get("IPython")
        found = getattr(core, "get_ipython", None)
    return found if found is not None else getattr(builtins, name)


def reduce_method(method: types.MethodType) -> Any:
    """A method to which its function's name does not lead: one that was bound by hand (``types.MethodType(f, obj)``), a
    lambda, one that code put into the class (the class at the other end may get it later)."""
    owner: Any = method.__self__
    function = method.__func__
    name = getattr(function, "__name__", "")
    kind: Any = type(owner)
    bases = [*(owner.__mro__ if isinstance(owner, type) else ()), *kind.__mro__]
    base = next((base for base in bases if name in vars(base)), None)
    if base is not None:
        found = getattr(vars(base)[name], "__func__", vars(base)[name])
        known = not isinstance(found, types.FunctionType) or (found is function and _stands_in(function, base))
        if known or function.__module__ != "__main__":
            return NotImplemented
        return types.MethodType, (function, owner)
    for base in bases:
        for other, member in vars(base).items():
            if getattr(member, "__func__", member) is function and _stands_in(function, base):
                return getattr, (owner, other)
    return types.MethodType, (function, owner)


def _stands_in(function: Any, cls: type) -> bool:
    """Whether a function was made in the body of a class."""
    return bool(function.__qualname__.rpartition(".")[0] == cls.__qualname__)


_ASKING = (("builtins", "input"), ("getpass", "getpass"))
"""Functions in whose places a notebook's kernel puts methods of its own."""


def name_in_module(method: Any) -> Optional[Tuple[str, str]]:
    """Module and name of a bound method that a module offers as a function (``from random import randint``): there is
    one, as of a function, though each look at its object would make another."""
    for place in _ASKING:
        asking: Any = getattr(sys.modules.get(place[0]), place[1], None)
        if type(asking) is type(method) and asking == method:  # each cell gets another one
            return place
    own, name = type(method.__self__).__module__ or "", method.__name__
    if getattr(sys.modules.get(own), "__dict__", {}).get(name) is method:
        return own, name
    return constants.name_of(method)


def reduce_module(module: types.ModuleType) -> Any:
    """A module, by name."""
    if module.__name__ == "__main__":
        return _main, ()
    if handmade.is_by_hand(vars(module)):
        return handmade.reduce_module(module)
    place = handmade.place_of(vars(module))
    if place is not None:
        return remade.make_attribute, place
    return importlib.import_module, (module.__name__,)


def _main() -> Any:
    return sys.modules["__main__"]


def dispatches(function: Any) -> bool:
    """Whether ``functools.singledispatch`` made it."""
    return bool(function.__code__.co_filename == functools.__file__) and hasattr(function, "registry")


def _reduce_dispatch(function: Any) -> Any:
    """``functools.singledispatch``: its implementations; the cache in its closure holds weak references."""
    return make_dispatch, (function.registry[object],), state_of_dispatch(function), None, None, set_dispatch


def state_of_dispatch(function: Any) -> Tuple[Dict[type, Any], Dict[str, Any]]:
    """The implementations of such a function, and what code set on it."""
    made = vars(make_dispatch(function.registry[object]))
    return dict(function.registry), {name: held for name, held in own_attributes(function).items() if name not in made}


def make_dispatch(base: Any) -> Any:
    """A generic function with its fallback alone."""
    return functools.singledispatch(base)


def set_dispatch(function: Any, state: Tuple[Dict[type, Any], Dict[str, Any]]) -> None:
    """Register the other implementations, and set what code set on it."""
    registry, attributes = state
    for cls, implementation in registry.items():
        if function.registry.get(cls) is not implementation:
            function.register(cls, implementation)
    for name in state_of_dispatch(function)[1].keys() - attributes.keys():
        del vars(function)[name]
    vars(function).update(attributes)


def reduce_cached(cached: Any, *, probing: bool) -> Any:
    """``functools.lru_cache``: its parameters, what it holds and its counts."""
    extra = {k: v for k, v in vars(cached).items() if k != "__wrapped__" and k != "cache_parameters"}
    made = (cached.__wrapped__, caches.parameters_of(cached), extra)
    return make_cached, made, caches.state_of(cached, probing=probing), None, None, set_cached


def make_cached(function: Any, parameters: Dict[str, Any], extra: Dict[str, Any]) -> Any:
    """The inverse of ``reduce_cached``, with an empty cache."""
    made = functools.lru_cache(**parameters)(function)
    vars(made).update(extra)
    return made


def set_cached(cached: Any, state: Any) -> None:
    """Make it hold what it held."""
    caches.fill(cached, *state)


_SPECIAL = "\0"
"""Before the names of attributes that every function has and code may bind anew."""

# The keys are made once: states are compared by identity.
_REBINDABLE = {name: _SPECIAL + name for name in ("__doc__", "__name__", "__defaults__", "__kwdefaults__")}


def rebindable(function: Any) -> Dict[str, Any]:
    """The attributes that every function has and code may bind anew."""
    return {key: getattr(function, name) for name, key in _REBINDABLE.items()}


def set_attributes(function: Any, attributes: Dict[str, Any]) -> None:
    """Give a function what the same function at the other end has: its own attributes, and those of ``rebindable``."""
    for name in own_attributes(function).keys() - attributes.keys():
        del vars(function)[name]
    for name, value in attributes.items():
        if name.startswith(_SPECIAL):
            setattr(function, name[len(_SPECIAL) :], value)
        else:
            vars(function)[name] = value


def own_attributes(function: Any) -> Dict[str, Any]:
    """What code set on a function: a counter, a registry."""
    found = functionstate.attributes_of(function)
    return {name: value for name, value in found.items() if name not in ("__wrapped__", "cache_parameters")}
