"""Modules that no import statement finds: made by a call, or loaded from a file by hand."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from .conftest import Ends

TEXT = """
print("runs")
STATE, LIMIT = [1], 3
def go(x):
    STATE.append(x + LIMIT)
    return STATE
class Kept:
    def get(self): return LIMIT
class Bare: pass
"""
LOADED = """
import importlib.util, sys, types
spec = importlib.util.spec_from_file_location("other_name", "plugin.py")
plugin = importlib.util.module_from_spec(spec)
{}
spec.loader.exec_module(plugin)
plugin.LIMIT = 10
go, kept, bare = plugin.go, plugin.Kept(), plugin.Bare()
made = types.ModuleType("made_here", "Its text."); made.values = [1]; made.double = lambda: [2 * v for v in made.values]
"""


@pytest.mark.parametrize("register", ["", "sys.modules['other_name'] = plugin"])
def test_they_travel_and_are_changed_in_place(
    ends: Ends, register: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "plugin.py").write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    if register:
        monkeypatch.setitem(sys.modules, "other_name", sys)
    ends.cell(LOADED.format(register))
    ends.dump("plugin", "go", "kept", "made") if not register else ends.dump("plugin", "go", "kept", "bare", "made")
    capsys.readouterr()
    home = sys.modules.pop("other_name", None)
    far = ends.arrive()
    ends.begin()
    plugin = far["plugin"]
    assert capsys.readouterr().out == "" and plugin is not ends.home["plugin"]
    assert far["go"] is plugin.go and type(far["kept"]) is plugin.Kept and far["kept"].get() == 10
    assert far["go"](1) == [1, 11] == plugin.STATE and far["made"].__doc__ == "Its text."
    far["made"].values.append(2)
    plugin.extra, plugin.LIMIT, far["made"].new = [far["kept"]], 20, 5
    if home is not None:
        monkeypatch.setitem(sys.modules, "other_name", home)
    ends.back()
    here = ends.home
    assert here["plugin"].STATE == [1, 11] and here["go"](0)[-1] == 20 and here["plugin"].extra[0] is here["kept"]
    assert here["made"].double() == [2, 4] and here["made"].new == 5


def test_a_file_that_is_gone_is_named(ends: Ends, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plugin.py").write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    ends.cell(LOADED.format(""))
    (tmp_path / "plugin.py").unlink()
    assert "plugin.py, which cannot be read any more" in ends.dump("plugin").failed["plugin"].reason


def test_a_part_of_a_compiled_library_is_that_of_the_package(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    """``from tokenizers import trainers`` gives a module that is in no ``sys.modules``."""
    package, part = ModuleType("compiled_words"), ModuleType("trainers")
    vars(part)["Trainer"] = type("Trainer", (), {"__module__": "compiled_words.trainers"})
    vars(package)["trainers"] = part
    monkeypatch.setitem(sys.modules, "compiled_words", package)
    ends.home["trainers"] = part
    ends.dump("trainers")
    assert ends.arrive()["trainers"] is part
    made = ModuleType("trainers")  # of the same name, and the notebook's own
    ends.home["trainers"] = made
    ends.dump("trainers")
    assert ends.arrive()["trainers"] is not made
