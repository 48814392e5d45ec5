"""What a job changes in the notebook's own modules. May import: ``entries``, the standard library."""

from __future__ import annotations

import contextlib
import pickle
import sys

from .entries import CONTENT, name_of

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any


class Modules:
    """Plain values of the notebook's own modules, as they were when they were imported or when the cell began."""

    def __init__(self) -> None:
        self._noted: dict[str, dict[str, tuple[Any, bytes]]] = {}

    def note(self, module: Any) -> None:
        """Note the values of a module as they are now."""
        if isinstance(getattr(module, "__file__", None), str):
            self._noted[module.__name__] = self._values(module)

    def changed(self) -> dict[str, Any]:
        """What is not as it was noted, as entries."""
        entries = {}
        for name, before in self._noted.items():
            module = sys.modules.get(name)
            now = self._values(module) if module is not None else {}
            for attribute, (value, content) in now.items():
                known, was = before.get(attribute, (value, content))
                if content != was:
                    entries[name_of(name, CONTENT if known is value else "", attribute)] = value
        return entries

    def _values(self, module: Any) -> dict[str, tuple[Any, bytes]]:
        found = {}
        for name, value in list(vars(module).items()):
            if not name.startswith("__") and type(value) in _VALUES:
                with contextlib.suppress(Exception):  # what cannot be pickled is not plain
                    found[name] = value, pickle.dumps(value)
        return found


_VALUES = (int, float, str, bool, type(None), list, dict, set, tuple)
