"""Pipelines of ``tf.data``: with their data and functions, as TensorFlow's own graph of them. One that calls Python, or
uses variables and tables, has no such graph: its steps are taken once more at the other end.

May import: the standard library, this folder; TensorFlow, where it is loaded, inside the functions.
"""

from __future__ import annotations

import contextlib
import io
import sys
from typing import Any, Callable, Dict, Iterator, Optional, Tuple

from .refuse import Refused

_DATASET = (
    "tf.data cannot save this pipeline ({}). Make the dataset inside the cell, or send what it is made of: arrays, and "
    "the functions that it maps."
)
_SHUFFLED = (
    "it shuffles by a seed; how often somebody went through it stays in its process, so that its first order comes "
    "once more."
)


def is_dataset(kind: type) -> bool:
    """Whether it is a ``tf.data.Dataset``."""
    return any(base.__name__ == "DatasetV2" for base in kind.__mro__)


def reduce_dataset(pickler: Any, dataset: Any) -> Any:
    """A pipeline, with its data and what it maps: in TensorFlow's own form for it."""
    tensorflow: Any = sys.modules["tensorflow"]
    taken = vars(dataset).get("_last_step") or (_step_of(dataset) if _calls_out(dataset) else None)
    if taken is not None:
        return _again(pickler, dataset, taken)
    policy = tensorflow.data.experimental.ExternalStatePolicy.FAIL
    try:
        graph = dataset._as_serialized_graph(external_state_policy=policy).numpy()
    except Exception as error:  # an error of C++ for what has a state of its own; over 2 GB
        step = _step_of(dataset)
        if step is None:
            raise Refused(_DATASET.format(_short(error))) from None
        return _again(pickler, dataset, step)
    import numpy

    shuffled = is_shuffled(dataset)
    if shuffled:
        pickler.losses.add(_SHUFFLED)
    data = pickler.own(numpy.frombuffer(graph, numpy.uint8))
    return make_dataset, (type(dataset).__name__, data, dataset.element_spec, shuffled)


def _calls_out(dataset: Any) -> bool:
    """Whether a function of a pipeline calls Python, or uses a variable or a table: asked for a graph, TensorFlow would
    write on stderr that there is none."""
    if "_last_step" in vars(dataset) or any(_calls_out(part) for part in dataset._inputs()):
        return True
    functions = [wrapper.function for wrapper in dataset._functions()]
    return any(
        any(part.dtype.name == "resource" for part in function.captured_inputs)
        or any(operation.type in ("PyFunc", "EagerPyFunc") for operation in function.graph.get_operations())
        for function in functions
    ) or (type(dataset).__name__ == "_FlatMapDataset" and _generator_of(dataset._map_func._func) is not None)


def _again(pickler: Any, dataset: Any, step: Any) -> Any:
    shuffled = is_shuffled(dataset)
    if shuffled:
        pickler.losses.add(_SHUFFLED)
    facts = (type(dataset).__name__, dataset.element_spec, shuffled)
    return make_later, facts, {"_last_step": step}, None, None, set_later


def is_shuffled(dataset: Any) -> bool:
    """Whether a pipeline shuffles by a seed, in another order each time that somebody goes through it."""
    if getattr(dataset, "_shuffled", False):
        return True
    for part in dataset._inputs():
        if is_shuffled(part):
            return True
    seeds = [vars(dataset).get(name) for name in ("_seed", "_seed2")]
    if vars(dataset).get("_reshuffle_each_iteration") is False or seeds[0] is None:
        return False
    return any(bool(seed) for seed in seeds if seed is not None)


def _short(error: BaseException) -> str:
    """What TensorFlow says, without where it says it."""
    text = str(error).replace("Failed to serialize the input pipeline graph: ", "")
    text = text.rpartition("}} ")[2].partition(" [Op:")[0].strip()
    return text.rstrip(".") or type(error).__name__


def make_dataset(name: str, graph: Any, spec: Any, shuffled: bool) -> Any:
    """The inverse: a dataset of that name over the same pipeline."""
    import tensorflow

    variant = tensorflow.raw_ops.DatasetFromGraph(graph_def=tensorflow.constant(graph.tobytes()))
    made = tensorflow.data.experimental.from_variant(variant, spec)
    if name not in _datasets:
        _datasets[name] = type(name, (type(made),), {"__module__": type(made).__module__})
    made.__class__ = _datasets[name]
    made._shuffled = shuffled
    return made


_datasets: Dict[str, Any] = {}
"""By name: kinds of pipelines that came over the wire."""


# -- steps -------------------------------------------------------------------------------------------------------------

Step = Tuple[str, Any, Dict[str, Any]]
"""The method, the dataset that it is called on, and what with."""


def _step_of(dataset: Any) -> Optional[Step]:
    """The last step of a pipeline; None where it is not known how it was taken."""
    held = vars(dataset)
    name = type(dataset).__name__.replace("_Parallel", "_")
    if name == "_FlatMapDataset":
        generator = _generator_of(held["_map_func"]._func)
        return None if generator is None else ("from_generator", generator, {"output_signature": dataset.element_spec})
    if name not in _STEPS or held.get("_input_dataset") is None:
        return None
    return name, held["_input_dataset"], {**_STEPS[name](held), **_parallel(held)}


