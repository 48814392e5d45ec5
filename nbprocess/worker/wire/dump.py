"""``dump``: names → groups. Names whose graphs share objects travel in one stream; one bad name spares the rest.

May import: the standard library, this folder.
"""

from __future__ import annotations

import io
import sys
import types
from typing import Any, Callable, Dict, List, Mapping, Optional, Set, Tuple

from . import alike, arrays, handmade, singles, tensors
from .collector import resting
from .functions import by_reference
from .group import PATCH, Dumped, Failure, Group, Memo
from .pickler import CODECS, DEEPER, DeepPickler, Pickler
from .refuse import Refused, culprit

# Shared by everything or unchangeable: two names that both refer to one of these are independent all the same.
_ALONE = (
    *(str, bytes, int, float, complex, type, types.ModuleType, types.BuiltinFunctionType),
    *(types.MethodType, frozenset, type(None)),
)
_ALONE_NAMES = {
    "dtype",
    "timezone",
    "ZoneInfo",
    "tzutc",
    "UTC",
    "PosixPath",
    "Decimal",
    "datetime",
    "date",
    "Timestamp",
}
_TOO_DEEP = "its objects are nested too deep. Flatten it, or create it inside the cell."
_MANY = 20_000
"""From this many objects at the other end on, all names that refer to some of them travel in one stream."""


class _File:
    """What a pickler writes into. The pickler lives as long as the numbers of its objects may be asked for; the stream
    does not."""

    def __init__(self) -> None:
        self._stream: Optional[io.BytesIO] = io.BytesIO()

    def write(self, data: Any) -> int:
        assert self._stream is not None
        return self._stream.write(data)

    def tell(self) -> int:
        assert self._stream is not None
        return self._stream.tell()

    def shows_singles(self) -> bool:
        """Whether the stream may hold copies of what there is one of; ``getvalue`` copies nothing."""
        assert self._stream is not None
        return singles.shows(self._stream.getvalue())

    def shows_bytecode(self) -> bool:
        """Whether a library put functions into it by cloudpickle itself: as bytecode, inside of what it calls data."""
        assert self._stream is not None
        written = self._stream.getvalue()
        return b"cloudpickle" in written and b"_make_function" in written

    def take(self) -> memoryview:
        """The stream; this object lets go of it."""
        assert self._stream is not None
        view, self._stream = self._stream.getbuffer(), None
        return view


class _Part:
    """One pickler's work: the stream so far, and what was learnt."""

    def __init__(
        self,
        shared: Mapping[int, Any],
        storages: Dict[Any, tensors.Storage],
        seeds: Optional[Dict[int, Tuple[int, Any]]] = None,
        careful: bool = False,
        deep: bool = False,
    ) -> None:
        self.file = _File()
        self.careful, self.deep = careful, deep
        kind: Any = DeepPickler if deep else Pickler
        self.pickler: Pickler = kind(self.file, dict(shared), storages=storages, careful=careful)
        self.first = 0
        self.pickler.known = seeds or ()
        if seeds:
            # The setter takes {id: (number, object)}, and makes a table of its own of it; the one in Python does not.
            self.pickler.memo = dict(seeds) if deep else seeds  # type: ignore[assignment]
            self.first = len(seeds)
        self.marks: List[Tuple[Any, str]] = []
        self.codecs: Dict[str, str] = {}
        self.sizes: Dict[str, int] = {}
        self.room: Dict[str, int] = {}

    def add(self, name: str, value: Any) -> None:
        """Append one name's value."""
        start, before = self.file.tell(), len(self.pickler.buffers)
        self.pickler.kinds.clear()
        mark: List[Any] = []  # its own number tells where this name's objects begin
        if self.marks:
            self.pickler.dump(mark)
        self.marks.append((mark, name))
        self.pickler.dump(value)
        room = alike.room(value)
        if room:
            self.room[name] = room
        self.codecs[name] = max(self.pickler.kinds, key=CODECS.index, default="plain")
        buffers = self.pickler.buffers[before:]
        self.sizes[name] = self.file.tell() - start + sum(buffer.raw().nbytes for buffer in buffers)

    def objects(self) -> Tuple[List[Any], List[Tuple[int, str]]]:
        """What got a number, in order, without the seeds; and at which number each name's own objects begin."""
        memo = self.pickler.memo.copy()
        ordered: List[Any] = [None] * len(memo)
        for number, obj in memo.values():
            ordered[number] = obj
        begins = [(memo[id(mark)][0] - self.first if id(mark) in memo else 0, name) for mark, name in self.marks]
        return ordered[self.first :], begins

    @property
    def names(self) -> List[str]:
        return [name for _, name in self.marks]


