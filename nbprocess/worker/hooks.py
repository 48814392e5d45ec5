"""Things to do right after a module has been imported, without importing it ourselves. May import: ``ambient``,
``hushed``, ``preloaded``, the standard library.
"""

from __future__ import annotations

import sys
import warnings

from . import ambient
from .hushed import hushed
from .preloaded import unseen

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any


class AfterImport:
    """A finder that runs ``actions[name](module)`` once the module of that name has been executed."""

    def __init__(self) -> None:
        self.actions = {}  # type: ignore[var-annotated]
        self.done_at_home: set[str] = set()
        """Modules that home has imported before the cell: what their import draws from generators was drawn there."""

    def install(self) -> None:
        """Begin to watch."""
        sys.meta_path.insert(0, self)  # type: ignore[arg-type]

    def on(self, name: str, action: Any) -> None:
        """Call ``action(module)`` after ``name`` is imported; at once when it is already."""
        if name in sys.modules:
            action(sys.modules[name])
        else:
            self.actions.setdefault(name, []).append(action)

    def find_spec(self, name: Any, path: Any = None, target: Any = None) -> Any:
        """Part of the import protocol: only names that are waited for are looked at."""
        # They stay until the module is executed: whoever asks only whether it is there looks for its spec too, and what
        # is not there may be tried again after a %pip install.
        if name not in self.actions:
            return None
        for finder in sys.meta_path:
            if finder is self:
                continue
            find = getattr(finder, "find_spec", None)
            spec = None if find is None else find(name, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _Wrapped(spec.loader, self, name)
                return spec
        return None


class _Wrapped:
    """The module's own loader, then the actions."""

    def __init__(self, loader: Any, owner: AfterImport, name: str) -> None:
        self._loader, self._owner, self._name = loader, owner, name

    def __getattr__(self, name: str) -> object:
        return getattr(self._loader, name)

    def create_module(self, spec: Any) -> Any:
        return self._loader.create_module(spec)

    @unseen
    def exec_module(self, module: Any) -> None:
        # From here on the module is as if nobody had watched: pickling and importlib.resources look at its loader.
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        actions = self._owner.actions.pop(self._name, ())
        quiet = self._name in self._owner.done_at_home
        filters, states = warnings.filters[:], ambient.generators() if quiet else {}
        if quiet:  # home has imported it before the cell: what it prints was printed there
            with hushed("stdout", "stderr"):
                self._loader.exec_module(module)
        else:
            self._loader.exec_module(module)
        ambient.keep_order(filters)
        ambient.apply(states)
        for action in actions:
            action(module)
