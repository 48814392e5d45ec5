"""Fixtures for the worker's tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from driver import PYENV


@pytest.fixture(params=["3.9.18", "3.12.1", "3.13.0"])
def bare_python(request: pytest.FixtureRequest) -> str:
    """Another Python, with nothing installed: as a small image has it."""
    path = PYENV / request.param / "bin/python"
    if not path.exists():
        pytest.skip(f"there is no Python {request.param} on this machine")
    return str(path)
