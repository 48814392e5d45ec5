"""``load``: groups → values, each group by itself. May import: the standard library, this folder, the
worker's ``hushed``.
"""

from __future__ import annotations

import functools
import importlib
import io
import pickle
import struct
import sys
import threading
from typing import Any, Callable, ContextManager, Dict, Iterable, Iterator, List, Optional

from ..hushed import hushed
from . import alike, arrays, kerasobjects, scope, singles, tensors
from .collector import resting
from .group import Group, Loaded, Memo


class Unpickler(pickle.Unpickler):
    """Finds the globals of either NumPy, and those of the notebook in the namespace that is loaded into."""

    def __init__(self, stream: io.BytesIO, buffers: Iterable[Any], seeds: List[Any]) -> None:
        super().__init__(stream, buffers=buffers)
        self._seeds = seeds
        self._singles: Dict[str, Any] = {}

    def persistent_load(self, pid: Any) -> Any:
        return singles.found(pid, self._singles) if type(pid) is str else self._seeds[pid]

    def find_class(self, module: str, name: str) -> Any:
        if module == "__main__":
            try:
                return scope.namespace()[name]
            except KeyError:
                raise AttributeError(f"the notebook has no {name} here") from None
        if module.startswith("pathlib."):  # Python 3.13 alone keeps its classes in pathlib._local
            module = "pathlib"
        # numpy.core became numpy._core in NumPy 2.
        if module.startswith(("numpy.core", "numpy._core")):
            new, old = module.replace("numpy.core", "numpy._core"), module.replace("numpy._core", "numpy.core")
            for candidate in (new, old):
                try:
                    importlib.import_module(candidate)
                except ImportError:
                    continue
                return super().find_class(candidate, name)
        return super().find_class(module, name)


@functools.lru_cache(maxsize=1)
def _prefix(count: int) -> bytes:
    """A pickle that puts ``count`` persistent objects into the memo and gives None.

    CPython's C Unpickler loses the values of a dict that is assigned to its ``memo``: a stream fills it instead.
    """
    one = b"".join(b"J" + struct.pack("<i", number) + b"Q\x940" for number in range(count))
    return b"\x80\x05" + one + b"N."


@resting()
def load(
    groups: Iterable[Group],
    *,
    get: Callable[[Dict[str, Any]], Any],
    namespace: Dict[str, Any],
    seed: Optional[Memo] = None,
) -> Loaded:
    """Read groups.

    Args:
        groups: as ``dump`` made them, in its order.
        get: the verified bytes of a blob, in a writeable buffer.
        namespace: the globals of the functions and classes that are rebuilt.
        seed: this end's objects that the groups may refer to.
    """
    loaded = Loaded({}, Memo(), {})
    for group in groups:
        reason = _unreadable(group)
        if reason:
            loaded.failed.update(dict.fromkeys(group.names, reason))
            continue
        seeds = seed.objects if group.seeded and seed is not None else []
        if group.seeded and seed is None:
            loaded.failed.update(dict.fromkeys(group.names, "it refers to objects that are not here any more"))
            continue
        stream = bytes(_prefix(len(seeds)) if seeds else b"") + bytes(get(group.stream))
        unpickler = Unpickler(io.BytesIO(stream), _handed([get(blob) for blob in group.buffers]), seeds)
        size = sum(int(blob["size"]) for blob in group.buffers)
        with scope.within(namespace, adopt=seed is None) as later, arrays.owning(size), _unsaid(group):
            _read(unpickler, group, len(seeds), loaded)
        loaded.later += later
    return loaded


def _unsaid(group: Group) -> ContextManager[None]:
    """Leave out what objects say when they are made again (Cantera warns of a mechanism each time that it is read):
    they said it where they were made. A library of another version may have to tell of that (scikit-learn)."""
    mine = threading.get_ident()
    return hushed("stdout", "stderr", only=lambda _: threading.get_ident() == mine and not _skew(group))


def _handed(buffers: List[Any]) -> Iterator[Any]:
    """The buffers one by one; none is kept that the values do not use."""
    buffers.reverse()
    while buffers:
        yield buffers.pop()


def _read(unpickler: Unpickler, group: Group, first: int, loaded: Loaded) -> None:
    marks: List[Any] = []
    if first:
        unpickler.load()
    for position, name in enumerate(group.names):
        try:
            marks.append(unpickler.load() if position else None)
            value = unpickler.load()
            alike.give_room(value, group.room.get(name, 0))
            loaded.values[name] = loaded.values[value.name] if type(value) is alike.Same else value
            moved = tensors.moved()
            if moved:
                loaded.moved[name] = moved
        except Exception as error:  # whatever a library's own reconstruction may raise
            reason = _explain(error, group)
            for lost in group.names[position:]:
                loaded.failed[lost] = reason
            break

    if "keras" in group.needs:
        kerasobjects.settle(unpickler.memo.copy().values())

    def numbered() -> Any:
        memo = unpickler.memo.copy()
        objects = [memo[number] for number in range(first, len(memo))]
        wanted = {id(mark) for mark in marks if mark is not None}
        places = {id(obj): number for number, obj in enumerate(objects) if id(obj) in wanted}
        return objects, [(places.get(id(mark), 0), name) for mark, name in zip(marks, group.names)]

    loaded.memo.extend(numbered)


def _unreadable(group: Group) -> str:
    here = "%d.%d" % sys.version_info[:2]
    made = group.needs.get("python", here)
    if group.same_python and made != here:
        return f"it holds compiled code of Python {made}, which Python {here} cannot read; define it in a notebook cell"
    return ""


def _skew(group: Group) -> List[str]:
    """The libraries that have another version here."""
    found = []
    for module, there in group.needs.items():
        here = getattr(sys.modules.get(module), "__version__", None)
        if there and here and here != there:
            found.append(f"{module} {there} there, {here} here")
    return found


def _explain(error: BaseException, group: Group) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"it needs the package {(error.name or '').split('.')[0]}, which is not installed here"
    skew = _skew(group)
    return f"{type(error).__name__}: {error}" + (f" ({'; '.join(skew)})" if skew else "")
