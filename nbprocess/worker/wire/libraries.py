"""Values of installed libraries that go in another form than the library itself would send them.

May import: the standard library, this folder.
"""

from __future__ import annotations

from typing import Any, Callable, Dict

from . import (
    bokeh_models,
    callbacks,
    classes,
    containers,
    designs,
    documents,
    eager,
    matrices,
    models,
    molecules,
    pictures,
    plotly_figures,
    remade,
    states,
    tables,
    tensors,
    torchmodules,
    triangles,
)
from .atrest import NEWOBJ
from .refuse import Refused


def reduce_foreign(pickler: Any, root: str, obj: Any) -> Any:
    """The reduction of a value whose type belongs to the package ``root``; NotImplemented where the library's own is
    right."""
    way = _WAYS.get(root)
    found = NotImplemented if way is None else way(pickler, obj)
    if found is NotImplemented and isinstance(obj, containers.KINDS):
        found = containers.reduce_container(obj)
    return found


def _torch(pickler: Any, obj: Any) -> Any:
    kind = type(obj).__name__
    if kind in ("Tensor", "Parameter"):
        return tensors.reduce_tensor(pickler, obj)
    if kind in ("TypedStorage", "UntypedStorage"):
        return tensors.reduce_storage(pickler, obj)
    return torchmodules.reduce_module(obj)


def _xgboost(pickler: Any, obj: Any) -> Any:
    kind = type(obj)
    booster = kind.__module__ == "xgboost.core" and kind.__name__ == "Booster"
    return models.reduce_booster(pickler, obj) if booster else matrices.reduce_matrix(obj)


def _numba(pickler: Any, obj: Any) -> Any:
    if models.is_typed(type(obj)):
        return models.reduce_typed(obj)
    return models.reduce_numba(obj) if hasattr(type(obj), "_reduce_states") else NotImplemented


def _cvxpy(pickler: Any, obj: Any) -> Any:
    found, lost = models.without_statistics(obj)
    if found is NotImplemented:
        return states.reduce_filling(obj)
    if lost:
        pickler.losses.add("it has statistics of its solver's own, which stay behind (solver_stats.extra_stats).")
    return found


def _shapely(pickler: Any, obj: Any) -> Any:
    return (type(obj), (obj.context,)) if type(obj).__name__ == "PreparedGeometry" else NotImplemented


def _qutip(pickler: Any, obj: Any) -> Any:
    """Dimensions and spaces: of each the library makes one object, which is found by what it was made of."""
    for arguments, made in getattr(type(obj), "_stored_dims", {}).items():
        if made is obj:
            return make_stored, (type(obj), arguments), obj.__reduce_ex__(5)[2]
    return NotImplemented


def make_stored(kind: Any, arguments: Any) -> Any:
    """The one of these arguments: that which is here, or one that is filled by its state."""
    if arguments not in kind._stored_dims:
        kind._stored_dims[arguments] = kind.__new__(kind)
    return kind._stored_dims[arguments]


def _polars(pickler: Any, obj: Any) -> Any:
    if type(obj).__name__ == "SQLContext":
        return tables.reduce_sql(obj)
    return tables.reduce_polars(pickler, obj) if tables.is_polars(type(obj)) else NotImplemented


def _plotly(pickler: Any, obj: Any) -> Any:
    return plotly_figures.reduce_plotted(obj) if plotly_figures.is_plotted(type(obj)) else NotImplemented


_COPIES = ("Spines", "Grouper")
"""Parts of figures that send a copy of what they hold: what a job puts in would be lost."""


def _matplotlib(pickler: Any, obj: Any) -> Any:
    kind = type(obj)
    if callbacks.is_registry(kind):
        return callbacks.reduce_registry(pickler, obj)
    found = triangles.reduce_triangles(obj)
    if kind.__name__ in _COPIES:
        found = NEWOBJ, (kind,), dict(vars(obj)), None, None, classes.set_state
    elif callbacks.is_colorizer(obj):
        found = callbacks.reduce_colorizer(obj)
    elif kind.__name__ == "Figure":
        found = obj.__reduce_ex__(5)
        if isinstance(found[2], dict):  # at the other end the inline backend would show it again
            found[2].pop("_restore_to_pylab", None)
    if found is not NotImplemented:
        pickler.mark("pickle")
    return found


