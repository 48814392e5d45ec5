"""``functools.lru_cache``: what it holds, in its order, and its counts. Only the collector tells what it holds; it is
put back by calls, while the function behind it gives what it gave.

May import: the standard library.
"""

from __future__ import annotations

import functools
import gc
import io
import types
from typing import Any, Dict, List, Tuple

CACHED: Any = type(functools.lru_cache(lambda: None))
_ENTRIES = 50_000
"""Caches of more are sent empty: they fill again where they are needed."""
_TRIES = 100
"""Calls that are tried one by one, when not all of them can travel."""
_ATOMS = {int, float, complex, bool, str, bytes, type(None)}
_CALLS = 3_000_000
"""Hits and misses that are counted again at most: half a second."""


def parameters_of(cached: Any) -> Dict[str, Any]:
    """``maxsize`` and ``typed``."""
    if hasattr(cached, "cache_parameters"):
        found: Dict[str, Any] = cached.cache_parameters()
        return found
    return {"maxsize": cached.cache_info().maxsize, "typed": False}


def counts(cached: Any) -> Tuple[int, int, int]:
    """Hits, misses and entries."""
    info = cached.cache_info()
    return info.hits, info.misses, info.currsize


def entries(cached: Any) -> List[Any]:
    """Keys and results in turn, the least recently used first; empty where that cannot be known."""
    info = cached.cache_info()
    if not info.currsize or info.currsize > _ENTRIES:
        return []
    held = gc.get_referents(cached)
    own = vars(cached)
    places = [n for n, part in enumerate(held) if type(part) is dict and part is not own and len(part) == info.currsize]
    for place in places:
        table = held[place]
        if info.maxsize is None:
            return [part for pair in table.items() for part in pair]
        # Python 3.10 and later: the wrapper's type first, and after each key and result the type of their link.
        first, step = (1, 3) if held[0] is CACHED else (0, 2)
        last = first + step * info.currsize
        keys, results = held[first:last:step], held[first + 1 : last : step]
        if last <= place and all(_is_key(key, table) for key in keys):
            return [part for pair in zip(keys, results) for part in pair]
    return []


def _is_key(key: Any, table: Dict[Any, Any]) -> bool:
    try:
        return key in table
    except Exception:  # not a key at all: it has no hash, or one of its own that fails
        return False


def arguments_of(key: Any, typed: bool) -> Tuple[Tuple[Any, ...], Dict[str, Any]]:
    """The arguments of the call that made a key: the inverse of what ``lru_cache`` does."""
    if type(key) is not tuple:
        return (key,), {}  # one number or text stands for itself
    mark = next((n for n, part in enumerate(key) if type(part) is object), None)
    if mark is None:
        return key[: len(key) // 2] if typed else key, {}
    named = key[mark + 1 :]
    if typed:
        named = named[: 2 * ((len(named) - mark) // 3)]
    return key[:mark], dict(zip(named[::2], named[1::2]))


def calls(cached: Any) -> List[Any]:
    """What the cache holds as (positional arguments, named ones, result)."""
    found, typed = entries(cached), parameters_of(cached)["typed"]
    return [(*arguments_of(key, typed), result) for key, result in zip(found[::2], found[1::2])]


def state_of(cached: Any, *, probing: bool = False) -> Tuple[List[Any], Tuple[int, int, int]]:
    """What ``fill`` needs: calls whose arguments and result can travel; the others are made again when they are needed.

    Args:
        cached: the function with its cache.
        probing: whether another cache only tries if its own calls can travel: this one answers for itself.
    """
    held = [] if probing else calls(cached)
    heavy = [call for call in held if not _is_light(call)]
    if heavy and not _goes(heavy):
        stays = {id(call) for call in heavy if len(heavy) > _TRIES or not _goes(call)}
        held = [call for call in held if id(call) not in stays]
    return held, counts(cached)


def _is_light(value: Any, depth: int = 4) -> bool:
    kind = type(value)
    if kind in _ATOMS:
        return True
    if kind is dict:
        value = [*value, *value.values()]
    elif kind not in (tuple, list):
        return False
    return depth > 0 and len(value) < 100 and all(_is_light(part, depth - 1) for part in value)


def _goes(call: Any) -> bool:
    from .pickler import Pickler  # which imports this module

    try:
        Pickler(io.BytesIO(), probing=True).dump(call)
    except Exception:  # whatever a class's own __reduce__ may raise
        return False
    return True


def fill(cached: Any, held: List[Any], counted: Tuple[int, int, int]) -> None:
    """Make a cache hold what another one held; it stays empty where the function behind it cannot be held back.

    Args:
        cached: the function with its cache.
        held: what ``calls`` gave.
        counted: what ``counts`` gave.
    """
    cached.cache_clear()
    hits, misses, _ = counted
    function = cached.__wrapped__
    if type(function) is not types.FunctionType or not misses:
        return
    code, defaults = function.__code__, function.__kwdefaults__
    feed = _Feed()
    try:
        function.__code__, function.__kwdefaults__ = _feeding(len(code.co_freevars)), {"feed": feed}
        for _ in range(min(misses - len(held), _CALLS)):
            try:
                cached()
            except _Nothing:
                pass
        for positional, named, result in held:
            feed.value = (result,)
            cached(*positional, **named)
        for _ in range(min(hits, _CALLS) if held else 0):
            cached(*held[-1][0], **held[-1][1])
    except Exception:  # a hash of the arguments' own that fails here: an empty cache is no wrong one
        cached.cache_clear()
    finally:
        function.__code__, function.__kwdefaults__ = code, defaults


class _Nothing(Exception):
    """A call that is counted and leaves nothing."""


class _Feed:
    """Gives the result that the next call is to have."""

    value: Tuple[Any, ...] = ()

    def __call__(self) -> Any:
        if not self.value:
            raise _Nothing
        (result,), self.value = self.value, ()
        return result


@functools.lru_cache(maxsize=32)
def _feeding(variables: int) -> types.CodeType:
    """Code with so many variables of an outer function, which it does not read: a function keeps their number."""
    names = [f"v{n}" for n in range(variables)]
    outer = "".join(f"    {name} = None\n" for name in names)
    text = f"def outer():\n{outer}    def inner(*a, feed, **k):\n        return feed()\n        {', '.join(names)}\n"
    space: Dict[str, Any] = {}
    exec(compile(text + "    return inner\n", "<nbprocess>", "exec"), space)
    found: types.CodeType = space["outer"]().__code__
    return found
