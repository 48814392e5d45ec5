"""What a cell changed of an instance: attributes and slots that it set or deleted, and what those hold that did not
come through the stream as it is: the class's own ``__setstate__`` made it at this end, or ``__getstate__`` sent a copy.

The latter has no number, or that of the copy: nothing but its holder can tell that it changed. May import: the standard
library, this folder.
"""

from __future__ import annotations

import hashlib
import io
import types
from typing import Any, Dict, List, Optional, Sequence, Tuple

from . import states, triangles
from .fingerprint import content
from .group import Memo
from .pickler import Pickler

_FIXED = (
    *(str, bytes, int, float, complex, type(None), type, types.ModuleType, types.FunctionType),
    *(types.BuiltinFunctionType, types.MethodType, property, staticmethod, classmethod),
)
_MOST = 5_000
Difference = Tuple[Dict[str, Any], List[str]]
"""What was set, by name, and what was deleted."""


def digests(known_states: Dict[int, Tuple[str, Any]], memo: Memo) -> Dict[int, Dict[str, str]]:
    """An object's number → what it holds that has no number, or that went as a copy, with what tells whether that
    changed; empty where it cannot be told."""
    instances = [(number, state) for number, (kind, state) in known_states.items() if kind == "instance"]
    if not instances:
        return {}
    known = {id(obj): obj for obj in memo.objects}
    wanted: List[Tuple[int, List[str], Any]] = []
    ways: Dict[type, Optional[bool]] = {}  # whether the class says its state; None for parts of figures
    for number, state in instances:
        obj = memo.objects[number]
        if type(obj) not in ways:
            ways[type(obj)] = None if _is_drawn(type(obj)) else _says_its_state(type(obj))
        way = ways[type(obj)]
        if way is None:
            continue
        held = {**(state[1] or {}), **state[2]} if state[2] else state[1] or {}
        unknown = [
            name for name, value in held.items() if id(value) not in known and not issubclass(type(value), _FIXED)
        ]
        if way:
            own = _own_state(obj)
            sent = {id(part) for part in own}
            copied = [name for name, value in held.items() if id(value) not in sent and _may_change(value)]
            if unknown or copied:
                wanted.append((number, [*unknown, *copied], own))
        else:
            wanted += [(number, [name], held[name]) for name in unknown]
    if not wanted or len(wanted) > _MOST:
        return {}
    file = io.BytesIO()
    pickler = Pickler(file)
    pickler.by_columns = True
    pickler.memo = {key: (number, obj) for number, (key, obj) in enumerate(known.items())}  # type: ignore[assignment]
    found: Dict[int, Dict[str, str]] = {}
    for number, names, parts in wanted:
        found.setdefault(number, {}).update(dict.fromkeys(names, _digest(pickler, file, parts)))
    return found


def _says_its_state(kind: type) -> bool:
    """Whether code in Python says what there is to say of its objects."""
    found = next((vars(base)["__getstate__"] for base in kind.__mro__ if "__getstate__" in vars(base)), None)
    return isinstance(found, types.FunctionType) and not states.goes_by_attributes(kind)


def _own_state(obj: Any) -> List[Any]:
    """The parts of the state that the class gives."""
    try:
        state = obj.__getstate__()
    except Exception:  # what it takes out of the state was left out on the way here
        return []
    return list(state.values() if isinstance(state, dict) else state if isinstance(state, (list, tuple)) else [state])


def _may_change(value: Any) -> bool:
    return type(value) in (list, dict, set) or type(value).__name__ == "ndarray"


def _digest(pickler: Pickler, file: io.BytesIO, value: Any) -> str:
    file.seek(0)
    file.truncate()
    first = len(pickler.buffers)
    try:
        pickler.dump(value)
    except Exception:  # an open file, a thread: it stays at its end
        return ""
    digest = hashlib.sha256(file.getbuffer())
    for buffer in pickler.buffers[first:]:
        digest.update(content(buffer.raw()))
    return digest.hexdigest()


def patch_of(obj: Any, before: Optional[List[Any]], after: List[Any], within: Sequence[str]) -> Tuple[str, Any]:
    """How the instance at the other end becomes as this one.

    What neither was set nor changed stays as it is there, where there may be more: what ``__getstate__`` left out.

    Args:
        before: its state before the cell (items of a container, attributes, slots).
        after: the one of now.
        within: attributes and slots of which ``digests`` are no longer the same.
    """
    kind: Any = type(obj)
    own = hasattr(kind, "__setstate__") and kind.__getstate__ is not getattr(object, "__getstate__", None)
    if within and own and not states.goes_by_attributes(kind):
        return "restated", obj.__getstate__()  # the class knows how to make all of it
    inner = after[0]
    if inner and inner[0] == "pairs":
        inner = ["pairs", list(inner[1].items())]
    known = before or [[], {}, {}]
    whole = bool(within) or _is_drawn(kind)  # methods of what it holds, too
    attributes, slots = (_difference(known[i] or {}, after[i], whole) for i in (1, 2))
    if attributes is not None:
        attributes = triangles.sent(obj, attributes[0]), attributes[1]
        if _is_drawn(kind) and hasattr(kind, "savefig"):
            attributes[0].pop("canvas", None)  # a figure's is in a page there, or will be
    return "instance", (inner, attributes, slots)


def _is_drawn(kind: type) -> bool:
    """Whether it is a part of a figure: these lead to each other all over, so that they are sent whole."""
    return (kind.__module__ or "").split(".")[0] in ("matplotlib", "mpl_toolkits")


def _difference(before: Dict[str, Any], after: Optional[Dict[str, Any]], whole: bool) -> Optional[Difference]:
    if after is None:
        return None
    moved = [name for name in after if name in before] != [name for name in before if name in after]
    whole = whole or moved  # deleted and set anew: it stands last
    given = {n: v for n, v in after.items() if whole or before.get(n, before) is not v}
    return given, [name for name in before if moved or name not in after]
