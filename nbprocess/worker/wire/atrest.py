"""What belongs to the threads of its process, while nobody waits for it: a free lock, an event, a queue, a future that
is done; and what points into its process: weak references, windows onto memory and dicts, context variables.

May import: the standard library, this folder.
"""

from __future__ import annotations

import contextvars
import copyreg
import gc
import sys
import threading
import types
import weakref
from typing import Any, Callable, Dict, List, Optional, Tuple

NEWOBJ: Any = copyreg.__newobj__  # type: ignore[attr-defined]
"""How pickle makes an instance with nothing in it."""
LOCK, RLOCK = type(threading.Lock()), type(threading.RLock())
_AWAITED = ("_waiters", "_getters", "_putters")
"""Where those who wait stand in line, in what ``threading``, ``queue`` and ``asyncio`` make."""
_BY_ATTRIBUTES = {
    *(("threading", name) for name in ("Event", "Condition", "Semaphore", "BoundedSemaphore", "Barrier")),
    *(("queue", name) for name in ("Queue", "LifoQueue", "PriorityQueue")),
    *(("asyncio.locks", name) for name in ("Event", "Lock", "Condition", "Semaphore", "BoundedSemaphore")),
    *(("asyncio.queues", name) for name in ("Queue", "LifoQueue", "PriorityQueue")),
    ("concurrent.futures._base", "Future"),
}
_ENDED = ("FINISHED", "CANCELLED", "CANCELLED_AND_NOTIFIED")
WEAK = (weakref.WeakValueDictionary, weakref.WeakKeyDictionary, weakref.WeakSet)
_PROXIES = (weakref.ProxyType, weakref.CallableProxyType)


def reduce_at_rest(obj: Any) -> Any:
    """The reduction of such an object; NotImplemented where somebody waits for it, and for all others."""
    kind = type(obj)
    if kind is LOCK:
        return NotImplemented if obj.locked() else (make_lock, ())
    if kind is RLOCK:
        return (make_rlock, ()) if " count=0 " in repr(obj) else NotImplemented
    if kind is threading.local:
        return NEWOBJ, (kind,), dict(vars(obj))
    if (kind.__module__, kind.__name__) in _BY_ATTRIBUTES:
        return (NEWOBJ, (kind,), attributes(obj)) if _is_at_rest(obj) else NotImplemented
    if kind is contextvars.ContextVar:
        return make_variable, (obj.name, _default(obj)), value_of(obj), None, None, set_variable
    if kind is types.MappingProxyType:
        return _reduce_proxy(obj)
    if kind is memoryview:
        return _reduce_view(obj)
    return _reduce_weak(kind, obj)


def make_lock() -> Any:
    """A free lock."""
    return threading.Lock()


def make_rlock() -> Any:
    """A free lock that its holder may take again."""
    return threading.RLock()


def set_lock(lock: Any, held: bool) -> None:
    """Take or free a lock, as the one at the other end is."""
    if held:
        lock.acquire(blocking=False)
    elif lock.locked():
        lock.release()


def attributes(obj: Any) -> Dict[str, Any]:
    """The attributes of an object, without the event loop that it has met: the other end runs another one."""
    found = dict(vars(obj))
    if "_loop" in found and type(obj).__module__.startswith("asyncio."):
        found["_loop"] = None
    return found


def _is_at_rest(obj: Any) -> bool:
    held = vars(obj)
    if type(obj).__name__ == "Future" and held["_state"] not in _ENDED:
        return False  # somebody works on it
    return not any(held.get(name) for name in _AWAITED) and not held.get("_count")


# -- context variables -------------------------------------------------------------------------------------------------


def _default(variable: Any) -> List[Any]:
    try:
        return [contextvars.Context().run(variable.get)]
    except LookupError:
        return []


def value_of(variable: Any) -> List[Any]:
    """The value of a context variable here; an empty list where it has none but its default."""
    return [variable.get()] if variable in contextvars.copy_context() else []


def make_variable(name: str, default: List[Any]) -> Any:
    """A context variable with its default."""
    return contextvars.ContextVar(name, default=default[0]) if default else contextvars.ContextVar(name)


def set_variable(variable: Any, value: List[Any]) -> None:
    """Give a context variable its value."""
    if value:
        variable.set(value[0])


# -- windows -----------------------------------------------------------------------------------------------------------


