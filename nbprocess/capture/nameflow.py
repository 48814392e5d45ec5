"""The names of a cell in the order in which it runs: reads, bindings, deletions, and functions not called yet. Pure.

``Names`` knows names only; ``expressions`` and ``flow`` add what expressions and statements do to them.

May import: this room's pure modules, the standard library.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence

from .deferred import Body, mangle
from .notes import Notes
from .state import State


class Names(ast.NodeVisitor):
    """Fills ``reads`` (name → strength, line, certain, existence only), ``binds``, ``deletes`` and the notes."""

    def __init__(self, notes: Notes, star: Callable[[str], list[str] | None] | None = None) -> None:
        self.notes = notes
        self.star = star
        self.state = State()
        self.reads: dict[str, tuple[str, int, bool, bool]] = {}
        self.binds: dict[str, int] = {}
        self.deletes: dict[str, int] = {}
        self.pending: dict[str, list[Body]] = {}  # functions of this cell that were not mentioned yet
        self.branches = 0  # how many branches that may be skipped we are in
        self.unlikely = 0  # how many except handlers, or try bodies that expect a NameError
        self.guarded = 0  # try bodies that expect an ImportError
        self.hidden: list[set[str]] = []  # targets of the comprehensions around
        self.loops: list[tuple[list[State], list[State]]] = []  # states at break, at continue
        self.turns: list[Turn] = []
        self.classes: list[str] = []
        self.class_globals: list[set[str]] = []
        self.unknown_star = False
        self.silent = 0  # code that runs in a function of its own (%timeit): it binds nothing here
        self.comprehension_class = 0

    def block(self, body: Iterable[ast.stmt]) -> None:
        for statement in body:
            if not self.state.live:  # after raise, break, continue
                return
            self.visit(statement)

    # Names ---------------------------------------------------------------------------------------------------------

    def _class_key(self, name: str) -> str | None:
        """The key of ``name`` in the class body around, or None at module level."""
        if not self.classes or self.comprehension_class or name in self.class_globals[-1]:
            return None
        return f"{len(self.classes)}\0{name}"

    def load(self, name: str, line: int, *, maybe: bool = False, existence: bool = False) -> None:
        name = mangle(name, self.classes[-1] if self.classes else "")
        if not self.state.live or any(name in names for names in self.hidden):
            return
        key = self._class_key(name)
        if key is not None:
            if key in self.state.settled:
                return
            maybe = maybe or key in self.state.possible
        self.activate(name)
        if name in self.state.settled:
            return
        weak = maybe or name in self.state.possible or self.unknown_star or self.unlikely > 0 or self._later(name)
        self.read(name, "maybe" if weak else "must", line, certain=not weak and not self.branches, existence=existence)

    def _later(self, name: str) -> bool:
        """Whether an earlier turn of a loop around may have bound the name, and this turn may skip the read."""
        return any(self.branches > turn.depth and turn.stores(name) for turn in self.turns)

    def read(self, name: str, strength: str, line: int, *, certain: bool = False, existence: bool = False) -> None:
        old = self.reads.get(name)
        if old is None:
            self.reads[name] = (strength, line, certain, existence)
        elif (strength == "must") > (old[0] == "must"):
            self.reads[name] = (strength, line, certain, existence and old[3])
        else:
            self.reads[name] = (old[0], old[1], old[2] or certain, old[3] and existence)

    def store(self, name: str, line: int) -> None:
        name = mangle(name, self.classes[-1] if self.classes else "")
        key = self._class_key(name)
        if self.silent:
            self.hidden[-1].add(name)
            return
        self.state.settle(key or name)
        if key is None:
            self.binds.setdefault(name, line)
            self.deletes.pop(name, None)
            self.pending.pop(name, None)

    def delete(self, name: str, line: int) -> None:
        name = mangle(name, self.classes[-1] if self.classes else "")
        key = self._class_key(name)
        if key is not None and key in self.state.possible:
            return
        if name not in self.state.settled:
            self.load(name, line, existence=True)
        elif not self.silent:  # bound by the cell, and gone after it: what the notebook has by that name is gone, too
            self.read(name, "maybe", line, existence=True)
        self.state.settle(name)
        self.deletes[name] = line
        if not self.branches:
            self.binds.pop(name, None)

    def activate(self, name: str) -> None:
        """A function of this cell is mentioned: from here on it may be called."""
        for body in self.pending.pop(name, ()):
            self.defer(body)

    def defer(self, body: Body) -> None:
        for name, line in body.reads.items():
            self.activate(name)
            if name not in self.state.settled:
                self.read(name, "maybe", line)
        for name in body.binds:
            self.state.possible.add(name)
            self.binds.setdefault(name, 0)
        for name in body.deletes:
            self.deletes.setdefault(name, 0)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            if node.id in ("Out", "In", "_oh", "_ih") and node.id not in self.state.settled:
                self.read(node.id, "maybe", node.lineno)
                return
            self.load(node.id, node.lineno)
        elif isinstance(node.ctx, ast.Store):
            self.store(node.id, node.lineno)
        else:
            self.delete(node.id, node.lineno)


class Turn:
    """A loop around: its depth in branches, and the names that its body stores, found when they are asked for."""

    def __init__(self, depth: int, body: Sequence[ast.stmt]) -> None:
        self.depth = depth
        self._body = body
        self._stored: set[str] | None = None

    def stores(self, name: str) -> bool:
        """Whether the body binds the name somewhere."""
        if self._stored is None:
            nodes = (node for statement in self._body for node in ast.walk(statement))
            self._stored = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        return name in self._stored
