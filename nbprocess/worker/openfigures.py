"""Figures that pyplot keeps open from cell to cell, under their numbers: those of live backends
(``%matplotlib widget``), and of such as show nothing (``matplotlib.use("agg")``). That of notebooks closes its figures
when a cell ends.

They are set at the other end as what the notebook set on ``pyplot`` (``attached``). May import: ``drawing``, matplotlib
inside the functions, the standard library.
"""

from __future__ import annotations

import contextlib
import sys

from . import drawing

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any

_brought: list[int] = []
"""In a job: the numbers of those that were open at home."""
_quiet: set[int] = set()
"""In a job: the numbers of those that were made while nothing is shown by itself (``with plt.ioff()``)."""
_shown = False
"""In a job: whether the cell asked to show them."""
_left: list[Any] = []
"""In a job: those that ``pyplot`` let go of when the cell asked to show them, as it does with ``plt.ioff()``."""


def note(number: int, interactive: bool) -> None:
    """A figure begins in a job."""
    (_quiet.discard if interactive else _quiet.add)(number)


def show() -> None:
    """The cell asks to show what is open: home does."""
    global _shown
    from matplotlib import is_interactive
    from matplotlib._pylab_helpers import Gcf

    if is_interactive():
        _shown = True
    else:
        _left.extend([number, manager.canvas.figure] for number, manager in Gcf.figs.items())
        Gcf.figs.clear()


def collect() -> Any:
    """The open figures with their numbers, the current one last, and which of home's were closed; None where neither
    are."""
    helpers: Any = sys.modules.get("matplotlib._pylab_helpers")
    if "matplotlib.pyplot" not in sys.modules or not hasattr(helpers, "Gcf") or _only_pictures():
        return None
    shown = [[number, manager.canvas.figure] for number, manager in helpers.Gcf.figs.items()]
    closed = [number for number in _brought if number not in helpers.Gcf.figs]
    if not (shown or closed or _left):
        return None
    return {"open": shown, "closed": closed, "quiet": sorted(_quiet), "show": _shown, "left": list(_left)}


def _only_pictures() -> bool:
    """In a job: whether live figures are pictures, which are shown and closed when the cell ends."""
    return bool(drawing.only_pictures and drawing.replaced and not drawing.held)


def take(pyplot: Any, name: str, value: Any) -> None:
    """Have ``pyplot`` keep open what the other end does. A live backend shows what is new to it."""
    from matplotlib._pylab_helpers import Gcf

    if _only_pictures():
        return
    if value["left"]:
        with pyplot.ioff():
            for number, figure in value["left"]:
                _open(pyplot, number, figure)
            pyplot.show()
    for number in value["closed"]:
        if number in Gcf.figs:
            pyplot.close(number)
    for number, figure in value["open"]:
        with pyplot.ioff() if number in value["quiet"] else contextlib.nullcontext():
            _open(pyplot, number, figure)
    if drawing.only_pictures:
        _brought[:] = Gcf.figs
    elif value["show"]:
        pyplot.show()


def redraw() -> None:
    """Draw what is open and live once more: a job may have changed it."""
    helpers: Any = sys.modules.get("matplotlib._pylab_helpers")
    if hasattr(helpers, "Gcf") and drawing.is_live(drawing.chosen(sys.modules["matplotlib"]) or ""):
        for manager in helpers.Gcf.get_all_fig_managers():
            manager.canvas.draw_idle()


def _open(pyplot: Any, number: int, figure: Any) -> None:
    """Make a figure the current one of ``pyplot``."""
    from matplotlib._pylab_helpers import Gcf

    known = next((manager for manager in Gcf.figs.values() if manager.canvas.figure is figure), None)
    if known is not None:
        Gcf.set_active(known)
        return
    free = number if number not in Gcf.figs else max(Gcf.figs) + 1
    Gcf._set_new_active_manager(_manager(pyplot, free, figure))  # type: ignore[attr-defined]
    figure.stale_callback = pyplot._auto_draw_if_interactive
    if not drawing.only_pictures:
        _wake(figure)


def _wake(figure: Any) -> None:
    """Animations of the figure get a timer of its canvas: a job's never rings."""
    held = getattr(getattr(figure, "_canvas_callbacks", None), "callbacks", {})
    for reference in [reference for found in list(held.values()) for reference in found.values()]:
        animation = getattr(reference(), "__self__", None)
        timer = getattr(animation, "event_source", None)
        if type(timer).__module__ == "matplotlib.backend_bases":
            animation.event_source = figure.canvas.new_timer(timer.interval, timer.callbacks)  # type: ignore[union-attr]
            animation.event_source.single_shot = timer.single_shot  # type: ignore[union-attr]


def _manager(pyplot: Any, number: int, figure: Any) -> Any:
    import matplotlib
    from matplotlib.backends import backend_agg

    # That of notebooks would show the figure once more when the cell ends.
    unshown = drawing.chosen(matplotlib) is None
    backend: Any = backend_agg if unshown else pyplot._get_backend_mod()
    return backend.new_figure_manager_given_figure(number, figure)