@resting()
def dump(
    values: Mapping[str, Any],
    *,
    put: Callable[[Any], Dict[str, Any]],
    seed: Optional[Memo] = None,
) -> Dumped:
    """Serialise values.

    Args:
        values: name → value.
        put: stores a buffer and returns its blob; called only for what will be used.
        seed: objects that the reading end still has; where a value refers to one, its number travels.
    """
    failed: Dict[str, Failure] = {}
    parts: Dict[str, _Part] = {}
    values = alike.told(values)
    # Without PyTorch here there are no storages: the objects of the other end may be millions.
    old = tensors.seeded(seed.objects) if seed is not None and "torch" in sys.modules else {}
    storages = dict(old)
    seeds = _seeds(seed) if seed is not None and seed.objects else None
    done: Set[str] = set()
    for names in _patches(values, seed, seeds) if seed is not None and seeds else []:
        joint = _try_together(names, values, storages, seeds or {})
        if joint is not None:
            parts[names[0]] = joint
            done.update(names)
    for name, value in values.items():
        if name in done:
            continue
        if type(value) is alike.Same:  # in the stream of the one that it is the same as
            if value.name in parts:
                parts[value.name].add(name, value)
            else:
                failed[name] = failed[value.name]
            continue
        part, failure = _try(name, value, storages)
        if failure is not None:
            failed[name] = failure
        elif part is not None:
            parts[name] = part
    shared = _shared_memory(parts)
    there = _memory_there(parts, seeds) if seeds else {}
    if old or any(part.pickler.held for part in parts.values()):
        known = _arrays_there(seeds or {})
        of_tensors, there_too = tensors.over_arrays([part.pickler for part in parts.values()], old, known)
        shared.update(of_tensors)
        there.update(there_too)
    shared.update(there)
    dumped = Dumped([], failed, Memo(), {n: size for part in parts.values() for n, size in part.sizes.items()})
    dumped.files.update(*(part.pickler.files for part in parts.values()))
    dumped.definitions = [found for part in parts.values() for found in part.pickler.definitions]
    dumped.losses.update((name, part.pickler.losses) for name, part in parts.items() if part.pickler.losses)
    for together, seeded in _families(parts, shared, seeds, there):
        first = parts[together[0]]
        names = [name for label in together for name in parts[label].names]
        if len(together) == 1 and (first.first or not seeded) and not shared.keys() & first.pickler.owners.keys():
            whole = first
        else:
            found = _together([parts[label] for label in together], values, shared, storages, seeds if seeded else None)
            if found is None:
                failed.update((name, Failure(type(values[name]).__name__, "", _TOO_DEEP)) for name in names)
                continue
            whole = found
        dumped.groups.append(_group(names, whole, put, seeded))
        dumped.memo.extend(whole.objects)
    return dumped


def _together(
    parts: List[_Part],
    values: Mapping[str, Any],
    shared: Mapping[int, Any],
    storages: Dict[Any, tensors.Storage],
    seeds: Optional[Dict[int, Tuple[int, Any]]],
) -> Optional[_Part]:
    """The names of a family in one stream; None where it goes too deep: in this order the way may be longer, and apart
    they would not share what they share."""
    careful = any(part.careful for part in parts)
    deep = any(part.deep for part in parts)
    for deeper in (False, True):
        if deeper < deep or (deeper and not DEEPER):
            continue
        whole = _Part(shared, storages, seeds, careful, deeper)
        try:
            for part in parts:
                for name in part.names:
                    whole.add(name, values[name])
        except RecursionError:
            continue
        except Exception:  # an object that none of the names leads to, but the memory of their arrays
            plain = {key: owner for key, owner in shared.items() if getattr(owner, "dtype", None) != object}
            if len(plain) == len(shared):
                raise
            return _together(parts, values, plain, storages, seeds)
        whole.codecs = {name: codec for part in parts for name, codec in part.codecs.items()}
        return whole
    return None


