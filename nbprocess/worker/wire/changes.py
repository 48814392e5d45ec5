"""What a cell changed inside its inputs: per object, found by comparing shallow states.

May import: the standard library, this folder.
"""

from __future__ import annotations

import concurrent.futures
import math
import os
import types
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Sequence, Tuple, cast

from . import (
    atrest,
    awsclients,
    caches,
    callbacks,
    constants,
    databases,
    duck,
    dynamic,
    eager,
    exceptions,
    frames,
    handlers,
    handmade,
    inflight,
    leftovers,
    lookups,
    mapped,
    matrices,
    models,
    openfiles,
    plotly_figures,
    reopened,
    states,
    subclasses,
    tables,
    takeover,
    tensors,
    torchmodules,
    widgets,
)
from .arrays import contents, is_writeable
from .classes import data_of
from .collector import resting
from .fingerprint import array_content, fingerprint
from .frames import extras, is_frame
from .functions import by_reference, dispatches, own_attributes, rebindable, state_of_dispatch
from .group import PATCH, Memo
from .instances import digests, patch_of
from .ownstate import instance, opaque
from .records import is_record
from .remade import SHELL_ROOTS, Anew, path_in_shell

_CONSTANT = (
    *(str, bytes, int, float, complex, type(None), tuple, frozenset, type, types.ModuleType, types.FunctionType),
    *(types.BuiltinFunctionType, types.MethodType, property, staticmethod, classmethod),
)
_FUNCTION = types.FunctionType
_PLAIN = (str, bytes, int, float, complex, tuple, frozenset)
"""Only an instance of a class that is made of one has attributes."""
_HEAVY = 1 << 20  # bytes of an array, values of a frame or tensor: from here on a thread pays
_FIXED_NAMES = {"dtype", "timezone", "ZoneInfo", "timedelta", "datetime", "date", "time", "Decimal", "Fraction", "UUID"}
_FIXED_NAMES |= {f"{kind}_{which}" for kind in ("dict", "odict") for which in ("keys", "values", "items")}
"""Views too: what they lead to changes."""


class Snapshot:
    """Shallow states of all objects that can change; it holds what they hold, so that identities stay unique."""

    def __init__(self, memo: Memo) -> None:
        self.memo = memo
        seen = set()
        wanted: List[Tuple[int, Any]] = []
        for number, obj in enumerate(memo.objects):
            if id(obj) in seen or atrest.is_fixed(type(obj)):  # first: what a proxy leads to may be gone
                continue
            if (
                isinstance(obj, _CONSTANT)
                and getattr(obj, "__module__", "") != "__main__"
                and (type(obj) in _CONSTANT or not isinstance(obj, _PLAIN))
                and type(obj) is not _FUNCTION
                and not dynamic.is_made(obj)
                and not (type(obj) is types.ModuleType and handmade.is_by_hand(vars(obj)))
            ):
                continue
            seen.add(id(obj))
            wanted.append((number, obj))
        self.states = _states(wanted)
        self.unsent = digests(self.states, memo)


@resting()
def snapshot(memo: Memo) -> Snapshot:
    """Note the state of every input object, before the cell runs."""
    return Snapshot(memo)


def _states(wanted: List[Tuple[int, Any]]) -> Dict[int, Tuple[str, Any]]:
    """The states of (number, object) pairs; digests of much data run beside each other, NumPy lets them."""
    light: List[Tuple[int, Any]] = []
    heavy: List[Tuple[int, Any]] = []
    for pair in wanted:
        (heavy if _is_heavy(pair[1]) else light).append(pair)
    found = {number: state for number, obj in light for state in (_state(obj),) if state is not None}
    if heavy:
        with concurrent.futures.ThreadPoolExecutor(min(len(heavy), os.cpu_count() or 1, 8)) as pool:
            for (number, _), state in zip(heavy, pool.map(lambda pair: _state(pair[1]), heavy)):
                if state is not None:
                    found[number] = state
    return found


def _is_heavy(obj: Any) -> bool:
    kind = type(obj)
    if kind.__name__ == "ndarray":
        return not obj.dtype.hasobject and obj.nbytes >= _HEAVY
    if _is_tensor(kind):
        return bool(obj.numel() >= _HEAVY)
    return (
        kind.__name__ in ("DataFrame", "Series")
        and (kind.__module__ or "").split(".")[0] == "pandas"
        and obj.size >= _HEAVY
    )