def _reduce_proxy(proxy: Any) -> Any:
    """A window onto a dict, or onto the attributes of a class."""
    found = gc.get_referents(proxy)
    if len(found) != 1 or type(found[0]) is not dict:
        return NotImplemented
    owner = getattr(found[0].get("__dict__") or found[0].get("__weakref__"), "__objclass__", None)
    if isinstance(owner, type) and gc.get_referents(vars(owner))[0] is found[0]:
        return vars, (owner,)
    return (types.MappingProxyType, (found[0],)) if "__module__" not in found[0] else NotImplemented


def _reduce_view(view: Any) -> Any:
    """A window onto the bytes of an object that travels too."""
    try:
        base = memoryview(view.obj).cast("B")
        if not view.c_contiguous or view.ndim == 0 or not view.nbytes:
            return NotImplemented
        offset = _address(view) - _address(base)
    except (TypeError, ValueError):  # released; memory with gaps
        return NotImplemented
    return make_view, (view.obj, offset, view.nbytes, view.format, view.shape, view.readonly)


def _address(view: Any) -> int:
    import ctypes

    # The first word of a Py_buffer is the address: of writeable memory ctypes would tell it, of bytes it does not.
    room = (ctypes.c_void_p * 16)()
    ctypes.pythonapi.PyObject_GetBuffer(ctypes.py_object(view), room, 0x011C)  # PyBUF_FULL_RO
    try:
        return int(room[0] or 0)
    finally:
        ctypes.pythonapi.PyBuffer_Release(room)


def make_view(obj: Any, offset: int, size: int, form: str, shape: Tuple[int, ...], readonly: bool) -> Any:
    """The inverse of ``_reduce_view``."""
    view: Any = memoryview(obj).cast("B")[offset : offset + size]
    if (form, len(shape)) != ("B", 1):
        view = view.cast(form, shape)  # type: ignore[call-overload]
    return view.toreadonly() if readonly else view


# -- weak references ---------------------------------------------------------------------------------------------------


def _reduce_weak(kind: Any, obj: Any) -> Any:
    if kind in _PROXIES:
        try:
            return weakref.proxy, (obj.__init__.__self__,)
        except ReferenceError:
            return make_dead_proxy, ()
        except AttributeError:
            return NotImplemented
    if kind is weakref.WeakMethod:
        method = obj()
        return (make_dead, ()) if method is None else (weakref.WeakMethod, (method,))
    if kind is weakref.ref:
        target = obj()
        if target is None:
            return make_dead, ()
        return weakref.ref, (target,) if obj.__callback__ is None else (target, obj.__callback__)
    if kind in WEAK:
        return NEWOBJ, (kind,), items_of(obj), None, None, fill_weak
    return NotImplemented


class _Nothing:
    """What dead references pointed to."""


def make_dead() -> Any:
    """A weak reference to what is gone."""
    return weakref.ref(_Nothing())


def make_dead_proxy() -> Any:
    """A proxy of what is gone."""
    return weakref.proxy(_Nothing())


def items_of(weak: Any) -> List[Any]:
    """What a weak collection leads to now: members, or keys and values by turns."""
    if isinstance(weak, weakref.WeakSet):
        return list(weak)
    return [part for pair in list(weak.items()) for part in pair]


def fill_weak(weak: Any, items: List[Any]) -> None:
    """Let a weak collection lead to these."""
    weak.__init__()
    if isinstance(weak, weakref.WeakSet):
        weak.update(items)
    else:
        weak.update(zip(items[::2], items[1::2]))


# -- what a cell changes -----------------------------------------------------------------------------------------------


def state_of(obj: Any) -> Optional[Tuple[str, Any]]:
    """The kind of state, and the state, for ``changes``; None for what these are not."""
    kind = type(obj)
    if kind in _STATES:
        return _STATES[kind](obj)
    if "asyncio" in sys.modules and (kind.__module__, kind.__name__) in _BY_ATTRIBUTES:
        return "instance", ([], attributes(obj), {})
    return None


def is_fixed(kind: type) -> bool:
    """Whether what such an object leads to never changes."""
    return kind in (weakref.ref, weakref.WeakMethod, memoryview, types.MappingProxyType, *_PROXIES)


_STATES: Dict[type, Callable[[Any], Tuple[str, Any]]] = {
    LOCK: lambda obj: ("lock", [obj.locked()]),
    contextvars.ContextVar: lambda obj: ("variable", value_of(obj)),
    **dict.fromkeys(WEAK, lambda obj: ("weak", items_of(obj))),
}
APPLY: Dict[str, Callable[[Any, Any], None]] = {
    "lock": lambda lock, state: set_lock(lock, state[0]),
    "variable": set_variable,
    "weak": fill_weak,
}
