"""A small notebook for tests: cells run in one namespace, with their source in ``linecache`` as IPython keeps it."""

from __future__ import annotations

import itertools
import linecache
from pathlib import Path
from typing import Any

from nbprocess.capture import Capture, capture, make_cell

_numbers = itertools.count(1)


class Notebook:
    """Cells and their namespace; ``names`` are the needs of a capture by name."""

    def __init__(self, *cells: str, folder: Path | None = None) -> None:
        self.namespace: dict[str, Any] = {"__name__": "__main__"}
        self.folder = folder
        for cell in cells:
            self.run(cell)

    def run(self, source: str) -> None:
        name = f"/tmp/ipykernel_0/{next(_numbers)}.py"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        exec(compile(source, name, "exec"), self.namespace)

    def capture(self, source: str, **options: Any) -> Capture:
        options.setdefault("modules", {})
        return capture(make_cell(source), self.namespace, folder=self.folder, **options)

    def needs(self, source: str, **options: Any) -> dict[str, str]:
        """Name → strength."""
        return {need.name: need.strength for need in self.capture(source, **options).needs}
