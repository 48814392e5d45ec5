"""Ambient state: what it says in JSON, and what is put back."""

from __future__ import annotations

import enum
import json
import locale
import logging
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from nbprocess.worker import ambient, holoviz, libraries, settings


class Cap(str, enum.Enum):
    ROUND = "round"


def test_numbers_and_texts_of_other_kinds_are_plain_in_json() -> None:
    value = [np.float64(1.5), Cap.ROUND, (np.str_("a"), True, None)]
    plain = libraries._plain(value)
    assert plain == [1.5, "round", ("a", True, None)]
    assert json.dumps(plain) and [type(item) for item in plain[:2]] == [float, str]
    assert libraries._plain({"a": 1}) == {"a": 1}


def test_handlers_of_libraries_that_write_elsewhere_stay(tmp_path: Path) -> None:
    root = logging.Logger("root", logging.WARNING)
    root.manager = logging.Manager(root)  # type: ignore[arg-type]
    module = SimpleNamespace(**{**vars(logging), "root": root, "getLogger": root.manager.getLogger, "disable": id})
    logger = root.manager.getLogger("json.decoder")
    file = logging.FileHandler(tmp_path / "log")
    logger.addHandler(file)
    shown = logging.StreamHandler(sys.stderr)
    shown.setFormatter(logging.Formatter("{message}", style="{"))
    logger.addHandler(shown)
    logger.setLevel(logging.INFO)
    state = json.loads(json.dumps(settings.COLLECT["logging"](module)))
    said = {"level": 20, "propagate": True, "disabled": False, "handlers": [["stderr", 0, ["{message}", None, "{"]]]}
    said["handled by"] = "json"
    assert state["loggers"] == {"json.decoder": said}
    settings.APPLY["logging"](module, {"loggers": {}, "disable": 0})
    assert logger.handlers == [file] and logger.level == logging.NOTSET
    settings.APPLY["logging"](module, state)
    assert settings.COLLECT["logging"](module) == state and logger.handlers[0] is file
    file.close()


def test_a_locale_that_this_system_lacks_is_told() -> None:
    before = settings.COLLECT["locale"](locale)
    assert settings.APPLY["locale"](locale, {**before, "LC_TIME": "xx_XX"}) == [
        f"this system has no locale xx_XX (LC_TIME): it is {before['LC_TIME']}"
    ]
    assert settings.COLLECT["locale"](locale) == before


def test_a_module_that_is_being_imported_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    half = ModuleType("xarray")
    half.__spec__ = ModuleSpec("xarray", None)
    half.__spec__._initializing = True  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "xarray", half)
    assert "xarray" not in ambient.collect()


def test_where_bokeh_shows_holds_at_the_other_end() -> None:
    current = pytest.importorskip("bokeh.io.state").curstate()
    number = ambient.collect()["bokeh"].pop("number")
    assert ambient.collect()["bokeh"] == {"number": number}
    current.output_notebook()
    current.output_file("plot.html", title="Plot", mode="inline")
    found = json.loads(json.dumps(ambient.collect()["bokeh"]))
    current.reset()
    ambient.apply({"bokeh": found})
    assert (current.notebook, current.notebook_type) == (True, "jupyter")
    assert (current.file.filename, current.file.title, current.file.resources.mode) == ("plot.html", "Plot", "inline")
    ambient.apply({"bokeh": {"number": number + 5}})
    assert (current.notebook, current.file) == (False, None)
    assert ambient.collect()["bokeh"] == {"number": number + 5}
    ambient.apply({"bokeh": {"number": number}})  # of a job that ran beside others: no number is given twice
    assert ambient.collect()["bokeh"] == {"number": number + 5}


