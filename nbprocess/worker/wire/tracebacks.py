"""Tracebacks: where each frame was, as plain data, and a traceback made of that which tells the same lines and marks.

The frames are made by code that raises at the very place in the very file; what their variables held is not known.
May import: the standard library.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import linecache
import os
import types
from typing import Any, Dict, List, Optional, Tuple

_FRAMES = 3000
"""Of a deeper traceback the first and the last half of so many are kept."""
_Place = Tuple[str, str, str, int, str, Tuple[int, int, int, int], int]
"""File, name and qualified name of the code, its first line, its parameters as a ``def`` statement has them; line, last
line, column and last column; the line at which the frame is now: behind the place where it caught the exception."""


def places_of(traceback: Optional[types.TracebackType]) -> List[_Place]:
    """What ``make_traceback`` needs, outermost frame first."""
    found: List[_Place] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        line = traceback.tb_lineno or code.co_firstlineno
        name = getattr(code, "co_qualname", code.co_name)
        where = _position(code, traceback, line)
        now = traceback.tb_frame.f_lineno or line
        found.append((code.co_filename, code.co_name, name, code.co_firstlineno, _parameters(code), where, now))
        traceback = traceback.tb_next
    if len(found) > _FRAMES:
        found[_FRAMES // 2 : -_FRAMES // 2] = []
    return found


def texts_of(places: List[_Place]) -> Dict[str, str]:
    """File name → text, of the cells (and what else is no file of this machine) in which the places are."""
    names = {place[0] for place in places}
    texts = {name: "".join(linecache.getlines(name)) for name in names if not os.path.isfile(name)}
    return {name: text for name, text in texts.items() if text}


def remember(texts: Dict[str, str]) -> None:
    """Put texts where tracebacks look for them: where lines are known here already, these stay."""
    for name, text in texts.items():
        known = linecache.getlines(name)
        lines = text.splitlines(True)
        lines[: len(known)] = [old if old.strip() else new for old, new in zip(known, lines)] + known[len(lines) :]
        linecache.cache[name] = (sum(map(len, lines)), None, lines, name)


def _parameters(code: types.CodeType) -> str:
    """The parameters of a function, each with a default: it is called without any."""
    names = inspect.getargs(code)
    plain = code.co_argcount
    parts = [f"{name}=None" for name in names.args[:plain] if name.isidentifier()]
    if names.varargs or len(names.args) > plain:
        parts.append(f"*{names.varargs or ''}")
    parts += [f"{name}=None" for name in names.args[plain:]]
    return ", ".join([*parts, f"**{names.varkw}"] if names.varkw else parts)


def _position(code: types.CodeType, traceback: types.TracebackType, line: int) -> Tuple[int, int, int, int]:
    if hasattr(code, "co_positions") and traceback.tb_lasti >= 0:
        for number, (start, end, column, last) in enumerate(code.co_positions()):
            if number == traceback.tb_lasti // 2:
                if None not in (start, end, column, last) and start == line:
                    return line, end or line, column or 0, last or 0
                break
    return line, line, 0, 0


def make_traceback(places: List[_Place]) -> Optional[types.TracebackType]:
    """The inverse of ``places_of``."""
    made: Optional[types.TracebackType] = None
    known: Dict[_Place, types.TracebackType] = {}
    for place in reversed(places):
        if place not in known:
            known[place] = _raised(place)
        one = known[place]
        made = types.TracebackType(made, one.tb_frame, one.tb_lasti, one.tb_lineno)
    return made


def _raised(place: _Place) -> Any:
    """The link of a traceback that is raised at a place."""
    code = _code(*place)
    error = _Raised()
    space: Dict[str, Any] = {"__name__": "__main__", "__builtins__": {}, "error": error, "over": _Raised()}
    function = types.FunctionType(code, space, None, (None,) * code.co_argcount)
    names = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    function.__kwdefaults__ = dict.fromkeys(names)
    with contextlib.suppress(_Raised):
        exec(code, space) if code.co_name == "<module>" else function()
    return error.__traceback__


class _Raised(Exception):
    """What the made code raises."""


def _where(position: Tuple[int, int, int, int]) -> Dict[str, Any]:
    return dict(zip(("lineno", "end_lineno", "col_offset", "end_col_offset"), position))


def _raise(name: str, position: Tuple[int, int, int, int]) -> ast.Raise:
    return ast.Raise(exc=ast.Name(id=name, ctx=ast.Load(), **_where(position)), cause=None, **_where(position))


def _code(
    filename: str, name: str, qualified: str, first: int, parameters: str, position: Tuple[int, int, int, int], now: int
) -> types.CodeType:
    last = _raise("over", (now, now, 0, 0))  # in the handler, so that the frame stays there
    handler = ast.ExceptHandler(type=None, name=None, body=[last], **_where((now, now, 0, 0)))
    raising = _raise("error", position)
    statement = ast.Try(body=[raising], handlers=[handler], orelse=[], finalbody=[], **_where(position))
    module = ast.parse(f"def made({parameters}): pass" if name != "<module>" else "", filename)
    if name == "<module>":
        module.body = [statement]
        return compile(module, filename, "exec").replace(co_name=name)
    function: Any = module.body[0]
    function.lineno = function.end_lineno = min(first, position[0])
    function.body = [statement]
    outer = compile(module, filename, "exec")
    code = next(part for part in outer.co_consts if isinstance(part, types.CodeType))
    more: Dict[str, Any] = {"co_qualname": qualified} if hasattr(code, "co_qualname") else {}
    return code.replace(co_name=name, **more)
