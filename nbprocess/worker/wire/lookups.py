"""Lookup tables of TensorFlow (those under ``TextVectorization`` and ``StringLookup``): their keys and values.

May import: the standard library, this folder; TensorFlow, where it is loaded, inside the functions.
"""

from __future__ import annotations

import sys
from typing import Any, Dict, List, Optional, Tuple

from . import classes

_KINDS = ("StaticHashTable", "MutableHashTable")
_MODULE = "tensorflow.python.ops.lookup_ops"
_DTYPES = ("_key_dtype", "_value_dtype")


def is_table(kind: type) -> bool:
    """Whether it is such a table."""
    return kind.__name__ in _KINDS and kind.__module__ == _MODULE


def reduce_table(pickler: Any, table: Any) -> Any:
    """The reduction of a table."""
    held = vars(table)
    facts = [held[name].name for name in _DTYPES], held["_default_value"], held["_name"]
    try:
        keys, values = (pickler.own(part.numpy()) for part in table.export())
    except sys.modules["tensorflow"].errors.OpError:  # nothing was put into it yet
        return classes.make_bare, (type(table),), (*facts, held["_initializer"], None), None, None, set_table
    return classes.make_bare, (type(table),), (*facts, keys, values), None, None, set_table


def set_table(table: Any, state: Tuple[List[str], Any, str, Any, Any]) -> None:
    """The inverse."""
    import tensorflow

    dtypes, default, name, keys, values = state
    if type(table).__name__ == "MutableHashTable":
        made = type(table)(*dtypes, default, name=name)
        made.insert(*_tensors(dtypes, keys, values))
    else:
        pairs = keys if values is None else tensorflow.lookup.KeyValueTensorInitializer(keys, values, *dtypes)
        made = type(table)(pairs, default, name=name)
    vars(table).update(vars(made))


def _tensors(dtypes: List[str], *parts: Any) -> List[Any]:
    tensorflow: Any = sys.modules["tensorflow"]
    return [tensorflow.constant(part, dtype=dtype) for part, dtype in zip(parts, dtypes)]


def state_of(table: Any) -> Optional[Tuple[str, Any]]:
    """What tells whether a table changed; None for one that cannot."""
    if type(table).__name__ == "StaticHashTable":
        return None
    keys, values = (part.numpy().tolist() for part in table.export())
    return "table", sorted(map(repr, zip(keys, values)))


def patch_of(table: Any) -> Dict[str, Any]:
    """What is in a table."""
    keys, values = (part.numpy() for part in table.export())
    return {"dtypes": [vars(table)[name].name for name in _DTYPES], "keys": keys, "values": values}


def apply(table: Any, patch: Dict[str, Any]) -> None:
    """Let a table hold this, and nothing else."""
    table.remove(table.export()[0])
    table.insert(*_tensors(patch["dtypes"], patch["keys"], patch["values"]))