def _panel(pickler: Any, obj: Any) -> Any:
    if getattr(obj, "__dict__", {}).get("_comms"):
        raise Refused("it is shown in this page, which is joined to this process. Make it inside the cell.")
    return NotImplemented


def _jax(pickler: Any, obj: Any) -> Any:
    """What ``jax.jit`` gives, with its attributes: ``f.lower()`` needs them. Devices are those of the other end."""
    if type(obj).__name__ == "Device":
        return remade.find_device, (obj.platform, obj.id)
    if type(obj).__name__ != "PjitFunction":
        return NotImplemented
    make, arguments, state, *_ = obj.__reduce_ex__(5)
    return make, arguments, (state, dict(vars(obj))), None, None, remade.set_jitted


def _bunch(pickler: Any, obj: Any) -> Any:
    if type(obj).__name__ != "Bunch":
        return NotImplemented
    pickler.mark("pickle")
    # With its attributes: its own `__setstate__` drops them.
    return NEWOBJ, (type(obj),), dict(vars(obj)), None, iter(obj.items()), remade.add_attributes


def _sqlalchemy(pickler: Any, obj: Any) -> Any:
    if type(obj).__name__ != "symbol":
        return NotImplemented
    return remade.take_symbol, (type(obj), obj.name)  # its number is another one in each process


def _rich(pickler: Any, obj: Any) -> Any:
    if type(obj).__name__ != "Console":
        return NotImplemented
    left_out = ("_thread_locals", "_environ")
    held = {name: value for name, value in vars(obj).items() if name not in left_out}
    themes = obj._thread_locals.theme_stack
    return remade.make_console, (type(obj),), {**held, "themes": themes}, None, None, remade.set_console


def _pygments(pickler: Any, obj: Any) -> Any:
    return (remade.make_token, (tuple(obj),)) if type(obj).__name__ == "_TokenType" else NotImplemented


def _curried(pickler: Any, obj: Any) -> Any:
    """A function that toolz curries names itself by the module's attribute, of a notebook too, which has it only when
    all is loaded."""
    if type(obj).__name__ != "curry":
        return NotImplemented
    told = obj.__reduce__()[1]  # with attributes where it can have some, which it cannot in C
    if isinstance(told[1], str) and not told[1].startswith("__main__:"):
        return NotImplemented
    attributes = dict(told[4]) if len(told) == 6 else {}
    return make_curried, (type(obj), obj.func, obj.args, obj.keywords), attributes or None


def make_curried(kind: Any, function: Any, args: Any, keywords: Any) -> Any:
    """A function of toolz with some of its arguments."""
    return kind(function, *args, **(keywords or {}))


_WAYS: Dict[str, Callable[[Any, Any], Any]] = {
    "astropy": lambda pickler, obj: tables.reduce_columns(obj),
    "bokeh": lambda pickler, obj: bokeh_models.reduce_plot(obj),
    "bs4": documents.reduce_node,
    "PIL": lambda pickler, obj: pictures.reduce_picture(obj),
    "cvxpy": _cvxpy,
    "cytoolz": _curried,
    "jaxlib": _jax,
    "lightgbm": lambda pickler, obj: matrices.reduce_matrix(obj),
    "matplotlib": _matplotlib,
    "numba": _numba,
    "panel": _panel,
    "patsy": designs.reduce_design,
    "pint": lambda pickler, obj: models.reduce_quantity(obj),
    "plotly": _plotly,
    "polars": _polars,
    "qutip": _qutip,
    "rdkit": lambda pickler, obj: molecules.reduce_molecule(obj),
    "pyarrow": lambda pickler, obj: tables.reduce_arrow(obj),
    "pygments": _pygments,
    "rich": _rich,
    "shapely": _shapely,
    "sklearn": _bunch,
    "sqlalchemy": _sqlalchemy,
    "statsmodels": lambda pickler, obj: designs.reduce_data(obj),
    "tensorflow": eager.reduce_value,
    "toolz": _curried,
    "torch": _torch,
    "xgboost": _xgboost,
}
"""By the name of the package."""
