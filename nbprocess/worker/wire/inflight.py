"""Generators that have not given all they had: one that has not begun is called again with what it was called with, one
of a function's goes on behind the ``yield`` at which it stands.

Nothing of the function runs for that. What the generator holds is read by way of the garbage collector, whose order is
that of the frame: the values of the local names, then the iterators of the loops that it is in. May import: the
standard library, this folder.
"""

from __future__ import annotations

import gc
import importlib
import inspect
import sys
import types
import weakref
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from . import scope, source
from .refuse import Refused
from .resuming import PREFIX, Going, Leaving, Position, Rest, Unsuited, function_at, position_of, yields_in
from .source import Statement

_INSIDE = "it stands inside of a call or a block that cannot be entered again. Make a list of it, or use it up first."
_NO_SOURCE = "what it still would give exists in this process only. Make a list of it, or create it inside the cell."
EMBEDDED = sys.version_info >= (3, 11)
"""Whether a generator holds its frame's contents, and its function, by itself."""


_INNER = (types.CodeType, dict, types.FrameType)
"""What comes before the values of the names in a frame."""


class _Origin(NamedTuple):
    """Where the code of a generator stands that went on here: its own code is that of the rest."""

    statement: Statement
    name: str
    line: int


_origins: Any = weakref.WeakKeyDictionary()


class _Frame(NamedTuple):
    """What a generator holds: the values of its names, its cells, and what the blocks that it is in have."""

    values: Dict[str, Any]
    cells: Dict[str, Any]
    blocks: List[Any]


def _frame(generator: Any) -> Optional[_Frame]:
    """None where the frame is not as it is read here."""
    code, known = generator.gi_code, dict(generator.gi_frame.f_locals)
    held = gc.get_referents(generator if EMBEDDED else generator.gi_frame)
    names, closed = list(code.co_varnames), {*code.co_cellvars, *code.co_freevars}
    order = [name for name in names if (EMBEDDED if name in closed else name in known)]
    order += [name for name in (*code.co_cellvars, *code.co_freevars) if not EMBEDDED or name not in names]
    for begin in range(len(held) - len(order), 0, -1):
        part = dict(zip(order, held[begin:]))
        fits = all(type(x) is types.CellType if name in closed else x is known[name] for name, x in part.items())
        if fits and isinstance(held[begin - 1], _INNER):
            cells = {name: part[name] for name in order if name in closed}
            values = {name: part[name] for name in order if name not in closed}
            blocks = held[begin + len(order) :]
            if EMBEDDED and blocks and blocks[-1] is None:  # the exception that it handles
                blocks.pop()
            held_by_blocks = [part.inner if isinstance(part, (Going, Leaving)) else part for part in blocks]
            return _Frame(values, cells, held_by_blocks)
    return None


def reduce_generator(pickler: Any, generator: Any) -> Any:
    """The reduction of a generator with something left to give.

    Raises:
        Refused: it runs now, its code is not known, or it stands where nothing can be entered again.
    """
    state = inspect.getgeneratorstate(generator)
    frame = _frame(generator) if state in (inspect.GEN_CREATED, inspect.GEN_SUSPENDED) else None
    if frame is None:
        raise Refused(_NO_SOURCE)
    names = generator.__name__, generator.__qualname__
    code = generator.gi_code
    if state == inspect.GEN_CREATED:
        return make_generator, (_function(generator, frame), _arguments(code, frame), names)
    if code.co_name == "<genexpr>":  # it goes on as one that begins with the same iterator
        if len(frame.blocks) != 1 or frame.blocks[0] is not frame.values.get(".0"):
            raise Refused(_INSIDE)
        return make_generator, (_function(generator, frame), ([frame.blocks[0]], {}), names)
    return _reduce_rest(pickler, generator, frame)


def _function(generator: Any, frame: _Frame) -> Any:
    """The function that was called for a generator."""
    code = generator.gi_code
    if EMBEDDED:
        for part in gc.get_referents(generator):
            if type(part) is types.FunctionType and part.__code__ is code:
                return part
    names = generator.gi_frame.f_globals
    found: Any = sys.modules.get(names.get("__name__", ""))
    for step in generator.__qualname__.split("."):
        found = getattr(found, step, None)
    if getattr(found, "__code__", None) is code:
        return found
    cells = tuple(frame.cells[name] for name in code.co_freevars)
    made = types.FunctionType(code, names, code.co_name, None, cells or None)
    made.__qualname__ = generator.__qualname__
    return made


