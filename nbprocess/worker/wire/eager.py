"""TensorFlow: tensors by their elements, variables as what lies under them, functions as what they call.

A variable is an object over a handle, as a tensor of PyTorch is one over a storage: the handle brings the elements, all
objects over it share it, and what a cell assigns is assigned to the same handle at the other end.

May import: the standard library, this folder; TensorFlow, where it is loaded, inside the functions.
"""

from __future__ import annotations

import sys
from typing import Any, Dict, List, Optional, Tuple

from . import classes, containers, lookups, pipelines, remade
from .refuse import Refused

_VARIANT = "its content lies in TensorFlow's own memory and has no other form. Create it inside the cell."
_RESOURCE = "it belongs to TensorFlow's runtime in this process. Create it inside the cell."
_SYMBOLIC = "a tensor of a graph exists only while the graph is made. Use the tensor that the function returns."
_ITERATOR = (
    "an iterator of tf.data goes on in this process only. Send the dataset itself, and make the iterator inside the "
    "cell."
)
_STRATEGY = "a strategy belongs to the devices of its process. Make it inside the cell."
_TAPE = "a tape records in this process only. Compute its gradients in the cell that records them."
_TRACED = "what TensorFlow traced lives in its process only. Send the tf.function itself; it is traced again there."
_NOT_OWN = ("_initial_value", "_initializer_op", "_is_initialized_op", "_graph_element", "_cached_value")
"""What a variable has while a graph is made."""
_OF_PROCESS = ("_variable_read", "_graph_key", *_NOT_OWN)


def reduce_value(pickler: Any, obj: Any) -> Any:
    """The reduction of a value of TensorFlow; NotImplemented leaves it to TensorFlow, or to pickle."""
    kind = type(obj)
    name = kind.__name__
    if name == "EagerTensor":
        return _reduce_tensor(pickler, obj)
    if is_variable(kind):
        return classes.make_bare, (kind,), _variable_state(obj), None, None, set_variable
    if name == "_DictWrapper":
        return make_proxy, (kind,), (obj.__wrapped__, dict(vars(obj))), None, None, set_proxy
    if name in ("ListWrapper", "List") and issubclass(kind, list):
        inside: Any = (dict(vars(obj)), {}, containers.contents(obj), None)
        return containers.make_empty, (kind,), inside, None, None, containers.fill
    if pipelines.is_dataset(kind):
        return pipelines.reduce_dataset(pickler, obj)
    if lookups.is_table(kind):
        return lookups.reduce_table(pickler, obj)
    if name == "Function" and hasattr(obj, "_python_function"):
        return _reduce_function(obj)
    if name == "_DefaultDistributionStrategy":
        return make_strategy, ()
    if name == "KerasLazyLoader":
        return remade.make_attribute, ("tensorflow", "keras")
    if name == "ShouldUseWrapper":  # around what ``TensorArray.write`` gives, to warn of those who drop it
        return make_used, (object.__getattribute__(obj, "_tf_should_use_wrapped_value"),)
    if name == "GradientTape" and getattr(obj, "_tape", obj) is None:
        return NotImplemented  # it has given what it recorded
    reason = _reason(kind)
    if reason:
        raise Refused(reason)
    return NotImplemented


def make_used(value: Any) -> Any:
    """What was wrapped, by itself."""
    return value


def _reason(kind: type) -> str:
    names = {base.__name__ for base in kind.__mro__}
    if "IteratorBase" in names or "OwnedIterator" in names:
        return _ITERATOR
    if "SymbolicTensor" in names:
        return _SYMBOLIC
    if "StrategyBase" in names or "Strategy" in names:
        return _STRATEGY
    if names & {"ConcreteFunction", "FuncGraph", "Operation"}:
        return _TRACED
    return _TAPE if kind.__name__ == "GradientTape" else ""


# -- tensors and variables ---------------------------------------------------------------------------------------------


def _reduce_tensor(pickler: Any, tensor: Any) -> Any:
    if tensor.dtype.name == "variant":
        raise Refused(_VARIANT)
    if tensor.dtype.name == "resource":
        what = _contents(tensor)
        if what is None:
            raise Refused(_RESOURCE)
        dtype, shape, array = what
        return make_handle, (_sent(pickler, array), dtype.name, shape, vars(tensor).get("_name", ""))
    pickler.mark("pickle")
    return make_tensor, (_sent(pickler, tensor.numpy()), tensor.dtype.name, _place(tensor))


def _sent(pickler: Any, array: Any) -> Any:
    return pickler.own(array) if type(array).__name__ == "ndarray" else array


def _place(tensor: Any) -> str:
    """The device of a tensor, where there is more than one to choose from."""
    tensorflow: Any = sys.modules["tensorflow"]
    many = len(tensorflow.config.list_logical_devices()) > 1
    return ":".join(tensor.device.split(":")[-2:]) if many and tensor.device else ""


def make_tensor(array: Any, dtype: str, place: str) -> Any:
    """The inverse: on its device where there is such a one here."""
    import tensorflow

    known = {device.name.partition("device:")[2] for device in tensorflow.config.list_logical_devices()}
    with tensorflow.device(place if place in known else None):
        return tensorflow.constant(array, dtype=dtype)


