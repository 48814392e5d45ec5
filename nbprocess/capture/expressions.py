"""What expressions do to names: conditions, comprehensions, definitions of functions, calls, magics. Pure.

May import: this room's pure modules, the worker's ``compiling``, the standard library.
"""

from __future__ import annotations

import ast
from typing import Any

from ..worker import compiling
from . import magics, strings
from .deferred import Body, FunctionNode, function_body, immediate, type_params
from .nameflow import Names
from .notes import history_key, is_namespace_call, namespace_key
from .state import State, dead, join


class Expressions(Names):
    """The walk through expressions."""

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
            self._namespace_itself(node.comparators[0])
            self.load(node.left.value, node.lineno, maybe=True, existence=True)
            return
        self.visit(node.left)
        self.visit(node.comparators[0])
        for value in node.comparators[1:]:  # evaluated only while the comparisons before hold
            before = self.state.fork()
            self.visit(value)
            self.state = join([before, self.state])

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

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.defer(self._define(node))

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
        self.notes.note_subscript(node)
        key = namespace_key(node, module_level=not self.classes)
        history = history_key(node)
        if history is not None and isinstance(node.ctx, ast.Load):
            self.load(history, node.lineno)
            return
        if key is None:
            self.generic_visit(node)
            return
        self._namespace_itself(node.value)
        if isinstance(node.ctx, ast.Load):
            self.load(key, node.lineno)
        elif isinstance(node.ctx, ast.Store):
            self.store(key, node.lineno)
        else:
            self.delete(key, node.lineno)

    def _namespace_itself(self, node: ast.expr) -> None:
        """What the namespace is asked of: ``shell`` in ``shell.user_ns``."""
        if isinstance(node, ast.Attribute):
            self.visit(node.value)

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
        self._namespace_itself(func.value)
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
            tree = compiling.parse((self.notes.transform or magics.plain)(text))
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
