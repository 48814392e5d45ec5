"""Texts of values as IPython writes them, for images without IPython: containers over several lines, sets in order,
classes and functions by name. May import: the standard library.
"""

from __future__ import annotations

import types

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any


_WIDTH = 79
_MOST = 1000
"""Items of a container that are written."""
_BRACKETS: Any = {list: ("[", "]"), tuple: ("(", ")"), set: ("{", "}"), frozenset: ("frozenset({", "})")}


def text(value: object) -> str:
    """The text of a value."""
    return _laid_out(_parts(value, ()), 0, 0, 0)


def _parts(value: Any, above: tuple[int, ...]) -> Any:
    """A text, or a container as (opening, [(label, part)], closing)."""
    kind: Any = type(value)
    if kind in _BRACKETS and kind.__repr__ in (list.__repr__, tuple.__repr__, set.__repr__, frozenset.__repr__):
        opening, closing = _BRACKETS[kind]
        if not value:
            return repr(value)
        if id(value) in above:
            return opening + "..." + closing
        items = _ordered(value) if kind in (set, frozenset) else list(value)
        inside = [("", _parts(item, (*above, id(value)))) for item in items[:_MOST]]
        if len(items) > _MOST:
            inside.append(("", "..."))
        return opening, inside, "," + closing if kind is tuple and len(value) == 1 else closing
    if kind is dict:
        if not value:
            return "{}"
        if id(value) in above:
            return "{...}"
        inside = []
        for key, item in list(value.items())[:_MOST]:
            inside.append((_flat(_parts(key, (*above, id(value)))) + ": ", _parts(item, (*above, id(value)))))
        if len(value) > _MOST:
            inside.append(("", "..."))
        return "{", inside, "}"
    if isinstance(value, type) and type(value).__repr__ is type.__repr__:
        return _named(value)
    if kind is types.FunctionType:
        return f"<function {_named(value)}{_signature(value)}>"
    if kind.__repr__ is object.__repr__:
        return f"<{_named(kind)} at {hex(id(value))}>"
    return repr(value)


def _ordered(values: Any) -> list[Any]:
    try:
        return sorted(values)
    except Exception:  # items that cannot be compared
        return list(values)


def _named(value: Any) -> str:
    return str(value.__qualname__ if value.__module__ == "builtins" else f"{value.__module__}.{value.__qualname__}")


def _signature(function: Any) -> str:
    import inspect

    try:
        return str(inspect.signature(function))
    except (TypeError, ValueError):
        return ""


def _flat(part: Any) -> str:
    if isinstance(part, str):
        return part
    opening, inside, closing = part
    return str(opening) + ", ".join(label + _flat(item) for label, item in inside) + str(closing)


def _laid_out(part: Any, column: int, indent: int, after: int) -> str:
    """The text of a part.

    Args:
        part: see ``_parts``.
        column: where it begins.
        indent: of the lines of the container that it is in: it grows with the depth, not with the text before.
        after: how many characters more stand behind it on its line.
    """
    flat = _flat(part)
    if isinstance(part, str):
        return flat.replace("\n", "\n" + " " * indent)
    if "\n" not in flat and column + len(flat) + after <= _WIDTH:
        return flat
    opening, inside, closing = part
    indent += len(opening)
    lines = []
    for index, (label, item) in enumerate(inside):
        behind = 1 if index + 1 < len(inside) else len(closing) + after
        begins = (indent if index else column + len(opening)) + len(label)
        lines.append(label + _laid_out(item, begins, indent, behind))
    return str(opening + (",\n" + " " * indent).join(lines) + closing)
