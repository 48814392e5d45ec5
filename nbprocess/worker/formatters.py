"""What a notebook registered with IPython: functions that format (``formatter.for_type(Model, as_html)``), magics of
its own (``@register_line_magic``) and other names for magics (``%alias_magic``). Read at one end, registered at the
other. May import: the standard library.
"""

from __future__ import annotations

import functools
import sys
import types

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any

    Entries = list[tuple[str, Any, Any]]
    """Each: the kind of the formatter (its MIME type), the type that it is for (a class of the notebook, or module and
    name), the function."""

_MAGIC = " magic"
"""How the kinds of magics end: ``line magic``, with the magic's name in place of a type's."""
_ALIAS = " alias"
"""How the kinds of other names for magics end, with that name in place of a type's, and in place of the function: the
magic, its kind, what comes before what is given to it."""
_IPYTHONS = {"ed", "hist", "rep", "SVG", "HTML", "file"}
"""Other names of magics that IPython itself gives: ``BasicMagics`` and ``InteractiveShell.init_magics``."""
ENTRY = "\0formatters"
"""The name under which they travel among the values."""


def shell_here() -> Any:
    """IPython's shell of this process; None where there is none."""
    core = sys.modules.get("IPython.core.interactiveshell")  # a module that is being imported has no class yet
    return getattr(getattr(core, "InteractiveShell", None), "_instance", None)


def registered(shell: Any) -> Entries:
    """The functions of the notebook itself that ``shell`` formats values by; those of libraries register themselves."""
    found: Entries = []
    for kind, formatter in _all(shell):
        for typ, function in formatter.type_printers.items():
            if _is_notebooks(function):
                found.append((kind, typ if typ.__module__ == "__main__" else (typ.__module__, typ.__name__), function))
        for key, function in formatter.deferred_printers.items():
            if _is_notebooks(function):
                found.append((kind, tuple(key), function))
    for kind, known in shell.magics_manager.magics.items():
        for name, function in known.items():
            if type(function) is types.FunctionType and function.__module__ == "__main__":
                found.append((kind + _MAGIC, ("", name), function))
            elif type(function).__name__ == "MagicAlias" and name not in _IPYTHONS:
                told = (function.magic_name, function.magic_kind, function.magic_params)
                found.append((kind + _ALIAS, ("", name), told))
    return found


def magic_names(entries: Entries) -> dict[tuple[str, str], tuple[Any, str, str]]:
    """Kind and name of the other names of magics → the magic's kind and name, and what comes before its line."""
    found = {}
    for kind, typ, told in entries:
        if kind.endswith(_ALIAS):
            found[kind[: -len(_ALIAS)], typ[1]] = (told[1], told[0], told[2] or "")
    return found


def apply(shell: Any, entries: Entries, removed: Any = ()) -> None:
    """Register ``entries`` with ``shell``, and forget those of ``removed``, which are pairs of kind and type."""
    known = dict(_all(shell))
    for kind, typ in removed:
        if kind in known:
            _forget(known[kind], typ)
    for kind, typ, function in entries:
        if kind.endswith(_MAGIC):
            shell.register_magic_function(function, kind[: -len(_MAGIC)], typ[1])
        if kind.endswith(_ALIAS):
            shell.magics_manager.register_alias(typ[1], *function)
        if kind not in known:
            continue  # a formatter that only the other end's version of IPython has
        here = getattr(sys.modules.get(typ[0]), typ[1], None) if isinstance(typ, tuple) else typ
        if isinstance(here, type):
            known[kind].for_type(here, function)
        else:
            known[kind].for_type_by_name(*typ, function)


def changes(before: Entries, after: Entries) -> tuple[Entries, list[tuple[str, Any]]]:
    """What ``after`` has that ``before`` had not, and the kinds and types that are gone."""
    old = {(kind, typ): function for kind, typ, function in before}
    new = {(kind, typ) for kind, typ, _ in after}
    added = [(kind, typ, new) for kind, typ, new in after if not _same(old.get((kind, typ)), new)]
    return added, [key for key in old if key not in new]


def _same(one: Any, other: Any) -> bool:
    return one is other or (type(one) is type(other) is tuple and one == other)


def chosen(entries: Entries, kind: str, typ: type) -> Any:
    """The function of ``entries`` for values of a type, as IPython looks for it: along the bases; None if none."""
    for base in typ.__mro__:
        for of, key, function in entries:
            if of == kind and (key is base or key == (base.__module__, base.__name__)):
                return function
    return None


def _all(shell: Any) -> list[tuple[str, Any]]:
    face = getattr(shell, "display_formatter", None)
    if face is None:
        return []
    special = [(name, getattr(face, name, None)) for name in ("mimebundle_formatter", "ipython_display_formatter")]
    return [(kind, one) for kind, one in [*face.formatters.items(), *special] if hasattr(one, "deferred_printers")]


def _is_notebooks(function: Any) -> bool:
    while isinstance(function, functools.partial):
        function = function.func
    function = getattr(function, "__func__", function)  # of a bound method
    return getattr(function, "__module__", type(function).__module__) == "__main__"


def _forget(formatter: Any, typ: Any) -> None:
    formatter.deferred_printers.pop(typ, None)
    for known in list(formatter.type_printers):
        if known is typ or (known.__module__, known.__name__) == typ:
            del formatter.type_printers[known]
