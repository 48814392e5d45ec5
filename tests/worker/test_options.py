"""Options that libraries keep in a mapping or set by a call are read at one end and set at the other. What the libraries
offer was looked up in XGBoost 3.3, skrub, ArviZ 0.23, python-control 0.10, QuTiP 5.3, JAX 0.10 and plotnine 0.15."""

from __future__ import annotations

import json
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from nbprocess.worker import options


def module(name: str, **members: Any) -> ModuleType:
    made = ModuleType(name)
    vars(made).update(members)
    return made


def carried(section: str, there: Any, here: Any) -> Any:
    state = json.loads(json.dumps(options.COLLECT[section](there)))
    return options.APPLY[section](here, state)


def test_what_is_read_and_set_by_a_call() -> None:
    given: list[dict[str, Any]] = []
    there = module("xgboost", get_config=lambda: {"verbosity": 0, "nthread": 0, "made": object()})
    here = module(
        "xgboost", get_config=lambda: {"verbosity": 1, "nthread": 0}, set_config=lambda **new: given.append(new)
    )
    carried("xgboost", there, here)
    assert given == [{"verbosity": 0}]
    carried("xgboost", module("xgboost"), here)  # a version without
    assert given == [{"verbosity": 0}]


def test_what_stands_in_a_mapping_keeps_its_types_and_is_checked_by_it() -> None:
    class Checked(dict):  # type: ignore[type-arg]
        def __setitem__(self, key: str, value: Any) -> None:
            if key == "plot.backend" and value != "matplotlib":
                raise ValueError("not one of matplotlib")
            super().__setitem__(key, value)

    there = module("arviz", rcParams={"size": (3, 4), "prob": 0.5, "plot.backend": "bokeh", "new": 1, "f": len})
    known = Checked(size=(1, 2), prob=0.94, f=len)
    known.update({"plot.backend": "matplotlib"})
    notes = carried("arviz", there, module("arviz", rcParams=known))
    assert known == {"size": (3, 4), "prob": 0.5, "plot.backend": "matplotlib", "f": len}
    assert notes == ["arviz does not take plot.backend = 'bokeh' here (not one of matplotlib)"]
    defaults = {"freqplot.dB": False}
    carried(
        "control", module("control.config", defaults={"freqplot.dB": True}), module("control.config", defaults=defaults)
    )
    assert defaults == {"freqplot.dB": True}
    core: dict[str, Any] = {"atol": 1.0}
    settings = SimpleNamespace(settings=SimpleNamespace(core=core), __name__="qutip")
    carried("qutip", SimpleNamespace(settings=SimpleNamespace(core={"atol": 2.0}), __name__="qutip"), settings)
    assert core == {"atol": 2.0}


def test_of_jax_only_what_is_computed() -> None:
    class Config(SimpleNamespace):
        def update(self, name: str, value: Any) -> None:
            setattr(self, name, value)

    here = module("jax", config=Config(jax_enable_x64=False, jax_platforms="cpu"))
    carried("jax", module("jax", config=Config(jax_enable_x64=True, jax_platforms="cuda")), here)
    assert vars(here.config) == {"jax_enable_x64": True, "jax_platforms": "cpu"}


def test_variables_of_a_module_of_options() -> None:
    here = module("plotnine.options", dpi=100, figure_size=(6, 4), set_option=len, current_theme=None)
    there = module("plotnine.options", dpi=50, figure_size=(3, 2), set_option=max, newer=1, TYPE_CHECKING=False)
    carried("plotnine", there, here)
    assert (here.dpi, here.figure_size, here.set_option) == (50, (3, 2), len)
    assert not hasattr(here, "newer")


def test_of_dask_what_the_notebook_set() -> None:
    config = pytest.importorskip("dask.config", reason="Dask is not installed")
    assert options.COLLECT["dask"](config) == {}
    with config.set({"scheduler": "synchronous", "array.chunk-size": "1MiB"}):
        state = json.loads(json.dumps(options.COLLECT["dask"](config)))
    assert state == {"scheduler": "synchronous", "array.chunk-size": "1MiB"}
    usual = config.get("array.chunk-size")
    options.APPLY["dask"](config, state)
    assert config.get("scheduler") == "synchronous" and config.get("array.chunk-size") == "1MiB"
    options.APPLY["dask"](config, {})
    assert config.get("array.chunk-size") == usual and config.get("scheduler") is None
