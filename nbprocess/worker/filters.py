"""Warning filters as JSON, for ``ambient``; their places, whatever is imported.

May import: ``compiling``, the standard library.
"""

from __future__ import annotations

import contextlib
import sys
import warnings

from .compiling import unwarned

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


_foreign = {}  # type: ignore[var-annotated]
"""Stand-ins for warning categories whose modules are not loaded here: their filters must find the way home."""


def collect() -> Any:
    """The filters that are in force, as ``apply`` takes them."""
    listed = [_plain(item) for item in list(warnings.filters)]
    # A stand-in's filter and the one that its module added when it was imported after all are one: it keeps its place.
    return [item for index, item in enumerate(listed) if item not in listed[index + 1 :]]


def apply(state: Any) -> None:
    """Put the filters of the other end in force."""
    import re

    # Python's own begin with texts for patterns.
    here = {tuple(_plain(item)): item for item in list(warnings.filters) if isinstance(item[3], str)}
    filters: Any = []
    for action, message, kind, module, line in state:
        if (action, message, kind, module, line) in here:
            filters.append(here[action, message, kind, module, line])
            continue
        place, _, name = kind.partition(":")
        category = _category(place, name)
        # Python itself compiles the message without regard to case, and the module exactly (warnings.filterwarnings).
        start = None if message is None else re.compile(message, re.I)
        filters.append((action, start, category, None if module is None else re.compile(module), line))
    _set(filters)


def added(before: Any, after: Any) -> Any:
    """The filters that are new, and for each whether it stands in front of those that were there."""
    after = list(after)
    last = max((index for index, item in enumerate(after) if item in before), default=-1)
    return [(index < last, item) for index, item in enumerate(after) if item not in before]


def keep_order(before: Any) -> None:
    """Put filters that were there before an import back into their places; those that it added stay in front or behind.

    A module that home has loaded long ago is imported here during the cell, and moves its filters to the front.
    """
    after: Any = list(warnings.filters)
    new = added(before, after)
    wanted = [item for front, item in new if front] + before + [item for front, item in new if not front]
    if after != wanted:
        _set(wanted)


@contextlib.contextmanager
def unnoticed() -> Iterator[None]:
    """What touches the filters in the block (``catch_warnings`` does) makes no warning of the cell come again: Python
    forgets which it has shown whenever they are touched. What is done in the block was done at home before the cell."""
    before = _version()
    try:
        yield
    finally:
        now = _version()
        if now != before:
            for module in list(sys.modules.values()):
                shown = getattr(module, "__dict__", {}).get("__warningregistry__")
                if isinstance(shown, dict) and shown.get("version") == before:
                    shown["version"] = now


class _Probe(Warning):
    """Is never shown."""


def _version() -> Any:
    """How often the filters were touched, which each record of shown warnings notes."""
    record: dict[str, Any] = {}
    with unwarned(_Probe):
        warnings.warn_explicit("", _Probe, "", 0, registry=record)  # type: ignore[arg-type]
    return record.get("version")


def keep_places(state: Any, done_at_home: Any) -> None:
    """From now on, what a module adds while it is imported moves no filter that home has, if home has imported its
    package: it did long ago, and has put others in front since.

    Args:
        state: home's filters, as the ambient state has them.
        done_at_home: what home has imported, as far as it is known when the module is.
    """
    original, own = warnings._add_filter, warnings.filters  # type: ignore[attr-defined]
    known = [list(item) for item in state]

    def add(*item: Any, append: bool) -> None:
        # Not within `catch_warnings`: there the filters are others, for a moment.
        name = sys._getframe(2).f_globals.get("__name__")
        if warnings.filters is own and _is_imported(name) and str(name).partition(".")[0] in done_at_home:
            plain = _plain(item)
            there = [_plain(other) for other in warnings.filters]
            if plain in known and plain in there:
                warnings.filters[there.index(plain)] = item  # type: ignore[index]
                _moved()
                return
        original(*item, append=append)

    warnings._add_filter = add  # type: ignore[attr-defined]


def _set(filters: Any) -> None:
    warnings.filters[:] = filters  # type: ignore[index]
    _moved()


def _moved() -> None:
    """Tell ``warnings`` that its filters were changed in place."""
    tell: Any = getattr(warnings, "_filters_mutated", None)
    (tell or warnings._filters_mutated_lock_held)()  # type: ignore[attr-defined]


def _category(place: str, name: str) -> Any:
    found = getattr(sys.modules.get(place), name, None)
    if isinstance(found, type):
        return found
    key = (place, name)
    if key not in _foreign:
        _foreign[key] = type(name, (Warning,), {"__module__": place})
    return _foreign[key]


def _is_imported(name: Any) -> bool:
    """Whether the module is being imported at the moment."""
    return bool(getattr(getattr(sys.modules.get(name), "__spec__", None), "_initializing", False))


def _plain(item: Any) -> list[Any]:
    def text(pattern: Any) -> Any:
        return None if pattern is None else pattern if isinstance(pattern, str) else pattern.pattern

    action, message, kind, module, line = item
    return [action, text(message), f"{kind.__module__}:{kind.__name__}", text(module), line]
