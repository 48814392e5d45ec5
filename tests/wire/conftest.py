"""Two notebooks in one process: namespaces whose cells are known to ``linecache``, as IPython does it."""

from __future__ import annotations

import linecache
import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest

from nbprocess.worker import wire


class Ends:
    """The home namespace, a fresh far one, and a store of blobs between them."""

    def __init__(self) -> None:
        self.main = types.ModuleType("__main__")
        self.home: dict[str, Any] = self.main.__dict__
        self.far: dict[str, Any] = types.ModuleType("__main__").__dict__
        self.store: dict[int, bytearray] = {}
        self.cells = 0

    def cell(self, source: str) -> None:
        """Run a cell at home."""
        self.cells += 1
        name = f"<cell {id(self)} {self.cells}>"
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)
        exec(compile(source, name, "exec"), self.home)

    def put(self, buffer: Any) -> dict[str, Any]:
        self.store[len(self.store)] = bytearray(buffer)
        return {"id": len(self.store) - 1, "size": len(bytes(buffer))}

    def get(self, blob: dict[str, Any]) -> bytearray:
        return self.store[blob["id"]]

    def dump(self, *names: str, **values: Any) -> wire.Dumped:
        self.dumped = wire.dump({**{name: self.home[name] for name in names}, **values}, put=self.put)
        return self.dumped

    def send(self, *names: str, **values: Any) -> dict[str, Any]:
        """Dump at home, load at the far end; everything must arrive."""
        self.dump(*names, **values)
        return self.arrive()

    def arrive(self) -> dict[str, Any]:
        """Load at the far end what was dumped; everything must arrive."""
        assert not self.dumped.failed, self.dumped.failed
        groups = [wire.Group.from_json(group.to_json()) for group in self.dumped.groups]
        self.loaded = wire.load(groups, get=self.get, namespace=self.far)
        assert not self.loaded.failed, self.loaded.failed
        self.far.update(self.loaded.values)
        assert not self.loaded.finish()
        return self.loaded.values

    def back(self, **results: Any) -> dict[str, Any]:
        """What the far end does after the cell, and home with it: results by name, changed inputs in place."""
        changed = wire.changes(self.snapshot)
        dumped = wire.dump({**results, **changed.patches}, put=self.put, seed=self.loaded.memo)
        assert not dumped.failed, dumped.failed
        loaded = wire.load(dumped.groups, get=self.get, namespace=self.home, seed=self.dumped.memo)
        assert not loaded.failed, loaded.failed
        patches = {name: loaded.values.pop(name) for name in changed.patches}
        self.applied = wire.apply(patches, self.dumped.memo)
        self.changed = changed.names
        return loaded.values

    def begin(self) -> None:
        """The cell starts at the far end."""
        self.snapshot = wire.snapshot(self.loaded.memo)


@pytest.fixture()
def ends(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ends]:
    made = Ends()
    monkeypatch.setitem(sys.modules, "__main__", made.main)
    yield made
