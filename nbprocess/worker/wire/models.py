"""Values of libraries that go in another form than their library would send them: models that have a form which other
versions of their library read too (XGBoost's own binary JSON), figures of Plotly, functions of Numba, quantities of
Pint.

LightGBM pickles itself as its neutral text, scikit-learn has no such form (its versions are compared, see ``needs``).

May import: the standard library, this folder; XGBoost inside the functions.
"""

from __future__ import annotations

import functools
import pickle
import sys
import warnings
from typing import Any, Dict

from . import scope
from .classes import make_bare
from .functions import by_reference


def reduce_booster(pickler: Any, booster: Any) -> Any:
    """The reduction of an ``xgboost.Booster``: its model, its configuration, and what else it carries."""
    model = booster.save_raw("ubj")
    rest = {name: value for name, value in vars(booster).items() if name != "handle"}
    return make_booster, (pickle.PickleBuffer(model), booster.save_config(), rest)


def make_booster(model: Any, config: str, rest: Dict[str, Any]) -> Any:
    """The inverse of ``reduce_booster``."""
    import xgboost

    made = xgboost.Booster()
    made.load_model(bytearray(model))
    try:
        made.load_config(config)
    except xgboost.core.XGBoostError:
        pass  # settings of another version; the model itself is whole without them
    vars(made).update(rest)
    return made


def is_booster(kind: type) -> bool:
    """Whether it is a model of XGBoost or LightGBM, which lies in the memory of a library in C++."""
    return kind.__name__ == "Booster" and (kind.__module__ or "").split(".")[0] in ("xgboost", "lightgbm")


def take_over(booster: Any, new: Any) -> None:
    """Give a booster the state of another one; what it held before is freed."""
    kind: Any = type(booster)
    before = dict(vars(booster))
    booster.__setstate__(new.__getstate__())
    vars(kind.__new__(kind)).update(before)  # ends at once, and frees it


def reduce_numba(compiled: Any) -> Any:
    """A function that Numba compiles (``@njit``, ``@vectorize``): from the function behind it, which travels as all do.

    Numba itself sends Python's bytecode, also to another Python, which would compile something else from it.
    """
    if by_reference(compiled):
        return compiled.__qualname__
    return make_numba, (type(compiled), compiled._reduce_states())


def make_numba(kind: Any, states: Dict[str, Any]) -> Any:
    """The inverse of ``reduce_numba``; the very one where it is here already. What was compiled for given types
    (``@vectorize(["float64(float64)"])``) is so again when the names that it uses are bound."""
    types = next((name for name in ("siglist", "typesigs") if states.get(name)), None)
    if types is None:
        return kind._rebuild(**states)
    made = kind._rebuild(**{**states, types: [], "frozen": False})
    scope.later(functools.partial(_compile, made, states[types], states["frozen"]))
    return made


def _compile(made: Any, signatures: Any, frozen: bool) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it is compiled already where its dispatcher is the one that was here
            for signature in signatures:
                made.add(signature)
            if hasattr(made, "gufunc_builder"):
                made.build_ufunc()
    except Exception as error:
        raise RuntimeError(f"`{made.__name__}` cannot be compiled for {signatures} ({error})") from error
    if frozen and hasattr(made, "disable_compile"):
        made.disable_compile()
    elif frozen:
        made._frozen = True


def is_typed(kind: type) -> bool:
    """Whether it is a typed list or dict of Numba."""
    return kind.__module__ in ("numba.typed.typedlist", "numba.typed.typeddict")


def reduce_typed(obj: Any) -> Any:
    """A typed list or dict of Numba: its items, and the types of those."""
    if not obj._typed:  # nothing was ever put into it
        return type(obj), ()
    kind = obj._numba_type_
    if type(obj).__name__ == "List":
        return make_typed, (type(obj), (kind.item_type,)), None, iter(list(obj))
    return make_typed, (type(obj), (kind.key_type, kind.value_type)), None, None, iter(list(obj.items()))


def make_typed(kind: Any, types: Any) -> Any:
    """An empty one for items of these types."""
    return kind.empty_list(*types) if kind.__name__ == "List" else kind.empty(*types)


def take_over_typed(obj: Any, new: Any) -> None:
    """Give one the items of another."""
    obj.clear()
    if type(obj).__name__ == "List":
        obj.extend(new)
    else:
        obj.update(new)


def without_statistics(obj: Any) -> Any:
    """What CVXPY keeps of a solution, and whether something was taken out of it: solvers in C++ add objects of their
    own, which no other process can have."""
    kind = type(obj)
    held = dict(vars(obj)) if kind.__name__ in ("Solution", "SolverStats") else {}
    if kind.__name__ == "Solution":
        held["attr"] = dict(held["attr"])
    for where in (held, held.get("attr", {})):
        for name in ("extra_stats", "solver_specific_stats"):
            if name in where and not _can_be_sent(where[name]):
                where[name] = None
                return (make_bare, (kind,), held), True
    return NotImplemented, False


def _can_be_sent(value: Any) -> bool:
    try:
        pickle.dumps(value)
    except Exception:  # whatever a library says to that
        return False
    return True


def is_quantity(obj: Any) -> bool:
    """Whether it is a quantity or unit of Pint."""
    root = (type(obj).__module__ or "").split(".")[0]
    return root == "pint" and hasattr(obj, "_REGISTRY") and hasattr(obj, "_units")


def reduce_quantity(obj: Any) -> Any:
    """A quantity or unit of Pint, with the registry that it belongs to: Pint's own reduction gives it to the default
    one, which does not know the notebook's units, and refuses to reckon with quantities of others."""
    pint: Any = sys.modules["pint"]
    if not is_quantity(obj) or obj._REGISTRY is pint.application_registry.get():
        return NotImplemented
    registry = obj._REGISTRY
    if isinstance(obj, registry.Unit):
        return make_quantity, (registry, "Unit", obj._units)
    if type(obj) is registry.Quantity:
        return make_quantity, (registry, "Quantity", obj._magnitude, obj._units)
    return NotImplemented


def make_quantity(registry: Any, kind: str, *parts: Any) -> Any:
    """The inverse of ``reduce_quantity``."""
    for name in parts[-1]:
        registry.parse_units(name)  # it makes kilometres of metres when it first meets them
    return getattr(registry, kind)(*parts)
