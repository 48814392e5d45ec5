"""What axe-core says of a part of the page. May import: the standard library, pytest."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.browser_lab import REPOSITORY

PLACES = [os.environ.get("AXE_CORE", ""), str(REPOSITORY / "labextension/node_modules/axe-core/axe.min.js")]


def serious_violations(page: Any, selector: str) -> list[str]:
    """Serious and critical violations under ``selector``.

    axe-core comes with the sidebar's Node packages (or ``AXE_CORE`` names its file); skips where it is not.
    """
    found = next((Path(place) for place in PLACES if place and Path(place).exists()), None)
    if found is None:
        pytest.skip("axe-core is not here: `make test` installs it where Node 20 or later is")
    page.evaluate(found.read_text(encoding="utf-8"))
    result = page.evaluate("(selector) => axe.run(document.querySelector(selector))", selector)
    return [
        f"{v['id']}: {v['help']}: {[node['html'][:160] for node in v['nodes'][:3]]}"
        for v in result["violations"]
        if v["impact"] in ("serious", "critical")
    ]
