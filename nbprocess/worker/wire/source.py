"""Where the source of a notebook's function or class stands: its top-level statement, found through ``linecache``.

May import: the standard library, ``remade``, the worker's ``compiling``.
"""

from __future__ import annotations
import __future__

import abc
import ast
import functools
import linecache
import sys
import types
from dataclasses import dataclass
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple

from ..compiling import parse, unwarned
from .remade import path_text

FLAGS = 0
for _name in __future__.all_feature_names:
    FLAGS |= getattr(__future__, _name).compiler_flag


@dataclass(frozen=True)
class Statement:
    """One top-level statement: its text, where it stood, and the ``__future__`` features in force."""

    text: str
    filename: str
    line: int
    flags: int

    def compile(self) -> types.CodeType:
        """Compile it with its own file name and line numbers."""
        with unwarned():
            code: types.CodeType = compile(self.tree(), self.filename, "exec", flags=self.flags, dont_inherit=True)
        return code

    def sent(self) -> Tuple[str, Any, int, int]:
        """What makes it at the other end, where a file of the job's folder is the notebook's."""
        return self.text, path_text(self.filename), self.line, self.flags

    def tree(self) -> ast.Module:
        """Its syntax tree, with the line numbers of the notebook."""
        tree: ast.Module = parse(self.text)
        ast.increment_lineno(tree, self.line - 1)
        return tree


_parsed: Dict[Tuple[str, int], List[ast.stmt]] = {}


def _statements(filename: str) -> Tuple[List[str], List[ast.stmt]]:
    lines = linecache.getlines(filename)
    text = "".join(lines)
    key = (filename, hash(text))
    if key not in _parsed:
        if len(_parsed) > 4000:
            _parsed.clear()
        try:
            _parsed[key] = parse(text).body
        except SyntaxError:  # not Python: a template, or a cell that was never run whole
            _parsed[key] = []
    return lines, _parsed[key]


def _first_line(statement: ast.stmt) -> int:
    decorators: List[ast.expr] = getattr(statement, "decorator_list", None) or []
    return min([statement.lineno, *(d.lineno for d in decorators)])


def _cut(lines: List[str], statement: ast.stmt, filename: str, flags: int) -> Statement:
    first, last = _first_line(statement), statement.end_lineno or statement.lineno
    text = "".join(lines[first - 1 : last])
    same_line = lines[last - 1].encode()[statement.end_col_offset or 0 :].strip()
    if lines[first - 1][: statement.col_offset].isspace():  # inside a block: a block of its own keeps its indentation
        return Statement("if True:\n" + text, filename, first - 1, flags)
    if statement.col_offset or same_line.startswith(b";"):  # several statements on one line: only this one
        text = ast.get_source_segment("".join(lines), statement) or text
    return Statement(text, filename, first, flags)


def of_code(code: types.CodeType) -> Iterator[Statement]:
    """The top-level statements in whose lines ``code`` begins (several, when they stand on one line)."""
    lines, body = _statements(code.co_filename)
    for statement in body:
        if _first_line(statement) <= code.co_firstlineno <= (statement.end_lineno or statement.lineno):
            yield _cut(lines, statement, code.co_filename, code.co_flags & FLAGS)


def of_class(cls: type) -> Optional[Statement]:
    """The ``class`` statement of a class that was made at the top level of a cell; None where there is none."""
    name = cls.__name__
    if cls.__qualname__ != name:
        return None
    functions = [f for f in map(_function, vars(cls).values()) if f is not None and f.__module__ == cls.__module__]
    # Methods that a decorator or a base made are in no cell (a dataclass's __init__ is in "<string>").
    codes = [f.__code__ for f in functions if linecache.getlines(f.__code__.co_filename)]
    own = [c for c in codes if getattr(c, "co_qualname", f"{name}.{c.co_name}") == f"{name}.{c.co_name}"]
    for code in own:
        lines, body = _statements(code.co_filename)
        for statement in _classes(body):
            if statement.name != name:
                continue
            if _first_line(statement) <= code.co_firstlineno <= (statement.end_lineno or 0):
                return _cut(lines, statement, code.co_filename, code.co_flags & FLAGS)
    if own and hasattr(own[0], "co_qualname"):  # before 3.11 these may be a decorator's (a dataclass's __repr__)
        return None
    # No method of its own: the latest cell that defines a class of this name and with these contents.
    current = getattr(sys.modules["__main__"], name, None) is cls
    found = [statement for statement in _cells_with_class(name) if _may_be(cls, statement)]
    if not found and type(cls) not in (type, abc.ABCMeta):  # a metaclass may take names away (marshmallow's fields)
        found = [statement for statement in _cells_with_class(name) if _may_be(cls, statement, taken=True)]
        if not current and len({statement.text for statement in found}) > 1:
            return None  # which of them made it, nothing tells
    found = [statement for statement in found if _has_methods(cls, statement)] or found  # one may be deleted
    if not current and len(found) > 1:
        found = [statement for statement in found if fits(cls, statement)] or found
    return found[0] if found else None


