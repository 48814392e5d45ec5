"""What tells two equal values apart, or one from its like, in cells that teach how Python works: ``a is b`` of numbers,
texts and tuples, and how much room a list has (``sys.getsizeof``).

May import: the standard library.
"""

from __future__ import annotations

import sys
from typing import Any, Dict, Mapping

_PLAIN = (str, bytes, int, float, complex, tuple, frozenset)
_MOST_ITEMS = 10_000


class Same:
    """Stands for the very value that another name of the dump has."""

    def __init__(self, name: str) -> None:
        self.name = name


def told(values: Mapping[str, Any]) -> Dict[str, Any]:
    """The values, with ``Same`` where a name has the number, text or plain tuple of one before it: pickle makes another
    one for each name."""
    first: Dict[int, str] = {}
    found: Dict[str, Any] = {}
    for name, value in values.items():
        plain = type(value) in _PLAIN and not _is_one(value) and (type(value) not in _SEVERAL or _is_flat(value))
        before = first.setdefault(id(value), name) if plain and not name.startswith("\0") else name
        found[name] = value if before == name else Same(before)
    return found


_SEVERAL = (tuple, frozenset)


def _is_one(value: Any) -> bool:
    """Whether Python has but one such value anyway."""
    if type(value) is int:
        return -5 <= value <= 256
    return type(value) in (str, bytes, tuple) and len(value) < (1 if type(value) is tuple else 2)


def _is_flat(value: Any) -> bool:
    return len(value) <= _MOST_ITEMS and all(type(item) in _PLAIN[:5] for item in value)


_EMPTY, _PLACE = sys.getsizeof([]), sys.getsizeof([None]) - sys.getsizeof([])


def room(value: Any) -> int:
    """For how many items a list has room; 0 for all other values, and for long lists."""
    return (sys.getsizeof(value) - _EMPTY) // _PLACE if type(value) is list and len(value) <= _MOST_ITEMS else 0


def give_room(found: Any, wanted: int) -> None:
    """Let a list have room for so many items, as far as this Python makes such lists."""
    if type(found) is list and len(found) <= wanted <= 2 * _MOST_ITEMS and wanted != room(found):
        items = found[:]
        found.clear()
        found.extend([*items, *[None] * (wanted - len(items))])
        del found[len(items) :]
