"""How SymPy shows formulas: what its ``init_printing`` was called with, read from the printers that it left in IPython,
and the same call at the other end. May import: the standard library.
"""

from __future__ import annotations

import builtins
import sys
import types

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any

_GLOBAL = ("order", "use_unicode", "wrap_line", "num_columns")
_WORDS = ("latex_mode", "print_builtin", "euler", "fontsize", "scale", "forecolor")
_HOME = "sympy.interactive.printing"


def collect(module: Any) -> dict[str, Any] | None:
    """The arguments of ``init_printing`` that is in force in this process's IPython; None: it was not called.

    Args:
        module: ``sympy``.
    """
    shell = _shell(make=False)
    if shell is None:
        return None
    formatters = shell.display_formatter.formatters
    plain = _printer(formatters, "text/plain")
    if plain is None:
        return None
    latex, png, svg = (_printer(formatters, mime) for mime in ("text/latex", "image/png", "image/svg+xml"))
    found: dict[str, Any] = {}
    for function in (plain, latex, png, svg):
        _held(function, found, 4)
    state = {name: found[name] for name in _WORDS if type(found.get(name)) in (str, int, float, bool)}
    settings = found.get("settings")
    if isinstance(settings, dict):
        state.update({k: v for k, v in settings.items() if type(v) in (str, int, float, bool)})
    printers: Any = sys.modules.get("sympy.printing.printer")
    known = getattr(getattr(printers, "Printer", None), "_global_settings", {})
    state.update({name: known[name] for name in _GLOBAL if type(known.get(name)) in (str, int, bool)})
    state["pretty_print"] = getattr(found.get("stringify_func"), "__name__", "") != "sstrrepr"
    state["use_latex"] = _rendering(latex, png, svg)
    return state


def apply(module: Any, state: Any) -> None:
    """Call ``init_printing`` as the other end did."""
    if state is None:
        return
    shell = _shell(make=True)
    if shell is not None and collect(module) != state:
        module.init_printing(ip=shell, **state)


def shows(value: object) -> bool:
    """Whether it is a value of Python's own that SymPy shows as a formula: numbers, and containers of them."""
    if type(value) in (list, tuple, set, frozenset):
        return all(shows(item) for item in value)  # type: ignore[attr-defined]
    if type(value) is dict:
        return all(shows(key) and shows(item) for key, item in value.items())
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _shell(make: bool) -> Any:
    """IPython's shell, where there is one. ``make``: in a job it comes into being when it is asked for."""
    core: Any = sys.modules.get("IPython.core.interactiveshell")
    if core is not None and core.InteractiveShell._instance is not None:
        return core.InteractiveShell._instance
    ask = getattr(builtins, "get_ipython", None) if make else None
    shell = ask() if ask is not None else None
    return shell if hasattr(getattr(shell, "display_formatter", None), "formatters") else None


def _printer(formatters: Any, mime: str) -> Any:
    """SymPy's own printer of this kind: it registers each for numbers too."""
    function = formatters[mime].type_printers.get(float) if mime in formatters else None
    return function if getattr(function, "__module__", "") == _HOME else None


def _held(function: Any, found: dict[str, Any], depth: int) -> None:
    """What the closures of a printer, and of the functions that it calls, hold by name."""
    if not isinstance(function, types.FunctionType) or function.__module__ != _HOME or not depth:
        return
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        try:
            value = cell.cell_contents
        except ValueError:
            continue
        if name not in found:
            found[name] = value
            _held(value, found, depth - 1)


def _rendering(latex: Any, png: Any, svg: Any) -> Any:
    if svg is not None:
        return "svg"
    if png is not None and png.__name__ == "_print_latex_matplotlib":
        return "matplotlib"
    if png is not None:
        return True if latex is not None else "png"
    return "mathjax" if latex is not None else False
