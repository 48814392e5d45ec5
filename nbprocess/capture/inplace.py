"""Which of its inputs a cell changes in place, as far as its text tells. May import: the worker's
``compiling``, the standard library.

For cells in the background: a later cell that reads such an input waits for the job. What is missed here (a library's
function that changes its argument) is found when the job ends, and told.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
import types
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ..worker import compiling


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


_METHODS = _words(
    # list, dict, set, deque, bytearray
    "append extend insert remove pop clear sort reverse update setdefault popitem add discard difference_update",
    "intersection_update symmetric_difference_update appendleft extendleft popleft rotate",
    # NumPy; pandas has ``inplace=True`` for the rest
    "fill itemset partition put resize setflags setfield",
    # estimators, networks, generators, files
    "fit fit_transform fit_predict partial_fit set_params compile train eval step zero_grad backward load_state_dict",
    "seed shuffle write writelines read readline close send",
)
"""Methods that change the object that they are called on."""

_FUNCTIONS = _words(
    "shuffle heappush heappop heapify heapreplace heappushpop insort insort_left insort_right setattr delattr next",
    "copyto place putmask fill_diagonal",
)
"""Functions that change their first argument."""

_VIEWS = _words("get items values iterrows ravel reshape view transpose squeeze detach numpy")
"""Methods whose result leads to the object that they are called on."""

_PASSES_ON = _words("enumerate zip reversed iter next getattr asarray memoryview")
"""Functions whose result leads to their arguments."""

_DEPTH = 3
"""How many of the notebook's own functions are followed into one another."""


def changed_in_place(code: str, namespace: Mapping[str, Any], names: Collection[str]) -> set[str]:
    """Inputs that running ``code`` changes in place.

    Args:
        code: the cell's Python, after IPython's transform.
        namespace: the kernel's; the notebook's own functions that the code calls are looked into.
        names: the inputs.
    """
    try:
        tree = compiling.parse(code)
    except SyntaxError:
        return set()
    return _Reader(namespace, _DEPTH).read(tree) & set(names)


class _Reader(ast.NodeVisitor):
    """Collects the names at the root of whatever is changed; the order of the statements is not looked at."""

    def __init__(self, namespace: Mapping[str, Any], depth: int) -> None:
        self._namespace, self._depth = namespace, depth
        self._changed: set[str] = set()
        self._aliases: dict[str, set[str]] = {}

    def read(self, tree: ast.AST) -> set[str]:
        """The names that are changed, and those that they stand for."""
        self.visit(tree)
        found, waiting = set(self._changed), list(self._changed)
        while waiting:
            for name in self._aliases.get(waiting.pop(), ()):
                if name not in found:
                    found.add(name)
                    waiting.append(name)
        return found

    # -- other names for the same object -----------------------------------------------------------------------------

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._alias(target, node.value)
        self.generic_visit(node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self._alias(node.target, node.value)
        self.generic_visit(node)

    def visit_For(self, node: ast.For) -> None:
        self._alias(node.target, node.iter)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self._alias(node.target, node.iter)
        self.generic_visit(node)

    def visit_withitem(self, node: ast.withitem) -> None:
        if node.optional_vars is not None:
            self._alias(node.optional_vars, node.context_expr)
        self.generic_visit(node)

    def _alias(self, target: ast.AST, value: ast.AST) -> None:
        roots = set(_roots(value))
        for name in (n.id for n in ast.walk(target) if isinstance(n, ast.Name)):
            self._aliases.setdefault(name, set()).update(roots - {name})

    # -- changes -----------------------------------------------------------------------------------------------------

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if not isinstance(node.ctx, ast.Load):
            self._changed.update(_roots(node))
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if not isinstance(node.ctx, ast.Load):
            self._changed.update(_roots(node))
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._changed.update(_roots(node.target))
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        function = node.func
        if isinstance(function, ast.Attribute):
            in_place = function.attr.endswith("_") and not function.attr.startswith("_")  # torch: add_, zero_
            if function.attr in _METHODS or in_place or self._moves(function.value) or _inplace(node):
                self._changed.update(_roots(function.value))
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        if name in _FUNCTIONS and node.args:
            self._changed.update(_roots(node.args[0]))
        if isinstance(function, ast.Name):
            self._follow(function.id, node)
        self.generic_visit(node)

    def _moves(self, value: ast.AST) -> bool:
        """Whether any call of a method moves the object on: random generators, iterators."""
        if not isinstance(value, ast.Name):
            return False
        kind = type(self._namespace.get(value.id))
        return kind.__module__.startswith(("numpy.random", "random")) or hasattr(kind, "__next__")

    def _follow(self, name: str, call: ast.Call) -> None:
        """Into a function of the notebook: the globals and the arguments that it changes."""
        function = self._namespace.get(name)
        if not isinstance(function, types.FunctionType) or function.__module__ != "__main__" or not self._depth:
            return
        try:
            tree = compiling.parse(textwrap.dedent(inspect.getsource(function)))
        except (OSError, TypeError, SyntaxError):  # made by exec, a lambda in the middle of a line
            return
        inside = _Reader(self._namespace, self._depth - 1).read(tree)
        parameters = list(inspect.signature(function).parameters)
        given = dict(zip(parameters, call.args, strict=False))
        given.update({word.arg: word.value for word in call.keywords if word.arg})
        for parameter in inside & set(parameters):
            if parameter in given:
                self._changed.update(_roots(given[parameter]))
        self._changed |= inside - set(function.__code__.co_varnames)


def _inplace(call: ast.Call) -> bool:
    """``inplace=True``, as pandas has it; any other value may be true too."""
    return any(
        word.arg == "inplace" and not (isinstance(word.value, ast.Constant) and not word.value.value)
        for word in call.keywords
    )


def _roots(node: ast.AST) -> Iterator[str]:
    """The names whose objects an expression may lead to: ``a`` of ``a.b[0]``, ``rows`` of ``enumerate(rows)``."""
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, (ast.Attribute, ast.Subscript, ast.Starred, ast.Await)):
        yield from _roots(node.value)
    elif isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and node.func.attr in _VIEWS:
            yield from _roots(node.func.value)
        elif getattr(node.func, "attr", getattr(node.func, "id", "")) in _PASSES_ON:
            for argument in node.args:
                yield from _roots(argument)
    elif isinstance(node, (ast.Tuple, ast.List)):
        for item in node.elts:
            yield from _roots(item)
    elif isinstance(node, ast.IfExp):
        yield from _roots(node.body)
        yield from _roots(node.orelse)
    elif isinstance(node, ast.BoolOp):
        for item in node.values:
            yield from _roots(item)