def _group(names: List[str], whole: _Part, put: Callable[[Any], Dict[str, Any]], seeded: bool) -> Group:
    bytecode = "bytecode" in whole.codecs.values() or whole.file.shows_bytecode()
    needs = dict(whole.pickler.needs)
    if bytecode:
        needs["python"] = "%d.%d" % sys.version_info[:2]
    return Group(
        names=names,
        stream=put(whole.file.take()),
        buffers=[put(buffer.raw()) for buffer in whole.pickler.buffers],
        needs=needs,
        codecs=dict(whole.codecs),
        same_python=bytecode,
        seeded=seeded,
        room=dict(whole.room),
    )


def _try(name: str, value: Any, storages: Dict[Any, tensors.Storage]) -> Tuple[Optional[_Part], Optional[Failure]]:
    part = _Part({}, storages)
    error = _attempt(part, name, value)
    if isinstance(error, RecursionError) and DEEPER:
        part = _Part({}, storages, deep=True)
        error = _attempt(part, name, value)
    if error is not None or part.file.shows_singles():
        part = _Part({}, storages, careful=True, deep=part.deep)
        error = _attempt(part, name, value)
    if error is None:
        return part, None

    def fails(inner: Any) -> Optional[BaseException]:
        return _attempt(_Part({}, {}, careful=True), name, inner)

    found, path = (value, "") if isinstance(error, RecursionError) else culprit(value, fails)
    if found is not value:
        error = fails(found) or error
    if isinstance(error, Refused):
        reason = str(error.args[0])
    elif isinstance(error, RecursionError):
        reason = _TOO_DEEP
    else:
        way = "Make a list of it, or create" if hasattr(type(found), "__next__") else "Create"
        reason = f"it cannot be serialised ({type(error).__name__}: {error}). {way} it inside the cell."
    return None, Failure(type(found).__name__, f"{name}{path}" if path else "", reason)


def _patches(values: Mapping[str, Any], memo: Memo, seeds: Mapping[int, Any]) -> List[List[str]]:
    """The changes of inputs, those of one name together. Filling the table of seeds costs: of many only once."""
    found: Dict[str, List[str]] = {}
    for name in values:
        if name.startswith(PATCH):
            owner = memo.owner(int(name[len(PATCH) :])) if len(seeds) <= _MANY else ""
            found.setdefault(owner, []).append(name)
    return list(found.values())


def _try_together(
    names: List[str], values: Mapping[str, Any], storages: Dict[Any, tensors.Storage], seeds: Dict[int, Tuple[int, Any]]
) -> Optional[_Part]:
    """What the cell changed in inputs, as one part; None where one change cannot be sent, which shall spare the others.

    Each by itself would lead through all that it refers to, and the other end has nearly all of that.
    """
    for careful in (False, True):
        part = _Part({}, storages, seeds, careful)
        if any(_attempt(part, name, values[name]) is not None for name in names):
            return None
        if not part.file.shows_singles():
            break
    return part


def _attempt(part: _Part, name: str, value: Any) -> Optional[BaseException]:
    try:
        part.add(name, value)
    except Exception as error:  # whatever a class's own __reduce__ may raise
        return error
    return None


def _shared_memory(parts: Mapping[str, _Part]) -> Dict[int, Any]:
    """Owners of memory over which two or more captured arrays lie."""
    seen: Dict[int, Set[int]] = {}
    owners: Dict[int, Any] = {}
    for part in parts.values():
        for key, (owner, ids) in part.pickler.owners.items():
            seen.setdefault(key, set()).update(ids)
            owners[key] = owner
    return {key: owners[key] for key, ids in seen.items() if len(ids) > 1}


