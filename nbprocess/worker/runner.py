"""Runs a cell's code as IPython would: statement by statement, displaying what its interactivity asks for.

May import: ``depth``, the standard library. Knows nothing of pipes: what to display goes to ``sys.displayhook``.
"""

from __future__ import annotations
import __future__

import ast
import functools
import linecache
import operator
import sys
import types
import warnings

from . import depth

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any

_CO_COROUTINE = 0x80  # inspect.CO_COROUTINE; importing inspect takes longer than most cells


FUTURE = functools.reduce(
    operator.or_, (getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)
)
"""All flags that a ``__future__`` import sets."""


class Program:
    """A compiled cell. ``ends_quietly``: a semicolon ends it, so that its last value is not shown."""

    def __init__(self, code: str, filename: str, first_line: int, flags: int, interactivity: str) -> None:
        """Parse; ``code`` is Python, whose first line has number ``first_line`` in the notebook's cell.

        Raises:
            SyntaxError: with the line number of the notebook's cell.
        """
        self.code, self.filename = code, filename
        # Of the kernel's flags only the __future__ features: the others are its own, and another Python's refuse them.
        self.flags = flags & FUTURE | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        self._interactivity = interactivity
        padded = "\n" * (first_line - 1) + code
        # No modification time: linecache then keeps the entry when it checks for changed files.
        linecache.cache[filename] = (len(padded), None, padded.splitlines(True), filename)  # type: ignore[assignment]
        # Compiling with the blank lines in front numbers everything, also a SyntaxError, as the notebook does.
        self.tree = compile(padded, filename, "exec", self.flags | ast.PyCF_ONLY_AST, dont_inherit=True)
        self.before: Any = None
        """Called with each statement before it runs."""

    def steps(self) -> Any:
        """Pairs (code object, whether to await it), compiled one by one as they are asked for."""
        nodes = list(self.tree.body)  # type: ignore[attr-defined]
        interactivity = self._interactivity
        if interactivity == "last_expr_or_assign":
            nodes += _value_of_assignment(nodes)
            interactivity = "last_expr"
        if interactivity == "last_expr":
            interactivity = "last" if nodes and isinstance(nodes[-1], ast.Expr) else "none"
        shown = {"all": len(nodes), "last": 1}.get(interactivity, 0)
        for index, node in enumerate(nodes):
            if index >= len(nodes) - shown:
                tree, mode = ast.Interactive([node]), "single"  # type: ast.AST, str
            else:
                tree, mode = ast.Module([node], []), "exec"
            if self.before is not None:
                self.before(node)
            code = compile(tree, self.filename, mode, self.flags, dont_inherit=True)  # type: ignore[call-overload]
            self.flags |= code.co_flags & FUTURE  # a __future__ import holds for all that comes after it
            yield code, bool(code.co_flags & _CO_COROUTINE)

    def submodules(self) -> list[str]:
        """Modules inside of packages that ``import a.b`` statements outside of functions have loaded."""
        found = []
        for node in _outside_functions(self.tree):
            if isinstance(node, ast.Import):
                found += [a.name for a in node.names if a.asname is None and "." in a.name and a.name in sys.modules]
        return list(dict.fromkeys(found))

    def imported(self) -> dict[str, tuple[str, str]]:
        """Names that ``from package import name`` statements outside of functions have bound → package and name."""
        found = {}
        for node in _outside_functions(self.tree):
            if isinstance(node, ast.ImportFrom) and not node.level and node.module in sys.modules:
                module = sys.modules[node.module]
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # a package that makes what it offers warned when the cell imported
                    there = [alias for alias in node.names if hasattr(module, alias.name)]
                found.update({alias.asname or alias.name: (node.module, alias.name) for alias in there})
        return found

    def features(self) -> list[str]:
        """The ``__future__`` features that are on by now, by name."""
        names = __future__.all_feature_names
        return [name for name in names if self.flags & getattr(__future__, name).compiler_flag]

    @property
    def ends_quietly(self) -> bool:
        """Whether the last token of the cell, comments aside, is a semicolon."""
        if ";" not in self.code:
            return False
        import io
        import tokenize

        last = ""
        try:
            for token in tokenize.generate_tokens(io.StringIO(self.code).readline):
                if token.type not in (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER):
                    last = token.string or last
        except (tokenize.TokenError, SyntaxError):
            return False
        return last == ";"

    @property
    def wants_loop(self) -> bool:
        """Whether an event loop must run: the cell awaits, or counts on the loop that runs under a notebook's cells."""
        return any(isinstance(n, (ast.Await, ast.AsyncFor, ast.AsyncWith)) for n in _outside_functions(self.tree)) or (
            "asyncio" in self.code
            and (
                hasattr(sys.modules.get("asyncio"), "_nest_patched")  # by nest_asyncio: a loop may run in another one
                or ("asyncio.run(" not in self.code and "run_until_complete" not in self.code)
            )
        )


