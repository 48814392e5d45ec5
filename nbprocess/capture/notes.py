"""What the analyses note beside names: imports, strings, dotted reads, magics, whole-namespace calls. Pure.

May import: this room's ``magics`` and ``strings``, the worker's ``compiling``, the standard library.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..worker import compiling
from . import strings
from .magics import Magic, magic_of

_OF_THE_PROCESS = {
    "sys.path": "`sys.path` is that of the job: the folders of this machine are not in it.",
    "sys.argv": "`sys.argv` is that of the job: the cell, and what --arg gives.",
    "sys.getrefcount": "`sys.getrefcount` counts what the job itself refers to, too: of inputs it tells more.",
}
"""What no other process can tell as this one does."""
_NAMESPACE_CALLS = frozenset({"globals", "locals", "vars", "dir"})


@dataclass(frozen=True)
class Import:
    """One imported module (dotted). ``optional``: a failure to import it is handled, or it happens in a function."""

    module: str
    line: int
    optional: bool = False
    star: bool = False


@dataclass(frozen=True)
class Prompt:
    """A call that waits for the user (``input``, ``breakpoint``, ...). ``now``: outside of any function body."""

    what: str
    line: int
    now: bool


def dotted(node: ast.AST) -> str:
    """``a.b.c`` of a chain of attributes on a name; ``.c`` when the chain starts with something else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    parts.append(node.id if isinstance(node, ast.Name) else "")
    return ".".join(reversed(parts))


def is_namespace_call(node: ast.AST, module_level: bool) -> bool:
    """Whether it is ``globals()`` or ``shell.user_ns``; at module level also ``locals()``, ``vars()``, ``dir()``."""
    if isinstance(node, ast.Attribute):
        return node.attr in ("user_ns", "user_global_ns")
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)) or node.args or node.keywords:
        return False
    return node.func.id == "globals" or (module_level and node.func.id in _NAMESPACE_CALLS)


def namespace_key(node: ast.Subscript, module_level: bool) -> str | None:
    """The name in ``globals()['name']``; None for any other subscript."""
    if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
        return node.slice.value if is_namespace_call(node.value, module_level) else None
    return None


def history_key(node: ast.Subscript) -> str | None:
    """``Out[3]`` → ``_3``; None for any other subscript (``In`` is short, and travels as it is)."""
    if not isinstance(node.value, ast.Name) or node.value.id not in ("Out", "_oh"):
        return None
    if isinstance(node.slice, ast.Constant) and type(node.slice.value) is int:
        return f"_{node.slice.value}"
    return None


def said_of_process(attributes: set[str]) -> list[str]:
    """What to say where code reads, by these dotted names, what only this process knows. Methods of it (``append``)
    do what they do here."""
    return [
        line
        for name, line in _OF_THE_PROCESS.items()
        if name in attributes and not any(other.startswith(name + ".") for other in attributes)
    ]


