"""A folder of its own for each test, and the backend anew: ``$NBPROCESS_HOME`` may have changed."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture()
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path
