"""The widgets that a cell shows: what the page needs of them goes home with the results.

May import: ``wire``, the standard library. ipywidgets is only looked at where the cell has imported it.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

VIEW = "application/vnd.jupyter.widget-view+json"
PREFIX = "\0widget "
"""Begins the names under which they travel among the values; their numbers in the page follow."""
INTO, OUT_OF = "into_widget", "out_of_widget"
"""Events: what comes between them is shown inside of an ``Output``."""


def without_view(data: Mapping[str, Any]) -> dict[str, Any]:
    """What a display of a widget shows where no page has the widget."""
    return {mime: content for mime, content in data.items() if mime != VIEW}


def _here(number: str) -> Any:
    from .wire import widgets

    return widgets.known().get(number)


class Page:
    """What the job knows of the page. Where it will show no widgets (``alive`` is false), their text stands there.

    Attributes:
        as_text: how many widgets were shown as text.
    """

    def __init__(self, channel: Any, alive: bool) -> None:
        self.alive = alive
        self.as_text = 0
        self._channel = channel
        self._shown: dict[str, Any] = {}

    def show(self, data: dict[str, object]) -> dict[str, object]:
        """What to display for a display of a widget."""
        view: Any = data[VIEW]
        number = str(view.get("model_id", ""))
        widget = _here(number) if self.alive else None
        if widget is None:
            self.as_text += 1
            return without_view(data)
        self._shown[number] = widget
        return data

    def follow_outputs(self, hooks: Any) -> None:
        """Tell what goes into widgets of the kind ``Output``: the page puts it there."""
        hooks.on("ipywidgets.widgets.widget_output", self._patch)

    def _patch(self, module: Any) -> None:
        enter, leave = module.Output.__enter__, module.Output.__exit__

        def entered(output: Any) -> Any:
            found = enter(output)
            self._channel.event({"type": INTO, "model_id": output.model_id})
            return found

        def left(output: Any, *error: Any) -> Any:
            try:
                return leave(output, *error)
            finally:
                self._channel.event({"type": OUT_OF, "model_id": output.model_id})

        module.Output.__enter__, module.Output.__exit__ = entered, left

    def values(self) -> dict[str, Any]:
        """The widgets that were shown, by the names that they travel under."""
        return {PREFIX + number: widget for number, widget in self._shown.items() if widget.comm is not None}

    def closed(self) -> list[str]:
        """The numbers of those that the cell closed again."""
        return [number for number, widget in self._shown.items() if widget.comm is None]
