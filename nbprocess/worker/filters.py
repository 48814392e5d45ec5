"""The places of home's warning filters, whatever is imported. May import: the standard library."""

from __future__ import annotations

import sys
import warnings

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any


def keep_places(state: Any) -> None:
    """From now on, what a module adds while it is imported moves no filter that home has: home imported the module long
    ago, and has put others in front since.

    Args:
        state: home's filters, as the ambient state has them.
    """
    original, own = warnings._add_filter, warnings.filters  # type: ignore[attr-defined]
    known = [list(item) for item in state]

    def add(*item: Any, append: bool) -> None:
        # Not within `catch_warnings`: there the filters are others, for a moment.
        if warnings.filters is own and _is_imported(sys._getframe(2).f_globals.get("__name__")):
            plain = _plain(item)
            there = [_plain(other) for other in warnings.filters]
            if plain in known and plain in there:
                warnings.filters[there.index(plain)] = item  # type: ignore[index]
                noted: Any = getattr(warnings, "_filters_mutated", None)
                (noted or warnings._filters_mutated_lock_held)()  # type: ignore[attr-defined]
                return
        original(*item, append=append)

    warnings._add_filter = add  # type: ignore[attr-defined]


def _is_imported(name: Any) -> bool:
    """Whether the module is being imported at the moment."""
    return bool(getattr(getattr(sys.modules.get(name), "__spec__", None), "_initializing", False))


def _plain(item: Any) -> list[Any]:
    def text(pattern: Any) -> Any:
        return None if pattern is None else pattern if isinstance(pattern, str) else pattern.pattern

    action, message, kind, module, line = item
    return [action, text(message), f"{kind.__module__}:{kind.__name__}", text(module), line]
