"""One token for a class in all processes that it comes to: two streams that bring it give one class, and one that a
cell defines once more, in the very words of before, is another.

May import: the standard library, this folder.
"""

from __future__ import annotations

import uuid
import weakref
from typing import Any, Dict, Tuple

from . import scope


class Tokens:
    """The tokens of one sort of classes. By identity: a metaclass may compare its classes, and give no hash."""

    def __init__(self) -> None:
        self._tokens: Dict[int, Tuple[Any, str]] = {}
        self._here: Any = weakref.WeakValueDictionary()  # by the namespace and the token

    def of(self, cls: type) -> str:
        """The token of a class; it gets one with the first question."""
        if cls not in self:
            self.note(cls, uuid.uuid4().hex)
        return self._tokens[id(cls)][1]

    def note(self, cls: type, token: str) -> None:
        """A class has come to this notebook, or is here, by this token."""
        key = id(cls)
        self._tokens[key] = weakref.ref(cls, lambda _: self._tokens.pop(key, None)), token
        self._here[id(scope.namespace()), token] = cls

    def here(self, token: str) -> Any:
        """The class of this token in this notebook; None where it is not here yet."""
        return self._here.get((id(scope.namespace()), token))

    def __contains__(self, cls: object) -> bool:
        known = self._tokens.get(id(cls))
        return known is not None and known[0]() is cls
