"""What a cell changed inside its inputs, applied in place at home. May import: the standard library, this folder."""

from __future__ import annotations

import collections
import contextlib
import functools
import operator
import types
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

from . import (
    arrays,
    atrest,
    caches,
    callbacks,
    containers,
    databases,
    duck,
    eager,
    exceptions,
    frames,
    handlers,
    handmade,
    kerasobjects,
    leftovers,
    lookups,
    memory,
    openfiles,
    pictures,
    records,
    subclasses,
    tables,
    takeover,
    tensors,
    triangles,
    widgets,
)
from .classes import data_of
from .functions import set_attributes, set_dispatch
from .group import PATCH, Memo
from .instances import Difference
from .laterset import set_attribute
from .states import attributes_of, slots_of


@dataclass
class Applied:
    """``rebind``: an object's number → its new value, where it could not be changed in place."""

    rebind: Dict[int, Any] = field(default_factory=dict)


def apply(patches: Mapping[str, Any], memo: Memo) -> Applied:
    """Change the objects of this end in place, so that every alias sees it.

    Args:
        patches: the loaded entries whose names begin with ``PATCH``.
        memo: this end's objects.
    """
    applied = Applied()
    kept: Any = None
    shown = widgets.held(memo.objects) if patches else []
    for name, (kind, state) in patches.items():
        number = int(name[len(PATCH) :])
        if kind == "array" and memo.objects[number] in arrays.columns:
            kept = memory.held_by_others(memo.objects) if kept is None else kept
            if memory.is_in(memo.objects[number], kept):
                continue  # the frame itself gets new memory
        if not _apply(memo.objects[number], kind, state):
            applied.rebind[number] = tensors.make_tensor(*state) if kind == "tensor" else state
    if applied.rebind:
        applied.rebind.update(_tuples_of(memo.objects, applied.rebind))
        _replace(memo.objects, {id(memo.objects[number]): state for number, state in applied.rebind.items()})
    if patches:
        tables.settle_columns(memo.objects)
        kerasobjects.settle(memo.objects)
        callbacks.settle(memo.objects)
        widgets.show_changes(shown)
    return applied


def _tuples_of(objects: List[Any], rebound: Mapping[int, Any]) -> Dict[int, Any]:
    """The tuples that hold what is another object now, made anew with that: by their numbers."""
    new = {id(objects[number]): value for number, value in rebound.items()}
    tuples = {number: obj for number, obj in enumerate(objects) if type(obj) is tuple and id(obj) not in new}
    made: Dict[int, Any] = {}
    while True:
        found = [number for number, held in tuples.items() if any(id(part) in new for part in held)]
        if not found:
            return made
        for number in found:
            held = tuples.pop(number)
            made[number] = new[id(held)] = tuple(new.get(id(part), part) for part in held)


def _replace(objects: List[Any], new: Dict[int, Any]) -> None:
    """Let lists, dicts and instances that hold an old object hold the new one."""
    for holder in list(objects):
        if isinstance(holder, (type, types.ModuleType)):
            continue
        for name, value in slots_of(holder, type(holder)).items():
            if id(value) in new:
                object.__setattr__(holder, name, new[id(value)])
        for held in (holder, attributes_of(holder)):
            for key, value, put in _items(held):
                if id(value) in new:
                    put(held, key, new[id(value)])


def _items(held: Any) -> Iterator[Tuple[Any, Any, Callable[[Any, Any, Any], None]]]:
    """What a container holds, by key, and the plain type's own way to put another in its place."""
    kind = type(held)  # a proxy says that it is what it wraps
    if issubclass(kind, dict):
        yield from ((key, value, dict.__setitem__) for key, value in list(dict.items(held)))
    elif issubclass(kind, (list, collections.deque)):
        put: Any = list.__setitem__ if issubclass(kind, list) else collections.deque.__setitem__
        yield from ((key, value, put) for key, value in enumerate(containers.contents(held)))


_VISITS = 200_000
_LEAVES = (str, bytes, int, float, complex, type(None), type, types.ModuleType, types.BuiltinFunctionType)


