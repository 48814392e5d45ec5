"""Who is told of changes in matplotlib's figures: registries of callbacks. Pickled by matplotlib they forget nearly
all, and a colorbar no longer follows its image.

May import: the standard library, this folder.
"""

from __future__ import annotations

import contextlib
import functools
import io
import sys
from typing import Any, Callable, Dict, List, Tuple

from .atrest import NEWOBJ

_OF_SCREEN = ("matplotlib.backend", "matplotlib_inline.", "ipympl.")
_LOST = "a callback of its figure, which cannot be sent, is not called there"
_Entry = Tuple[str, int, Any]


def is_registry(kind: type) -> bool:
    """Whether it is a ``CallbackRegistry``."""
    return kind.__name__ == "CallbackRegistry" and kind.__module__ == "matplotlib.cbook"


def is_colorizer(obj: Any) -> bool:
    """Whether it is what gives the values of an image or collection their colours, and is told by its norm."""
    return (type(obj).__module__ or "") == "matplotlib.colorizer" and "_id_norm" in getattr(obj, "__dict__", {})


def _entries(registry: Any) -> List[_Entry]:
    """Signal, number and function of each callback that lives."""
    held = [(signal, cid, proxy()) for signal, found in registry.callbacks.items() for cid, proxy in found.items()]
    return [entry for entry in held if entry[2] is not None]


def _stays(function: Any) -> bool:
    """Whether a callback belongs to this process's screen, or is told of again by who called for it."""
    owner = getattr(function, "__self__", None)
    if owner is None:
        module = getattr(function, "__module__", None) or ""
        return module.startswith(_OF_SCREEN[1:]) or (module.startswith("matplotlib.") and _holds_screen(function))
    return (type(owner).__module__ or "").startswith(_OF_SCREEN) or is_colorizer(owner)


def _holds_screen(function: Any) -> bool:
    """Whether a function that matplotlib made holds a canvas, its manager, or what tells these."""
    for cell in getattr(function, "__closure__", None) or ():
        with contextlib.suppress(ValueError):  # not filled yet
            held = cell.cell_contents
            module = (held if callable(held) else type(held)).__module__ or ""
            if module.startswith(_OF_SCREEN):
                return True
    return False


def state_of(registry: Any) -> Tuple[str, Any]:
    """What tells whether callbacks came or went."""
    flat: List[Any] = []
    for signal, cid, function in _entries(registry):
        if not _stays(function):
            flat += [signal, cid, getattr(function, "__self__", None), getattr(function, "__func__", function)]
    return "callbacks", flat


class Sent:
    """Stands for the callbacks of a registry on their way, when only they changed."""

    def __init__(self, registry: Any) -> None:
        self.registry = registry


def reduce_registry(pickler: Any, registry: Any) -> Any:
    """The reduction of a registry, with all its callbacks that can be sent."""
    state = {name: value for name, value in vars(registry).items() if name not in ("callbacks", "_func_cid_map")}
    state["_cid_gen"] = _next_number(registry)
    return NEWOBJ, (type(registry),), (state, _sendable(pickler, registry)), None, None, set_state


def reduce_sent(pickler: Any, sent: Sent) -> Any:
    """The reduction of ``Sent``: a list of callbacks."""
    return list, (_sendable(pickler, sent.registry),)


def _next_number(registry: Any) -> int:
    """The number that the next callback gets; an iterator tells without giving it only as text."""
    return int(repr(registry._cid_gen)[len("count(") : -1])


def _sendable(pickler: Any, registry: Any) -> List[_Entry]:
    found = []
    for entry in _entries(registry):
        if _stays(entry[2]):
            continue
        if pickler.probing or _of_matplotlib(entry[2]) or _can_go(type(pickler), entry[2]):
            found.append(entry)
        else:
            pickler.losses.add(_LOST)
    return found


def _of_matplotlib(function: Any) -> bool:
    if isinstance(function, functools.partial):
        return _of_matplotlib(function.func)
    owner = getattr(function, "__self__", None)
    module = (type(owner) if owner is not None else function).__module__ or ""
    return module.startswith(("matplotlib.", "mpl_toolkits.")) and module != "matplotlib.widgets"


