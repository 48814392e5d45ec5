"""Make a ``Cell`` from the text that a user typed, and check that it parses here and at the worker. Pure.

May import: this room's ``model``, ``errors``, the worker's ``compiling``, the standard library.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from ..errors import CaptureError
from ..worker import compiling
from .model import Cell

_OLDEST = (3, 9)


def make_cell(
    source: str,
    transform: Callable[[str], str] | None = None,
    *,
    code: str | None = None,
    filename: str = "<cell>",
    first_line: int = 1,
    flags: int = 0,
    interactivity: str = "last_expr",
    execution_count: int | None = None,
    room: int | None = None,
) -> Cell:
    """Make a cell and compile it, so that a syntax error shows before anything is sent.

    Args:
        source: the text without the magic line.
        transform: IPython's ``transform_cell``; None: the text is plain Python.
        code: the transformed text, when it is at hand already.
        filename: the name under which tracebacks show the cell.
        first_line: line of the notebook's cell on which ``source`` starts (2 under a magic line).
        flags: compiler flags of earlier cells.
        interactivity: ``shell.ast_node_interactivity``.
        execution_count: the cell's number.
        room: how many calls fit on it here.

    Raises:
        SyntaxError: with the file name and the line numbers of the notebook's cell.
    """
    if code is None:
        code = transform(source) if transform is not None else source
    cell = Cell(source, code, filename, first_line, flags, interactivity, execution_count, room)
    try:
        # The blank lines number everything as the notebook does, also what a message says in words.
        padded = "\n" * (first_line - 1) + code
        with compiling.unwarned():
            compile(padded, filename, "exec", flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except SyntaxError as error:
        if "__future__ imports must occur at the beginning" in str(error):
            return cell  # a notebook compiles statement by statement: there such an import may stand anywhere
        error.filename = filename
        raise
    return cell


def parse(cell: Cell) -> ast.Module:
    """The tree of a cell's code (top-level ``await`` parses as it is)."""
    tree: ast.Module = compiling.parse(cell.code, cell.filename)
    return tree


def syntax_of(code: str) -> tuple[int, int]:
    """The oldest Python 3 (from 3.9) whose grammar has all that the code uses, as far as ``ast`` can tell."""
    tree = compiling.parse(code)
    needed = _OLDEST
    for node in ast.walk(tree):
        kind = type(node).__name__
        if kind in ("TypeAlias", "TypeVar", "ParamSpec", "TypeVarTuple"):
            needed = max(needed, (3, 12))
        elif kind == "TryStar" or (kind == "Subscript" and any(isinstance(c, ast.Starred) for c in _elements(node))):
            needed = max(needed, (3, 11))
        elif kind in ("Match", "MatchAs"):
            needed = max(needed, (3, 10))
        elif kind == "JoinedStr" and needed < (3, 12) and _new_string(ast.get_source_segment(code, node), node):  # type: ignore[arg-type]
            needed = (3, 12)
    return needed


def _elements(node: ast.AST) -> list[ast.expr]:
    index = getattr(node, "slice", None)
    return list(index.elts) if isinstance(index, ast.Tuple) else []


def _new_string(text: str | None, node: ast.JoinedStr) -> bool:
    """Whether an f-string needs the grammar of 3.12: its own quotes, backslashes or comments inside of ``{}``.

    ``feature_version`` does not tell: the tokenizer of 3.12 takes them all the same.
    """
    if text is None:
        return False
    body = text.lstrip("rRfFbBuU")
    quote = body[:3] if body[:3] in ('"""', "'''") else body[:1]
    for child in ast.walk(node):
        if not isinstance(child, ast.FormattedValue):
            continue
        for inner in ast.walk(child.value):
            if (
                isinstance(inner, ast.Constant)
                and isinstance(inner.value, str)
                and "\\" in ascii(inner.value)
                and "\\" in text
            ):
                return any(c in inner.value for c in "\n\t\r\\\0")
    # In the old grammar the string would end at the first unescaped quote.
    inside = body[len(quote) : len(body) - len(quote)]
    escaped = False
    i = 0
    while i < len(inside):
        if escaped:
            escaped = False
        elif inside[i] == "\\":
            escaped = True
        elif inside.startswith(quote, i):
            return True
        i += 1
    return False


def check_python(cell: Cell, version: tuple[int, int]) -> None:
    """Refuse a cell whose syntax the worker's Python does not know.

    Args:
        cell: the cell.
        version: the worker's Python, such as ``(3, 9)``.

    Raises:
        CaptureError: names the Python that the cell's syntax needs.
    """
    needed = syntax_of(cell.code)
    if needed <= version:
        try:
            compiling.parse(cell.code, cell.filename, feature_version=version)
            return
        except SyntaxError as error:
            needed = next((3, minor) for minor in range(version[1] + 1, 100) if _parses(cell.code, minor))
            line = (error.lineno or 1) + cell.first_line - 1
            raise _too_new(needed, version, f" (line {line})") from None
    raise _too_new(needed, version, "")


def _parses(code: str, minor: int) -> bool:
    try:
        compiling.parse(code, feature_version=(3, minor))
    except SyntaxError:
        return minor >= 50  # never: ends the search
    return True


def _too_new(needed: tuple[int, int], version: tuple[int, int], where: str) -> CaptureError:
    return CaptureError(
        f"this cell needs Python {needed[0]}.{needed[1]} syntax{where}, but the worker has Python "
        f"{version[0]}.{version[1]}. Choose an image with a newer Python (--image), or write it in the older syntax."
    )
