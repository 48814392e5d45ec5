"""Which names a cell reads, binds and deletes, in the order in which it runs. Pure: code in, ``Scope`` out.

The walk keeps, for each point of the cell, the names that the cell settled on every path to it (``state``). A read of a
name that is not settled is an input: *must* when no path settled it, *maybe* when some did or in a function body.

May import: this room's pure modules, the worker's ``compiling``, the standard library.
"""

from __future__ import annotations
import __future__

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..worker import compiling
from .flow import Flow
from .notes import Notes

_FUTURE_ANNOTATIONS = __future__.annotations.compiler_flag


@dataclass
class Read:
    """How a name is read. ``certain``: on the straight path, not inside a branch that may be skipped."""

    strength: str
    line: int
    certain: bool = False
    existence: bool = False


@dataclass
class Scope:
    """The names of one piece of code, and what was noted on the way.

    ``notes.words`` are words of strings: *maybe* reads of those that exist.
    """

    reads: dict[str, Read] = field(default_factory=dict)
    binds: dict[str, int] = field(default_factory=dict)
    deletes: dict[str, int] = field(default_factory=dict)
    notes: Notes = field(default_factory=Notes)

    def must(self) -> set[str]:
        """Names read before any definite assignment."""
        return {name for name, read in self.reads.items() if read.strength == "must"}

    def maybe(self) -> set[str]:
        """Names that may be read."""
        return {name for name, read in self.reads.items() if read.strength == "maybe"}


def analyse(
    code: str | ast.Module,
    *,
    flags: int = 0,
    transform: Callable[[str], str] | None = None,
    star: Callable[[str], list[str] | None] | None = None,
    magic_names: Mapping[tuple[str, str], tuple[Any, str, str]] | None = None,
) -> Scope:
    """Analyse a cell's code.

    Args:
        code: Python after IPython's transform, or its tree.
        flags: compiler flags of earlier cells (``from __future__ import annotations`` defers annotations).
        transform: IPython's transform, for the bodies of cell magics such as ``%%time``.
        magic_names: other names of magics, as ``Notes`` has them.
        star: gives the names that ``from module import *`` binds; None (or a None result): not known.

    Raises:
        SyntaxError: the code does not parse.
    """
    tree = compiling.parse(code) if isinstance(code, str) else code
    deferred = bool(flags & _FUTURE_ANNOTATIONS) or any(
        isinstance(s, ast.ImportFrom) and s.module == "__future__" and any(a.name == "annotations" for a in s.names)
        for s in tree.body
    )
    scope = Scope(notes=Notes(deferred_annotations=deferred, transform=transform, magic_names=magic_names or {}))
    flow = Flow(scope.notes, star)
    flow.run(tree.body)
    for name, (strength, line, certain, existence) in flow.reads.items():
        scope.reads[name] = Read(strength, line, certain, existence)
    scope.binds, scope.deletes = flow.binds, flow.deletes
    return scope
