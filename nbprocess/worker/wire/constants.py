"""Objects that a library offers by name, of which each process has one: ``sympy.RR``, ``sympy.test``, ``stats.norm``;
functions and methods, too, that its own calls have made (``mpmath.acos``, ``mpmath.quad``).

They go by that name: a copy would not be the library's own any more, and many cannot be copied at all. Plain containers
go as values; ``rcParams`` do not, since what is set in them travels by itself (``ambient``). May import: the standard
library.
"""

from __future__ import annotations

import functools
import sys
import types
from typing import Any, Dict, Optional, Tuple

_SETTINGS = "RcParams"
_by_identity: Dict[str, Tuple[int, Dict[int, str]]] = {}
"""Module → how many names it had, and identity → name, for those of its objects that its package made."""


def name_of(obj: Any) -> Optional[Tuple[str, str]]:
    """Module and name under which a library offers this very object; None for all others."""
    made_in = _made_in(obj)
    root = made_in.split(".")[0]
    package = sys.modules.get(root)
    if package is None or not getattr(package, "__path__", None):
        return None
    if isinstance(obj, (dict, list, set, bytearray)) and type(obj).__name__ != _SETTINGS:
        return None
    for module in _offering(made_in):
        offered = vars(sys.modules[module]) if module in sys.modules else {}
        known = _by_identity.get(module)
        if known is None or known[0] != len(offered):
            found = {id(value): name for name, value in offered.items() if _is_own(value, root)}
            known = _by_identity[module] = (len(offered), found)
        name = known[1].get(id(obj))
        if name is not None and offered.get(name) is obj:
            return module, name
    place = _called(root).get(id(obj)) if isinstance(obj, _CALLED) else None
    still = place is not None and vars(sys.modules.get(place[0], types)).get(place[1]) is obj
    return place if still else None


_CALLED = (types.FunctionType, types.MethodType)
_calls: Dict[str, Tuple[int, Dict[int, Tuple[str, str]]]] = {}
"""Root of a package → how many modules there were, and what ``_called`` gives."""


def _called(root: str) -> Dict[int, Tuple[str, str]]:
    """Functions and methods that a package has made by calls, by identity → the first of its modules that offers them,
    and the name (``statsmodels.formula.api.ols`` is a method of a class of another module)."""
    known = _calls.get(root)
    if known is None or known[0] != len(sys.modules):
        found: Dict[int, Tuple[str, str]] = {}
        for module, held in list(sys.modules.items()):
            if module.split(".")[0] == root and type(held) is types.ModuleType:
                own = ((id(value), name) for name, value in list(vars(held).items()) if isinstance(value, _CALLED))
                for identity, name in own:
                    found.setdefault(identity, (module, name))
        known = _calls[root] = (len(sys.modules), found)
    return known[1]


@functools.lru_cache(maxsize=4096)
def _offering(module: str) -> Tuple[str, ...]:
    """The packages above a class's module: ``scipy``, ``scipy.stats`` of ``scipy.stats._continuous_distns``."""
    parts = module.split(".")
    return tuple(".".join(parts[:count]) for count in range(1, max(len(parts), 2)))


def _is_own(value: Any, root: str) -> bool:
    return _made_in(value).split(".")[0] == root


def _made_in(obj: Any) -> str:
    """The module whose class, or whose call, made an object; none for a function that is known by its own name."""
    if type(obj) is types.FunctionType:
        found: Any = obj.__module__ if "<locals>" in obj.__qualname__ else ""
    else:
        owner = obj.__self__ if type(obj) is types.MethodType else obj
        found = (owner if issubclass(type(owner), type) else type(owner)).__module__
    return found if isinstance(found, str) else ""
