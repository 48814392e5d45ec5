"""What is to be done after an import is done however often somebody asked before whether the module is there."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

import pytest

from nbprocess.worker.hooks import AfterImport


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