def _parallel(held: Dict[str, Any]) -> Dict[str, Any]:
    if "_num_parallel_calls" not in held:
        return {}
    order = {"true": True, "false": False}.get(held.get("_deterministic", ""))
    return {"num_parallel_calls": int(held["_num_parallel_calls"]), "deterministic": order}


_STEPS: Dict[str, Callable[[Dict[str, Any]], Dict[str, Any]]] = {
    "_MapDataset": lambda held: {"map_func": held["_map_func"]._func},
    "_FilterDataset": lambda held: {"predicate": held["_predicate"]._func},
    "_BatchDataset": lambda held: {
        "batch_size": int(held["_batch_size"]),
        "drop_remainder": bool(held["_drop_remainder"]),
    },
    "_PrefetchDataset": lambda held: {"buffer_size": int(held["_buffer_size"])},
    "_CacheDataset": lambda held: {"filename": held["_filename"].numpy().decode()},
    "_RepeatDataset": lambda held: {"count": int(held["_count"])},
    "_TakeDataset": lambda held: {"count": int(held["_count"])},
    "_SkipDataset": lambda held: {"count": int(held["_count"])},
    "_ShuffleDataset": lambda held: {
        "buffer_size": int(held["_buffer_size"]),
        "seeds": (int(held["_seed"]), int(held["_seed2"])),
        "reshuffle_each_iteration": bool(held["_reshuffle_each_iteration"]),
    },
}


def make_later(name: str, spec: Any, shuffled: bool) -> Any:
    """A dataset of that name whose last step is taken when it is first asked for: its function may read names of the
    notebook that are not here yet."""
    import tensorflow

    if name not in _later:
        base: Any = tensorflow.data.Dataset
        methods = {
            "element_spec": property(lambda self: self._spec),
            "_inputs": lambda self: [],
            "_variant_tensor_attr": property(_taken),
            "__module__": base.__module__,
        }
        _later[name] = type(base)(name, (base,), methods)
    made = _later[name].__new__(_later[name])
    vars(made).update(_spec=spec, _shuffled=shuffled, _made=None, _graph_attr=tensorflow.Graph())
    made._options_attr = tensorflow.data.Options()
    return made


def set_later(dataset: Any, attributes: Dict[str, Any]) -> None:
    """Which step it is."""
    vars(dataset).update(attributes)


_later: Dict[str, Any] = {}
"""By name: kinds of pipelines whose last step is taken later."""


def _taken(dataset: Any) -> Any:
    """The pipeline in TensorFlow's memory. What a function prints while it is traced was printed when it was traced
    first."""
    if dataset._made is None:
        import tensorflow

        name, before, options = dataset._last_step
        with contextlib.redirect_stdout(io.StringIO()), tensorflow.init_scope():
            if name == "from_generator":
                dataset._made = tensorflow.data.Dataset.from_generator(before, **options)
            elif name == "_ShuffleDataset":
                dataset._made = _shuffled(tensorflow, before, options)
            else:
                dataset._made = getattr(before, name[1:].partition("Dataset")[0].lower())(**options)
    return dataset._made._variant_tensor


def _shuffled(tensorflow: Any, before: Any, options: Dict[str, Any]) -> Any:
    """The method would draw a seed where none was given."""
    seed, seed2 = options["seeds"]
    parts = tensorflow.nest.flatten(before.element_spec, expand_composites=True)
    variant = tensorflow.raw_ops.ShuffleDatasetV3(
        input_dataset=before._variant_tensor,
        buffer_size=options["buffer_size"],
        seed=seed,
        seed2=seed2,
        seed_generator=tensorflow.raw_ops.DummySeedGenerator(),
        output_types=[part.dtype for part in parts],
        output_shapes=[part.shape for part in parts],
        reshuffle_each_iteration=options["reshuffle_each_iteration"],
    )
    made = before.shuffle(options["buffer_size"], seed=1, reshuffle_each_iteration=options["reshuffle_each_iteration"])
    made._variant_tensor_attr, made._seed, made._seed2 = variant, seed, seed2
    return made


def _generator_of(function: Any) -> Any:
    """The function behind ``Dataset.from_generator``, where it is called with nothing."""
    if not (getattr(function, "__module__", "") or "").endswith("from_generator_op"):
        return None
    cells = dict(_cells(function, 0))
    state = cells.get("generator_state")
    return None if state is None or len(cells.get("args", ())) else state._generator


def _cells(function: Any, depth: int) -> Iterator[Tuple[str, Any]]:
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        with contextlib.suppress(ValueError):  # an empty cell
            yield name, cell.cell_contents
            if depth < 3 and hasattr(cell.cell_contents, "__code__"):
                yield from _cells(cell.cell_contents, depth + 1)
