"""The rest of a generator function behind one of its ``yield`` expressions, as a function of its own: made of the
syntax tree, so that any version of Python can go on where another one stopped.

The ``yield`` must stand by itself or be what is assigned; the loops, branches, ``try`` and ``with`` blocks around it
are entered again, loops with the iterators that they had. May import: the standard library, this folder.
"""

from __future__ import annotations

import ast
import copy
import types
from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple

from .source import Statement, codes_in

Position = Tuple[int, int, int, int]
PREFIX = "_nbprocess_"
"""Before the names that the rest has and the generator had not."""
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_SCOPES = (*_FUNCTIONS, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_YIELDS = (ast.Yield, ast.YieldFrom)
_PLACES = (ast.Expr, ast.Assign, ast.AnnAssign, ast.Return)
"""Statements that have nothing in hand while their value is asked for."""


class Going:
    """An iterator of a loop that is entered in its midst, or that ``yield from`` is at: what it gives first is not
    looked at."""

    def __init__(self, inner: Any) -> None:
        self.inner, self._begun = inner, False

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        if not self._begun:
            self._begun = True
            return None
        return next(self.inner)

    def send(self, value: Any) -> Any:
        """As a generator has it."""
        return self.inner.send(value)

    def throw(self, *given: Any) -> Any:
        """As a generator has it."""
        if not hasattr(self.inner, "throw"):
            raise given[0]
        return self.inner.throw(*given)

    def close(self) -> None:
        """As a generator has it."""
        if hasattr(self.inner, "close"):
            self.inner.close()


class Leaving:
    """What a ``with`` block that is entered in its midst calls at its end."""

    def __init__(self, leave: Any) -> None:
        self.inner = leave

    def __enter__(self) -> None:
        pass

    def __exit__(self, *given: Any) -> Any:
        return self.inner(*given)


class Unsuited(Exception):
    """The ``yield`` stands where nothing can be entered again."""


def position_of(node: Any) -> Position:
    """Where an expression stands."""
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset


def function_at(statement: Statement, name: str, line: int) -> ast.FunctionDef:
    """The ``def`` of this name that begins at this line.

    Raises:
        Unsuited: there is none, or more than one.
    """
    found = [
        node
        for node in ast.walk(statement.tree())
        if isinstance(node, ast.FunctionDef)
        and node.name == name
        and min([node.lineno, *(part.lineno for part in node.decorator_list)]) == line
    ]
    if len(found) != 1:
        raise Unsuited
    return found[0]


def yields_in(function: ast.FunctionDef) -> List[Any]:
    """The ``yield`` and ``yield from`` expressions of a function, without those of functions inside of it."""
    return [node for node in _own(function.body) if isinstance(node, _YIELDS)]


def _own(nodes: Iterable[ast.AST]) -> Iterable[ast.AST]:
    for node in nodes:
        yield node
        if not isinstance(node, _SCOPES):
            yield from _own(ast.iter_child_nodes(node))


class Rest:
    """What is left of a generator function from a ``yield`` on.

    Raises:
        Unsuited: the ``yield`` stands where nothing can be entered again.
    """

    def __init__(self, function: ast.FunctionDef, target: Any) -> None:
        self._delegates = isinstance(target, ast.YieldFrom)
        self.iterators = 0
        """How many blocks around the ``yield`` hold something: the iterator of a loop, the end of a ``with`` block."""
        self._leaving: List[int] = []
        self._summed: List[int] = []
        self._target: Any = target
        self._flags: List[str] = []
        self._function = function
        if target not in _own(function.body) or _is_mangled(function):
            raise Unsuited
        self._body = self._block(function.body)

    def compile(self, statement: Statement, values: Sequence[str], cells: Sequence[str]) -> types.CodeType:
        """The code of a function over the cells; it takes the values, the flags of its loops, what its blocks hold.

        Raises:
            Unsuited: what ``super()`` needs is not where it looks for it.
        """
        first = [part.arg for part in (*self._function.args.posonlyargs, *self._function.args.args)][:1]
        if "__class__" in cells and first != list(values)[:1]:
            raise Unsuited
        declared = [node for node in _own(self._function.body) if isinstance(node, (ast.Global, ast.Nonlocal))]
        told = {given for node in declared for given in node.names}
        head: List[Any] = [type(node)(names=list(node.names)) for node in declared]
        beyond = [cell for cell in cells if cell not in told]
        if beyond:
            head.append(ast.Nonlocal(names=beyond))
        unbound = [given for given in _bound(self._function) if given not in {*told, *values, *cells}]
        if unbound:  # they are the function's own all the same
            nothing: Any = ast.Assign(targets=[_name(given, ast.Store()) for given in unbound], value=_constant(None))
            head.append(ast.If(test=_constant(False), body=[nothing], orelse=[]))
        blocks = [f"{PREFIX}block_{number}" for number in range(self.iterators)]
        inner = _function(PREFIX + "rest", [*values, *self._flags, *blocks], [*head, *self._body])
        inner = _like(self._function, inner)
        outer = _function(PREFIX + "around", list(cells), [inner])
        tree = ast.Module(body=[outer], type_ignores=[])
        for node in ast.walk(tree):
            if not hasattr(node, "lineno") and isinstance(node, (ast.stmt, ast.expr, ast.arg, ast.excepthandler)):
                ast.copy_location(node, self._target)
        whole = compile(
            ast.fix_missing_locations(tree), statement.filename, "exec", flags=statement.flags, dont_inherit=True
        )
        code = next(part for part in codes_in(whole) if part.co_name == PREFIX + "rest")
        found: Any = code.replace(co_name=self._function.name)
        return found  # type: ignore[no-any-return]

    @property
    def flags(self) -> int:
        """How many loops begin in their midst."""
        return len(self._flags)

    def entered(self, blocks: Sequence[Any]) -> List[Any]:
        """What the blocks are given for what they had."""
        ways: Dict[int, Any] = {
            **dict.fromkeys(self._leaving, Leaving),
            **dict.fromkeys(self._summed, lambda part: part),
        }
        return [ways.get(number, Going)(part) for number, part in enumerate(blocks)]

    def _held(self) -> ast.expr:
        self.iterators += 1
        return _name(f"{PREFIX}block_{self.iterators - 1}")

    def _is_in(self, body: Sequence[ast.stmt]) -> bool:
        return self._target in _own(body)

    def _block(self, *blocks: Sequence[ast.stmt]) -> List[ast.stmt]:
        """What is left of the block with the ``yield`` when that has given its value."""
        for body in blocks:
            for number, statement in enumerate(body):
                if self._is_in([statement]):
                    return [*self._statement(statement), *body[number + 1 :]]
        raise Unsuited

    def _statement(self, node: Any) -> List[ast.stmt]:
        if isinstance(node, _PLACES) and self._target is node.value:
            again: Any = copy.copy(node)
            value: Any = ast.YieldFrom(value=self._held()) if self._delegates else ast.Yield(value=None)
            again.value = _like(self._target, value)
            return [again]
        if isinstance(node, ast.AugAssign) and self._target is node.value and isinstance(node.target, ast.Name):
            self._summed.append(self.iterators)
            held: Any = self._held()  # what the name had before
            value = ast.YieldFrom(value=self._held()) if self._delegates else ast.Yield(value=None)
            summed = ast.AugAssign(target=_name(held.id, ast.Store()), op=node.op, value=_like(self._target, value))
            return [_like(node, summed), _like(node, ast.Assign(targets=[node.target], value=held))]
        if isinstance(node, (ast.For, ast.While)):
            return self._loop(node)
        if isinstance(node, ast.If):
            return self._block(node.body, node.orelse)
        if hasattr(ast, "Match") and isinstance(node, ast.Match):
            return self._block(*(case.body for case in node.cases))
        if isinstance(node, ast.Try):
            return self._try(node)
        if isinstance(node, ast.With):
            self._leaving += range(self.iterators, self.iterators + len(node.items))
            items = [ast.withitem(context_expr=self._held(), optional_vars=None) for _ in node.items]
            return [_like(node, ast.With(items=items, body=self._block(node.body), type_comment=None))]
        raise Unsuited

    def _loop(self, node: Any) -> List[ast.stmt]:
        if not self._is_in(node.body):
            return self._block(node.orelse)
        flag = f"{PREFIX}first_{len(self._flags)}"
        self._flags.append(flag)
        iterator: Any = self._held() if isinstance(node, ast.For) else None
        rest = self._block(node.body)
        again: List[ast.stmt] = list(node.body)
        item = flag.replace("first", "item")
        if isinstance(node, ast.For):
            again.insert(0, _like(node.target, ast.Assign(targets=[node.target], value=_name(item))))
        cleared = ast.Assign(targets=[_name(flag, ast.Store())], value=_constant(False))
        body: List[Any] = [ast.If(test=_name(flag), body=[cleared, *rest], orelse=again)]
        if isinstance(node, ast.While):
            test = ast.BoolOp(op=ast.Or(), values=[_name(flag), node.test])
            return [_like(node, ast.While(test=test, body=body, orelse=node.orelse))]
        target = _name(item, ast.Store())
        return [_like(node, ast.For(target=target, iter=iterator, body=body, orelse=node.orelse, type_comment=None))]

    def _try(self, node: ast.Try) -> List[ast.stmt]:
        inside = self._is_in(node.body)  # else behind it, where its handlers do not count; in those nothing is entered
        body = self._block(node.body, node.orelse)
        handlers, orelse = (node.handlers, node.orelse) if inside else ([], [])
        if not handlers and not node.finalbody:
            return body
        return [_like(node, ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=node.finalbody))]


