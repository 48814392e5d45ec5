"""Which pending names a later cell may read: background jobs and lazy results are waited for only then.

May import: this room, the worker's ``compiling``, the standard library.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from typing import Any

from ..worker import compiling
from .resolve import Resolution, star_names
from .scope import analyse


def reads(code: str, pending: Collection[str], namespace: Mapping[str, Any] | None = None) -> set[str]:
    """The names of ``pending`` that ``code`` may read, also through functions and classes of the notebook.

    Args:
        code: Python after IPython's transform.
        pending: names whose values are not there yet (or not loaded).
        namespace: the kernel's; without it only the cell's own reads are looked at.

    A cell that does not parse reads nothing: it will not run. One that only defines functions reads nothing either: the
    cells that call them do.
    """
    if not pending:
        return set()
    try:
        scope = analyse(_uncalled(compiling.parse(code)), star=star_names)
    except SyntaxError:
        return set()
    wanted = set(pending)
    if scope.notes.whole is not None:
        return wanted
    found = wanted & (set(scope.reads) | set(scope.notes.words))
    if len(found) < len(wanted) and namespace is not None:
        resolution = Resolution(scope, namespace)
        if resolution.whole is not None:
            return wanted
        found |= wanted & (set(resolution.needs) | set(resolution.undefined))
        for _, definition in resolution.definitions:
            found |= wanted & set(definition.notes.words)
    return found


def _uncalled(tree: ast.Module) -> ast.Module:
    """The tree without the bodies of its functions, where nothing in it could call them."""
    if all(map(_only_defines, tree.body)):
        for statement in tree.body:
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                statement.body = [ast.Pass(lineno=statement.lineno, col_offset=0)]
    return tree


def _only_defines(statement: ast.stmt) -> bool:
    match statement:
        case ast.FunctionDef(decorator_list=[]) | ast.AsyncFunctionDef(decorator_list=[]):
            return True  # its defaults and annotations are looked at as before
        case ast.Import() | ast.Expr(value=ast.Constant()) | ast.Assign(value=ast.Constant()):
            return True
        case ast.ImportFrom():
            return all(alias.name != "*" for alias in statement.names)
    return False
