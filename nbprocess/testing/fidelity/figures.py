"""What the fingerprint says of matplotlib's figures and artists: what they draw. May import: the standard library;
matplotlib where the notebook has imported it; see ``walk``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .walk import digest, named

if TYPE_CHECKING:
    from .walk import Walk


def describe(walk: Walk, path: str, value: Any) -> bool:
    """Figures by what they draw; artists by their place in a figure."""

    kind = type(value)
    if kind.__name__ == "BackendRegistry":  # there is one, of which `from pylab import *` makes a name
        walk.put(path, named(kind))
        return True
    if not hasattr(value, "get_children"):
        return False
    if hasattr(value, "savefig"):
        walk.put(path, f"{named(kind)} {_drawn(value)}")
        for index, axes in enumerate(value.axes):
            walk.visit(f"{path}.axes[{index}]", axes)
        return True
    figure = getattr(value, "figure", None)
    walk.put(path, named(kind))
    if figure is not None:
        walk.visit(f"{path}.figure", figure)
    if not hasattr(value, "get_lines"):  # no axes: what it is drawn with
        for name in ("get_color", "get_label", "get_data", "get_text", "get_xy", "get_alpha"):
            method = getattr(value, name, None)
            if method is not None:
                walk.put(f"{path}.{name}", walk.text(repr(method())))
    return True


_OF_LIBRARY = ("colors", "_segmentdata", "_powerlimits")
"""What colormaps and formatters have in common with matplotlib's own tables."""


_NUMBERED = re.compile(r"_id_\w+|_\w+_id|_cid\w*")


def leave_out(walk: Walk, path: str, value: Any, state: dict[str, Any]) -> None:
    """Take from an instance's attributes what matplotlib keeps for its own bookkeeping, by addresses or by chance, and
    what a picture of PIL keeps of how it was saved."""
    modules = {base.__module__ or "" for base in type(value).__mro__}
    if "PIL.Image" in modules:
        for name in ("encoderconfig", "encoderinfo", "_default_encoderinfo"):
            state.pop(name, None)
    if not any(module.startswith("matplotlib.") for module in modules):
        return
    for name in [name for name in state if _NUMBERED.fullmatch(name) and isinstance(state[name], int)]:
        del state[name]  # callbacks have the numbers that were free
    if "matplotlib.transforms" in modules:
        for name in ("_parents", "_invalid", "_inverted"):  # who follows it, by address; what is to be computed anew
            state.pop(name, None)
    if "matplotlib.artist" in modules:
        state.pop("stale_callback", None)  # whom to tell that it is to be drawn again: the figure is drawn as a whole
    if type(value).__name__ == "CallbackRegistry":
        state.pop("_cid_gen", None)  # how often it was pickled: the probe does so, too
        held = state.pop("callbacks", {})  # matplotlib's own come and go with figures of earlier cells
        state.pop("_func_cid_map", None)
        called = [(signal, proxy()) for signal, found in held.items() for proxy in found.values()]
        own = [(signal, f) for signal, f in called if getattr(f, "__module__", None) == "__main__"]
        walk.put(f"{path}.<callbacks>", repr([(signal, getattr(f, "__qualname__", "")) for signal, f in own]))
    for name in _OF_LIBRARY:
        if name in state:
            walk.alone(f"{path}.{name}", state.pop(name))


def _drawn(figure: Any) -> str:
    """A digest of the figure's picture, drawn from a copy: drawing changes a figure."""
    import copyreg
    import io
    import pickle
    import warnings

    def unmanaged(figure: Any) -> Any:
        made = figure.__reduce_ex__(2)
        made[2].pop("_restore_to_pylab", None)  # the copy is none of pyplot's
        return made

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pickler = pickle.Pickler(buffer := io.BytesIO())
        pickler.dispatch_table = copyreg.dispatch_table | {type(figure): unmanaged}
        pickler.dump(figure)
        copy = pickle.loads(buffer.getvalue())
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        canvas: Any = FigureCanvasAgg(copy)
        canvas.draw()
        return digest(bytes(canvas.buffer_rgba()))
