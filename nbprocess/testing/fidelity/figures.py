"""What the fingerprint says of matplotlib's figures and artists: what they draw. May import: the standard library;
matplotlib where the notebook has imported it; see ``walk``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .walk import digest

if TYPE_CHECKING:
    from .walk import Walk


def describe(walk: Walk, path: str, value: Any) -> bool:
    """Figures by what they draw; artists by their place in a figure."""
    from . import kinds

    kind = type(value)
    if not hasattr(value, "get_children"):
        return False
    if hasattr(value, "savefig"):
        walk.put(path, f"{kinds.named(kind)} {_drawn(value)}")
        for index, axes in enumerate(value.axes):
            walk.visit(f"{path}.axes[{index}]", axes)
        return True
    figure = getattr(value, "figure", None)
    walk.put(path, kinds.named(kind))
    if figure is not None:
        walk.visit(f"{path}.figure", figure)
    if not hasattr(value, "get_lines"):  # no axes: what it is drawn with
        for name in ("get_color", "get_label", "get_data", "get_text", "get_xy", "get_alpha"):
            method = getattr(value, name, None)
            if method is not None:
                walk.put(f"{path}.{name}", walk.text(repr(method())))
    return True


def _drawn(figure: Any) -> str:
    """A digest of the figure's picture, drawn from a copy: drawing changes a figure."""
    import pickle
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        copy = pickle.loads(pickle.dumps(figure))
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        canvas: Any = FigureCanvasAgg(copy)
        canvas.draw()
        return digest(bytes(canvas.buffer_rgba()))