def _memory_there(parts: Mapping[str, _Part], seeds: Mapping[int, Tuple[int, Any]]) -> Dict[int, Any]:
    """Owners of memory → the array of the other end that lies over it: results may be views of inputs."""
    owners = {key for part in parts.values() for key in part.pickler.owners}
    if not owners:
        return {}
    found: Dict[int, Any] = {}
    for array in _arrays_there(seeds):
        key = id(arrays.owner(array))
        if key in owners and (key not in found or found[key].nbytes < array.nbytes):
            found[key] = array
    return found


def _arrays_there(seeds: Mapping[int, Tuple[int, Any]]) -> List[Any]:
    """The arrays of the other end into which views can be made."""
    return [obj for _, obj in seeds.values() if type(obj).__name__ == "ndarray" and not arrays.is_dense(obj)]


def _shareable(obj: Any) -> bool:
    """Whether it matters that two names refer to this very object."""
    kind = type(obj)
    if kind in (list, dict, set):
        return True
    if kind is types.FunctionType:
        return not by_reference(obj)
    if kind is types.ModuleType and handmade.is_by_hand(vars(obj)):
        return True
    if issubclass(kind, (str, bytes, int, float, complex, frozenset)) and hasattr(obj, "__dict__"):
        return True  # of a kind of its own, with attributes
    fixed = (
        issubclass(kind, _ALONE) or kind is tuple or kind.__module__ == "numpy.dtypes" or kind.__name__ in _ALONE_NAMES
    )
    return not fixed


def _is_own(obj: Any) -> bool:
    """Whether it is a class of the notebook. The other end knows such a class by its statement, but no longer once
    something was set on it (a counter), nor an ``Enum``: only the number leads to the one that is there."""
    return isinstance(obj, type) and not by_reference(obj)


def _families(
    parts: Mapping[str, _Part],
    shared: Mapping[int, Any],
    seeds: Optional[Mapping[int, Tuple[int, Any]]],
    there: Mapping[int, Any],
) -> List[Tuple[List[str], bool]]:
    """Names that share objects or memory, and whether they refer to objects of the other end."""
    if len(parts) == 1 and seeds is None:
        return [([name], False) for name in parts]
    at_other_end = seeds or {}
    owner_of: Dict[int, str] = {}  # identity → a name in whose graph it is
    owner_of_memory: Dict[int, str] = {}
    leader = {name: name for name in parts}
    seeded: Set[str] = set()

    def find(name: str) -> str:
        while leader[name] != name:
            name = leader[name]
        return name

    # The largest last: of its millions of identities only those are looked at that another name has too.
    ordered = sorted(parts, key=lambda name: parts[name].file.tell())
    for name in ordered:
        part = parts[name]
        table = part.pickler.memo.copy()
        if any(_shareable(table[key][1]) or _is_own(table[key][1]) for key in at_other_end.keys() & table.keys()):
            seeded.add(name)
        for key in owner_of.keys() & table.keys():
            if key not in at_other_end and find(owner_of[key]) != find(name) and _shareable(table[key][1]):
                leader[find(name)] = find(owner_of[key])
        for key in shared.keys() & part.pickler.owners.keys():
            leader[find(name)] = find(owner_of_memory.setdefault(key, name))
            if key in there:
                seeded.add(name)
        if name != ordered[-1]:
            owner_of.update(dict.fromkeys(table, name))
    families: Dict[str, List[str]] = {}
    for name in parts:
        families.setdefault(find(name), []).append(name)
    if len(at_other_end) > _MANY and seeded:  # the table of seeds is filled once per stream, at both ends
        rest = [(names, False) for names in families.values() if seeded.isdisjoint(names)]
        joined = [name for names in families.values() if not seeded.isdisjoint(names) for name in names]
        return [(joined, True), *rest]
    return [(names, not seeded.isdisjoint(names)) for names in families.values()]


class _Filler:
    """Takes the number of an object that stands twice in a memo: the tables of both ends must be of one size."""


def _seeds(memo: Memo) -> Dict[int, Tuple[int, Any]]:
    table: Dict[int, Tuple[int, Any]] = {}
    for number, obj in enumerate(memo.objects):
        if id(obj) in table or obj is None:
            obj = _Filler()
        table[id(obj)] = (number, obj)
    return table