def _is_tensor(kind: type) -> bool:
    return kind.__name__ in ("Tensor", "Parameter") and (kind.__module__ or "").split(".")[0] == "torch"


def _state(obj: Any) -> Optional[Tuple[str, Any]]:
    kind = type(obj)
    if isinstance(obj, type):
        held = data_of(obj)
        return None if held is None else ("class", held)
    if kind is _FUNCTION and dispatches(obj):
        return None if by_reference(obj) else ("dispatch", state_of_dispatch(obj))
    if kind is _FUNCTION:
        return None if by_reference(obj) else ("function", {**own_attributes(obj), **rebindable(obj)})
    if kind is caches.CACHED:
        held = (own_attributes(obj), caches.entries(obj), caches.counts(obj))
        return None if by_reference(obj) else ("cached", held)
    if type(obj) is types.ModuleType:
        return ("module", handmade.contents(obj)) if handmade.is_by_hand(vars(obj)) else None
    if isinstance(obj, _CONSTANT):
        attributes = getattr(obj, "__dict__", None) if isinstance(obj, _PLAIN) else None
        return None if attributes is None else ("function", own_attributes(obj))
    if kind is list:
        return "list", list(obj)
    if kind is dict:
        return "dict", dict(obj)
    if kind is set:
        return "set", set(obj)
    if kind is bytearray:
        return "bytes", bytes(obj)
    if kind is types.GeneratorType:
        return "generator", inflight.state_of(obj)
    if kind is types.CellType:
        try:
            return "cell", [obj.cell_contents]
        except ValueError:
            return "cell", []
    if kind.__name__ in _FIXED_NAMES:
        return None
    root = (kind.__module__ or "").split(".")[0]
    if root == "numpy" and kind.__name__ in ("ndarray", "recarray", "matrix"):
        return "array", (*array_content(obj), is_writeable(obj))
    if root == "numpy" and kind.__name__ == "memmap":
        return mapped.state_of(obj)
    if root == "numpy" and is_record(obj):
        return "record", obj.tobytes()
    if root == "pandas":
        if any(base.__name__ == "Index" for base in kind.__mro__):
            return "axis", (list(obj.names), frames.frequency(obj))  # all of an index that can change
        if reopened.WAYS.of(kind) is not None:
            return opaque(obj)
        if kind.__module__.startswith("pandas.io.") or hasattr(obj, "_pa_array"):  # a Styler; an array of Arrow's
            return instance(obj, kind)
        return _frame(obj) if kind.__name__ in ("DataFrame", "Series") else None
    if _is_tensor(kind) and tensors.is_plain(obj):
        return "tensor", tensors.state(obj)
    if root == "tensorflow" and eager.is_own(kind):
        return eager.state_of(obj)
    if root == "torch" and torchmodules.is_script(obj):
        return "opaque", fingerprint((obj.training, *obj.state_dict().items()))
    if tables.is_polars(kind) or models.is_booster(kind) or matrices.is_matrix(kind) or models.is_typed(kind):
        return "opaque", fingerprint(obj)
    if is_frame(kind):  # a subclass: of a library, or of the notebook
        return _frame(obj)
    if subclasses.is_array(obj):
        found: Any = subclasses.array_state(obj)
        if found is not None:
            return cast(Tuple[str, Any], found)
    if isinstance(obj, BaseException):
        return "exception", ({**obj.__dict__, **states.slots_of(obj, kind)}, list(exceptions.held_by(obj).values()))
    if kind is torchmodules.Indices:
        return instance(obj, kind)
    if root == "nbprocess" or (root == "numpy" and kind.__name__ in ("finfo", "iinfo")):
        return None
    if root in SHELL_ROOTS and path_in_shell(obj) is not None:
        return None  # each end has its own, and leads to all that its process has
    if constants.name_of(obj) is not None or widgets.CHANNELS.of(kind) is not None or awsclients.kind_of(kind):
        return None
    if handlers.is_handler(obj):
        return "handler", handlers.state_of(obj)
    if databases.is_database(kind):
        return databases.state_of(obj)
    if duck.is_connection(kind):
        return duck.state_of(obj)
    if openfiles.is_file(obj):
        return "file", openfiles.state_of(obj)
    if leftovers.has_ends(obj):
        return leftovers.state_of(obj)
    if leftovers.WAYS.of(kind) is not None or (reopened.WAYS.of(kind) is not None and root != "PIL"):
        return opaque(obj)
    if plotly_figures.is_part(obj):
        return None
    if callbacks.is_registry(kind):
        return callbacks.state_of(obj)
    return atrest.state_of(obj) or instance(obj, kind)


