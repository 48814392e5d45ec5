"""A matplotlib backend for jobs of a notebook whose figures are live (``%matplotlib widget``): they stay open, and home
shows them in its page.

May import: ``openfigures``, matplotlib (this module is imported by it, as ``module://...``).
"""

from __future__ import annotations

from matplotlib import is_interactive
from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from . import openfigures

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any

__all__ = ["FigureCanvas", "new_figure_manager", "new_figure_manager_given_figure", "show"]


class FigureCanvas(FigureCanvasAgg):
    """Draws when it is asked to, not after each change: that is up to the page."""

    def draw_idle(self, *args: Any, **kwargs: Any) -> None:
        """Draw some time."""


def new_figure_manager(num: int, *args: Any, FigureClass: Any = Figure, **kwargs: Any) -> Any:
    """A figure of ``pyplot`` begins."""
    openfigures.note(num, is_interactive())
    return new_figure_manager_given_figure(num, FigureClass(*args, **kwargs))


def new_figure_manager_given_figure(num: int, figure: Any) -> Any:
    """A figure becomes one of ``pyplot``."""
    return FigureManagerBase(FigureCanvas(figure), num)


def show(*_: object, **__: object) -> None:
    """``plt.show()``."""
    openfigures.show()