@dataclass
class Notes:
    """Collected while code is walked. ``words``: words of strings that may be names, with their lines."""

    deferred_annotations: bool = False
    transform: Callable[[str], str] | None = None
    magic_names: Mapping[tuple[str, str], tuple[Any, str, str]] = field(default_factory=dict)
    """Kind and name → kind and name of the magic that is meant, and what comes before its line."""
    imports: list[Import] = field(default_factory=list)
    strings: dict[str, int] = field(default_factory=dict)
    words: dict[str, int] = field(default_factory=dict)
    attributes: set[str] = field(default_factory=set)
    magics: list[Magic] = field(default_factory=list)
    prompts: list[Prompt] = field(default_factory=list)
    backward: dict[str, int] = field(default_factory=dict)
    """Names on which the cell itself calls ``backward()``, with their lines."""
    whole: int | None = None
    aliases: dict[str, str] = field(default_factory=dict)
    """Names that imports bind → what they import, dotted; whether it is a module is not known here."""
    whole_by: str = ""
    string_calls: bool = False
    """Whether a call takes strings that name variables (query, SQL, formulas)."""

    def note_import(self, node: ast.Import | ast.ImportFrom, *, now: bool, optional: bool = False) -> None:
        """Record what an import statement imports. ``from a import b`` may import the submodule ``a.b``."""
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name == "__main__":
                    self.note_whole(node.lineno, "import __main__")
                self.imports.append(Import(alias.name, node.lineno, optional or not now))
                top = alias.name.partition(".")[0]
                self.aliases[alias.asname or top] = alias.name if alias.asname else top
            return
        if node.level or not node.module:  # relative: meaningless in a notebook, inside a package it is shipped whole
            return
        star = any(alias.name == "*" for alias in node.names)
        if node.module == "__main__":
            self.note_words({alias.name for alias in node.names}, node.lineno)
            if star:
                self.note_whole(node.lineno, "import __main__")
            return
        self.imports.append(Import(node.module, node.lineno, optional or not now, star))
        self.attributes.update(f"{node.module}.{alias.name}" for alias in node.names if alias.name != "*")
        self.aliases.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})

    def note_string(self, text: str, line: int) -> None:
        """Record a string constant: it may be a path, a query or an SQL statement."""
        if text and text not in self.strings:
            self.strings[text] = line
            self.note_words(strings.names_in_string(text), line)

    def note_words(self, found: set[str], line: int) -> None:
        """Record words that are reads if such names exist."""
        for word in found:
            self.words.setdefault(word, line)

    def note_attribute(self, node: ast.Attribute) -> None:
        """Record a dotted read, so that submodules that are used without import can be found."""
        name = dotted(node)
        if not name.startswith("."):
            self.attributes.add(name)
        if node.attr in ("user_ns", "user_global_ns"):
            self.note_whole(node.lineno, f".{node.attr}")

    def note_subscript(self, node: ast.Subscript) -> None:
        """Record ``sys.modules[__name__]``: the notebook's own module, which has every name."""
        key = node.slice
        own = (isinstance(key, ast.Name) and key.id == "__name__") or (
            isinstance(key, ast.Constant) and key.value == "__main__"
        )
        if own and dotted(node.value) == "sys.modules":
            self.note_whole(node.lineno, "sys.modules[__name__]")

    def note_whole(self, line: int, what: str) -> None:
        """Record that any name may be read."""
        if self.whole is None:
            self.whole, self.whole_by = line, what

    def _meant(self, magic: Magic) -> Magic:
        """The magic itself, where the cell has another name for it."""
        for _ in self.magic_names:  # at most so many, one after another
            meant = self.magic_names.get((magic.kind, magic.name))
            if meant is None:
                break
            kind, name, before = meant
            magic = replace(magic, kind=kind, name=name, line=f"{before} {magic.line}".strip())
        return magic

    def note_call(self, node: ast.Call, *, now: bool, shadowed: Callable[[str], bool]) -> list[ast.AST]:
        """Record what is special about a call. Returns code that it runs (of ``eval('x + 1')``), to be walked.

        Args:
            node: the call.
            now: whether it runs with the cell (False: in a function body).
            shadowed: whether a builtin's name means something else here.
        """
        callee = dotted(node.func)
        last = callee.rpartition(".")[2]
        magic = magic_of(node)
        if magic is not None:
            self.magics.append(self._meant(magic))
            return []
        if isinstance(node.func, ast.Name) and not shadowed(callee):
            if callee in ("eval", "exec"):
                return self._evaluated(node, callee)
            if is_namespace_call(node, module_level=now):
                self.note_whole(node.lineno, f"{callee}()")
        if last in ("ex", "ev", "run_cell") and isinstance(node.func, ast.Attribute):
            code = self._run_by_shell(node, last)
            if code:
                return code
        if callee in ("input", "breakpoint") and not shadowed(callee):
            self.prompts.append(Prompt(f"{callee}()", node.lineno, now))
        elif callee in (
            "getpass.getpass",
            "getpass",
            "pdb.set_trace",
            "ipdb.set_trace",
            "code.interact",
            "IPython.embed",
        ):
            if callee != "getpass" or not shadowed(callee):
                self.prompts.append(Prompt(f"{callee}()", node.lineno, now))
        elif last == "timeit" or callee in ("timeit.repeat", "timeit.Timer"):
            return self._timed(node)
        elif last == "backward" and now and callee.count(".") == 1:
            self.backward.setdefault(callee.partition(".")[0], node.lineno)
        self._note_string_arguments(node, callee, last)
        return []

    def _note_string_arguments(self, node: ast.Call, callee: str, last: str) -> None:
        known = last in strings.AT_CALLS or last in strings.FORMULA_CALLS or callee in strings.EXPRESSION_CALLS
        if known or last in ("sql", "sqldf", "execute", "read_sql", "read_sql_query", "pysqldf"):
            self.string_calls = True
        if not known:
            return
        for argument in [*node.args, *(k.value for k in node.keywords)]:
            for child in ast.walk(argument):
                if isinstance(child, ast.Constant) and isinstance(child.value, str):
                    self.note_words(strings.names_in_string(child.value, callee), child.lineno)

    def _evaluated(self, node: ast.Call, callee: str) -> list[ast.AST]:
        """Code of ``eval`` and ``exec``: parsed when it is a literal, else it may read anything."""
        own_globals = len(node.args) > 1 or any(k.arg == "globals" for k in node.keywords)
        first = node.args[0] if node.args else None
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            try:
                tree = compiling.parse(first.value.strip(), mode="eval" if callee == "eval" else "exec")
            except SyntaxError:  # it will raise when it runs, as it does here
                return []
            for child in ast.walk(tree):
                if hasattr(child, "lineno"):
                    child.lineno = node.lineno
            return [tree.body] if isinstance(tree, ast.Expression) else list(getattr(tree, "body", []))
        if first is not None and not own_globals:
            self.note_whole(node.lineno, f"{callee}() of a computed string")
        return []

    def _run_by_shell(self, node: ast.Call, last: str) -> list[ast.AST]:
        """``shell.ex("x = 1")``: the code of a literal. Whose method it is is not known: it counts where it parses."""
        first = node.args[0] if len(node.args) == 1 else None
        if not (isinstance(first, ast.Constant) and isinstance(first.value, str)):
            return []
        text = first.value.strip()
        try:
            return self._evaluated(node, "eval" if last == "ev" else "exec") if compiling.parse(text) else []
        except SyntaxError:
            return []

    def _timed(self, node: ast.Call) -> list[ast.AST]:
        """``timeit.timeit('f(x)', globals=globals())``: the words of its statements."""
        for argument in [*node.args, *(k.value for k in node.keywords)]:
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                self.note_words(strings.words(argument.value), argument.lineno)
        return []
