"""The walk over a cell in the order in which it runs, with what is definitely assigned at each point. Pure.

May import: this room's pure modules, the standard library.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from . import magics, strings
from .deferred import Body, FunctionNode, function_body, immediate, mangle, type_params
from .notes import Notes, dotted, history_key, is_namespace_call, namespace_key
from .state import State, dead, join

# Context managers that let exceptions through: after them, what their block assigned is assigned. Any other may
# swallow an exception (contextlib.suppress, pytest.raises), so that its block may have ended half-way.
_TRANSPARENT = frozenset(
    ["open", "closing", "redirect_stdout", "redirect_stderr", "nullcontext", "no_grad", "inference_mode", "autocast", "catch_warnings", "errstate", "option_context", "printoptions", "rc_context", "context", "style", "Pool", "ThreadPool", "ThreadPoolExecutor", "ProcessPoolExecutor", "Parallel", "parallel_backend", "config_context", "ZipFile", "TarFile", "TemporaryDirectory", "NamedTemporaryFile", "TemporaryFile", "urlopen", "Session", "connect", "Lock", "RLock", "lock", "tqdm", "trange", "Progress", "Live", "Image", "scope", "device", "strategy", "localcontext", "chdir", "ExcelFile", "ExcelWriter", "HDFStore", "File", "GradientTape", "enable_grad", "Console", "patch", "Client", "start_run"]
)


class Flow(ast.NodeVisitor):
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
        self.classes: list[str] = []
        self.class_globals: list[set[str]] = []
        self.unknown_star = False
        self.silent = 0  # code that runs in a function of its own (%timeit): it binds nothing here
        self.comprehension_class = 0

    def run(self, body: Sequence[ast.stmt]) -> None:
        """Walk a cell, then resolve the functions that it only defined."""
        self.block(body)
        for name in list(self.pending):
            self.activate(name)

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
        weak = maybe or name in self.state.possible or self.unknown_star or self.unlikely > 0
        self.read(name, "maybe" if weak else "must", line, certain=not weak and not self.branches, existence=existence)

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

    def test(self, node: ast.expr) -> tuple[State, State]:
        """Evaluate a condition: the states where it holds and where it does not."""
        if isinstance(node, ast.Constant):
            return (self.state, dead()) if node.value else (dead(), self.state)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yes, no = self.test(node.operand)
            return no, yes
        if isinstance(node, ast.BoolOp):
            conjunction = isinstance(node.op, ast.And)
            ends: list[State] = []
            for value in node.values:
                yes, no = self.test(value)
                ends.append(no.fork() if conjunction else yes.fork())
                self.state = (yes if conjunction else no).fork()
                self.branches += 1
            self.branches -= len(node.values)
            return (self.state, join(ends)) if conjunction else (join(ends), self.state)
        is_main = (
            isinstance(node, ast.Compare)
            and isinstance(node.left, ast.Name)
            and node.left.id == "__name__"
            and isinstance(node.ops[0], ast.Eq)
            and isinstance(node.comparators[0], ast.Constant)
            and node.comparators[0].value == "__main__"
        )
        if is_main:  # always so in a notebook
            return self.state, dead()
        self.visit(node)
        return self.state.fork(), self.state.fork()

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        self.state = join(self.test(node))

    def visit_IfExp(self, node: ast.IfExp) -> None:
        yes, no = self.test(node.test)
        ends: list[State] = []
        for state, value in ((yes, node.body), (no, node.orelse)):
            if state.live:
                self.state = state
                self.branches += 1
                self.visit(value)
                self.branches -= 1
                ends.append(self.state)
        self.state = join(ends)

    def visit_Compare(self, node: ast.Compare) -> None:
        if (
            isinstance(node.left, ast.Constant)
            and isinstance(node.left.value, str)
            and isinstance(node.ops[0], (ast.In, ast.NotIn))
            and is_namespace_call(node.comparators[0], module_level=not self.classes)
        ):
            self.load(node.left.value, node.lineno, maybe=True, existence=True)
            return
        self.visit(node.left)
        self.visit(node.comparators[0])
        for value in node.comparators[1:]:  # evaluated only while the comparisons before hold
            before = self.state.fork()
            self.visit(value)
            self.state = join([before, self.state])

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self.visit(node.iter)
        runs = _never_empty(node.iter)
        before = self.state.fork()
        self.loops.append(([], []))
        self.branches += not runs
        self.visit(node.target)
        self.block(node.body)
        self.branches -= not runs
        breaks, continues = self.loops.pop()
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
        self.loops.append(([], []))
        self.state = yes
        self.branches += not always
        self.block(node.body)
        self.branches -= not always
        breaks, continues = self.loops.pop()
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
                certain = False
                failed = join([failed, no])
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

    def _define(self, node: FunctionNode) -> Body:
        """What runs when a function is defined; returns its deferred body."""
        parameters = set(type_params(node))
        if parameters:
            self.hidden.append(parameters)
        for child in immediate(node, annotations=not self.notes.deferred_annotations):
            self.visit(child)
        if parameters:
            self.hidden.pop()
        body = function_body(node, self.notes, self.classes[-1] if self.classes else "")
        for names in self.hidden:
            for name in names & set(body.reads):
                del body.reads[name]
        return body

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

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.defer(self._define(node))

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

    # Expressions ---------------------------------------------------------------------------------------------------

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        if not self.hidden:
            self.store(node.target.id, node.lineno)
            return
        # Inside a comprehension: bound outside of it, if it runs at all.
        self.state.possible.add(node.target.id)
        self.binds.setdefault(node.target.id, node.lineno)

    def comprehension(self, node: Any) -> None:
        generators: list[ast.comprehension] = node.generators
        self.visit(generators[0].iter)
        before = self.state.fork()
        walrus = {n.target.id for n in ast.walk(node) if isinstance(n, ast.NamedExpr)}
        targets = {
            n.id
            for g in generators
            for n in ast.walk(g.target)
            if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        }
        self.hidden.append(targets)
        self.comprehension_class += 1
        self.branches += 1
        for name in walrus - targets:  # within the comprehension the walrus comes first in all but odd cases
            for child in ast.walk(node):
                if isinstance(child, ast.Name) and child.id == name and isinstance(child.ctx, ast.Load):
                    self.load(name, child.lineno, maybe=True)
            self.state.settled.add(name)
        lazy = isinstance(node, ast.GeneratorExp)
        reads_before = dict(self.reads)
        for i, generator in enumerate(generators):
            if i:
                self.visit(generator.iter)
            for child in ast.walk(generator.target):
                if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Load):
                    self.load(child.id, child.lineno)
            for test in generator.ifs:
                self.visit(test)
        for part in ("key", "value", "elt"):
            if hasattr(node, part):
                self.visit(getattr(node, part))
        if lazy and not getattr(node, "consumed", False):
            for name, (_, line, _, existence) in list(self.reads.items()):
                if name not in reads_before:
                    self.reads[name] = ("maybe", line, False, existence)
        self.branches -= 1
        self.comprehension_class -= 1
        self.hidden.pop()
        possible = self.state.possible
        self.state = before
        self.state.possible |= possible
        for name in walrus:
            self.state.possible.add(name)
            self.binds.setdefault(name, node.lineno)

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = comprehension

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self.notes.note_string(node.value, node.lineno)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.notes.note_attribute(node)
        self.visit(node.value)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        key = namespace_key(node, module_level=not self.classes)
        history = history_key(node)
        if history is not None and isinstance(node.ctx, ast.Load):
            self.load(history, node.lineno)
        elif key is None:
            self.generic_visit(node)
        elif isinstance(node.ctx, ast.Load):
            self.load(key, node.lineno)
        elif isinstance(node.ctx, ast.Store):
            self.store(key, node.lineno)
        else:
            self.delete(key, node.lineno)

    def visit_Call(self, node: ast.Call) -> None:
        if self._namespace_method(node) or self._formatted(node):
            return
        for argument in node.args:
            if isinstance(argument, ast.GeneratorExp):
                argument.consumed = True  # type: ignore[attr-defined]
        known = len(self.notes.magics)
        code = self.notes.note_call(node, now=True, shadowed=lambda name: name in self.state.settled)
        if len(self.notes.magics) > known:
            self.magic(self.notes.magics[-1])
            return
        self.generic_visit(node)
        for tree in code:
            self.visit(tree)

    def _namespace_method(self, node: ast.Call) -> bool:
        """``globals().get('x')`` and ``globals().update(x=1)``."""
        func = node.func
        if not (isinstance(func, ast.Attribute) and is_namespace_call(func.value, module_level=not self.classes)):
            return False
        if func.attr in ("get", "pop", "setdefault", "__getitem__", "__contains__") and node.args:
            key = node.args[0]
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                self.load(key.value, node.lineno, maybe=True)
                if func.attr in ("pop", "setdefault"):
                    self.state.possible.add(key.value)
                    (self.binds if func.attr == "setdefault" else self.deletes).setdefault(key.value, node.lineno)
                for argument in node.args[1:]:
                    self.visit(argument)
                return True
        if func.attr == "update" and node.keywords and not node.args and all(k.arg for k in node.keywords):
            for keyword in node.keywords:
                self.visit(keyword.value)
                self.store(str(keyword.arg), node.lineno)
            return True
        return False

    def _formatted(self, node: ast.Call) -> bool:
        """``'{x}'.format(**locals())``: the fields of the template."""
        func = node.func
        if not (isinstance(func, ast.Attribute) and func.attr == "format" and isinstance(func.value, ast.Constant)):
            return False
        spread = [k.value for k in node.keywords if k.arg is None]
        if not (len(spread) == 1 and is_namespace_call(spread[0], module_level=not self.classes)):
            return False
        fields = strings.format_fields(str(func.value.value))
        if fields is None:
            return False
        for argument in [*node.args, *(k.value for k in node.keywords if k.arg is not None)]:
            self.visit(argument)
        for name in fields - {str(k.arg) for k in node.keywords}:
            self.load(name, node.lineno)
        return True

    def magic(self, magic: magics.Magic) -> None:
        """Walk the code inside a magic and the expressions in its line."""
        looked = magics.looked_at(magic)
        if looked:
            self.load(looked.partition(".")[0], magic.lineno)
            self.notes.attributes.add(looked)
        if magics.shows_namespace(magic):
            self.notes.note_whole(magic.lineno, magic.shown)
        if magic.name == "xdel":
            self.delete(magic.line.split()[-1], magic.lineno)
        if magic.name == "load_ext" and magic.line.strip():
            self.notes.note_import(
                ast.Import([ast.alias(magic.line.split()[0])], lineno=magic.lineno), now=True, optional=True
            )
        if magics.expands(magic):
            expressions, names = strings.expansions(magic.line)
            for expression in expressions:
                ast.increment_lineno(expression, magic.lineno - 1)
                self.branches += 1
                self.visit(expression)
                self.branches -= 1
            for name in names:  # $PATH and the like are the shell's unless such a name exists
                self.notes.note_words({name}, magic.lineno)
        if magic.kind == "cell" and magic.name == "sql":
            self.notes.note_words(strings.words(magic.body), magic.lineno)
        for word in magics.file_words(magic):
            self.notes.note_string(word, magic.lineno)
        code, binding, given = magics.code_of(magic)
        for name in given:
            self.load(name.partition(".")[0], magic.lineno)
        if code.strip():
            self.code(code, magic, binding)
        for name in magics.bound_names(magic):
            self.store(name, magic.lineno)

    def code(self, text: str, magic: magics.Magic, binding: bool) -> None:
        """Walk Python in a magic as a part of the cell."""
        try:
            tree = ast.parse((self.notes.transform or magics.plain)(text))
        except SyntaxError:  # it will be reported when it runs; its words are kept as possible reads
            self.notes.note_words(strings.words(text), magic.lineno)
            return
        ast.increment_lineno(tree, magic.lineno - (magic.kind == "line"))
        if not binding:
            self.silent += 1
            self.hidden.append(set())
        self.block(tree.body)
        if not binding:
            self.hidden.pop()
            self.silent -= 1


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
