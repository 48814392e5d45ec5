"""Which classes were registered with abstract ones (``Shape.register(Square)``): that makes ``isinstance`` true, and
no attribute shows it.

May import: the standard library.
"""

from __future__ import annotations

import abc
import collections.abc
import functools
import numbers
import sys
from typing import Any, Dict, List, Tuple

_MEMBER, _OF = "\0member:", "\0of:"
"""Begin the names under which they stand among what was attached to a class: those registered with it, and the
library's abstract classes with which it was registered."""


def registrations(cls: Any) -> Dict[str, Any]:
    """What was registered with a class, and what it was registered with, as attributes of a kind of their own."""
    found = {sys.intern(_MEMBER + _name(member)): member for member in _members(cls)}
    for name, offered in _of_the_library(abc.get_cache_token()).items():
        if any(member is cls for member in offered[1]):
            found[name] = offered[0]
    return found


@functools.lru_cache(maxsize=1)
def _of_the_library(_token: object) -> Dict[str, Tuple[Any, List[type]]]:
    """The library's abstract classes and the notebook's that were registered with them; asked for once after each
    registration of any."""
    found = {}
    for module in (collections.abc, numbers):
        for name in module.__all__:
            offered: Any = getattr(module, name)
            own = [member for member in _members(offered) if member.__module__ == "__main__"]
            if own:
                found[sys.intern(f"{_OF}{module.__name__}.{name}")] = offered, own
    return found


def register(cls: Any, name: str, value: Any) -> bool:
    """Register again what ``registrations`` found under ``name``; False: it is an attribute like any other."""
    if name.startswith(_MEMBER):
        abc.ABCMeta.register(cls, value)
    elif name.startswith(_OF):
        value.register(cls)
    return name.startswith((_MEMBER, _OF))


def _members(cls: Any) -> List[type]:
    if not isinstance(cls, abc.ABCMeta) or not hasattr(abc, "_get_dump"):
        return []
    members = [reference() for reference in abc._get_dump(cls)[0]]
    return sorted((member for member in members if member is not None), key=_name)


def _name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
