"""Classes and functions of the notebook in dicts of libraries, under which they are found later: scales and projections
of matplotlib, environments of Gymnasium, functions that ``copyreg`` pickles by. And converters of units, whoever
registered them (``quantity_support()``).

They travel as what the notebook set on the library (``attached``). May import: ``compiling``, the standard library.
"""

from __future__ import annotations

import sys

from .compiling import unwarned

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any

_PLACES = {
    "copyreg": "dispatch_table",
    "sqlite3": "adapters",
    "sqlite3.dbapi2": "converters",
    "matplotlib.scale": "_scale_mapping",
    "matplotlib.units": "registry",
    "matplotlib.projections": "projection_registry._all_projection_types",
    "gymnasium.envs.registration": "registry",
    "gym.envs.registration": "registry",
}
"""Module → where its dict is."""


def collect() -> dict[str, Any]:
    """Module → the notebook's entries in its dict."""
    found = {}
    for module in _PLACES.keys() & sys.modules.keys():
        held = _dict_of(sys.modules[module]).items()
        if module == "matplotlib.units":
            own = {kind: value for kind, value in held if not _is_usual(value)}
        else:
            own = {key: value for key, value in held if _is_own(key) or _is_own(value)}
        if own:
            found[module] = own
    return found


def add(module: Any, name: str, value: Any) -> None:
    """Put the other end's entries into a module's dict."""
    if module.__name__ == "matplotlib.scale":  # it notes more about each, in newer versions
        with unwarned(Warning):  # what it says of the class it said to the cell
            for scale in value.values():
                module.register_scale(scale)
    else:
        _dict_of(module).update(value)


def _dict_of(module: Any) -> Any:
    found = module
    for part in _PLACES[module.__name__].split("."):
        found = getattr(found, part, None)
    return found if isinstance(found, dict) else {}


def _is_usual(converter: Any) -> bool:
    """Whether it is there as soon as matplotlib or pandas is."""
    return (type(converter).__module__ or "").partition(".")[0] in ("matplotlib", "pandas")


def _is_own(value: Any) -> bool:
    point = getattr(value, "entry_point", value)  # of an environment: its class, or "module:class"
    module = point.partition(":")[0] if isinstance(point, str) and point is not value else ""
    return "__main__" in (module, getattr(point, "__module__", None)) if point is not None else False
