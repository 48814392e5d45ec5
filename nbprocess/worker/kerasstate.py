"""What Keras 3 and TensorFlow keep for the whole process: seeds, the numbers in the names of layers, number formats,
settings. As JSON, for ``ambient``. May import: ``libraries``, the standard library.
"""

from __future__ import annotations

import sys

from .libraries import random_state, set_random_state

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any

MODULES = {"keras": "keras", "tensorflow": "tensorflow"}

_SETTINGS = ("interactive_logging", "traceback_filtering", "flash_attention", "global_random_seed", "safe_mode_saving")
"""Attributes of Keras's global state that are plain."""
_SEEDS = "global_seed_generator"
_FORMATS = ("floatx", "epsilon", "image_data_format")


def _keras(module: Any) -> Any:
    kept: Any = sys.modules.get("keras.src.backend.common.global_state")
    config: Any = sys.modules.get("keras.src.backend.config")
    if kept is None or config is None:  # Keras 2
        return {}
    held = vars(kept.GLOBAL_STATE_TRACKER)
    policy = held.get("dtype_policy")
    return {
        "names": [list(item) for item in (held.get("object_name_uids") or {}).items()],  # in their order
        "settings": {name: held[name] for name in _SETTINGS if type(held.get(name)) in (bool, int)},
        "formats": [getattr(config, name)() for name in _FORMATS],
        "policy": getattr(policy, "name", None),
        "seeds": _seeds_of(held.get(_SEEDS)),
    }


def _seeds_of(generator: Any) -> Any:
    """Seed, name and place of the generator that draws for those who have none of their own."""
    if generator is None:
        return None
    return [generator._initial_seed, generator.name, [int(part) for part in generator.state.numpy()]]


def _apply_keras(module: Any, state: Any) -> None:
    kept: Any = sys.modules.get("keras.src.backend.common.global_state")
    config: Any = sys.modules.get("keras.src.backend.config")
    if kept is None or config is None or not state:
        return
    for name, value in zip(_FORMATS, state["formats"]):
        if getattr(config, name)() != value:
            getattr(config, f"set_{name}")(value)
    held = vars(kept.GLOBAL_STATE_TRACKER)
    names = kept.get_global_attribute("object_name_uids")
    if names is not None or state["names"]:
        if names is None:
            names = sys.modules["collections"].defaultdict(int)
            kept.set_global_attribute("object_name_uids", names)
        names.clear()
        names.update(state["names"])
    for name in _SETTINGS:
        if name in state["settings"]:
            held[name] = state["settings"][name]
        else:
            held.pop(name, None)
    if state["policy"] is None:
        held.pop("dtype_policy", None)
    elif module.config.dtype_policy().name != state["policy"]:
        module.config.set_dtype_policy(state["policy"])
    if state["seeds"] != _seeds_of(held.get(_SEEDS)):
        _set_seeds(module, kept, held, state["seeds"])


def _set_seeds(module: Any, kept: Any, held: Any, state: Any) -> None:
    if state is None:
        held.pop(_SEEDS, None)
        return
    seed, name, place = state
    found = held.get(_SEEDS)
    if found is None or found.name != name:
        found = module.random.SeedGenerator(seed=place[0], name=name)  # without one it would draw one
        kept.set_global_attribute(_SEEDS, found)
    found._initial_seed = seed
    found.state.assign(place)


def _context() -> Any:
    found: Any = sys.modules.get("tensorflow.python.eager.context")
    return None if found is None else found.context()


def _tensorflow(module: Any) -> Any:
    context = _context()
    if context is None or not hasattr(module, "config"):
        return {}
    seed = getattr(context, "_seed", None)
    return {
        "seed": seed if seed is None else int(seed),
        "drawn": None if seed is None else random_state(context._rng),
        "eagerly": bool(module.config.functions_run_eagerly()),
        "placement": bool(module.debugging.get_log_device_placement()),
    }


def _apply_tensorflow(module: Any, state: Any) -> None:
    context = _context()
    if context is None or not state:
        return
    if state["seed"] is None:
        context._seed = None
    else:
        if context._seed is None or int(context._seed) != state["seed"]:
            module.random.set_seed(state["seed"])
        set_random_state(context._rng, state["drawn"])
    if module.config.functions_run_eagerly() != state["eagerly"]:
        module.config.run_functions_eagerly(state["eagerly"])
    if module.debugging.get_log_device_placement() != state["placement"]:
        module.debugging.set_log_device_placement(state["placement"])


COLLECT = {"keras": _keras, "tensorflow": _tensorflow}
APPLY = {"keras": _apply_keras, "tensorflow": _apply_tensorflow}
