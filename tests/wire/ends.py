"""Two notebooks, each with a ``__main__`` of its own, and the way between them: the fakes of this room's tests."""

from __future__ import annotations

import contextlib
import hashlib
import linecache
import sys
import types
from collections.abc import Iterator
from typing import Any

from nbprocess.worker import wire


class Store:
    """Blobs in memory. ``put`` keeps the very buffer when ``copy`` is off, so that a test sees what was uncopied."""

    def __init__(self) -> None:
        self.blobs: dict[str, Any] = {}
        self.raw: list[Any] = []

    def put(self, buffer: Any) -> dict[str, Any]:
        data = bytes(buffer)
        self.raw.append(buffer)
        key = hashlib.sha256(data).hexdigest()
        self.blobs[key] = data
        return {"size": len(data), "chunks": [key]}

    def get(self, blob: dict[str, Any]) -> bytearray:
        return bytearray(self.blobs[blob["chunks"][0]])


class Notebook:
    """A namespace that cells run in, as in a kernel: it is ``__main__``, and cells are in ``linecache``."""

    count = 0

    def __init__(self) -> None:
        self.module = types.ModuleType("__main__")
        self.ns: dict[str, Any] = vars(self.module)
        self.ns["__builtins__"] = __builtins__

    @contextlib.contextmanager
    def main(self) -> Iterator[None]:
        before = sys.modules["__main__"]
        sys.modules["__main__"] = self.module
        try:
            yield
        finally:
            sys.modules["__main__"] = before

    def run(self, text: str) -> dict[str, Any]:
        Notebook.count += 1
        name = f"/tmp/ipykernel_1/{Notebook.count}.py"
        linecache.cache[name] = (len(text), None, text.splitlines(True), name)
        with self.main():
            exec(compile(text, name, "exec", dont_inherit=True), self.ns)
        return self.ns

    def dump(self, *names: str, store: Store, seed: wire.Memo | None = None, **values: Any) -> wire.Dumped:
        with self.main():
            return wire.dump({**{n: self.ns[n] for n in names}, **values}, put=store.put, seed=seed)

    def load(self, dumped: wire.Dumped, *, store: Store, seed: wire.Memo | None = None) -> wire.Loaded:
        groups = [wire.Group.from_json(group.to_json()) for group in dumped.groups]
        with self.main():
            loaded = wire.load(groups, get=store.get, namespace=self.ns, seed=seed)
        self.ns.update({k: v for k, v in loaded.values.items() if not k.startswith("\0")})
        return loaded


def travel(home: Notebook, *names: str) -> Notebook:
    """A fresh notebook that got these names over the wire; every one of them must arrive."""
    store, far = Store(), Notebook()
    dumped = home.dump(*names, store=store)
    assert not dumped.failed, {name: str(failure) for name, failure in dumped.failed.items()}
    linecache_entries = dict(linecache.cache)
    for filename in [name for name in linecache.cache if name.startswith("/tmp/ipykernel_1/")]:
        del linecache.cache[filename]  # the other end has no cells
    try:
        loaded = far.load(dumped, store=store)
        assert not loaded.failed, loaded.failed
        far_numbers, home_numbers = len(loaded.memo.objects), len(dumped.memo.objects)
        assert far_numbers == home_numbers, "both ends number the same objects"
    finally:
        linecache.cache.update(linecache_entries)
    far.codecs = {k: v for group in dumped.groups for k, v in group.codecs.items()}  # type: ignore[attr-defined]
    return far


class Trip:
    """Values sent to another end; ``back`` brings home what changed there, and results."""

    def __init__(self, **values: Any) -> None:
        self.blobs: list[bytearray] = []
        self.sent = wire.dump(values, put=self.put)
        assert not self.sent.failed, self.sent.failed
        self.there = self.load(self.sent.groups)
        self.before = wire.snapshot(self.there.memo)

    def put(self, buffer: Any) -> dict[str, Any]:
        self.blobs.append(bytearray(memoryview(buffer).cast("B")))
        return {"size": len(self.blobs[-1]), "chunks": [len(self.blobs) - 1]}

    def load(self, groups: Any, seed: Any = None) -> wire.Loaded:
        loaded = wire.load(groups, get=lambda blob: self.blobs[blob["chunks"][0]], namespace={}, seed=seed)
        assert not loaded.failed, loaded.failed
        return loaded

    def back(self, **results: Any) -> dict[str, Any]:
        changes = wire.changes(self.before)
        sent = wire.dump({**changes.patches, **results}, put=self.put, seed=self.there.memo)
        assert not sent.failed, sent.failed
        loaded = self.load(sent.groups, self.sent.memo)
        applied = wire.apply({name: loaded.values[name] for name in changes.patches}, self.sent.memo)
        assert not applied.rebind
        return {name: loaded.values[name] for name in results}

    def __getitem__(self, name: str) -> Any:
        return self.there.values[name]
