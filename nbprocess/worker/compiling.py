"""Reading code a second time without its warnings, and dotted names in it. May import: the standard library."""

from __future__ import annotations

import ast
import contextlib
import warnings

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


@contextlib.contextmanager
def unwarned(category: type[Warning] = SyntaxWarning) -> Iterator[None]:
    """Leave out what the compiler says of a text (``"\\d"``, ``x is 1``): it is said where the cell runs. Or warnings
    of another category.

    The list of filters is changed in place: after a change that ``warnings`` knows of, each warning that is shown once
    would be shown again.
    """
    entry: Any = ("ignore", None, category, None, 0)
    filters: Any = warnings.filters
    filters.insert(0, entry)
    try:
        yield
    finally:
        filters.remove(entry)


def parse(text: str | bytes, filename: str = "<unknown>", mode: str = "exec", **options: Any) -> Any:
    """``ast.parse``."""
    with unwarned():
        return ast.parse(text, filename, mode, **options)


def path_of(node: ast.AST) -> str:
    """The dotted name that an expression is (``np.linalg``); empty for all others."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""
