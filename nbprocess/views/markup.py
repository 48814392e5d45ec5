"""HTML without string glue: elements whose text and attributes are always escaped.

May import: the standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape


class Markup(str):
    """Text that is HTML already. Only ``element`` makes it."""


Child = str | None | Iterable["Child"]

VOID = frozenset({"br", "hr", "img"})
VERBATIM = frozenset({"pre", "code"})
MATH = re.compile(r"[$\\]")
"""What begins a formula: notebooks typeset "$1, at most $2" in HTML, too, but look for a formula within one element."""


def element(tag: str, *children: Child, **attributes: str | None) -> Markup:
    """``<tag …>children</tag>``. Strings are escaped, None is left out; ``class_`` is ``class``, ``a_b`` ``a-b``."""
    given = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    if tag in VOID:
        return Markup(f"<{tag}{given}>")
    return Markup(f"<{tag}{given}>{_inner(children, tag in VERBATIM)}</{tag}>")


def _inner(children: Iterable[Child], verbatim: bool) -> str:
    return "".join(
        ""
        if child is None
        else child
        if isinstance(child, Markup)
        else _text(child, verbatim)
        if isinstance(child, str)
        else _inner(child, verbatim)
        for child in children
    )


def _text(text: str, verbatim: bool) -> str:
    escaped = escape(text)
    return escaped if verbatim else MATH.sub(r"<span>\g<0></span>", escaped)