def test_a_logger_of_a_librarys_own_class_is_left_to_the_library() -> None:
    """astropy finds a plain logger of its name otherwise, and cannot be imported."""
    library = "an_astronomy_library"
    own = type("OwnLogger", (logging.Logger,), {"__module__": f"{library}.logger"})
    root = logging.Logger("root", logging.WARNING)
    root.manager = logging.Manager(root)  # type: ignore[arg-type]
    module = SimpleNamespace(**{**vars(logging), "root": root, "getLogger": root.manager.getLogger, "disable": id})
    root.manager.setLoggerClass(own)
    root.manager.getLogger(library).setLevel(logging.INFO)
    state = json.loads(json.dumps(settings.COLLECT["logging"](module)))
    root.manager.loggerDict.clear()
    watched: list[str] = []
    ambient.apply_later({"logging": state}, SimpleNamespace(on=lambda name, action: watched.append(name)))
    assert library in watched
    settings.APPLY["logging"](module, state)
    assert not root.manager.loggerDict
    logger = root.manager.getLogger(library)  # as the library does when it is imported
    settings.APPLY["logging"](module, state)
    assert (type(logger), logger.level) == (own, logging.INFO)


def test_how_altair_shows_charts_holds_at_the_other_end() -> None:
    altair = pytest.importorskip("altair")
    before = json.loads(json.dumps(ambient.collect()["altair"]))
    altair.renderers.enable("mimetype")
    altair.data_transformers.disable_max_rows()
    found = json.loads(json.dumps(ambient.collect()["altair"]))
    ambient.apply({"altair": before})
    assert (altair.renderers.active, altair.data_transformers.options) == ("default", {})
    assert ambient.apply({"altair": found}) == []
    assert (altair.renderers.active, altair.data_transformers.options) == ("mimetype", {"max_rows": None})
    own = {**found, "renderers": ["mine", {}]}
    assert ambient.apply({"altair": own}) == ["altair.renderers has no 'mine' here: register it inside the cell"]
    ambient.apply({"altair": before})


def test_the_backends_of_holoviews_are_loaded_at_the_other_end_without_a_word(
    capsys: pytest.CaptureFixture[str],
) -> None:
    holoviews = pytest.importorskip("holoviews")
    assert ambient.collect()["holoviews"] == {}
    ambient.apply({"holoviews": {"backends": ["bokeh", "matplotlib"]}})
    assert holoviews.Store.current_backend == "bokeh" and "matplotlib" in holoviews.Store.loaded_backends()
    ambient.apply({"holoviews": {"backends": ["matplotlib", "bokeh"]}})
    assert holoviews.Store.current_backend == "matplotlib" and capsys.readouterr().out == ""


def test_numbers_that_a_library_gives_never_fall_back() -> None:
    """Two variables of CVXPY with one id would be one variable, and a problem's solution another one."""
    module = SimpleNamespace(ID_COUNTER=SimpleNamespace(count=5))
    read, put = libraries.COLLECT["cvxpy.ids"], libraries.APPLY["cvxpy.ids"]
    assert read(module) == {"ID_COUNTER.count": 5}
    put(module, {"ID_COUNTER.count": 3})
    assert module.ID_COUNTER.count == 5
    put(module, {"ID_COUNTER.count": 9})
    assert module.ID_COUNTER.count == 9
    assert read(SimpleNamespace()) == {} and put(SimpleNamespace(), {"ID_COUNTER.count": 9}) is None
    param = SimpleNamespace(object_count=3)  # a number of the module itself
    libraries.APPLY["param.ids"](param, {"object_count": 7})
    assert libraries.COLLECT["param.ids"](param) == {"object_count": 7}


def test_panel_s_extension_is_loaded_at_the_other_end_without_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    class Extension:
        _loaded, _loaded_extensions = False, ["tabulator", "tabulator"]

        def __call__(self, *names: str) -> None:
            print("shown in the page", names)
            if "gone" in names:
                raise ValueError("no such part")
            self._loaded = True

    here = SimpleNamespace(extension=Extension())
    assert holoviz.collect_panel(here) == {} and holoviz.apply_panel(here, {}) == []
    assert holoviz.apply_panel(here, {"extensions": ["gone"]}) == [
        "Panel's extension cannot be loaded here (no such part)"
    ]
    assert holoviz.apply_panel(here, {"extensions": ["tabulator"]}) == []
    assert holoviz.collect_panel(here) == {"extensions": ["tabulator"]} and capsys.readouterr().out == ""
