"""Training data in a form of its library (``xgboost.DMatrix``, ``lightgbm.Dataset``): by the library's own binary file.

May import: the standard library, this folder; the libraries inside the functions.
"""

from __future__ import annotations

import contextlib
import ctypes
import pickle
import sys
from typing import Any, Dict, Iterator, Optional

from .classes import make_bare, set_state
from .filed import as_file, saved

_KINDS = {
    ("xgboost", "DMatrix"): "handle",
    ("xgboost", "QuantileDMatrix"): "handle",
    ("lightgbm", "Dataset"): "_handle",
}
"""Package and name → the attribute that leads to the library's memory."""


def is_matrix(kind: type) -> bool:
    """Whether objects of this type are such data."""
    return _handle(kind) is not None


def _handle(kind: type) -> Optional[str]:
    return _KINDS.get(((kind.__module__ or "").split(".")[0], kind.__name__))


def reduce_matrix(obj: Any) -> Any:
    """The reduction of such data; NotImplemented for what is none."""
    kind = type(obj)
    name = _handle(kind)
    if name is None:
        return NotImplemented
    rest = {key: value for key, value in vars(obj).items() if key != name}
    if kind.__name__ == "DMatrix":
        return make_dmatrix, (pickle.PickleBuffer(saved(obj.save_binary)), rest)
    if obj._handle is None:  # LightGBM has not begun with it
        return make_bare, (kind,), dict(vars(obj)), None, None, set_state
    basic = sys.modules[kind.__module__]
    with _hushed(basic):
        data = saved(obj.save_binary)
        fields = {field: obj.get_field(field) for field in ("init_score", "position")}
    return make_dataset, (kind, pickle.PickleBuffer(data), fields), rest, None, None, set_state


def make_dmatrix(data: Any, rest: Dict[str, Any]) -> Any:
    """A ``DMatrix`` of those bytes."""
    import xgboost

    with as_file(data) as path:
        made = xgboost.DMatrix(path, silent=True)
    vars(made).update(rest)
    return made


def make_dataset(kind: Any, data: Any, fields: Dict[str, Any]) -> Any:
    """A ``Dataset`` of those bytes, which LightGBM has begun with."""
    basic: Any = sys.modules[kind.__module__]
    made = kind(None)
    with as_file(data) as path, _hushed(basic):
        handle = ctypes.c_void_p()
        code = basic._LIB.LGBM_DatasetCreateFromFile(path.encode(), b"", None, ctypes.byref(handle))
        basic._safe_call(code)
        made._handle = handle
        for name, value in fields.items():
            if value is not None:
                made.set_field(name, value)
    return made


class _Silent:
    """A logger for what LightGBM says of its files."""

    def info(self, text: str) -> None:
        """Nothing is said."""

    warning = info


@contextlib.contextmanager
def _hushed(basic: Any) -> Iterator[None]:
    names = ("_LOGGER", "_INFO_METHOD_NAME", "_WARNING_METHOD_NAME")
    before = {name: getattr(basic, name) for name in names if hasattr(basic, name)}
    for name, value in zip(names, (_Silent(), "info", "warning")):
        setattr(basic, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(basic, name, value)


def take_over(old: Any, new: Any) -> None:
    """Give data what other data has; what it held before is freed with that."""
    before = dict(vars(old))
    vars(old).clear()
    vars(old).update(vars(new))
    vars(new).clear()
    vars(new).update(before)