def _frame(frame: Any) -> Tuple[str, Any]:
    """The state of a frame or series. The names of its axes are those of the axes, which others may have, too."""
    axes = {name: getattr(frame, name) for name in ("index", "columns")[: frame.ndim]}
    return "frame", (fingerprint(frame, list(axes.values())), {**extras(frame), **axes})


def _same(old: Tuple[str, Any], new: Tuple[str, Any]) -> bool:
    kind, before = old
    after = new[1]
    if kind == "subarray" or (kind == "frame" and isinstance(before, tuple)):
        return bool(before[0] == after[0]) and _alike(before[1], after[1])
    if kind == "tensor":
        return bool(before[:-1] == after[:-1] and before[-1] is after[-1])
    if kind == "generator":
        return bool(before[0] == after[0]) and _alike(before[1], after[1])
    if kind in ("exception", "dispatch"):
        return _alike(before[0], after[0]) and _alike(before[1], after[1])
    if kind == "cached":
        return bool(_alike(before[0], after[0]) and _alike(before[1], after[1]) and before[2] == after[2])
    if kind == "array" and isinstance(before[0], list):
        return before[1:] == after[1:] and _alike(before[0], after[0])
    if kind in ("array", "record", "mapped", "masked", "frame", "opaque", "bytes", "axis", "duck"):
        return bool(before == after)
    if kind in ("handle", "table", "file", *databases.KINDS):
        return bool(before == after)
    if kind == "instance":
        if [type(x) for x in before] != [type(x) for x in after]:
            return False
        first, second = (list(part[0][1:]) for part in (before, after))
        return _alike(first, second) and _alike(before[1] or {}, after[1] or {}) and _alike(before[2], after[2])
    return _alike(before, after)


def _alike(before: Any, after: Any) -> bool:
    """Whether two shallow states hold the same objects in the same order."""
    if type(before) is not type(after) or len(before) != len(after):
        return False
    if isinstance(before, dict):
        return all(a is b for a, b in zip(before, after)) and all(
            a is b for a, b in zip(before.values(), after.values())
        )
    if isinstance(before, set):
        return {id(item) for item in before} == {id(item) for item in after}
    if isinstance(before, list) and len(before) == 1 and issubclass(type(before[0]), (list, dict, set)):
        return before[0] is after[0] or _alike(before[0], after[0])
    return all(a is b for a, b in zip(before, after))


@dataclass
class Changes:
    """``patches``: entries for the results' dump; ``names``: whose inputs changed; ``replaced``: numbers sent anew."""

    patches: Dict[str, Any] = field(default_factory=dict)
    names: List[str] = field(default_factory=list)
    replaced: List[int] = field(default_factory=list)

    def name(self, name: str) -> None:
        """Note that the input of this name changed."""
        if name and name not in self.names:
            self.names.append(name)


@resting()
def changes(before: Snapshot) -> Changes:
    """Compare the inputs with their state before the cell."""
    found = Changes()
    now = _states([(number, before.memo.objects[number]) for number in before.states])
    within = _changed_within(before, now)
    storages: Dict[Any, tensors.Storage] = {}
    for number, old in before.states.items():
        obj = before.memo.objects[number]
        new = now.get(number)
        if new is None or (old[0] == new[0] and _same(old, new) and number not in within):
            continue
        if new[0] == "tensor":
            patch: Tuple[str, Any] = "tensor", tensors.patch(obj, storages)
        else:
            patch = ("new", obj) if _is_another(old, new) else _patch(obj, old, new, within.get(number, ()))
        if patch[0] == "new" and takeover.stays(obj) and not _is_another(old, new):
            patch = "new", Anew(obj)  # it stays the one that it is: what else refers to it goes by its number
        elif patch[0] == "new":
            found.replaced.append(number)
        found.patches[f"{PATCH}{number}"] = patch
        found.name(before.memo.owner(number))
    _add_holders(found, before)
    for number in found.replaced:  # these travel whole: the number would only lead to the old state
        before.memo.objects[number] = None
    return found


