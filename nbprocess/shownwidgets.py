"""The widgets that a job's cell showed, among the displays of this kernel.

May import: ``worker.page``, ``worker.wire``; ipywidgets, which has them, comes in through these.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from .worker import page
from .worker.wire import widgets


class ShownWidgets:
    """What stands in the page for the widgets of one job. Their values came back with its results.

    Args:
        closed: the numbers of those that the cell showed and closed.
    """

    def __init__(self, closed: Collection[str]) -> None:
        self._closed = set(closed)
        self._placeholders: list[Any] = []
        self._into: list[Any] = []

    def display(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """What to display for what the job displayed: the text of a widget that is not here."""
        if page.VIEW not in data:
            return data
        number = data[page.VIEW].get("model_id")
        if number in self._closed:
            self._closed.discard(number)
            self._placeholders.append(widgets.make_placeholder(number))
        return data if number in widgets.known() else page.without_view(data)

    def turn(self, event: Mapping[str, Any]) -> None:
        """What is displayed next goes into an ``Output``, or no longer."""
        if event["type"] == page.INTO:
            output = widgets.known().get(event["model_id"])
            self._into.append(output)
            if output is not None:
                output.__enter__()
        elif self._into:
            output = self._into.pop()
            if output is not None:
                output.__exit__(None, None, None)

    def end(self) -> None:
        """All that the job displayed is displayed."""
        while self._into:  # the job ended within
            self.turn({"type": page.OUT_OF})
        for placeholder in self._placeholders:
            placeholder.close()
