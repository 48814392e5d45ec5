"""Widgets of ipywidgets: objects of traitlets whose other half is in the page. They travel as all objects of traitlets
do, with who observes them; the channel to the page (a *comm*) belongs to the process. In a job it leads nowhere; at
home the one that the widget has stays, and for a new widget one is opened, under the number that it had in the job.

May import: the standard library, this folder; ipywidgets inside the functions.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any, Dict, Iterable, Iterator, List, Set, Tuple

from . import classes, remade, scope
from .refuse import is_widget, reason
from .ways import Table, Ways

_made: List[Any] = []
"""Widgets that were read and have no channel yet."""


def known() -> Dict[str, Any]:
    """The widgets of this process that the page can show, by their numbers."""
    module: Any = sys.modules.get("ipywidgets.widgets.widget")
    if module is None:
        return {}
    found: Any = getattr(module, "_instances", None)
    return module.Widget._active_widgets if found is None else found  # type: ignore[no-any-return] # before 8.0.3


class Channel:
    """Stands for the channel of a widget that was read and is not in the page yet."""

    def __init__(self, comm_id: str) -> None:
        self.comm_id = comm_id

    def close(self) -> None:
        """Nothing was opened."""


def _reduce_widget(widget: Any) -> Any:
    kind: Any = type(widget)
    if reason(kind) is not None:
        return NotImplemented
    added: Dict[str, str] = {}
    if "_anywidget_id" in vars(kind):  # a class of this one object's, made by ``add_traits``
        import traitlets

        texts = {name: part for name, part in vars(kind).items() if isinstance(part, traitlets.Unicode)}
        kind, added = kind.__bases__[0], {name: part.default_value for name, part in texts.items()}
    return make_widget, (kind, added), dict(vars(widget)), None, None, remade.add_attributes


def make_widget(kind: Any, added: Dict[str, str]) -> Any:
    """A widget with nothing in it.

    Args:
        added: name → default of the traits that ``anywidget.AnyWidget.__init__`` adds: texts that the page knows.
    """
    if added:
        import traitlets

        space = {name: traitlets.Unicode(text).tag(sync=True) for name, text in added.items()}
        own = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
        kind = type(kind)(kind.__name__, (kind,), {**own, **space})
    made = classes.make_bare(kind)
    made._trait_values = {"comm": None}  # it closes itself when it is collected, also where what follows cannot be read
    _made.append(made)
    scope.later(open_made)
    return made


def _reduce_channel(comm: Any) -> Any:
    return make_channel, (comm.comm_id,)


def make_channel(comm_id: str) -> Any:
    """What stands for a channel of the other end."""
    return Channel(comm_id)


_CHANNELS: Table = [(("comm", "BaseComm"), _reduce_channel), (("ipykernel", "Comm"), _reduce_channel)]
"""The second: before ipykernel 6.18."""
CHANNELS = Ways(_CHANNELS)
TABLE: Table = [(("ipywidgets", "Widget"), _reduce_widget), *_CHANNELS]


# -- the page ----------------------------------------------------------------------------------------------------------


def open_made() -> None:
    """Make the widgets that were read known here, and to the page where this process has one."""
    waiting = {id(widget): widget for widget in _made}
    _made.clear()
    while waiting:
        _open(waiting.popitem()[1], waiting)


def _open(widget: Any, waiting: Dict[int, Any]) -> None:
    """Open a channel; before it those of what it holds, which the page must know by then."""
    values = widget._trait_values
    for part in _widgets_in(values.values(), set()):
        if waiting.pop(id(part), None) is not None:
            _open(part, waiting)
    channel = values.get("comm")
    if type(channel) is not Channel:
        return  # it was closed
    values["comm"] = None
    # One that is here already was loaded before (from a job that is attached once more): this is another one.
    widget._model_id = channel.comm_id if channel.comm_id not in known() else None
    try:
        widget.open()
    except Exception:  # it holds one that was closed: the page knew it before that
        comm = importlib.import_module("comm")
        widget.comm = comm.DummyComm(target_name="jupyter.widget", comm_id=widget._model_id)


def _widgets_in(values: Iterable[Any], seen: Set[int]) -> Iterator[Any]:
    for value in values:
        if is_widget(type(value)):
            yield value
        elif isinstance(value, (list, tuple, dict)) and id(value) not in seen:
            seen.add(id(value))
            yield from _widgets_in(value.values() if isinstance(value, dict) else value, seen)


Held = List[Tuple[Any, Dict[str, Any]]]


def held(objects: Iterable[Any]) -> Held:
    """What the widgets among some objects hold now."""
    return [(obj, dict(obj._trait_values)) for obj in objects if is_widget(type(obj))]


def show_changes(before: Held) -> None:
    """Tell the page what is no longer as it was."""
    if before:
        open_made()
    for widget, old in before:
        now = widget._trait_values
        comm = old.get("comm")
        if comm is None:
            continue
        if type(now.get("comm")) is Channel:  # it came with what changed
            now["comm"] = comm
        if now.get("comm") is None:  # the job closed it
            known().pop(comm.comm_id, None)
            comm.close()
            continue
        changed = [name for name, value in now.items() if name in widget.keys and old.get(name) is not value]
        if changed:
            widget.send_state(changed)


def make_placeholder(comm_id: str) -> Any:
    """A widget that shows nothing, for one that the job closed: its display is there, as it would have been."""
    return importlib.import_module("ipywidgets").Box(model_id=comm_id)
