"""The person's settings of IPython itself: how it shows tracebacks, values and figures, and its extensions.

May import: the standard library, this package; of IPython what is loaded.
"""

from __future__ import annotations

import functools
import sys
import warnings

from . import drawing
from .formatters import shell_here
from .libraries import is_jsonable, listed

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any


def collect(shell: Any) -> Any:
    """The settings of ``shell`` and of its inline backend, where there is one."""
    state = {"xmode": shell.InteractiveTB.mode, "colors": shell.colors}
    state["interactivity"] = shell.ast_node_interactivity
    aliases = _own_aliases(shell)
    if aliases:
        state["aliases"] = aliases
    plain = shell.display_formatter.formatters.get("text/plain")
    if hasattr(plain, "float_format"):
        state["float_format"], state["float_precision"] = plain.float_format, plain.float_precision
        state["pprint"] = plain.pprint
    elif _is_rich(plain):
        state["rich"] = _options_of(plain)
    inline = sys.modules.get("matplotlib_inline.config")
    if inline is not None and inline.InlineBackend.initialized():
        backend = inline.InlineBackend.instance()
        state["inline"] = {
            "figure_formats": sorted(backend.figure_formats),
            "close_figures": backend.close_figures,
            "print_figure_kwargs": {k: v for k, v in backend.print_figure_kwargs.items() if is_jsonable(v)},
        }
        chosen = _formats(shell)
        if chosen and chosen != _formats_of(state["inline"]):
            state["inline"]["chosen"] = chosen
    elif "InlineBackend" in shell.config:  # of `%config`, for when matplotlib is imported
        set_ = {k: sorted(v) if isinstance(v, set) else v for k, v in shell.config.InlineBackend.items()}
        state["inline to be"] = {key: listed(value) for key, value in set_.items() if is_jsonable(value)}
    return state


def _own_aliases(shell: Any) -> dict[str, str]:
    """The names for commands of the system that the notebook has given (``%alias``)."""
    manager = getattr(shell, "alias_manager", None)
    usual = dict(getattr(manager, "default_aliases", ()))
    return {name: command for name, command in getattr(manager, "aliases", ()) if usual.get(name) != command}


def _name_commands(shell: Any, aliases: Any) -> None:
    now = _own_aliases(shell)
    for name in now.keys() - aliases.keys():
        shell.alias_manager.undefine_alias(name)
    for name, command in aliases.items():
        if now.get(name) != command:
            shell.alias_manager.define_alias(name, command)


def _is_rich(formatter: Any) -> bool:
    """Whether ``rich.pretty.install()`` put it there."""
    return type(formatter).__module__ == "rich.pretty"


def _options_of(formatter: Any) -> Any:
    """What ``install`` was told: rich keeps it in the function that shows values."""
    function = type(formatter).__call__
    held = dict(zip(function.__code__.co_freevars, function.__closure__ or ()))
    return {name: cell.cell_contents for name, cell in held.items() if is_jsonable(cell.cell_contents)}


def show_richly(shell: Any, state: Any) -> None:
    """Show values by rich, if the other end does. It asks for the shell by ``get_ipython``: that is to be there."""
    plain = shell.display_formatter.formatters.get("text/plain")
    if "rich" not in state or (_is_rich(plain) and _options_of(plain) == state["rich"]):
        return
    try:
        from rich import pretty
    except ImportError as error:
        print(f"nbprocess: rich, which shows the notebook's values, is not installed here: {error}", file=sys.stderr)
    else:
        pretty.install(**state["rich"])


_FIGURE = ("matplotlib.figure", "Figure")
_MIME = {
    "png": "image/png",
    "retina": "image/png",
    "jpg": "image/jpeg",
    "svg": "image/svg+xml",
    "pdf": "application/pdf",
}
_ALIASES = {"jpeg": "jpg", "png2x": "retina"}


def _formats_of(inline: Any) -> Any:
    """The formats of figures that the backend's settings ask for, each with how it is written."""
    options = inline["print_figure_kwargs"]
    return {_ALIASES.get(name, name): options for name in inline["figure_formats"]}


def _formats(shell: Any) -> Any:
    """The formats that figures are shown in, which a call (``set_matplotlib_formats``) chooses without a trace in the
    backend's settings; None before there was one."""
    figure = getattr(sys.modules.get("matplotlib.figure"), "Figure", None)
    found = {}
    for mime in dict.fromkeys(_MIME.values()):
        formatter = shell.display_formatter.formatters.get(mime)
        draw = None if formatter is None else _entry(formatter, figure)
        if isinstance(draw, functools.partial) and draw.func.__module__ == "IPython.core.pylabtools":
            given = {key: listed(value) for key, value in draw.keywords.items() if is_jsonable(value)}
            given.pop("base64", None)
            found[given.pop("fmt", "retina")] = given
    return found or None


