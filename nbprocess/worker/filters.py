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
    forgets which it has shown whenever they are touched. What is done in the block was done at home before the cell, or
    is this package's own affair. What a job has shown is noted after it."""
    global _within, _first
    before = _version()
    _first = _first if _within else before
    _within += 1
    try:
        yield
    finally:
        _within -= 1
        now = _version()
        if now != before:
            for module in list(sys.modules.values()):
                shown = getattr(module, "__dict__", {}).get("__warningregistry__")
                if isinstance(shown, dict) and before <= shown.get("version", -1) < now:
                    shown["version"] = now
        while _told and not _within:
            note_shown(_told.pop(0))


_within = 0
"""How many blocks of ``unnoticed`` are at work, one inside the other."""
_first = 0
"""How often the filters had been touched when the outermost of them began."""
_told: list[Any] = []
"""What jobs have shown meanwhile."""


def begin() -> None:
    """The cell of a job begins: see ``since``."""
    globals()["__warningregistry__"] = {"version": _version()}


def since() -> Any:
    """Which warnings have been shown by the end of a job's cell, and whether Python has forgotten others meanwhile."""
    now = _version()
    return {"forgot": globals()["__warningregistry__"]["version"] != now, "shown": shown()}


def shown() -> Any:
    """The warnings of modules that were shown and are not shown again: module → text, category and line of each. Those
    of the cells come with each cell anew, as IPython has it."""
    valid, found, ours = _first if _within else _version(), {}, sys.modules.get("__main__")
    for name, module in list(sys.modules.items()):
        record = getattr(module, "__dict__", {}).get("__warningregistry__")
        if module is not ours and isinstance(record, dict) and record.get("version", -1) >= valid:
            lines = [
                [key[0], f"{key[1].__module__}:{key[1].__name__}", key[2]]
                for key in list(record)
                if type(key) is tuple and len(key) == 3 and type(key[0]) is str
            ]
            if lines:
                found[name] = lines
    return found


def note_shown(told: Any) -> None:
    """What a job has shown is shown here no more, either.

    Args:
        told: as ``since`` gives it.
    """
    if _within:
        _told.append(told)
        return
    if told["forgot"]:
        _moved()
    for name, lines in told["shown"].items():
        if name in sys.modules:
            _note(sys.modules[name], lines)


def note_later(told: Any, hooks: Any) -> None:
    """What home has shown is not shown in a job, either.

    Args:
        told: as ``shown`` gives it. hooks: waits for modules that are not imported yet.
    """
    for name, lines in told.items():
        hooks.on(name, lambda module, lines=lines: _note(module, lines))


def _note(module: Any, lines: Any) -> None:
    now, record = _version(), vars(module).setdefault("__warningregistry__", {})
    if record.get("version") != now:
        record.clear()
        record["version"] = now
    for text, kind, line in lines:
        place, _, name = kind.partition(":")
        record[text, _category(place, name), line] = True


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
