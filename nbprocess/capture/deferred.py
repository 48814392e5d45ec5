"""What the body of a function or lambda reads from outside, whenever it will be called. Pure.

Python's function scopes do not depend on order, so one walk collects what is local and what is not. Everything that is
noted along the way (calls, strings, imports) goes to a ``Notes``, shared with the flow analysis.

May import: this room's ``notes``, the standard library.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field

from .notes import Notes, namespace_key

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass
class Body:
    """Outside names of a deferred body: name → line of its first read; names it binds or deletes through ``global``."""

    reads: dict[str, int] = field(default_factory=dict)
    binds: set[str] = field(default_factory=set)
    deletes: set[str] = field(default_factory=set)


def mangle(name: str, owner: str) -> str:
    """The name as Python stores it inside class ``owner`` (``__x`` becomes ``_C__x``)."""
    if not owner or not name.startswith("__") or name.endswith("__"):
        return name
    stripped = owner.lstrip("_")
    return f"_{stripped}{name}" if stripped else name


def parameters(node: FunctionNode) -> list[ast.arg]:
    """All parameters of a function."""
    a = node.args
    return [*a.posonlyargs, *a.args, *a.kwonlyargs, *([a.vararg] if a.vararg else []), *([a.kwarg] if a.kwarg else [])]


def immediate(node: FunctionNode, annotations: bool) -> list[ast.expr]:
    """What is evaluated when the function is defined: decorators, defaults and (unless deferred) annotations."""
    found: list[ast.expr] = list(getattr(node, "decorator_list", []))
    found += [*node.args.defaults, *(d for d in node.args.kw_defaults if d is not None)]
    if annotations:
        found += [a.annotation for a in parameters(node) if a.annotation is not None]
        returns = getattr(node, "returns", None)
        found += [returns] if returns is not None else []
    return found


def type_params(node: ast.AST) -> list[str]:
    """Names of the type parameters of a definition (Python 3.12 and later)."""
    return [p.name for p in getattr(node, "type_params", [])]


def function_body(node: FunctionNode, notes: Notes, owner: str = "") -> Body:
    """What the body of ``node`` reads and binds outside of itself; ``owner`` is the class it stands in."""
    walker = _Function(notes, owner)
    walker.enter(node)
    return walker.close()


class _Function(ast.NodeVisitor):
    """One function scope; nested scopes are walkers of their own whose free names come back to this one."""

    def __init__(self, notes: Notes, owner: str) -> None:
        self.notes = notes
        self.owner = owner
        self.locals: set[str] = set()
        self.loads: dict[str, int] = {}
        self.globals: set[str] = set()
        self.nonlocals: set[str] = set()
        self.hidden: list[set[str]] = []  # targets of the comprehensions around
        self.body = Body()

    def enter(self, node: FunctionNode) -> None:
        self.locals.update(mangle(a.arg, self.owner) for a in parameters(node))
        self.locals.update(type_params(node))
        body: Iterable[ast.AST] = [node.body] if isinstance(node, ast.Lambda) else node.body
        for child in body:
            self.visit(child)

    def close(self) -> Body:
        own = self.locals - self.globals - self.nonlocals
        for name, line in self.loads.items():
            if name not in own:
                self.body.reads.setdefault(name, line)
        return self.body

    def load(self, name: str, line: int) -> None:
        name = mangle(name, self.owner)
        if any(name in names for names in self.hidden):
            return
        if name in self.globals:
            self.body.reads.setdefault(name, line)
        else:
            self.loads.setdefault(name, line)

    def store(self, name: str, line: int) -> None:
        name = mangle(name, self.owner)
        if name in self.globals:
            self.body.binds.add(name)
        elif name in self.nonlocals:
            self.loads.setdefault(name, line)
        else:
            self.locals.add(name)

    def absorb(self, inner: Body) -> None:
        for name, line in inner.reads.items():
            if not any(name in names for names in self.hidden):
                self.loads.setdefault(name, line)
        self.body.binds |= inner.binds
        self.body.deletes |= inner.deletes

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self.load(node.id, node.lineno)
        elif isinstance(node.ctx, ast.Store):
            self.store(node.id, node.lineno)
        else:
            name = mangle(node.id, self.owner)
            if name in self.globals:
                self.body.deletes.add(name)
                self.body.reads.setdefault(name, node.lineno)
            else:
                self.store(node.id, node.lineno)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self.load(node.target.id, node.lineno)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        # Annotations of local variables are not evaluated.
        self.visit(node.target)
        if node.value is not None:
            self.visit(node.value)

    def visit_Global(self, node: ast.Global) -> None:
        self.globals.update(mangle(name, self.owner) for name in node.names)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        self.nonlocals.update(mangle(name, self.owner) for name in node.names)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for child in immediate(node, annotations=not self.notes.deferred_annotations):
            self.visit(child)
        self.store(node.name, node.lineno)
        self.absorb(function_body(node, self.notes, self.owner))

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for child in immediate(node, annotations=False):
            self.visit(child)
        self.absorb(function_body(node, self.notes, self.owner))

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for child in [*node.decorator_list, *node.bases, *(k.value for k in node.keywords)]:
            self.visit(child)
        walker = _Class(self.notes, node.name)
        walker.locals.update(type_params(node))
        walker.locals.update(("__module__", "__qualname__"))
        for statement in node.body:
            walker.visit(statement)
        self.absorb(walker.body)
        self.store(node.name, node.lineno)

    def visit_comprehension_like(self, node: ast.expr) -> None:
        generators: list[ast.comprehension] = node.generators  # type: ignore[attr-defined]
        self.visit(generators[0].iter)
        self.hidden.append({n.id for g in generators for n in ast.walk(g.target) if isinstance(n, ast.Name)})
        for i, generator in enumerate(generators):
            if i:
                self.visit(generator.iter)
            self._target_reads(generator.target)
            for test in generator.ifs:
                self.visit(test)
        for part in ("key", "value", "elt"):
            if hasattr(node, part):
                self.visit(getattr(node, part))
        self.hidden.pop()

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_comprehension_like

    def _target_reads(self, target: ast.expr) -> None:
        """A comprehension's target may be ``o.a`` or ``d[k]``, which read ``o``, ``d`` and ``k``."""
        for child in ast.walk(target):
            if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Load):
                self.load(child.id, child.lineno)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self.store(node.name, node.lineno)
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        if node.name:
            self.store(node.name, node.lineno)
        self.generic_visit(node)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        if node.name:
            self.store(node.name, node.lineno)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        if node.rest:
            self.store(node.rest, node.lineno)
        self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        self.notes.note_import(node, now=False)
        for alias in node.names:
            self.store(alias.asname or alias.name.partition(".")[0], node.lineno)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.notes.note_import(node, now=False)
        for alias in node.names:
            if alias.name != "*":
                self.store(alias.asname or alias.name, node.lineno)

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):  # a docstring names nothing
            self.visit(node.value)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self.notes.note_string(node.value, node.lineno)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.notes.note_attribute(node)
        self.visit(node.value)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self.notes.note_subscript(node)
        key = namespace_key(node, module_level=False)
        if key is None:
            self.generic_visit(node)
            return
        if isinstance(node.value, ast.Attribute):  # ``shell.user_ns``
            self.visit(node.value.value)
        if isinstance(node.ctx, ast.Store):
            self.body.binds.add(key)
        else:
            self.body.reads.setdefault(key, node.lineno)

    def visit_Call(self, node: ast.Call) -> None:
        code = self.notes.note_call(node, now=False, shadowed=self._shadowed)
        for tree in code:
            self.visit(tree)
        self.generic_visit(node)

    def _shadowed(self, name: str) -> bool:
        return name in self.locals or any(name in names for names in self.hidden)


class _Class(_Function):
    """A class body inside a function: it runs in order, and its names are not seen by its methods."""

    def load(self, name: str, line: int) -> None:
        name = mangle(name, self.owner)
        if name not in self.locals and not any(name in names for names in self.hidden):
            self.body.reads.setdefault(name, line)

    def absorb(self, inner: Body) -> None:
        for name, line in inner.reads.items():
            self.body.reads.setdefault(name, line)
        self.body.binds |= inner.binds
        self.body.deletes |= inner.deletes

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self.visit(target)
