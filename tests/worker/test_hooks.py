"""What surrounds a cell: imports that are waited for, warnings that home's Python would not give."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import warnings
from pathlib import Path

import pytest

from nbprocess.worker.hooks import AfterImport
from nbprocess.worker.runner import as_at_home


def test_a_question_whether_a_module_is_there_uses_nothing_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "asked_for_first.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    hooks = AfterImport()
    seen = []
    hooks.on("asked_for_first", lambda module: seen.append(module.value))
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    hooks.install()
    assert importlib.util.find_spec("asked_for_first") is not None
    assert importlib.util.find_spec("asked_for_first") is not None
    assert not seen
    importlib.import_module("asked_for_first")
    assert seen == [1]
    sys.modules.pop("asked_for_first")
    importlib.import_module("asked_for_first")
    assert seen == [1]


@pytest.mark.parametrize(("home", "said"), [([3, 11, 7], False), ([3, 12, 1], True), (None, True)])
def test_an_older_home_hears_nothing_of_escapes(
    home: list[int] | None, said: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 12, 1, "final", 0))
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        as_at_home(home)
        warnings.warn("invalid escape sequence '\\d'", SyntaxWarning, stacklevel=1)
    assert bool(heard) is said
