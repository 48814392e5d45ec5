"""What a cell printed and displayed, cut to what a page can take.

May import: ``views.outputs``, the standard library.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ..views.outputs import settled

DISPLAYS = 8  # times as many characters as of prints: images are large and few


def brief(events: Iterable[Mapping[str, Any]], most: int) -> list[dict[str, Any]]:
    """The events with the last ``most`` characters of what was printed, and eight times as many of displays.

    Displays beyond that, oldest first, are replaced by a line that says so.
    """
    prints, displays = most, DISPLAYS * most
    kept: list[dict[str, Any]] = []
    for event in reversed(settled(events)):
        if event.get("type") == "stream":
            text = str(event.get("text", ""))
            if prints <= 0:
                continue
            if len(text) > prints:
                text = "… what was printed before is in the log\n" + text[-prints:]
            prints -= len(text)
            kept.append({**event, "text": text})
        elif "data" in event:
            size = len(json.dumps(event["data"], default=str))
            displays -= size
            left_out = {"text/plain": f"A display of {size:,} characters is left out here; the results have it."}
            kept.append(dict(event) if displays >= 0 else {**event, "data": left_out, "metadata": {}})
        else:
            kept.append(dict(event))
    return kept[::-1]