def replace_below(names: Mapping[str, Any], new: Mapping[int, Any]) -> List[str]:
    """Put new objects in the places of old ones, in the lists, dicts, attributes and closures below some names: there
    may be objects that never were at the other end and hold the old ones.

    Args:
        names: a namespace; its own bindings stay.
        new: identity of the old object → the new one.

    Returns:
        Where old objects are still held, by what cannot be changed (``pair[0]``).
    """
    stale: List[str] = []
    seen = {id(names)}
    waiting = collections.deque((name, value) for name, value in names.items() if not name.startswith("_"))
    while waiting and len(seen) < _VISITS:
        path, holder = waiting.popleft()
        leaf = issubclass(type(holder), _LEAVES) and not (isinstance(holder, type) and holder.__module__ == "__main__")
        if leaf or id(holder) in seen or id(holder) in new:
            continue
        seen.add(id(holder))
        for step, value, setter in list(_held(holder)):
            if id(value) not in new:
                waiting.append((path + step, value))
            elif setter is None:
                stale.append(path + step)
            else:
                setter(new[id(value)])
    return stale


def _held(holder: Any) -> Iterator[Tuple[str, Any, Optional[Callable[[Any], None]]]]:
    """What an object holds: the way to it, the value, and how another one is put there."""
    kind = type(holder)
    for key, value, put in _items(holder):
        yield f"[{key!r}]", value, functools.partial(put, holder, key)
    if issubclass(kind, tuple) or kind in (set, frozenset):
        for number, value in enumerate(tuple.__iter__(holder) if issubclass(kind, tuple) else holder):
            yield f"[{number}]", value, None
    if kind is types.FunctionType:
        for name, cell in zip(holder.__code__.co_freevars, holder.__closure__ or ()):
            with contextlib.suppress(ValueError):  # an empty cell
                yield f".<closure>.{name}", cell.cell_contents, functools.partial(setattr, cell, "cell_contents")
        for name, value in (holder.__kwdefaults__ or {}).items():
            yield f".{name}", value, functools.partial(operator.setitem, holder.__kwdefaults__, name)
        for number, value in enumerate(holder.__defaults__ or ()):
            yield f".__defaults__[{number}]", value, functools.partial(_set_default, holder, number)
    if kind is types.MethodType:
        yield ".__self__", holder.__self__, None
    if issubclass(kind, type):
        for name, value in list(vars(holder).items()):
            yield f".{name}", value, functools.partial(type.__setattr__, holder, name)
        return
    own = None
    if (kind.__module__ or "").split(".")[0] not in _OTHERS:
        with contextlib.suppress(AttributeError, TypeError):  # slots, C types
            own = object.__getattribute__(holder, "__dict__")
        for name, value in slots_of(holder, kind).items():
            yield f".{name}", value, functools.partial(object.__setattr__, holder, name)
    if type(own) is dict:
        for name, value in list(own.items()):
            yield f".{name}", value, functools.partial(operator.setitem, own, name)


def _set_default(function: Any, number: int, value: Any) -> None:
    defaults = function.__defaults__
    function.__defaults__ = (*defaults[:number], value, *defaults[number + 1 :])


_OTHERS = ("numpy", "pandas", "nbprocess", "IPython", "ipykernel", "traitlets")
"""Packages whose objects keep to themselves what they hold, or are the kernel's."""


