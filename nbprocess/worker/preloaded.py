"""What imports did in a warm fork server beside loading modules: draws from the global generators, warning filters.

A cell that imports such a library finds it loaded. If home has not, its import does here once more what an import does.
May import: the standard library.
"""

from __future__ import annotations

import builtins
import contextlib
import io
import random
import sys
import types
import warnings

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any


def unseen(function: Any) -> Any:
    """Let a function between an import statement and the module's code pass for one of importlib's: a warning about
    the import is told of the statement (``import imp`` in the cell), and a traceback leaves it out."""
    function.__code__ = function.__code__.replace(co_filename="<frozen importlib._bootstrap>")
    return function


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
        for finder in sys.meta_path:
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec = None if find is None else find(name, path, target)
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = _Watched(spec.loader, self, name)
                return spec
        return None

    def watch(self, name: str, run: Any) -> None:
        """Run a module's code and note what it did itself; what it imports is noted for itself."""
        first, states, filters = len(effects), _states(), warnings.filters[:]
        self._chain.append(name)
        try:
            run()
        finally:
            self._chain.pop()
        inner = effects[first:]
        theirs = [item for effect in inner for _, item in effect.filters]
        draws = _states() != states and not any(effect.draws for effect in inner)
        own = [pair for pair in added(filters, warnings.filters) if pair[1] not in theirs]
        if draws or own:
            effects.append(Effect(name, tuple(self._chain), draws, own))


class _Watched:
    """A module's own loader, under the eyes of a recorder."""

    def __init__(self, loader: Any, recorder: Recorder, name: str) -> None:
        self._loader, self._recorder, self._name = loader, recorder, name

    def __getattr__(self, name: str) -> object:
        return getattr(self._loader, name)

    def create_module(self, spec: Any) -> Any:
        return self._loader.create_module(spec)

    def exec_module(self, module: Any) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._recorder.watch(self._name, lambda: self._loader.exec_module(module))


def _states() -> Any:
    numpy: Any = sys.modules.get("numpy.random")
    states = [random.getstate()]
    if hasattr(numpy, "get_state"):
        states += [(part if type(part) in (str, int, float) else part.tobytes()) for part in numpy.get_state()]
    return states


def added(before: Any, after: Any) -> Any:
    """The filters that are new, and for each whether it stands in front of those that were there."""
    after = list(after)
    last = max((index for index, item in enumerate(after) if item in before), default=-1)
    return [(index < last, item) for index, item in enumerate(after) if item not in before]


def at_imports(modules: Any, roots: Any) -> None:
    """From here on an import of a preloaded library does what it did in the server.

    Args:
        modules: of those that draw, the ones that home has loaded.
        roots: the packages that home has loaded.
    """
    waiting = []
    for effect in effects:
        draws = effect.draws and effect.name not in modules
        filters = [] if effect.name.partition(".")[0] in roots else effect.filters
        if draws or filters:
            waiting.append((effect, draws, filters))
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


def _do_again(effect: Effect, draws: bool, filters: Any) -> None:
    known = sys.modules.get(effect.name)
    if draws and known is not None:
        again = types.ModuleType(effect.name)
        vars(again).update({name: getattr(known, name, None) for name in ("__file__", "__package__", "__spec__")})
        quiet = contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO())
        with quiet[0], quiet[1], contextlib.suppress(Exception):  # whatever it may raise when it runs a second time
            exec(known.__spec__.loader.get_code(effect.name), vars(again))  # type: ignore[union-attr]
    front = [item for in_front, item in filters if in_front and item not in warnings.filters]
    behind = [item for in_front, item in filters if not in_front and item not in warnings.filters]
    warnings.filters[:] = [*front, *warnings.filters, *behind]  # type: ignore[index]
