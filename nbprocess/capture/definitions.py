"""What functions and classes of the notebook need, found through their source (``linecache``) or their bytecode.

Each code object and class is analysed once. May import: this room's pure modules, the worker's ``compiling``, the
standard library.
"""

from __future__ import annotations

import ast
import dis
import functools
import linecache
import types
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..worker import compiling
from .deferred import function_body, immediate
from .flow import Flow
from .notes import Notes

_Reads = dict[str, tuple[str, int]]


@dataclass
class Definition:
    """The globals that a definition reads: name → (strength, line); those its body binds; and what was noted."""

    reads: _Reads = field(default_factory=dict)
    extras: dict[str, int] = field(default_factory=dict)
    """Names in decorators and defaults: they ran when the function was made, so they need not exist any more."""
    binds: frozenset[str] = frozenset()
    notes: Notes = field(default_factory=Notes)


@functools.lru_cache(maxsize=512)
def _parsed(filename: str, text: str) -> dict[tuple[str, int], list[ast.AST]]:
    """Definitions of a cell by name and first line (that of the first decorator)."""
    index: dict[tuple[str, int], list[ast.AST]] = {}
    try:
        tree = compiling.parse(text)
    except SyntaxError:  # not the text that was compiled
        return index
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            index.setdefault((node.name, first), []).append(node)
            if isinstance(node, ast.ClassDef):
                index.setdefault((node.name, -1), []).append(node)
        elif isinstance(node, ast.Lambda):
            index.setdefault(("<lambda>", node.lineno), []).append(node)
    return index


def _index(filename: str) -> dict[tuple[str, int], list[ast.AST]]:
    lines = linecache.getlines(filename)
    return _parsed(filename, "".join(lines)) if lines else {}


@functools.lru_cache(maxsize=4096)
def of_code(code: types.CodeType) -> Definition:
    """What a function with this code needs. From its source where there is one, else from its bytecode."""
    nodes = _index(code.co_filename).get((code.co_name, code.co_firstlineno), [])
    if not nodes:
        return _of_bytecode(code)
    notes = Notes()
    reads: _Reads = {}
    extras: dict[str, int] = {}
    binds: set[str] = set()
    for node in nodes:  # more than one lambda may stand on a line
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        owner = code.co_qualname.rpartition(".")[0] if hasattr(code, "co_qualname") else ""
        body = function_body(node, notes, owner.rpartition(".")[2] if not owner.endswith("<locals>") else "")
        for name, line in body.reads.items():
            reads.setdefault(name, ("maybe", line))
        binds |= body.binds | body.deletes
        for child in immediate(node, annotations=False):
            for inner in ast.walk(child):
                if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load):
                    extras.setdefault(inner.id, inner.lineno)
    for name in code.co_freevars:  # closures travel as cells
        reads.pop(name, None)
    return Definition(reads, extras, frozenset(binds), notes)


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _of_bytecode(code: types.CodeType) -> Definition:
    notes = Notes()
    reads: _Reads = {}
    binds: set[str] = set()
    for inner in _codes(code):
        for instruction in dis.get_instructions(inner):
            if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                reads.setdefault(instruction.argval, ("maybe", inner.co_firstlineno))
            elif instruction.opname in ("STORE_GLOBAL", "DELETE_GLOBAL"):
                binds.add(instruction.argval)
            elif instruction.opname == "IMPORT_NAME":
                node = ast.Import([ast.alias(instruction.argval)], lineno=inner.co_firstlineno)
                notes.note_import(node, now=False)
        for constant in inner.co_consts:
            if isinstance(constant, str):
                notes.note_string(constant, inner.co_firstlineno)
    return Definition(reads, {}, frozenset(binds), notes)


_classes: weakref.WeakKeyDictionary[type, Definition] = weakref.WeakKeyDictionary()


def of_class(cls: type) -> Definition:
    """What the ``class`` statement of a notebook class reads: its bases, decorators and body must be there first."""
    found = _classes.get(cls)
    if found is None:
        found = _classes[cls] = _of_class(cls)
    return found


def _of_class(cls: type) -> Definition:
    node = _class_node(cls)
    notes = Notes()
    if node is None:
        return Definition()
    flow = Flow(notes)
    flow.run([node])
    reads = {name: (strength, line) for name, (strength, line, _, _) in flow.reads.items()}
    return Definition(reads, {}, frozenset(set(flow.binds) - {cls.__name__}), notes)


def _class_node(cls: type) -> ast.ClassDef | None:
    for value in vars(cls).values():
        value = getattr(value, "__func__", value)
        value = getattr(value, "fget", value)
        code = getattr(value, "__code__", None)
        if not isinstance(code, types.CodeType):
            continue
        for node in _index(code.co_filename).get((cls.__name__, -1), []):
            if isinstance(node, ast.ClassDef) and node.lineno <= code.co_firstlineno <= (node.end_lineno or 0):
                return node
    marker = f"class {cls.__name__}"
    # No method tells where it is (Enum, plain dataclass): the newest cell that defines the name.
    for filename in reversed(list(linecache.cache)):
        entry = linecache.cache[filename]
        if len(entry) == 4 and entry[1] is None and any(marker in line for line in entry[2]):  # mtime None: a cell
            for node in _index(filename).get((cls.__name__, -1), []):
                if isinstance(node, ast.ClassDef):
                    return node
    return None