def _contents(handle: Any) -> Optional[Tuple[Any, Optional[List[Optional[int]]], Any]]:
    """Type, shape and elements of the variable under a handle; None where there is none: a table, an iterator."""
    tensorflow: Any = sys.modules["tensorflow"]
    told = getattr(getattr(handle, "_handle_data", None), "shape_and_type", None)
    if not told:
        return None
    dtype = tensorflow.as_dtype(told[0].dtype)
    shape = tensorflow.TensorShape(told[0].shape)
    try:
        value = tensorflow.raw_ops.ReadVariableOp(resource=handle, dtype=dtype)
    except tensorflow.errors.OpError:  # it has no value yet
        return None
    return dtype, None if shape.rank is None else shape.as_list(), value.numpy()


def make_handle(array: Any, dtype: str, shape: Optional[List[Optional[int]]], name: str) -> Any:
    """What lies under a variable with these elements."""
    import tensorflow

    with tensorflow.init_scope():
        made = tensorflow.Variable(array, dtype=dtype, shape=tensorflow.TensorShape(shape), trainable=False).handle
    made._name = name
    return made


def is_variable(kind: type) -> bool:
    """Whether it is a ``tf.Variable``."""
    return any(base.__name__ == "BaseResourceVariable" for base in kind.__mro__)


def _variable_state(variable: Any) -> Dict[str, Any]:
    held = {name: value for name, value in vars(variable).items() if name not in _OF_PROCESS}
    strategy = held.get("_distribute_strategy")
    if strategy is not None and type(strategy).__name__ != "_DefaultDistributionStrategy":
        raise Refused(_STRATEGY)
    return held


def set_variable(variable: Any, attributes: Dict[str, Any]) -> None:
    """Give a variable its attributes; no later one here gets its id."""
    ops: Any = sys.modules["tensorflow.python.framework.ops"]
    vars(variable).update(dict.fromkeys(_NOT_OWN))
    vars(variable).update(attributes, _variable_read=False, _graph_key=ops.get_default_graph()._graph_key)
    number = str(attributes.get("_unique_id", "")).rpartition("_")[2]
    while number.isdigit() and ops.uid() < int(number):
        pass


# -- containers that follow what is put into them ----------------------------------------------------------------------


def make_proxy(kind: Any) -> Any:
    """A wrapper around nothing yet."""
    import wrapt

    made = kind.__new__(kind)
    wrapt.ObjectProxy.__init__(made, {})
    return made


def set_proxy(proxy: Any, state: Tuple[Any, Dict[str, Any]]) -> None:
    """The inverse."""
    proxy.__wrapped__ = state[0]
    vars(proxy).update(state[1])


# -- functions and strategies ----------------------------------------------------------------------------------

_OPTIONS = {
    "input_signature": "_input_signature",
    "autograph": "_autograph",
    "jit_compile": "_jit_compile",
    "reduce_retracing": "_reduce_retracing",
    "experimental_implements": "_implements",
    "experimental_autograph_options": "_experimental_autograph_options",
}


def _reduce_function(function: Any) -> Any:
    """A ``tf.function``: what it calls, and how. What it traced is traced again."""
    held: Any = {name: getattr(function, attribute, None) for name, attribute in _OPTIONS.items()}
    spec = getattr(function, "_function_type", None)
    if held["input_signature"] is None and spec is not None:
        held["input_signature"] = getattr(function, "input_signature", None)
    held = {name: value for name, value in held.items() if value is not None}
    return make_function, (type(function),), (function._python_function, function._name, held), None, None, set_function


def make_function(kind: Any) -> Any:
    """A ``tf.function`` of nothing yet."""
    return kind.__new__(kind)


def set_function(function: Any, state: Tuple[Any, str, Dict[str, Any]]) -> None:
    """The inverse of ``_reduce_function``."""
    import tensorflow

    python, name, options = state
    vars(function).update(vars(tensorflow.function(python, **options)))
    function._name = name


def make_strategy() -> Any:
    """The strategy of those who chose none."""
    import tensorflow

    return tensorflow.distribute.get_strategy()


# -- what a cell changes -----------------------------------------------------------------------------------------------


def is_own(kind: type) -> bool:
    """Whether ``state_of`` knows how its objects change."""
    if not (kind.__module__ or "").startswith("tensorflow."):
        return False
    fixed = ("EagerTensor", "_TupleWrapper", "Function", "_DictWrapper")
    return kind.__name__ in fixed or is_variable(kind) or pipelines.is_dataset(kind) or lookups.is_table(kind)


def state_of(obj: Any) -> Optional[Tuple[str, Any]]:
    """The kind of state, and the state, for ``changes``; None for what never changes."""
    kind = type(obj)
    if kind.__name__ == "EagerTensor" and obj.dtype.name == "resource":
        what = _contents(obj)
        return None if what is None else ("handle", _content(what[2]))
    if is_variable(kind):
        return "instance", ([], _variable_state(obj), {})
    if lookups.is_table(kind):
        return lookups.state_of(obj)
    if kind.__name__ == "_DictWrapper":
        return "instance", ([], dict(vars(obj)), {})
    return None


def _content(value: Any) -> Any:
    from .fingerprint import array_content

    return array_content(value) if type(value).__name__ == "ndarray" else value


def patch_of(handle: Any) -> Any:
    """The elements under a handle."""
    what = _contents(handle)
    return None if what is None else (what[0].name, what[2])


def apply(handle: Any, state: Any) -> None:
    """Assign to the variables over a handle what the one at the other end has."""
    import tensorflow

    if state is not None:
        value = tensorflow.constant(state[1], dtype=state[0])
        tensorflow.raw_ops.AssignVariableOp(resource=handle, value=value)
