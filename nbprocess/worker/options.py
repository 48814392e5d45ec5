"""Options of libraries that a notebook sets by a call or in a mapping of theirs, where reading and setting them is all
there is to it: scikit-learn, XGBoost, skrub, ArviZ, python-control, QuTiP, JAX, Dask, plotnine, itables, joblib. As
JSON, for ``ambient``.

May import: ``libraries``, the standard library.
"""

from __future__ import annotations

import functools

from .libraries import is_jsonable, listed

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any

MODULES = {  # section → the module whose import makes it exist
    "sklearn": "sklearn",
    "xgboost": "xgboost",
    "skrub": "skrub",
    "arviz": "arviz",
    "control": "control.config",
    "qutip": "qutip",
    "jax": "jax",
    "dask": "dask.config",
    "plotnine": "plotnine.options",
    "itables": "itables.options",
    "joblib": "joblib.parallel",
}
_JAX = (
    *("jax_enable_x64", "jax_debug_nans", "jax_debug_infs", "jax_disable_jit", "jax_default_matmul_precision"),
    *("jax_numpy_rank_promotion", "jax_numpy_dtype_promotion", "jax_traceback_filtering", "jax_check_tracer_leaks"),
)
"""Those that say what is computed; on what machine is each end's own affair."""


def _called(module: Any) -> Any:
    """``get_config`` and ``set_config``."""
    get = getattr(module, "get_config", dict)
    return {key: listed(value) for key, value in get().items() if is_jsonable(value)}


def _call(module: Any, state: Any) -> None:
    now = _called(module)
    given = {key: value for key, value in state.items() if key in now and now[key] != value}
    if given:
        module.set_config(**given)


def _mapping(module: Any) -> Any:
    """The mapping in which a module keeps its options, and what it is iterated by."""
    if module.__name__ == "qutip":
        core = getattr(module.settings, "core", {})
        return core, getattr(core, "options", core)
    found = getattr(module, "defaults" if module.__name__ == "control.config" else "rcParams", {})
    return found, found


def _mapped(module: Any) -> Any:
    mapping, names = _mapping(module)
    return {key: listed(mapping[key]) for key in names if isinstance(key, str) and is_jsonable(mapping[key])}


def _map(module: Any, state: Any) -> list[str]:
    mapping, names = _mapping(module)
    notes = []
    for key, value in state.items():
        if key in names and listed(mapping[key]) != value:
            try:
                mapping[key] = tuple(value) if isinstance(mapping[key], tuple) else value
            except Exception as error:  # whatever the library's check raises: another version of it
                notes.append(f"{module.__name__} does not take {key} = {value!r} here ({error})")
    return notes


def _jax(module: Any) -> Any:
    return {name: value for name in _JAX if is_jsonable(value := getattr(module.config, name, None))}


def _apply_jax(module: Any, state: Any) -> None:
    for name, value in state.items():
        if hasattr(module.config, name) and getattr(module.config, name) != value:
            module.config.update(name, value)


def _dask(module: Any) -> Any:
    """What the notebook has set: not what files and variables of this machine say."""
    usual = _usual_of_dask(module, len(module.defaults))
    return {key: value for key, value in _flat(module.config) if usual.get(key, module) != value and is_jsonable(value)}


@functools.lru_cache(maxsize=1)
def _usual_of_dask(module: Any, defaults: int) -> dict[str, Any]:
    """As ``dask.config.refresh`` would have it. ``defaults``: how many there are; parts of Dask bring their own."""
    found: dict[str, Any] = {}
    for known in module.defaults:
        module.update(found, known, priority="old")
    module.update(found, module.collect())
    return dict(_flat(found))


def _flat(config: Any, above: str = "") -> Any:
    for key, value in config.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", listed(value)


def _apply_dask(module: Any, state: Any) -> None:
    usual = _usual_of_dask(module, len(module.defaults))
    for key in _dask(module).keys() - state.keys():  # it was put back
        module.set({key: usual.get(key)})
    module.set(state)


def _public(module: Any) -> Any:
    """Variables of a module that holds nothing else."""
    names = [name for name in vars(module) if not name.startswith("_") and name != "TYPE_CHECKING"]
    return {name: listed(value) for name in names if is_jsonable(value := vars(module)[name])}


def _set_public(module: Any, state: Any) -> None:
    now = _public(module)
    for name, value in state.items():
        if name in now and now[name] != value:
            setattr(module, name, tuple(value) if isinstance(vars(module)[name], tuple) else value)


def _joblib(module: Any) -> Any:
    """What ``parallel_config`` says, but for what is left as usual."""
    config = getattr(getattr(module, "_backend", None), "config", {})
    found = {key: value for key, value in config.items() if value is not None and is_jsonable(value)}
    kind = type(config.get("backend"))
    names = [name for name, known in module.BACKENDS.items() if known is kind]
    return {**found, "backend": names[0]} if names else found


def _apply_joblib(module: Any, state: Any) -> None:
    if state != _joblib(module) and hasattr(module, "parallel_config"):  # since joblib 1.3
        vars(module._backend).pop("config", None)
        if state:
            module.parallel_config(**state)


COLLECT = {
    "sklearn": _called,
    "xgboost": _called,
    "skrub": _called,
    "arviz": _mapped,
    "control": _mapped,
    "qutip": _mapped,
    "jax": _jax,
    "dask": _dask,
    "plotnine": _public,
    "itables": _public,
    "joblib": _joblib,
}
APPLY = {
    "sklearn": _call,
    "xgboost": _call,
    "skrub": _call,
    "arviz": _map,
    "control": _map,
    "qutip": _map,
    "jax": _apply_jax,
    "dask": _apply_dask,
    "plotnine": _set_public,
    "itables": _set_public,
    "joblib": _apply_joblib,
}
