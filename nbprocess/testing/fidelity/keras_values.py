"""What the fingerprint says of TensorFlow's values and of Keras's objects: pickle writes archives and addresses for
them.

May import: the standard library, the wire's ``pipelines``; TensorFlow and Keras where the notebook has imported them;
see ``walk``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbprocess.worker.wire import pipelines

from .walk import digest, named

if TYPE_CHECKING:
    from .walk import Walk

_BOOKKEEPING = {
    *("build", "quantize", "train_function", "test_function", "predict_function", "_eval_epoch_iterator"),
    *("_tracker", "_tracked", "_nodes", "_loss_ids", "_call_signature", "_call_has_context_arg", "_graph_key"),
    "_trainable_variables_indices",
}
"""Wrappers, what is compiled when it is needed, and what goes by addresses or by numbers of the process; ``variables``
tells what is tracked."""
_MOST_BATCHES = 3


def describe(walk: Walk, path: str, value: Any) -> bool:
    """Tensors and variables by their elements and form, Keras's objects by their attributes, pipelines by what they
    give."""
    from . import kinds

    kind = type(value)
    bases = {base.__name__: base.__module__ or "" for base in kind.__mro__}
    word = named(kind)
    if kind.__name__ == "EagerTensor":
        walk.put(path, f"{word} {value.dtype.name} {_elements(value)}")
    elif "BaseResourceVariable" in bases:
        facts = f"{value.name} {value.dtype.name} {value.shape} {'learns' if value.trainable else 'fixed'}"
        walk.put(path, f"{word} {facts} {_array(value.numpy())}")
        walk.visit(f"{path}.handle", value.handle)
    elif bases.get("KerasTensor", "").startswith("keras."):
        walk.put(path, f"{word} {value.name} {value.dtype} {value.shape} sparse={value.sparse}")
        walk.visit(f"{path}.<history>", getattr(value, "_keras_history", None))
    elif bases.get("KerasVariable", bases.get("Variable", "")).startswith("keras."):
        facts = f"{value.path} {value.dtype} {tuple(value.shape)} {'learns' if value.trainable else 'fixed'}"
        walk.put(path, f"{word} {facts} {_array(value.numpy())}")
        walk.attributes(path, {n: part for n, part in vars(value).items() if n in ("_value", "_regularizer")})
    elif "DatasetV2" in bases:
        walk.put(path, f"{kind.__name__} {value.element_spec} {_given(value)}")
    elif kind.__name__ == "Function" and hasattr(value, "_python_function"):
        walk.put(path, f"{word} {value._name} {value._autograph} {value._jit_compile} {value.input_signature}")
        walk.visit(f"{path}.<calls>", value._python_function)
    elif bases.get("LookupInterface", "").startswith("tensorflow.") and hasattr(value, "export"):
        walk.put(path, f"{word} {_table(value)}")
    elif kind.__name__ == "ShouldUseWrapper":  # it warns of those who drop what it wraps
        inner = object.__getattribute__(value, "_tf_should_use_wrapped_value")
        walk.is_same(path, inner)
        kinds.describe(walk, path, inner)
    elif kind.__name__ == "_DictWrapper":
        walk.pairs(path, value.__wrapped__, word)
    elif kind.__name__ == "_TupleWrapper":
        walk.items(path, value.__wrapped__, word)
    elif kind.__name__ in ("TrackedList", "ListWrapper"):
        walk.items(path, value, word)
    elif kind.__name__ in ("TrackedDict", "TrackedOrderedDict"):
        walk.pairs(path, value, word)
    elif kind.__name__ == "TrackedSet":
        walk.members(path, value, word)
    elif any(module.startswith("keras.") for module in bases.values()) and not issubclass(kind, (list, tuple, dict)):
        walk.put(path, word)
        held = {n: part for n, part in vars(value).items() if n not in _BOOKKEEPING and not n.startswith("_self_")}
        walk.attributes(path, held)
        if isinstance(getattr(kind, "variables", None), property):
            walk.items(f"{path}.<variables>", value.variables, "variables")
    else:
        return False
    return True


def _elements(tensor: Any) -> str:
    if tensor.dtype.name in ("resource", "variant"):
        return ""
    return f"{_array(tensor.numpy())} on {tensor.device.rpartition('/')[2]}"


def _array(array: Any) -> str:
    """Shape, digest and the first elements."""
    if not hasattr(array, "tobytes") or array.dtype == object:
        held = array.tolist() if hasattr(array, "tolist") else array
        return f"{getattr(array, 'shape', ())} {digest(repr(held).encode())} {repr(held)[:60]}"
    return f"{array.shape} {digest(array.tobytes())} {array.reshape(-1)[:3].tolist()}"


def _table(table: Any) -> str:
    """What is in a lookup table, in which there is no order."""
    import tensorflow

    try:
        keys, values = (part.numpy().tolist() for part in table.export())
    except tensorflow.errors.OpError:
        return "not filled"
    held = sorted(map(repr, zip(keys, values)))  # noqa: B905 - as many
    return f"[{len(held)}] {digest(repr(held).encode())} {held[:3]}"


def _given(dataset: Any) -> str:
    """What a pipeline gives at first; which of its elements those are that it shuffles is not asked."""
    import tensorflow

    count = int(dataset.cardinality())
    if pipelines.is_shuffled(dataset):
        return f"cardinality {count} in any order"
    try:
        graph = dataset._as_serialized_graph().numpy()
    except tensorflow.errors.OpError:
        return f"cardinality {count}"
    if b"Shuffle" in graph or b"Random" in graph:
        return f"cardinality {count} in any order"
    first = [tensorflow.nest.map_structure(_component, item) for item in dataset.take(_MOST_BATCHES)]
    return f"cardinality {count} {digest(repr(first).encode())}"


def _component(part: Any) -> str:
    return _array(part.numpy()) if hasattr(part, "numpy") else repr(part)