def _bound(function: ast.FunctionDef) -> List[str]:
    """The names that a function binds in its own scope."""
    given = function.args
    found = [
        part.arg for part in (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg) if part
    ]
    for node in _own(function.body):
        if isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
            found.append(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.append(node.name)
        elif isinstance(node, ast.alias):
            found.append(node.asname or node.name.split(".")[0])
        elif isinstance(node, ast.ExceptHandler) and node.name:
            found.append(node.name)
    return list(dict.fromkeys(found))


def _is_mangled(function: ast.FunctionDef) -> bool:
    """Whether names stand in it that mean others inside of a class."""
    names = [getattr(node, field, "") for node in ast.walk(function) for field in ("id", "attr", "arg")]
    return any(isinstance(name, str) and name.startswith("__") and not name.endswith("__") for name in names)


def _function(name: str, parameters: List[str], body: List[ast.stmt]) -> ast.FunctionDef:
    arguments = [ast.arg(arg=given, annotation=None) for given in parameters]
    empty: Dict[str, Any] = {"posonlyargs": [], "vararg": None, "kwonlyargs": [], "kw_defaults": [], "kwarg": None}
    made: Any = ast.FunctionDef(
        name=name,
        args=ast.arguments(args=arguments, defaults=[], **empty),
        body=body,
        decorator_list=[],
        returns=None,
        type_comment=None,
    )
    if "type_params" in ast.FunctionDef._fields:
        made.type_params = []
    found: ast.FunctionDef = made
    return found


def _name(name: str, context: Optional[ast.expr_context] = None) -> ast.Name:
    return ast.Name(id=name, ctx=context or ast.Load())


def _constant(value: Any) -> ast.Constant:
    return ast.Constant(value=value)


def _like(old: Any, new: Any) -> Any:
    return ast.copy_location(new, old)
