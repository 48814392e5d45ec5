"""HTML without string glue: elements whose text and attributes are always escaped.

May import: the standard library only.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape


class Markup(str):
    """Text that is HTML already. Only ``element`` makes it."""


Child = str | None | Iterable["Child"]

VOID = frozenset({"br", "hr", "img"})


def element(tag: str, *children: Child, **attributes: str | None) -> Markup:
    """``<tag …>children</tag>``. Strings are escaped, None is left out; ``class_`` is ``class``, ``a_b`` ``a-b``."""
    given = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    if tag in VOID:
        return Markup(f"<{tag}{given}>")
    return Markup(f"<{tag}{given}>{_inner(children)}</{tag}>")


def _inner(children: Iterable[Child]) -> str:
    return "".join(
        ""
        if child is None
        else child
        if isinstance(child, Markup)
        else escape(child)
        if isinstance(child, str)
        else _inner(child)
        for child in children
    )