def _entry(formatter: Any, figure: Any) -> Any:
    """What draws figures for a formatter."""
    return formatter.type_printers.get(figure, formatter.deferred_printers.get(_FIGURE))


def _choose_formats(shell: Any, formats: Any) -> None:
    """As ``set_matplotlib_formats`` does, for a figure of matplotlib that may not be loaded yet."""
    from IPython.core import pylabtools
    from matplotlib_inline import backend_inline

    configure = getattr(backend_inline, "configure_inline_support", None)
    if configure is not None:  # as after a first figure: the backend's own settings do not come back with the next
        configure.current_backend = "inline"
    figure = getattr(sys.modules.get("matplotlib.figure"), "Figure", None)
    known = shell.display_formatter.formatters
    for formatter in known.values():
        formatter.type_printers.pop(figure, None)
        formatter.deferred_printers.pop(_FIGURE, None)
    for name, options in formats.items():
        draw = pylabtools.retina_figure if name == "retina" else pylabtools.print_figure
        given = {} if name == "retina" else {"fmt": name}
        if name != "svg":
            given["base64"] = True
        known[_MIME[name]].for_type_by_name(*_FIGURE, functools.partial(draw, **given, **options))


def apply_later(state: Any, hooks: Any) -> None:
    """In a job, whose shell can be made by the import of the backend itself, which then chooses by its own settings."""

    def choose(_: object) -> None:
        shell = shell_here()
        if shell is not None:
            _choose_formats(shell, chosen)

    chosen = (state.get("inline") or {}).get("chosen")
    if chosen:
        hooks.on("matplotlib_inline.backend_inline", choose)


def apply(shell: Any, state: Any) -> None:
    """Set on ``shell`` what the other end has, and load the extensions whose magics the cell uses."""
    for name in state.get("extensions") or ():
        try:
            shell.extension_manager.load_extension(name)
        except Exception as error:  # whatever the extension's own code may raise
            print(f"nbprocess: the extension {name} cannot be loaded here: {error}", file=sys.stderr)
    if "autoreload" in state and "autoreload" in shell.magics_manager.magics["line"]:
        shell.run_line_magic("autoreload", state["autoreload"])
    if "xmode" in state:
        shell.InteractiveTB.set_mode(mode=state["xmode"])
    if "colors" in state:
        try:
            shell.colors = state["colors"]
        except Exception:  # a TraitError: IPython 8 and 9 name their themes differently; the default stays
            pass
    if hasattr(shell, "alias_manager"):
        _name_commands(shell, state.get("aliases") or {})
    if "interactivity" in state:
        shell.ast_node_interactivity = state["interactivity"]
    plain = shell.display_formatter.formatters.get("text/plain")
    if not drawing.only_pictures:
        show_richly(shell, state)
    if hasattr(plain, "float_format") and "float_format" in state:
        precision = state.get("float_precision", plain.float_precision)
        if drawing.only_pictures:  # in a job: what else it sets (NumPy's precision) came by itself
            plain._trait_values["float_precision"] = precision
        plain.float_precision = precision
        plain.float_format, plain.pprint = state["float_format"], state["pprint"]
    if "inline to be" in state:
        shell.config.InlineBackend.update(state["inline to be"])
    inline, library = state.get("inline"), sys.modules.get("matplotlib")
    if inline and (library is None or drawing.only_pictures or drawing.chosen(library) is None):
        from matplotlib_inline.config import InlineBackend

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its own deprecated ways: no cell made it
            backend = InlineBackend.instance(parent=shell)
            backend.close_figures = inline["close_figures"]
            backend.print_figure_kwargs = inline["print_figure_kwargs"]
            backend.figure_formats = set(inline["figure_formats"])
            chosen = inline.get("chosen")
            if chosen or _formats(shell) not in (None, _formats_of(inline)):
                _choose_formats(shell, chosen or _formats_of(inline))


def apply_future(shell: Any, names: Any) -> None:
    """``from __future__ import`` in a cell holds for all later cells."""
    import __future__

    for name in names:
        shell.compile.flags |= getattr(__future__, name).compiler_flag
