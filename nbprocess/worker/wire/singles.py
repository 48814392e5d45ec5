"""Objects that pickle writes as plain data although code tells them by identity: NaN (``x is np.nan``, ``np.nan in
items``), the word by which ``argparse`` leaves a default out, and the dict of Python's builtins, which
``exec(text, names)`` puts into ``names``.

Asking for each object whether it is one of them takes time, and most values hold none: it is asked only where the
stream shows one, or where it could not be written. May import: the standard library, this folder.
"""

from __future__ import annotations

import builtins
import functools
import math
import operator
import sys
from typing import Any, Callable, Dict, List, Optional

from .remade import make_attribute

_MARKS = (b"G\x7f\xf8\0\0\0\0\0\0", b"\x8c\x0c__builtins__", b"==SUPPRESS==")
"""How a NaN, the name of the builtins and the word of ``argparse`` stand in a stream."""
_BUILTINS = "builtins"
_NAN = "nan:"
_SUPPRESS = "suppress"


def shows(stream: bytes) -> bool:
    """Whether a stream may hold a copy of such an object."""
    return any(mark in stream for mark in _MARKS)


def naming() -> Callable[[Any], Optional[str]]:
    """A pickler's ``persistent_id`` for one stream: what stands for such an object; None for all others."""
    known: Dict[int, str] = {id(vars(builtins)): _BUILTINS, id(math.nan): _NAN + "math"}
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        known[id(numpy.nan)] = _NAN + "numpy"
    argparse: Any = sys.modules.get("argparse")
    if hasattr(argparse, "SUPPRESS"):
        known[id(argparse.SUPPRESS)] = _SUPPRESS
    kept: List[float] = []

    def name_of(obj: Any) -> Optional[str]:
        kind = type(obj)
        if kind is float:
            if obj == obj:
                return None
        elif kind is not dict and kind is not str:
            return None
        name = known.get(id(obj))
        if name is None and kind is float:
            name = known[id(obj)] = f"{_NAN}{len(kept)}"
            kept.append(obj)
        return name

    return name_of


def found(name: str, made: Dict[str, Any]) -> Any:
    """The object of that name here. ``made``: what this stream brought already."""
    if name == _BUILTINS:
        return vars(builtins)
    if name == _SUPPRESS:
        return make_attribute("argparse", "SUPPRESS")
    if name not in made:
        module = name[len(_NAN) :]
        try:
            made[name] = make_attribute(module, "nan") if module.isidentifier() else float("nan")
        except ImportError:  # no NumPy here
            made[name] = math.nan
    return made[name]


class _Nan:
    """Stands for ``np.nan`` among the items of an array or a column of objects."""

    def __reduce__(self) -> Any:
        return make_attribute, ("numpy", "nan")


def items(values: list) -> list:  # type: ignore[type-arg]
    """The items of an array of objects, such that NumPy's NaN is NumPy's at the other end too."""
    import numpy as np

    nan = np.nan
    if not any(map(functools.partial(operator.is_, nan), values)):
        return values
    one = _Nan()
    return [one if value is nan else value for value in values]
