"""What imports did in a warm fork server beside loading modules: draws from the global generators, warning filters.

A cell that imports such a library finds it loaded. If home has not, its import does here once more what an import does.
May import: ``ambient``, ``filters``, ``loaders``, the standard library.
"""

from __future__ import annotations

import builtins
import contextlib
import functools
import io
import sys
import types
import warnings

from . import ambient, filters
from .loaders import Around, found_by_others, unseen

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any


effects = []  # type: ignore[var-annotated]
"""One ``Effect`` for each module that did such a thing in this process before the job, in their order."""


class Effect:
    """A module's own doing: ``chain``: the modules whose import led to it; ``filters``: (in front?, filter)."""

    def __init__(self, name: str, chain: Any, draws: bool, filters: Any) -> None:
        self.name, self.draws, self.filters = name, draws, filters
        self.roots = {part.partition(".")[0] for part in (name, *chain)}


class Recorder:
    """A finder that notes in ``effects`` what the modules that are imported meanwhile do."""

    def __init__(self) -> None:
        self._chain: list[str] = []

    def __enter__(self) -> Recorder:
        sys.meta_path.insert(0, self)  # type: ignore[arg-type]
        return self

    def __exit__(self, *_: object) -> None:
        sys.meta_path.remove(self)  # type: ignore[arg-type]

    def find_spec(self, name: Any, path: Any = None, target: Any = None) -> Any:
        """Part of the import protocol."""
        spec = found_by_others(self, name, path, target)
        if hasattr(getattr(spec, "loader", None), "exec_module"):
            spec.loader = Around(spec.loader, functools.partial(self._watch, name))
        return spec

    def _watch(self, name: str, loader: Any, module: Any) -> None:
        """Run a module's code and note what it did itself; what it imports is noted for itself."""
        first, states, before = len(effects), ambient.generators(), warnings.filters[:]
        self._chain.append(name)
        try:
            loader.exec_module(module)
        finally:
            self._chain.pop()
        inner, now = effects[first:], ambient.generators()
        theirs = [item for effect in inner for _, item in effect.filters]
        moved = any(now.get(section) != state for section, state in states.items())
        draws = moved and not any(effect.draws for effect in inner)
        own = [pair for pair in filters.added(before, warnings.filters) if pair[1] not in theirs]
        if draws or own:
            effects.append(Effect(name, tuple(self._chain), draws, own))


def at_imports(modules: Any, roots: Any) -> None:
    """From here on an import of a preloaded library does what it did in the server.

    Args:
        modules: of those that draw, the ones that home has loaded.
        roots: the packages that home has loaded.
    """
    waiting = []
    for effect in effects:
        draws = effect.draws and effect.name not in modules
        new = [] if effect.name.partition(".")[0] in roots else effect.filters
        if draws or new:
            waiting.append((effect, draws, new))
    if not waiting:
        return
    before = builtins.__import__

    @unseen
    def importing(name: str, *rest: Any, **named: Any) -> Any:
        module = before(name, *rest, **named)
        root = name.partition(".")[0]
        for one in [one for one in waiting if root in one[0].roots]:
            waiting.remove(one)
            _do_again(*one)
        return module

    builtins.__import__ = importing


def _do_again(effect: Effect, draws: bool, new: Any) -> None:
    known = sys.modules.get(effect.name)
    if draws and known is not None:
        again = types.ModuleType(effect.name)
        vars(again).update({name: getattr(known, name, None) for name in ("__file__", "__package__", "__spec__")})
        quiet = contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO())
        with quiet[0], quiet[1], contextlib.suppress(Exception):  # whatever it may raise when it runs a second time
            exec(known.__spec__.loader.get_code(effect.name), vars(again))  # type: ignore[union-attr]
    front = [item for in_front, item in new if in_front and item not in warnings.filters]
    behind = [item for in_front, item in new if not in_front and item not in warnings.filters]
    warnings.filters[:] = [*front, *warnings.filters, *behind]  # type: ignore[index]
