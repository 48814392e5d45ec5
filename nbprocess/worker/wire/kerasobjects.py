"""Objects of Keras 3 over TensorFlow: by their attributes, with all who refer to them. Keras itself would send a model
as an archive, from which another one is made: what a cell trained would not be the notebook's.

What Keras fills itself stays: functions that it compiled for training, and what goes by addresses in memory. May
import: the standard library, this folder.
"""

from __future__ import annotations

import sys
from typing import Any, Dict, FrozenSet, Iterable, Optional

from . import classes

_SAVEABLE = "keras.src.saving.keras_saveable"
_COMPILED = ("train_function", "test_function", "predict_function", "_eval_epoch_iterator")
"""What a model has compiled of what it is; made again when it is next needed."""
_LEFT_OUT: Dict[str, Dict[str, FrozenSet[str]]] = {
    "keras.src.trainers.trainer": {"Trainer": frozenset(_COMPILED)},
    "keras.src.models.functional": {"Functional": frozenset({"_nodes"})},
    "keras.src.ops.function": {"Function": frozenset({"_nodes"})},
    "keras.src.utils.tracking": {"Tracker": frozenset({"stored_ids"})},
}
"""Module and class → attributes that stay."""
_SETTINGS = ("_compile_loss", "_compile_metrics", "optimizer", "_functional", "_jit_compile", "_run_eagerly")
"""Attributes of a model: with others of these, what it compiled is no longer right."""
_known: Dict[type, Optional[FrozenSet[str]]] = {}


def left_out(kind: type) -> Optional[FrozenSet[str]]:
    """The attributes that stay, of objects that go by attributes in this way; None for all others."""
    if kind not in _known:
        _known[kind] = _look_up(kind)
    return _known[kind]


def _look_up(kind: type) -> Optional[FrozenSet[str]]:
    bases = [(base.__module__ or "", base.__name__) for base in kind.__mro__]
    if not any(module.startswith("keras.src.") for module, _ in bases):
        return None
    names = frozenset().union(*(_LEFT_OUT.get(module, {}).get(name, frozenset()) for module, name in bases))
    if (_SAVEABLE, "KerasSaveable") not in bases:
        return names or None
    kept: Any = kind
    own = getattr(kept.__reduce__, "__module__", None) == _SAVEABLE and kept.__reduce_ex__ is object.__reduce_ex__
    return names if own and _on_tensorflow() else None


def _on_tensorflow() -> bool:
    return getattr(sys.modules.get("keras.src.backend.config"), "_BACKEND", "") == "tensorflow"


def reduce_object(obj: Any) -> Any:
    """The reduction of an object of Keras; NotImplemented for all others."""
    kind = type(obj)
    names = left_out(kind)
    if names is None:
        return NotImplemented
    held = {name: value for name, value in vars(obj).items() if name not in names}
    return classes.make_bare, (kind,), held, None, None, set_object


def set_object(obj: Any, attributes: Dict[str, Any]) -> None:
    """The inverse. What stayed is empty; ``settle`` fills what goes by addresses."""
    vars(obj).update(attributes)
    for name in left_out(type(obj)) or ():
        vars(obj)[name] = {"stored_ids": {}, "_nodes": set()}.get(name)


def restore(obj: Any, attributes: Dict[str, Any]) -> None:
    """Let a model that got other attributes compile again, where it was compiled for what it is no more."""
    names = left_out(type(obj))
    if names and "train_function" in names and any(name in attributes for name in _SETTINGS):
        vars(obj).update(dict.fromkeys(_COMPILED))


def settle(objects: Iterable[Any]) -> None:
    """Fill what goes by addresses in memory, now that all is there: which nodes are in a model's graph, which objects
    somebody tracks."""
    if "keras.src.utils.tracking" not in sys.modules:
        return
    for obj in objects:
        names = left_out(type(obj)) if obj is not None else None
        if not names:
            continue
        held = vars(obj)
        if "stored_ids" in names and "config" in held:
            held["stored_ids"] = {name: {id(part) for part in store} for name, (_, store) in held["config"].items()}
        if "_nodes" in names and "_nodes_by_depth" in held:
            nodes = [node for found in held["_nodes_by_depth"].values() for node in found]
            held["_nodes"] = {f"{id(node.operation)}_ib-{_number(node)}" for node in nodes}


def _number(node: Any) -> int:
    """Which call of its operation a node stands for."""
    return next((n for n, found in enumerate(node.operation._inbound_nodes) if found is node), 0)
