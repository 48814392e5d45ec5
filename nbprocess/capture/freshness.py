"""Which pending names a later cell may read: background jobs and lazy results are waited for only then.

May import: this room, the standard library.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from .resolve import Resolution, star_names
from .scope import analyse


def reads(code: str, pending: Collection[str], namespace: Mapping[str, Any] | None = None) -> set[str]:
    """The names of ``pending`` that ``code`` may read, also through functions and classes of the notebook.

    Args:
        code: Python after IPython's transform.
        pending: names whose values are not there yet (or not loaded).
        namespace: the kernel's; without it only the cell's own reads are looked at.

    A cell that does not parse reads nothing: it will not run.
    """
    if not pending:
        return set()
    try:
        scope = analyse(code, star=star_names)
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