def _classes(body: Iterable[ast.AST]) -> Iterator[ast.ClassDef]:
    """The classes that a cell makes in its own scope, those in its blocks (``if``, ``try``, ``with``) too."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield node
        elif isinstance(node, (ast.If, ast.Try, ast.With, ast.For, ast.While, ast.ExceptHandler)):
            yield from _classes(ast.iter_child_nodes(node))


def nested(outer: Statement, name: str) -> Optional[Statement]:
    """The ``class`` statement in the body of another one."""
    lines = linecache.getlines(outer.filename)
    for node in _classes(body_of(outer)):
        if node.name == name and len(lines) >= (node.end_lineno or 0):
            return _cut(lines, node, outer.filename, outer.flags)
    return None


def bases_of(statement: Statement) -> List[str]:
    """The names in the list of bases of a ``class`` statement."""
    node: Any = statement.tree().body[0]
    if isinstance(node, ast.If):
        node = node.body[0]
    return [base.id for base in getattr(node, "bases", ()) if isinstance(base, ast.Name)]


def body_of(statement: Statement) -> List[ast.stmt]:
    """What stands in the body of a ``class`` statement."""
    node: Any = statement.tree().body[0]
    if isinstance(node, ast.If):
        node = node.body[0]
    return list(getattr(node, "body", ()))


def stands_in(statement: Statement, code: types.CodeType) -> bool:
    """Whether code begins in the lines of a statement."""
    last = statement.line + statement.text.rstrip("\n").count("\n")
    return code.co_filename == statement.filename and statement.line <= code.co_firstlineno <= last


def is_cells(code: types.CodeType) -> bool:
    """Whether code stands in a cell, not in a file of this machine nor in what a library made up."""
    entry: Any = linecache.cache.get(code.co_filename)
    return entry is not None and len(entry) == 4 and entry[1] is None and not _is_generated(code.co_filename)


def _is_generated(filename: str) -> bool:
    """Whether a library made up the file's name (``attrs``, SymPy's ``lambdify``): another process gives the same name
    to other code."""
    return filename.startswith("<") and not filename.startswith(("<ipython-input-", "<cell"))


def is_decorated(statement: Statement) -> bool:
    """Whether a ``class`` statement has decorators."""
    node: Any = statement.tree().body[0]
    node = node.body[0] if isinstance(node, ast.If) else node
    return bool(node.decorator_list)


def _cells_with_class(name: str) -> Iterator[Statement]:
    """The ``class`` statements of this name in the cells, the latest first."""
    for filename in reversed(_by_age(linecache.cache)):
        entry: Any = linecache.cache[filename]
        if len(entry) != 4 or entry[1] is not None or not any(f"class {name}" in line for line in entry[2]):
            continue  # a lazy entry, or a file on disk: no cell
        lines, body = _statements(filename)
        for statement in reversed(list(_classes(body))):
            if statement.name == name:
                yield _cut(lines, statement, filename, 0)


def _by_age(filenames: Iterable[str]) -> List[str]:
    """Names of cells' files in the order in which the cells ran last: one that runs again with the same text has the
    same name, and its old place in ``linecache``."""
    shell = getattr(sys.modules.get("IPython.core.interactiveshell"), "InteractiveShell", None)
    compiler = getattr(getattr(shell, "_instance", None), "compile", None)
    numbers: Dict[str, int] = getattr(compiler, "_filename_map", {})
    return sorted(filenames, key=lambda name: numbers.get(name, -1))


def _may_be(cls: type, statement: Statement, taken: bool = False) -> bool:
    """Whether the class has the metaclass, the bases and the names that the statement gives: a call may have made it
    (``Enum("Colour", "RED")``), and an earlier statement another one of that name. ``taken``: names may be gone."""
    known: Any = cls
    given: Dict[str, ast.expr] = {}
    for part in body_of(statement):
        targets = part.targets if isinstance(part, ast.Assign) else [getattr(part, "target", None)]
        if isinstance(part, (ast.Assign, ast.AnnAssign)) and part.value is not None:
            given.update({target.id: part.value for target in targets if isinstance(target, ast.Name)})
    if hasattr(cls, "__members__"):
        plain = {name: value.value for name, value in given.items() if isinstance(value, ast.Constant)}
        named = set(given) - {"_ignore_", "_order_", "__order__"} == set(known.__members__)
        return named and all(known.__members__[name]._value_ == value for name, value in plain.items())
    if hasattr(cls, "__orig_bases__") or issubclass(cls, (tuple, dict)):
        return True  # typing makes others of them
    node: Any = statement.tree().body[0]
    node = node.body[0] if isinstance(node, ast.If) else node
    named_bases = [base for base in node.bases if not (isinstance(base, ast.Name) and base.id == "object")]
    if len(named_bases) != len([base for base in cls.__bases__ if base is not object]):
        return False
    told = any(keyword.arg == "metaclass" for keyword in node.keywords)
    if (told and type(cls) is type) or (not told and not node.bases and type(cls) is not type):
        return False
    if "__dataclass_fields__" in vars(cls) and not node.decorator_list:
        return False
    private = {name for name in given if name.startswith("__") and not name.endswith("__")}
    # A decorator may take names away; pydantic keeps them as fields, whose annotations stay.
    if taken or node.decorator_list:
        return True
    return set(given) - private <= {*vars(cls), *vars(cls).get("__annotations__", ())}


def _has_methods(cls: type, statement: Statement) -> bool:
    """Whether the class has the methods that the statement gives."""
    methods = {node.name for node in body_of(statement) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}
    private = {name for name in methods if name.startswith("__") and not name.endswith("__")}
    return methods - private <= set(vars(cls))


def fits(cls: type, statement: Statement) -> bool:
    """Whether the class has the methods that the statement gives, and its plain values are those of the statement."""
    if not _has_methods(cls, statement):
        return False
    for node in body_of(statement):
        if not isinstance(node, (ast.AnnAssign, ast.Assign)) or node.value is None:
            continue
        target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
        if not isinstance(target, ast.Name):
            continue
        try:
            value = ast.literal_eval(node.value)
        except ValueError:  # no literal: known only by running it
            continue
        held = {**vars(cls), **{name: member._value_ for name, member in getattr(cls, "__members__", {}).items()}}
        if target.id not in held or held[target.id] != value:
            return False
    return True


def _function(value: Any) -> Optional[types.FunctionType]:
    value = getattr(value, "__func__", getattr(value, "fget", value))
    return value if isinstance(value, types.FunctionType) else None


def codes_in(code: types.CodeType) -> Iterator[types.CodeType]:
    """All code objects inside, in the order of the text."""
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield constant
            yield from codes_in(constant)


def locate(code: types.CodeType) -> Optional[Tuple[Statement, int]]:
    """The statement that makes ``code``, and which of the code objects of its name and line in there it is."""
    likely: List[Tuple[Statement, int]] = []
    for statement in of_code(code):
        try:
            alike = _alike(statement, code.co_name, code.co_firstlineno)
        except SyntaxError:  # a fragment of a line that does not stand alone
            continue
        for number, found in enumerate(alike):
            if found == code or _same_code(found, code):
                return statement, number
        if not _is_generated(code.co_filename):
            likely += [(statement, number) for number in range(len(alike))]
    return likely[0] if len(likely) == 1 else None


_APART = 100_000
"""Lines by which lambdas are moved apart: more than a cell has."""


@functools.lru_cache(maxsize=512)  # a figure holds hundreds of functions that one line of matplotlib made
def _alike(statement: Statement, name: str, line: int) -> List[types.CodeType]:
    """The code objects of this name and line, in the order of the text.

    Their order among the constants is each Python's own: since 3.12 a comprehension's iterable comes before its body.
    """
    alike = [c for c in codes_in(statement.compile()) if (c.co_name, c.co_firstlineno) == (name, line)]
    if len(alike) < 2:
        return alike
    tree = statement.tree()
    lambdas = {(node.lineno, node.col_offset): node for node in ast.walk(tree) if isinstance(node, ast.Lambda)}
    for number, place in enumerate(sorted(lambdas), 1):  # the same code, each lambda on lines of its own
        parts: Iterable[Any] = ast.walk(lambdas[place])
        for part in parts:
            if hasattr(part, "lineno"):
                part.lineno = part.lineno % _APART + number * _APART
                part.end_lineno = part.end_lineno % _APART + number * _APART
    with unwarned():
        apart = list(codes_in(compile(tree, statement.filename, "exec", flags=statement.flags, dont_inherit=True)))
    wanted = [c for c in apart if c.co_name == name and c.co_firstlineno > _APART and c.co_firstlineno % _APART == line]
    ordered: List[types.CodeType] = []
    for code in sorted(wanted, key=lambda code: code.co_firstlineno):
        same = [c for c in alike if _same_code(c, code)]
        # There are fewer than in the text where a Python merges equal ones.
        ordered += [c for c in same if not any(c is known for known in ordered)][:1] or same[:1]
    return ordered if len(ordered) == len(wanted) > 0 else alike


def _same_code(first: types.CodeType, second: types.CodeType) -> bool:
    """Equal but for where they stand: columns shift when a statement is cut out of its line."""

    def facts(code: types.CodeType) -> Any:
        constants = [facts(c) if isinstance(c, types.CodeType) else _constant(c) for c in code.co_consts]
        return code.co_code, code.co_names, code.co_varnames, code.co_freevars, constants

    return bool(facts(first) == facts(second))


def _constant(value: Any) -> str:
    return repr(sorted(map(repr, value)) if isinstance(value, frozenset) else value)


def pick(statement: Statement, name: str, line: int, number: int) -> types.CodeType:
    """The inverse of ``locate``, at any Python version."""
    alike = _alike(statement, name, line)
    if not alike:
        raise LookupError(f"{name} is not in the statement at line {line} of {statement.filename}")
    return alike[min(number, len(alike) - 1)]


def immediate_names(statement: Statement) -> List[str]:
    """Names that the statement reads while it runs: decorators, bases, defaults, a class body; no function bodies."""
    names: Dict[str, None] = {}

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            names[node.id] = None
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            arguments = node.args
            now: List[Any] = [*node.decorator_list, *arguments.defaults, *arguments.kw_defaults, node.returns]
            now += [a.annotation for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
            now += [a.annotation for a in (arguments.vararg, arguments.kwarg) if a is not None]
            for item in now:
                if item is not None:
                    visit(item)
            return
        if isinstance(node, ast.Lambda):
            for default in (*node.args.defaults, *node.args.kw_defaults):
                if default is not None:
                    visit(default)
            return
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(statement.tree())
    return list(names)


def remember(statement: Statement) -> Statement:
    """Put the text where tracebacks and ``inspect`` look for it, unless the whole file is known here.

    Returns:
        The statement, under another file name where a library gave its name to other code here, too.
    """
    if linecache.cache.get(statement.filename) is None and linecache.getlines(statement.filename):
        return statement  # a real file of this machine
    text = statement.text.splitlines(True)
    if text and not text[-1].endswith("\n"):
        text[-1] += "\n"
    first, end = statement.line - 1, statement.line - 1 + len(text)
    filename, number = statement.filename, 0
    while True:
        entry: Any = linecache.cache.get(filename)
        lines: List[str] = list(entry[2]) if entry is not None and len(entry) == 4 else []
        lines += ["\n"] * (end - len(lines))
        if all(line == "\n" for line in lines[first:end]):
            lines[first:end] = text
            linecache.cache[filename] = (sum(map(len, lines)), None, lines, filename)
            break
        if lines[first:end] == text or not _is_generated(filename):
            break
        number += 1
        filename = f"{statement.filename[:-1]}-{number}>"
    return Statement(statement.text, filename, statement.line, statement.flags)
