"""The walk over the statements of a cell, with what is definitely assigned at each point. Pure.

May import: this room's pure modules, the standard library.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from typing import Any

from .deferred import function_body, type_params
from .expressions import Expressions
from .nameflow import Turn
from .notes import dotted
from .state import State, dead, join

# Context managers that let exceptions through: after them, what their block assigned is assigned. Any other may
# swallow an exception (contextlib.suppress, pytest.raises), so that its block may have ended half-way.
_TRANSPARENT_WORDS = """
open closing redirect_stdout redirect_stderr nullcontext no_grad inference_mode autocast catch_warnings errstate
option_context printoptions rc_context context style Pool ThreadPool ThreadPoolExecutor ProcessPoolExecutor Parallel
parallel_backend config_context ZipFile TarFile TemporaryDirectory NamedTemporaryFile TemporaryFile urlopen Session
connect Lock RLock lock tqdm trange Progress Live Image scope device strategy localcontext chdir ExcelFile
ExcelWriter HDFStore File GradientTape enable_grad Console patch Client start_run
"""
_TRANSPARENT = frozenset(_TRANSPARENT_WORDS.split())


class Flow(Expressions):
    """The walk through statements: ``run`` a cell, then read what it filled."""

    def run(self, body: Sequence[ast.stmt]) -> None:
        """Walk a cell, then resolve the functions that it only defined."""
        self.block(body)
        for name in list(self.pending):
            self.activate(name)

    # Statements ----------------------------------------------------------------------------------------------------

    def visit_Expr(self, node: ast.Expr) -> None:
        if not (isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)):
            self.visit(node.value)

    def visit_Assign(self, node: ast.Assign) -> None:
        target = node.targets[0]
        if isinstance(node.value, ast.Lambda) and isinstance(target, ast.Name) and not self.classes and not self.silent:
            body = self._define(node.value)
            self.store(target.id, target.lineno)
            self.pending[target.id] = [body]
            return
        self.visit(node.value)
        for target in node.targets:
            self.visit(target)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self.load(node.target.id, node.lineno)
        self.visit(node.value)
        self.visit(node.target)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)
        if not self.notes.deferred_annotations:
            self.visit(node.annotation)
        if node.value is not None or not isinstance(node.target, ast.Name):
            self.visit(node.target)

    def visit_Global(self, node: ast.Global) -> None:
        if self.class_globals:
            self.class_globals[-1].update(node.names)

    def visit_Raise(self, node: ast.Raise) -> None:
        self.generic_visit(node)
        self.state = dead()

    def visit_Assert(self, node: ast.Assert) -> None:
        holds, fails = self.test(node.test)
        if node.msg is not None:
            self.state = fails
            self.branches += 1
            self.visit(node.msg)
            self.branches -= 1
        self.state = holds

    def visit_Break(self, node: ast.Break) -> None:
        self.loops[-1][0].append(self.state.fork())
        self.state = dead()

    def visit_Continue(self, node: ast.Continue) -> None:
        self.loops[-1][1].append(self.state.fork())
        self.state = dead()

    def branch(self, state: State, body: Iterable[ast.stmt]) -> State:
        self.state = state
        self.branches += 1
        self.block(body)
        self.branches -= 1
        return self.state

    def visit_If(self, node: ast.If) -> None:
        yes, no = self.test(node.test)
        if not no.live:
            self.state = yes
            self.block(node.body)
            return
        self.state = join([self.branch(yes, node.body), self.branch(no, node.orelse)])

    def turn(self, body: Sequence[ast.stmt]) -> tuple[list[State], list[State]]:
        """Walk the body of a loop; returns the states at its breaks and continues."""
        self.loops.append(([], []))
        self.turns.append(Turn(self.branches, body))
        self.block(body)
        self.turns.pop()
        breaks, continues = self.loops.pop()
        for state in breaks:  # a later turn may break too
            for end in (self.state, *continues):
                state.possible |= end.possible
        return breaks, continues

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self.visit(node.iter)
        runs = _never_empty(node.iter)
        before = self.state.fork()
        self.branches += not runs
        self.visit(node.target)
        breaks, continues = self.turn(node.body)
        self.branches -= not runs
        self.state = join([self.state, *continues] + ([] if runs else [before]))
        if not runs:  # what the body bound may be there
            self.state.possible |= before.possible
        if node.orelse and self.state.live:
            self.state = self.branch(self.state, node.orelse) if breaks else self._plain(node.orelse)
        self.state = join([self.state, *breaks])

    visit_AsyncFor = visit_For

    def _plain(self, body: Iterable[ast.stmt]) -> State:
        self.block(body)
        return self.state

    def visit_While(self, node: ast.While) -> None:
        yes, no = self.test(node.test)
        always = not no.live
        self.state = yes
        self.branches += not always
        breaks, continues = self.turn(node.body)
        self.branches -= not always
        self.state = dead() if always else join([no, self.state, *continues])
        if node.orelse and self.state.live:
            self.state = self.branch(self.state, node.orelse) if breaks else self._plain(node.orelse)
        self.state = join([self.state, *breaks])

    def visit_With(self, node: ast.With | ast.AsyncWith) -> None:
        transparent = True
        entered: State | None = None
        for item in node.items:
            self.visit(item.context_expr)
            expr = item.context_expr.func if isinstance(item.context_expr, ast.Call) else item.context_expr
            if not any(part in _TRANSPARENT for part in dotted(expr).split(".")):
                transparent = False
                entered = entered or self.state.fork()
            if item.optional_vars is not None:
                self.visit(item.optional_vars)
        self.block(node.body)
        if not transparent and entered is not None and self.state.live:
            possible = self.state.possible
            self.state = join([entered, self.state])
            self.state.possible |= possible
        elif entered is not None and not self.state.live:  # `with suppress(E): raise E` goes on
            self.state = entered

    visit_AsyncWith = visit_With

    def visit_Try(self, node: Any) -> None:
        caught = {name for handler in node.handlers for name in _caught(handler)}
        expects_name = bool(caught & {"NameError", "UnboundLocalError", ""})
        expects_import = bool(caught & {"ImportError", "ModuleNotFoundError", "Exception", "BaseException", ""})
        before = self.state.fork()
        bound_before = set(self.binds)
        risky = bool(node.handlers)
        self.branches += risky
        self.unlikely += expects_name
        self.guarded += expects_import
        self.block(node.body)
        self.guarded -= expects_import
        self.unlikely -= expects_name
        after_body = self.state
        if after_body.live:
            self.block(node.orelse)
        self.branches -= risky
        ends = [self.state]
        begun = before.fork()  # an exception may come at any point of the body
        begun.possible |= after_body.possible | (set(self.binds) - bound_before)
        for handler in node.handlers:
            self.state = begun.fork()
            self.unlikely += 1
            self.guarded += expects_import
            self.handler(handler)
            self.guarded -= expects_import
            self.unlikely -= 1
            ends.append(self.state)
        end = join(ends)
        if node.finalbody:
            self.state = begun.fork()
            for state in ends:
                self.state.possible |= state.possible
            entry = set(self.state.settled)
            # On the normal way all that the body settled is there: reads of it are no inputs.
            self.state.settled |= end.settled if end.live else set()
            self.block(node.finalbody)
            if self.state.live and end.live:
                end.settled |= self.state.settled - entry
                end.possible |= self.state.possible
            else:
                end = dead()
        self.state = end

    visit_TryStar = visit_Try

    def handler(self, node: ast.ExceptHandler) -> None:
        if node.type is not None:
            self.visit(node.type)
        if not node.name:
            self.block(node.body)
            return
        had = node.name in self.binds
        if not self.silent and self._class_key(node.name) is None and node.name not in self.state.settled:
            # Whatever the notebook has by that name is gone after the handler: the worker must know that it was there.
            self.read(node.name, "maybe", node.lineno, existence=True)
        self.store(node.name, node.lineno)
        self.block(node.body)
        # Python unbinds the name when the handler ends.
        self.deletes.setdefault(node.name, node.lineno)
        if not had:
            self.binds.pop(node.name, None)

    def visit_Match(self, node: ast.Match) -> None:
        self.visit(node.subject)
        ends: list[State] = []
        for case in node.cases:
            failed = self.state.fork()
            self.branches += 1
            self.visit(case.pattern)
            failed.possible |= self.state.possible
            certain = _irrefutable(case.pattern)
            if case.guard is not None:
                yes, no = self.test(case.guard)
                failed = no if certain else join([failed, no])
                certain = False
                self.state = yes
            self.block(case.body)
            self.branches -= 1
            ends.append(self.state)
            self.state = dead() if certain else failed
            if certain:
                break
        self.state = join([*ends, self.state])

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        if node.pattern is not None:
            self.visit(node.pattern)
        if node.name:
            self.store(node.name, node.lineno)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        if node.name:
            self.store(node.name, node.lineno)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        self.generic_visit(node)
        if node.rest:
            self.store(node.rest, node.lineno)

    # Definitions ---------------------------------------------------------------------------------------------------

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        body = self._define(node)
        self.store(node.name, node.lineno)
        if node.decorator_list and not self.classes:  # the decorator may call it
            self.defer(body)
        elif self.classes:
            self.pending.setdefault(self.classes[0], []).append(body)
        elif self.silent:
            self.defer(body)
        else:
            self.pending[node.name] = [body]

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for child in node.decorator_list:
            self.visit(child)
        self.hidden.append(set(type_params(node)))
        for child in [*node.bases, *(k.value for k in node.keywords)]:
            self.visit(child)
        outer = self.pending.pop(node.name, None) if not self.classes else None
        self.classes.append(node.name)
        self.class_globals.append(set())
        depth = f"{len(self.classes)}\0"
        for name in ("__module__", "__qualname__"):
            self.state.settle(depth + name)
        hidden, self.hidden = self.hidden, [self.hidden[-1]]
        self.block(node.body)
        self.hidden = hidden
        self.state.settled = {key for key in self.state.settled if not key.startswith(depth)}
        self.state.possible = {key for key in self.state.possible if not key.startswith(depth)}
        self.classes.pop()
        self.class_globals.pop()
        self.hidden.pop()
        methods = self.pending.pop(node.name, []) if not self.classes else []
        if outer is not None:
            self.pending[node.name] = outer
        self.store(node.name, node.lineno)
        if self.classes:
            return
        if node.decorator_list or node.bases or node.keywords:  # a metaclass or __init_subclass__ may call methods
            for body in methods:
                self.defer(body)
        else:
            self.pending[node.name] = methods

    def visit_TypeAlias(self, node: Any) -> None:
        self.store(node.name.id, node.lineno)
        walker = function_body(ast.parse("lambda: 0", mode="eval").body, self.notes)  # type: ignore[arg-type]
        for child in ast.walk(node.value):
            if isinstance(child, ast.Name) and child.id not in type_params(node):
                walker.reads.setdefault(child.id, child.lineno)
        self.defer(walker)

    # Imports -------------------------------------------------------------------------------------------------------

    def visit_Import(self, node: ast.Import) -> None:
        self.notes.note_import(node, now=True, optional=self.guarded > 0)
        for alias in node.names:
            self.store(alias.asname or alias.name.partition(".")[0], node.lineno)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.notes.note_import(node, now=True, optional=self.guarded > 0)
        for alias in node.names:
            if alias.name != "*":
                self.store(alias.asname or alias.name, node.lineno)
                continue
            names = self.star(node.module) if self.star and node.module else None
            if names is None:
                self.unknown_star = True
            for name in names or ():
                self.store(name, node.lineno)


def _never_empty(node: ast.expr) -> bool:
    """Whether a loop over ``node`` runs at least once: a literal with elements, ``range`` of a positive number."""
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return any(not isinstance(e, ast.Starred) for e in node.elts)
    if isinstance(node, ast.Constant):
        return bool(node.value)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        if node.func.id == "enumerate" and node.args:
            return _never_empty(node.args[0])
        if node.func.id == "range" and len(node.args) <= 2:
            values = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, int)]
            return len(values) == len(node.args) and len(range(*values)) > 0
    return False


def _caught(handler: ast.ExceptHandler) -> set[str]:
    """Names of the exceptions that a handler takes; '' for a bare ``except``."""
    if handler.type is None:
        return {""}
    nodes = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return {dotted(node).rpartition(".")[2] for node in nodes}


def _irrefutable(pattern: ast.pattern) -> bool:
    if isinstance(pattern, ast.MatchAs):
        return pattern.pattern is None or _irrefutable(pattern.pattern)
    return isinstance(pattern, ast.MatchOr) and any(_irrefutable(p) for p in pattern.patterns)