def _apply(obj: Any, kind: str, state: Any) -> bool:
    if type(obj).__name__ == "PickleBuffer":
        return True  # the bytes of an array, which has a patch of its own
    if kind == "list":
        obj[:] = state
    elif kind == "dict" or kind == "set":
        obj.clear()
        obj.update(state)
    elif kind == "bytes":
        obj[:] = state
    elif kind == "cell":
        if state:
            obj.cell_contents = state[0]
        else:
            del obj.cell_contents
    elif kind == "array":
        with contextlib.suppress(ValueError):  # its memory is not its own to write on
            obj.flags.writeable = obj.flags.writeable or state.flags.writeable
        if obj.dtype != state.dtype or not obj.flags.writeable or not arrays.take_shape(obj, state.shape):
            return False
        obj[...] = state
        if not state.flags.writeable:
            obj.flags.writeable = False
    elif kind == "record":
        whole = records.of_record(obj)
        whole[...] = arrays.make_array(state, whole.dtype, (), "C")
    elif kind == "module":
        handmade.set_contents(obj, state)
    elif kind == "mapped":
        pass  # its file came back
    elif kind == "class":
        _apply_class(obj, state)
    elif kind == "function":
        set_attributes(obj, state)
    elif kind == "dispatch":
        set_dispatch(obj, (dict(state[0]), state[1]))
    elif kind == "exception":
        obj.args = state[0]
        vars(obj).clear()
        exceptions.set_exception(obj, state[1])
    elif kind == "cached":
        set_attributes(obj, state[0])
        caches.fill(obj, *state[1:])
    elif kind == "axis":
        obj.names = state[0]
        frames.set_frequency(obj, state[1])
    elif kind == "frame":
        if not hasattr(obj, "_update_inplace"):
            return False
        frames.update(obj, state)
        obj.attrs.clear()  # what pandas keeps beside the values it does not take over
        obj.attrs.update(state.attrs)
        obj.flags.allows_duplicate_labels = state.flags.allows_duplicate_labels
        subclasses.take_extras(obj, state)
    elif kind in ("masked", "subarray"):
        return subclasses.apply_array(obj, kind, state)
    elif kind == "tensor":
        return tensors.apply(obj, state)
    elif kind == "handle":
        eager.apply(obj, state)
    elif kind == "table":
        lookups.apply(obj, state)
    elif kind == "instance":
        _apply_instance(obj, *state)
        triangles.restore(obj)
        kerasobjects.restore(obj, (state[1] or ({},))[0])
        callbacks.relink(obj)
    elif kind == "restated":
        if (type(obj).__module__ or "").startswith("PIL."):
            pictures.restate(obj, state)
        else:
            obj.__setstate__(state)
    elif kind == "callbacks":
        callbacks.apply(obj, state)
    elif kind == "file":
        openfiles.set_file(obj, state)
    elif kind == "handler":
        handlers.set_handler(obj, state)
    elif kind in databases.KINDS:
        databases.apply(obj, kind, state)
    elif kind in atrest.APPLY:
        atrest.APPLY[kind](obj, state)
    elif kind == "duck":
        duck.apply(obj, state)
    elif kind in leftovers.APPLY:
        leftovers.APPLY[kind](obj, state)
    elif kind == "new":
        return takeover.take_over(obj, state)
    else:
        return False
    return True


def _apply_class(cls: type, state: Dict[str, Any]) -> None:
    known = data_of(cls) or {}
    for name in known.keys() - state.keys():
        set_attribute(cls, name)
    for name, value in state.items():
        if name not in known or known[name] is not value:
            set_attribute(cls, name, value)


def _set_item(obj: Any, key: Any, value: Any) -> None:
    # An OrderedDict keeps its order beside the dict; its own method alone knows of it.
    kind = collections.OrderedDict if isinstance(obj, collections.OrderedDict) else dict
    kind.__setitem__(obj, key, value)


def _apply_instance(obj: Any, inner: List[Any], attributes: Optional[Difference], slots: Difference) -> None:
    if inner:
        items = inner[1]
        # The plain type's own methods: a subclass's may do something else (Counter.update counts, checks refuse).
        if isinstance(obj, dict):
            (collections.OrderedDict if isinstance(obj, collections.OrderedDict) else dict).clear(obj)
            for key, value in items:
                _set_item(obj, key, value)
        elif isinstance(obj, set):
            set.clear(obj)
            set.update(obj, items)
        elif isinstance(obj, list):
            list.clear(obj)
            list.extend(obj, items)
        else:
            collections.deque.clear(obj)
            collections.deque.extend(obj, items)
    if attributes is not None:
        for name in attributes[1]:
            vars(obj).pop(name, None)
        vars(obj).update(attributes[0])
    for name in slots[1]:
        with contextlib.suppress(AttributeError):
            object.__delattr__(obj, name)
    for name, value in slots[0].items():
        object.__setattr__(obj, name, value)  # a frozen class refuses its own
