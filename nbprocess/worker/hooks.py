"""Things to do right after a module has been imported, without importing it ourselves. May import: ``ambient``,
``filters``, ``hushed``, ``loaders``, the standard library.
"""

from __future__ import annotations

import contextlib
import functools
import sys
import warnings

from . import ambient, filters
from .hushed import hushed, hushed_descriptors
from .loaders import Around, found_by_others, unseen

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any


class AfterImport:
    """A finder that runs ``actions[name](module)`` once the module of that name has been executed."""

    def __init__(self) -> None:
        self.actions = {}  # type: ignore[var-annotated]
        self.around = {}  # type: ignore[var-annotated]
        self.done_at_home: set[str] = set()
        """Modules that home has imported before the cell: what their import draws from generators was drawn there."""
        self.home = {}  # type: ignore[var-annotated]
        """The ambient state of home."""
        self.aside: Any = contextlib.nullcontext
        """Around imports that home has done: leaves out what they display."""

    def install(self) -> None:
        """Begin to watch."""
        sys.meta_path.insert(0, self)  # type: ignore[arg-type]

    def on(self, name: str, action: Any) -> None:
        """Call ``action(module)`` after ``name`` is imported; at once when it is already."""
        if name in sys.modules:
            action(sys.modules[name])
        else:
            self.actions.setdefault(name, []).append(action)

    def during(self, name: str, context: Any) -> None:
        """Import ``name`` inside of ``context()``, if it is not imported yet."""
        if name not in sys.modules:
            self.around[name] = context
            self.actions.setdefault(name, [])

    def find_spec(self, name: Any, path: Any = None, target: Any = None) -> Any:
        """Part of the import protocol: only names that are waited for are looked at."""
        # They stay until the module is executed: whoever asks only whether it is there looks for its spec too, and what
        # is not there may be tried again after a %pip install.
        if name not in self.actions:
            return None
        spec = found_by_others(self, name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = Around(spec.loader, functools.partial(self._execute, name))
        return spec

    @unseen
    def _execute(self, name: str, loader: Any, module: Any) -> None:
        actions = self.actions.pop(name, ())
        quiet = name in self.done_at_home
        before, states = warnings.filters[:], ambient.movable() if quiet else {}
        with self.around.pop(name, contextlib.nullcontext)():
            if quiet:  # home has imported it before the cell: what it prints was printed there
                with filters.unnoticed(), self.aside(), hushed("stdout", "stderr"), hushed_descriptors(1, 2):
                    loader.exec_module(module)
            else:
                loader.exec_module(module)
        with filters.unnoticed():
            if quiet:
                filters.keep_order(before)
                ambient.put_back(states, self.home)
            for action in actions:
                action(module)
