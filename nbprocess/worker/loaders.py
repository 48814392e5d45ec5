"""Loaders of modules with something around them. May import: the standard library."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any


def unseen(function: Any) -> Any:
    """Let a function between an import statement and the module's code pass for one of importlib's: a warning about
    the import is told of the statement (``import imp`` in the cell), and a traceback leaves it out."""
    function.__code__ = function.__code__.replace(co_filename="<frozen importlib._bootstrap>")
    return function


def found_by_others(own: Any, name: Any, path: Any, target: Any) -> Any:
    """The spec that the finders beside ``own`` give; None where there is no such module."""
    for finder in sys.meta_path:
        find = None if finder is own else getattr(finder, "find_spec", None)
        spec = None if find is None else find(name, path, target)
        if spec is not None:
            return spec
    return None


class Around:
    """A module's own loader; ``run(loader, module)`` executes the module, and does what is to be done beside."""

    def __init__(self, loader: Any, run: Any) -> None:
        self._loader, self._run = loader, run

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
        self._run(self._loader, module)
