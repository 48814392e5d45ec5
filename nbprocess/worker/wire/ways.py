"""How objects of some classes are reduced, by the package and the name of the class.

May import: the standard library.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Tuple

Way = Callable[[Any], Any]
Table = List[Tuple[Tuple[str, str], Way]]
"""Package and name of a class → how its objects, and those of classes made of it, are reduced."""


class Ways:
    """A table that is asked by the type of each object; the first row that fits counts."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._found: Dict[type, Optional[Way]] = {}

    def of(self, kind: type) -> Optional[Way]:
        """The way of objects of this type; None where there is none."""
        if kind not in self._found:
            places = {place(base) for base in kind.__mro__}
            self._found[kind] = next((way for where, way in self.table if where in places), None)
        return self._found[kind]


def place(kind: type) -> Tuple[str, str]:
    """Package and name of a class."""
    return (kind.__module__ or "").split(".")[0], kind.__name__