def _arguments(code: types.CodeType, frame: _Frame) -> Tuple[List[Any], Dict[str, Any]]:
    """What a generator that has not begun was called with."""
    values = {name: cell.cell_contents for name, cell in frame.cells.items() if name in code.co_varnames}
    values.update(frame.values)
    names = list(code.co_varnames)
    plain, keywords = names[: code.co_argcount], names[code.co_argcount :][: code.co_kwonlyargcount]
    given = [values[name] for name in plain]
    named = {name: values[name] for name in keywords}
    rest = names[len(plain) + len(keywords) :]
    if code.co_flags & inspect.CO_VARARGS:
        given += values[rest.pop(0)]
    if code.co_flags & inspect.CO_VARKEYWORDS:
        named.update(values[rest.pop(0)])
    return given, named


def make_generator(function: Any, given: Tuple[List[Any], Dict[str, Any]], names: Tuple[str, str]) -> Any:
    """A generator that has not begun."""
    made = function(*given[0], **given[1])
    made.__name__, made.__qualname__ = names
    return made


# -- one that has begun ------------------------------------------------------------------------------------------------


def _reduce_rest(pickler: Any, generator: Any, frame: _Frame) -> Any:
    code, space = generator.gi_code, generator.gi_frame.f_globals
    module = space.get("__name__", "__main__")
    origin = _origins.get(generator) or _find(code)
    if origin is None or (module != "__main__" and vars(sys.modules.get(module, types)) is not space):
        raise Refused(_NO_SOURCE)
    values = {name: value for name, value in frame.values.items() if not name.startswith(PREFIX)}
    try:
        function = function_at(origin.statement, origin.name, origin.line)
        target = _target(generator, function)
        rest = Rest(function, target)
        rest.compile(origin.statement, list(values), list(frame.cells))
    except (Unsuited, SyntaxError):
        raise Refused(_INSIDE) from None
    if len(frame.blocks) != rest.iterators:
        raise Refused(_INSIDE)
    pickler.mark("source")
    pickler.files.add(origin.statement.filename)
    pickler.definitions.append(_function(generator, frame))
    where = origin.statement
    which = (origin.name, origin.line, "" if module == "__main__" else module, position_of(target))
    cells = {name: (cell, *_contents(cell)) for name, cell in frame.cells.items()}
    names = generator.__name__, generator.__qualname__
    return make_rest, (where.sent(), which, values, cells, frame.blocks, names)


def _find(code: types.CodeType) -> Optional[_Origin]:
    located = source.locate(code)
    return None if located is None else _Origin(located[0], code.co_name, code.co_firstlineno)


def _target(generator: Any, function: Any) -> Any:
    """The ``yield`` at which a generator stands, in the syntax tree of its function."""
    found = yields_in(function)
    if EMBEDDED:
        code = generator.gi_code
        line, end, column, last = list(code.co_positions())[generator.gi_frame.f_lasti // 2]
        found = [node for node in found if position_of(node) == (line, column, end, last)]
    else:
        found = [node for node in found if node.lineno == generator.gi_frame.f_lineno]
    if len(found) != 1:
        raise Unsuited
    return found[0]


def _contents(cell: Any) -> Tuple[bool, Any]:
    try:
        return True, cell.cell_contents
    except ValueError:  # a name that was not bound yet
        return False, None


def make_rest(
    where: Tuple[str, str, int, int],
    which: Tuple[str, int, str, Position],
    values: Dict[str, Any],
    cells: Dict[str, Tuple[Any, bool, Any]],
    blocks: List[Any],
    names: Tuple[str, str],
) -> Any:
    """A generator that stands at the same ``yield``, with the same values; nothing of its function has run for it."""
    name, line, module, position = which
    statement = source.remember(Statement(*where))
    function = function_at(statement, name, line)
    rest = Rest(function, next(node for node in yields_in(function) if position_of(node) == position))
    code = rest.compile(statement, list(values), list(cells))
    for cell, full, value in cells.values():
        if full:
            cell.cell_contents = value
    space = vars(importlib.import_module(module)) if module else scope.namespace()
    closure = tuple(cells[name][0] for name in code.co_freevars)
    called = types.FunctionType(code, space, name, None, closure or None)
    made: Any = called(*values.values(), *[True] * rest.flags, *rest.entered(blocks))
    made.__name__, made.__qualname__ = names
    next(made)  # to where it stands
    _origins[made] = _Origin(statement, name, line)
    return made


def state_of(generator: Any) -> Tuple[Any, List[Any]]:
    """Where a generator stands and what it holds, for ``changes``."""
    if generator.gi_frame is None:
        return None, []
    frame = None if generator.gi_running else _frame(generator)
    if frame is None:
        return generator.gi_frame.f_lasti, list(dict(generator.gi_frame.f_locals).values())
    return generator.gi_frame.f_lasti, [*frame.values.values(), *frame.cells.values(), *frame.blocks]