def _add_holders(found: Changes, before: Snapshot) -> None:
    """What nothing can be put into and that holds what is sent anew: generators are sent anew, too, and tuples go
    whole to what refers to them."""
    gone = {id(before.memo.objects[number]) for number in found.replaced}
    holders = {number: state[1][1] for number, state in before.states.items() if state[0] == "generator"}
    if gone:
        holders.update((n, obj) for n, obj in enumerate(before.memo.objects) if type(obj) is tuple)
    more: List[int] = list(found.replaced)
    while more and holders:
        more = [number for number, held in holders.items() if any(id(part) in gone for part in held)]
        for number in more:
            obj = before.memo.objects[number]
            del holders[number]
            gone.add(id(obj))
            if number in found.replaced:
                continue
            found.replaced.append(number)
            if type(obj) is not tuple:
                found.patches[f"{PATCH}{number}"] = "new", obj
                found.name(before.memo.owner(number))


@resting()
def changed(before: Snapshot) -> List[str]:
    """The names of the inputs that are no longer as they were; nothing is prepared for sending."""
    now = _states([(number, before.memo.objects[number]) for number in before.states])
    within = _changed_within(before, now)
    found: List[str] = []
    for number, old in before.states.items():
        new = now.get(number)
        name = before.memo.owner(number)
        same = new is None or (old[0] == new[0] and _same(old, new) and number not in within)
        if name and name not in found and not same:
            found.append(name)
    return found


def _changed_within(before: Snapshot, now: Dict[int, Tuple[str, Any]]) -> Dict[int, List[str]]:
    """An object's number → its attributes and slots that did not come by themselves and hold other things now."""
    if not before.unsent:
        return {}
    after = digests({number: now[number] for number in before.unsent if number in now}, before.memo)
    found = {
        number: [name for name, digest in after.get(number, {}).items() if held.get(name, digest) != digest]
        for number, held in before.unsent.items()
    }
    return {number: names for number, names in found.items() if names}


def _is_another(old: Tuple[str, Any], new: Tuple[str, Any]) -> bool:
    """Whether an array has more or fewer items than before, or others: the one at the other end cannot become so."""
    if old[0] != "array" or new[0] != "array":
        return False
    before, after = old[1], new[1]
    return bool(math.prod(before[1]) != math.prod(after[1]) or before[2:-1] != after[2:-1])


def _patch(obj: Any, old: Tuple[str, Any], new: Tuple[str, Any], within: Sequence[str]) -> Tuple[str, Any]:
    kind, state = new
    if kind == "array" and type(obj).__name__ == "memmap":
        return kind, contents(mapped.plain(obj))
    if kind == "array":
        return kind, contents(obj) if not obj.dtype.hasobject else obj.copy()
    if kind == "mapped":  # it comes back as a file
        mapped.touch(obj)
        return kind, None
    if kind == "frame":
        return kind, _with_axes(obj)
    if kind in ("masked", "subarray"):
        return kind, subclasses.array_patch(obj, kind)
    if kind in ("opaque", "generator"):
        return "new", obj
    if kind == "handler":
        return kind, handlers.sent(obj)
    if kind == "callbacks":
        return kind, callbacks.Sent(obj)
    if kind in databases.KINDS:
        return kind, databases.patch_of(obj, kind, state)
    if kind == "file":
        return kind, openfiles.patch_of(obj)
    if kind == "duck":
        return kind, duck.patch_of(obj)
    if kind == "handle":
        return kind, eager.patch_of(obj)
    if kind == "table":
        return kind, lookups.patch_of(obj)
    if kind in ("class", "function"):
        return kind, dict(state)
    if kind == "exception":
        return kind, (obj.args, exceptions.sent(obj))
    if kind == "cached":
        return kind, (dict(state[0]), *caches.state_of(obj))
    if kind == "dict":
        return kind, list(state.items())
    if kind == "dispatch":
        return kind, (list(state[0].items()), state[1])
    if kind == "instance":
        return patch_of(obj, old[1] if old[0] == kind else None, state, within)
    return kind, state


def _with_axes(frame: Any) -> Any:
    """A shallow copy that holds the very index and columns of the frame: others may hold them too."""
    columns = dict(getattr(frame, "_item_cache", {}))  # the copy clears it
    copy = frame.copy(deep=False)
    axes = getattr(getattr(frame, "_mgr", None), "axes", None)
    if isinstance(axes, list):
        copy._mgr.axes = list(axes)
    if hasattr(copy, "_item_cache"):
        copy._item_cache.update(columns)
    subclasses.take_extras(copy, frame)
    return copy
