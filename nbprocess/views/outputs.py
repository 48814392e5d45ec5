"""What a cell printed and displayed, inside one static output: for background jobs, whose cell is over.

May import: ``nbprocess.views.markup`` and ``text``, ``nbprocess.worker.page``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nbprocess.views.markup import Markup, element
from nbprocess.views.text import plain
from nbprocess.worker import page

Outputs = Sequence[Mapping[str, Any]]
"""Events as in ``events.jsonl``: nbformat-like ``stream``, ``display_data``, ``execute_result``, ``clear_output``."""

IMAGES = ("image/png", "image/jpeg", "image/gif")
PRE = "margin:4px 0;white-space:pre-wrap;font-family:var(--jp-code-font-family, monospace);font-size:13px"


def settled(outputs: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The outputs as if widgets of the kind ``Output`` were none: what is shown inside of one stands where it came, and
    what clears one clears no more than that."""
    kept: list[Mapping[str, Any]] = []
    begins: list[int] = []
    for event in outputs:
        kind = event.get("type")
        if kind == page.INTO:
            begins.append(len(kept))
        elif kind == page.OUT_OF:
            begins = begins[:-1]
        elif kind == "clear_output" and begins:
            del kept[begins[-1] :]
        else:
            kept.append(event)
    return kept


def visible(outputs: Outputs) -> list[Mapping[str, Any]]:
    """The outputs that are left in the end: updates of a display replace it, ``clear_output`` empties the list."""
    kept: list[Mapping[str, Any]] = []
    for event in settled(outputs):
        kind = event.get("type")
        if kind == "clear_output":
            kept.clear()
        elif kind == "update_display_data":
            kept = [event if e.get("display_id") == event.get("display_id") is not None else e for e in kept]
        elif kind == "stream" and kept and kept[-1].get("type") == "stream" and kept[-1]["name"] == event["name"]:
            kept[-1] = {**kept[-1], "text": kept[-1]["text"] + event["text"]}
        elif kind in ("stream", "display_data", "execute_result"):
            kept.append(event)
    return kept


def outputs_html(outputs: Outputs) -> Markup:
    """The outputs as HTML. ``text/html`` of the cell's own displays goes in as it is, as it would in its own output."""
    return Markup("".join(_html(event) for event in visible(outputs)))


def _html(event: Mapping[str, Any]) -> Markup:
    if event["type"] == "stream":
        return element("pre", plain(event["text"]), style=PRE)
    data = event.get("data") or {}
    if "text/html" in data:
        return element("div", Markup(_joined(data["text/html"])))
    if "image/svg+xml" in data:
        return element("div", Markup(_joined(data["image/svg+xml"])))
    for kind in IMAGES:
        if kind in data:
            source = f"data:{kind};base64,{''.join(_joined(data[kind]).split())}"
            alt = plain(_joined(data.get("text/plain", "image")))
            return element("div", element("img", src=source, alt=alt, style="max-width:100%"))
    return element("pre", plain(_joined(data.get("text/plain", ""))), style=PRE)


def outputs_text(outputs: Outputs) -> str:
    """The outputs as text, each on lines of its own; empty when there are none."""
    parts = [
        plain(event["text"] if event["type"] == "stream" else _joined((event.get("data") or {}).get("text/plain", "")))
        for event in visible(outputs)
    ]
    return "".join("\n" + part.rstrip("\n") for part in parts if part.strip())


def _joined(value: Any) -> str:
    """nbformat allows a text to be a list of lines."""
    return value if isinstance(value, str) else "".join(value)
