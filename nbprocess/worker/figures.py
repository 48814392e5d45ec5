"""A matplotlib backend for images without IPython: ``plt.show`` and the end of the cell show the open figures as PNG.

May import: matplotlib (this module is imported by it, as ``module://...``), the standard library.
"""

from __future__ import annotations

import builtins
import io

from matplotlib._pylab_helpers import Gcf
from matplotlib.backends.backend_agg import FigureCanvasAgg as FigureCanvas
from matplotlib.backends.backend_agg import new_figure_manager  # type: ignore[attr-defined]

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any

__all__ = ["FigureCanvas", "flush", "new_figure_manager", "show"]


class Picture:
    """A figure, drawn, as ``display`` takes it."""

    def __init__(self, figure: Any) -> None:
        # As notebooks do: tight, at the figure's own resolution.
        self._text = f"<Figure size {figure.get_figwidth() * figure.dpi:.0f}x{figure.get_figheight() * figure.dpi:.0f}"
        self._text += f" with {len(figure.axes)} Axes>"
        buffer = io.BytesIO()
        face = figure.get_facecolor()
        figure.savefig(buffer, format="png", bbox_inches="tight", facecolor=face, dpi=figure.dpi)
        self._png = buffer.getvalue()

    def __repr__(self) -> str:
        return self._text

    def _repr_png_(self) -> bytes:
        return self._png


def flush(display: Any) -> None:
    """Display every open figure and close it."""
    try:
        for manager in Gcf.get_all_fig_managers():
            figure = manager.canvas.figure
            if figure.axes or figure.lines or figure.texts or figure.images:
                display(Picture(figure))
    finally:
        if Gcf.get_all_fig_managers():
            Gcf.destroy_all()


def show(*_: object, **__: object) -> None:
    """``plt.show()``."""
    flush(builtins.display)  # type: ignore[attr-defined]
