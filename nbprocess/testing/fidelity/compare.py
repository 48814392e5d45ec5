"""What differs between two runs of a cell. Pure functions over ``Ran``.

May import: ``kernels``, the standard library.
"""

from __future__ import annotations

import re
from typing import Any

from .kernels import Ran

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_ADDRESS = re.compile(r"0x[0-9a-f]{6,}")
_FOOT = re.compile(r"^Job \S+; its log: .*$", re.M)


def differences(here: Ran, there: Ran) -> list[str]:
    """What a person would see or could compute that is not the same, as sentences."""
    found = []
    for name in ("stdout", "stderr"):
        if _plain(here.stream(name)) != _plain(there.stream(name)):
            found.append(f"{name}: {_first_difference(_plain(here.stream(name)), _plain(there.stream(name)))}")
    found += _displays(here, there)
    found += _errors(here, there)
    return found + _states(here.state, there.state)


def unstable(first: Ran, second: Ran) -> set[str]:
    """Beginnings of the sentences that two runs in place give too: what they name is left to chance."""
    return {_key(sentence) for sentence in differences(first, second)}


def without(found: list[str], chance: set[str]) -> list[str]:
    """The differences that are not a matter of chance."""
    return [sentence for sentence in found if _key(sentence) not in chance]


def _key(sentence: str) -> str:
    return sentence.partition(":")[0]


def _plain(text: str) -> str:
    return _ADDRESS.sub("0x…", _ANSI.sub("", text))


def _own(output: dict[str, Any]) -> bool:
    """Whether it is the job's own view, which a cell in place does not have."""
    return "nbprocess-static" in str(output.get("data", {}).get("text/html", ""))


def _shown(ran: Ran) -> list[tuple[str, dict[str, Any], dict[str, Any], int | None]]:
    numbers: dict[str, int] = {}
    found = []
    for output in ran.outputs:
        if output["msg_type"] == "stream" or _own(output):
            continue
        number = None
        identity = (output.get("transient") or {}).get("display_id")
        if identity:
            number = numbers.setdefault(identity, len(numbers))
        found.append((output["msg_type"], output.get("data", {}), output.get("metadata", {}), number))
    return found


def _displays(here: Ran, there: Ran) -> list[str]:
    left, right = _shown(here), _shown(there)
    if [kind for kind, *_ in left] != [kind for kind, *_ in right]:
        return [f"displays: {[k for k, *_ in left]} in place, {[k for k, *_ in right]} offloaded"]
    found = []
    for number, (one, other) in enumerate(zip(left, right, strict=True)):
        for mime in sorted({*one[1], *other[1]}):
            if mime == "application/vnd.jupyter.widget-view+json" and mime in one[1] and mime in other[1]:
                continue  # the number of a model
            a, b = one[1].get(mime), other[1].get(mime)
            if isinstance(a, str) and isinstance(b, str):
                a, b = _plain(a), _plain(b)
            if a != b:
                found.append(f"display {number} {mime}: {_first_difference(str(a), str(b))}")
        if one[2] != other[2]:
            found.append(f"display {number} metadata: {one[2]} in place, {other[2]} offloaded")
        if one[3] != other[3]:
            found.append(f"display {number} display_id: they refer to other displays")
    return found


def _errors(here: Ran, there: Ran) -> list[str]:
    if here.error is None or there.error is None:
        if here.error is there.error:
            return []
        only, where = (here.error, "in place") if here.error else (there.error, "offloaded")
        assert only is not None
        return [f"error: {only[0]}: {only[1][:300]} only {where}"]
    found = []
    for what, one, other in zip(("type", "message", "traceback"), here.error, there.error, strict=True):
        a, b = (_FOOT.sub("", _plain(text)).rstrip() for text in (one, other))
        if a != b:
            found.append(f"error {what}: {_first_difference(a, b)}")
    return found


def _states(here: dict[str, Any], there: dict[str, Any]) -> list[str]:
    found = []
    left, right = here["names"], there["names"]
    for name in sorted({*left, *right}):
        if left.get(name, [])[:2] != right.get(name, [])[:2]:
            found.append(f"name {name}: {_said(left.get(name))} in place, {_said(right.get(name))} offloaded")
    differing = {tuple(group) for group, _ in here["shared"]} ^ {tuple(group) for group, _ in there["shared"]}
    found += [f"sharing of {', '.join(group)}: only one of the two" for group in sorted(differing)]
    for name in sorted({*here["ambient"], *there["ambient"]}):
        if here["ambient"].get(name) != there["ambient"].get(name):
            found.append(f"ambient {name}: not the same")
    if here["out"] != there["out"]:
        found.append("Out: not the same")
    return found


def _said(entry: list[str] | None) -> str:
    return "absent" if entry is None else f"{entry[0]} {entry[2]} [{entry[1][:8]}]"


def _first_difference(a: str, b: str) -> str:
    at = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    start = max(0, at - 30)
    return f"{a[start : at + 60]!r} in place, {b[start : at + 60]!r} offloaded"