def _can_go(kind: Callable[..., Any], function: Any) -> bool:
    probe = kind(io.BytesIO(), probing=True)
    # Not the figure once more, for each of its callbacks.
    probe.persistent_id = lambda obj: (type(obj).__module__ or "").startswith("matplotlib.") or None
    try:
        probe.dump(function)
    except Exception:  # whatever a class's own __reduce__ may raise
        return False
    return True


def set_state(registry: Any, state: Tuple[Dict[str, Any], List[_Entry]]) -> None:
    """The inverse of ``reduce_registry``."""
    vars(registry).update(state[0])
    _fill(registry, state[1], state[0]["_cid_gen"])


def apply(registry: Any, entries: List[_Entry]) -> None:
    """Let a registry have these callbacks, and those that stay in this process."""
    here = [entry for entry in _entries(registry) if _stays(entry[2])]
    _fill(registry, sorted([*here, *entries], key=lambda entry: entry[1]))


def is_node(obj: Any) -> bool:
    """Whether it is a transform or box, which is told when what it was computed from changes."""
    told_of = getattr(type(obj), "set_children", None)
    return getattr(told_of, "__module__", "") == "matplotlib.transforms" and "_parents" in vars(obj)


def reduce_node(obj: Any) -> Any:
    """The reduction of a transform, which calls at its parts where it is read: those that the other end has already do
    not know it."""
    return (*obj.__reduce_ex__(5), None, None, None)[:5] + (set_node,)


def set_node(node: Any, state: Dict[str, Any]) -> None:
    """The inverse of ``reduce_node``."""
    node.__setstate__(state)
    relink(node)


def settle(objects: Any) -> None:
    """Have the transforms among objects of which some have changed, and what is computed from them, computed anew: a
    job's were not up to date in the same places as those of this end."""
    left = [obj for obj in objects if is_node(obj)] if "matplotlib.transforms" in sys.modules else []
    seen = {id(node) for node in left}
    while left:
        node = left.pop()
        node._invalid = getattr(node, "_INVALID_FULL", getattr(node, "INVALID", 1))  # the second: up to matplotlib 3.7
        above = [parent for parent in [reference() for reference in list(node._parents.values())] if parent is not None]
        left += [parent for parent in above if id(parent) not in seen]
        seen.update(map(id, above))


def relink(obj: Any) -> None:
    """Let a colorizer be told by its norm: the norm, which others may have too, travels without its listeners. And a
    transform by its parts."""
    if is_node(obj):
        parts = [part for name, part in vars(obj).items() if name != "_parents" and hasattr(part, "_parents")]
        obj.set_children(*[part for part in parts if is_node(part)])
        return
    norm = getattr(obj, "_norm", None) if is_colorizer(obj) else None
    if norm is None or any(getattr(found, "__self__", None) is obj for _, _, found in _entries(norm.callbacks)):
        return
    used = {cid for _, cid, _ in _entries(norm.callbacks)}
    if obj._id_norm is None or obj._id_norm in used:
        obj._id_norm = norm.callbacks.connect("changed", obj.changed)
    else:
        _fill(norm.callbacks, [*_entries(norm.callbacks), ("changed", obj._id_norm, obj.changed)])


def reduce_colorizer(obj: Any) -> Any:
    """The reduction of a colorizer, which calls at its norm where it is read."""
    return NEWOBJ, (type(obj),), dict(vars(obj)), None, None, set_colorizer


def set_colorizer(obj: Any, state: Dict[str, Any]) -> None:
    """The inverse of ``reduce_colorizer``."""
    vars(obj).update(state)
    relink(obj)


def _fill(registry: Any, entries: List[_Entry], count: Any = None) -> None:
    callbacks: Dict[str, Dict[int, Any]] = {}
    for signal, cid, function in entries:
        callbacks.setdefault(signal, {})[cid] = function
    if count is None:
        count = _next_number(registry)
    count = max([count, *(cid + 1 for _, cid, _ in entries)])
    registry.__setstate__({**vars(registry), "callbacks": callbacks, "_cid_gen": count})
