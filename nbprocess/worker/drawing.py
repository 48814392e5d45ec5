"""Which of matplotlib's backends a notebook chose (``matplotlib.use("agg")``), and what its colours of one letter are.
Figures that live in a page or a window are pictures in a job. May import: ``formatters``, the standard library.
"""

from __future__ import annotations

import builtins
import contextlib
import functools
import os
import sys
import warnings

from .formatters import shell_here

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any

only_pictures = False
"""Whether this process is a job's: it has neither a page nor a window."""
replaced = ""
"""The live backend of the notebook, whose figures are pictures in this process."""
held = False
"""Whether home shows the figures of live backends: in this process they stay open, and nothing is shown of them."""
_HELD = f"module://{__package__}.held"
_LIVE = ("nbagg", "notebook", "ipympl", "widget", "webagg", "qt", "tk", "gtk", "wx", "osx")


def chosen(matplotlib: Any) -> str | None:
    """The backend that was chosen by name; None for that of notebooks, and where none was chosen yet."""
    backend = dict.get(matplotlib.rcParams, "backend")  # the dict's own: asking would choose one
    if backend == _HELD:
        return replaced
    if not isinstance(backend, str) or "inline" in backend.lower() or backend.endswith(".figures"):
        return None
    return backend


def at_home(matplotlib: Any) -> str | None:
    """The one that home has, or is to have after this job."""
    there = chosen(matplotlib)
    return replaced if there is None and only_pictures and replaced else there


def is_named(matplotlib: Any) -> bool:
    """Whether that of notebooks was chosen by its name (``%matplotlib inline``): libraries and cells can ask for it."""
    return dict.get(matplotlib.rcParams, "backend") == "inline"


def name_inline(matplotlib: Any) -> None:
    """Choose that of notebooks by its name, as the other end did."""
    if is_named(matplotlib):
        return
    if only_pictures and chosen(matplotlib) is None:
        import matplotlib.pyplot  # which keeps the backend that it finds, as `%pylab` shows

        with contextlib.suppress(ValueError):  # before matplotlib 3.9 it has no name
            matplotlib.rcParams["backend"] = "inline"
    else:  # a cell with this line ran in a job; or, in a job, a library that was imported chose another one
        shell: Any = builtins.get_ipython() if only_pictures else sys.modules["IPython"].get_ipython()  # type: ignore[attr-defined]
        shell.run_line_magic("matplotlib", "inline")


def connect_inline(backend: Any) -> None:
    """In a job: have that of notebooks show its figures when the cell ends. Before matplotlib 3.9 it is imported in the
    middle of ``pyplot``, and puts this off until the first cell is over."""
    import matplotlib

    shell = shell_here()
    if (
        shell is None
        or backend.flush_figures in shell.events.callbacks["post_execute"]
        or chosen(matplotlib) is not None
    ):
        return
    backend.configure_inline_support(shell, dict.get(matplotlib.rcParams, "backend"))


def load_inline() -> None:
    """Import that of notebooks. Doing so makes matplotlib interactive, where the other end may have put that back
    since (a style's context)."""
    if "matplotlib_inline.config" in sys.modules:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no cell made them
        import matplotlib

        was = matplotlib.rcParams["interactive"]
        import matplotlib_inline.config  # noqa: F401
    matplotlib.rcParams["interactive"] = was


def is_live(backend: str) -> bool:
    """Whether its figures live in a page or a window."""
    return any(word in backend.lower() for word in _LIVE)


def said(backend: str) -> str:
    """What the person is told of a job's figures where those of the notebook are live."""
    return f"the job's figures are pictures: live ones ({backend}) belong to this kernel. %matplotlib inline."


def use(matplotlib: Any, backend: str) -> list[str]:
    """Choose what the other end chose. Returns why it cannot be, as a list of one line."""
    global replaced
    if only_pictures and is_live(backend):
        replaced = backend
        if held:
            matplotlib.use(_HELD)
        return []
    if backend == chosen(matplotlib):
        return []
    shell = shell_here()
    if is_live(backend) and hasattr(shell, "enable_matplotlib"):
        with contextlib.suppress(Exception):  # it knows other names than matplotlib
            shell.enable_matplotlib(backend)  # as `%matplotlib` does: a window needs the kernel's loop
            return []
    try:
        matplotlib.use(backend)
    except (ImportError, ValueError) as error:
        return [f"matplotlib's backend {backend} cannot be used here ({error})"]
    return []


def hold(pyplot: Any) -> None:
    """In a job: a live backend that the cell chooses (``%matplotlib widget``) is home's affair, too."""
    switch = pyplot.switch_backend

    @functools.wraps(switch)
    def switch_backend(newbackend: Any) -> Any:
        global replaced
        if isinstance(newbackend, str) and newbackend != _HELD:
            replaced = newbackend if is_live(newbackend) else ""
            if replaced:
                newbackend = _HELD if held else os.environ.get("MPLBACKEND", "agg")
        return switch(newbackend)

    pyplot.switch_backend = switch_backend


def letters(matplotlib: Any) -> dict[str, list[float]]:
    """The colours of one letter that are not matplotlib's own: seaborn's themes set them."""
    base, now = matplotlib.colors.BASE_COLORS, matplotlib.colors.colorConverter.colors
    return {letter: [float(part) for part in now[letter]] for letter in base if tuple(now[letter]) != base[letter]}


def set_letters(matplotlib: Any, chosen: dict[str, list[float]]) -> None:
    """Give the colours of one letter what the other end has."""
    here = letters(matplotlib)
    for letter in here.keys() | chosen.keys():
        colour = chosen.get(letter, matplotlib.colors.BASE_COLORS[letter])
        matplotlib.colors.colorConverter.colors[letter] = tuple(colour)


def steps() -> int:
    """How finely curved axes draw the sides of rectangles: all have one path, and ``bar`` sets it once for all."""
    path = sys.modules.get("matplotlib.path")
    rectangle = None if path is None else getattr(path.Path, "_unit_rectangle", None)
    found: int = getattr(rectangle, "_interpolation_steps", 1)
    return found if found != 1 else 0


def set_steps(number: int) -> None:
    """Give the path of all rectangles what the other end has."""
    if number:
        from matplotlib.path import Path

        Path.unit_rectangle()._interpolation_steps = number  # type: ignore[attr-defined]