def as_at_home(version: object) -> None:
    """Leave out what this Python's compiler says of escapes such as ``"\\d"`` and an older home's says to nobody.

    Args:
        version: home's Python, such as ``[3, 11, 7]``.
    """
    if isinstance(version, list) and tuple(version) < (3, 12) <= sys.version_info:
        warnings.filterwarnings("ignore", "invalid escape sequence", SyntaxWarning)


def execute(program: Program, namespace: dict[str, object], room: int | None = None) -> None:
    """Run it in ``namespace``. What it raises comes out as it is.

    Args:
        room: how many calls fit on the cell at home (see ``depth``); there are not more of them here.
    """

    def steps() -> None:
        for code, _ in program.steps():
            exec(code, namespace)

    if not program.wants_loop:
        calls = 0
        for _ in range(0 if room is None else 2):  # twice: the first calls of a function may count one less
            here = _deeper(calls, _room_here)
            calls = 0 if here is None else min(max(calls + here - room, 0), _MOST_DEEPER)
        _deeper(calls, steps)
        return
    import asyncio

    async def run() -> None:
        for code, wait in program.steps():
            if wait:
                await types.FunctionType(code, namespace)()
            else:
                exec(code, namespace)

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.run_until_complete(run())
    pending = [task for task in asyncio.all_tasks(loop) if not task.done()]
    if pending:
        count = "1 task is" if len(pending) == 1 else f"{len(pending)} tasks are"
        print(
            f"nbprocess: {count} still pending at the end of the cell and will not go on; await in the cell",
            file=sys.stderr,
        )


_MOST_DEEPER = 200  # frames: no kernel stands on so many


def _room_here() -> int | None:
    found: dict[str, Any] = {"room": depth.room}
    exec("found = room()", found)
    number: int | None = found["found"]
    return number


def _deeper(calls: int, function: Any) -> Any:
    """Call a function from so many more frames."""
    return function() if calls <= 0 else _deeper(calls - 1, function)


def _outside_functions(tree: ast.AST) -> Any:
    left = [tree]
    while left:
        node = left.pop()
        yield node
        if isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp)) and any(g.is_async for g in node.generators):
            yield ast.Await(ast.Constant(None))
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            left.extend(ast.iter_child_nodes(node))


def _value_of_assignment(nodes: list[ast.stmt]) -> list[ast.stmt]:
    """As IPython: after ``x = 1``, ``x += 1`` or ``x: int = 1`` at the end, also the expression ``x``."""
    last = nodes[-1] if nodes else None
    target = None
    if isinstance(last, ast.Assign) and len(last.targets) == 1:
        target = last.targets[0]
    elif isinstance(last, (ast.AugAssign, ast.AnnAssign)):
        target = last.target
    if not isinstance(target, ast.Name):
        return []
    value = ast.Expr(ast.Name(target.id, ast.Load()))
    ast.copy_location(value, target)
    return [ast.fix_missing_locations(value)]
