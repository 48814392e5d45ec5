"""Compares what a cell gave in place, in place once more, and offloaded. Pure.

What differs between the two runs in place is chance (times, addresses, random ids) and does not count.
May import: ``kernel``'s ``Ran``, the standard library.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .kernel import Ran

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_ABSL = re.compile(r"^([IWEF])\d{4} \d\d:\d\d:\d+\.\d+ +\d+ (?=[\w/.]+:\d+\])", re.M)
"""The day, time and thread in front of lines that C++ libraries log."""
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")
_CELL_FILE = re.compile(r"[^\s\"']*ipykernel_\d+[/\\]\d+\.py")
_LIBRARY = re.compile(r"(?:~|/)[^\s\"':]*?/(?:site-packages|lib/python3\.\d+)/|<frozen ")
_SHORT_FILE = re.compile(r"\(\d{6,}\.py\b")
_OWN_LINE = re.compile(r"\n?Job \S+; its log: %processing_logs \S+\s*$")
_FIRST_LINE = re.compile(r"^(?P<gutter>\s*1 ).*?# %%processing.*$", re.M)
_JOB_FOLDER = re.compile(r"/opt/ml/processing/(?:nbprocess-\w+/)?notebook\b")
_TIMEIT = re.compile(r"(?:The slowest run took .*\n(?:This could mean .*\n)?)?.*per loop \(mean ± std\. dev\. of .*\)")
_TIME = re.compile(r"CPU times: .*\n(?:(?:Compiler|Parser) *: .*\n)*Wall time: .*")
"""Two runs in place can take the same microseconds, and the offloaded one others."""
_DRAWN_OVER = re.compile(r"\r[^\n\r\x08]*\x08+")
_STEP = re.compile(r"\d+(?::\d+)*s(?:\x1b\[0m)? (?:- )?\d+[mu\u00b5]?s/(?=step|epoch)")
_PADDED = re.compile(r"(?<=/step) +(?=\n)")
"""Keras's bars: what another one is drawn over, how long a step takes, and what covers the end of a longer line."""
_PIP = re.compile(r"(?:\r?\n)?[^\n]*notice[^\n]*(?:A new release of pip|To update, run)[^\n]*(?:\n|$)")
"""pip says once a week that there is a newer one."""
_CLOCK = re.compile(r"\b(\d\d):(\d\d):(\d\d)\b")
_JOB_SECONDS = 120
_NUMBER = re.compile(r"[0-9a-fA-F]{8,}|\d+(?:[.,:]\d+)*(?:e[+-]?\d+)?")
_UNIT = re.compile(r"(?<![a-zA-Z])(?:ns|[µμu]s|ms|s|min|h)(?![a-zA-Z])")
_LINES = re.compile(r"(line )\d+|(:)\d+(?=:)|^([ -]*>? *)\d+(?= )", re.M)
_ABOVE = re.compile(r"^ +# *\n(?=-+> #)", re.M)
"""The line of the magic, shown above the one that raised, when nothing can stand there in place."""
_COMPILER = re.compile(
    r"^(?:<>|<cell>\.py):(\d+): (SyntaxWarning: .*|DeprecationWarning: invalid .*)\n(?:  .*\n)?", re.M
)
_NOISE = re.compile(r"^(?:nbprocess: |Job \S+; its log: %processing_logs ).*\n?", re.M)


@dataclass(frozen=True)
class Difference:
    """One thing that is not the same: where, and what it is at both ends (None: not there)."""

    where: str
    in_place: str | None
    offloaded: str | None
    said: bool = False
    """Whether the job's summary names it: nobody works on with a wrong value unknowingly."""


@dataclass(frozen=True)
class Rules:
    """How to compare: ``place`` → what stands for it; ``versions``: the other Python may have other libraries."""

    places: tuple[str, ...] = ()
    other_python: bool = False
    mask_lines: bool = False
    """The in-place cell lacks the line of the magic: line numbers do not count."""


_GENERATORS = ("ambient random", "ambient numpy.random", "ambient torch.random")


def without_draws(table: Mapping[str, str]) -> dict[str, str]:
    """The table without the states of random generators: how often ``%timeit`` runs a statement is chance."""
    return {path: token for path, token in table.items() if not path.startswith(_GENERATORS)}


def by_chance(table: Mapping[str, str], twin: Mapping[str, str]) -> set[str]:
    """The names whose values are not the same in two runs in place."""
    return names(path for path in table.keys() | twin.keys() if table.get(path) != twin.get(path))


def at_work(before: Mapping[str, str], table: Mapping[str, str], twin: Mapping[str, str], cell: set[str]) -> set[str]:
    """The names whose values changed during a cell that does not mention them, in each kernel in another way: what
    hangs on them works by itself (the client of a cluster, a thread's counter), and none of it can be compared.

    Args:
        before: the state of the first kernel before the cell. table: after it. twin: that of the second one after it.
        cell: the words of the cell.
    """
    changed = names(path for path in before.keys() | table.keys() if before.get(path) != table.get(path))
    return (changed & by_chance(table, twin) & names(before)) - cell


def names(paths: Iterable[str]) -> set[str]:
    """The names to which paths of a state belong."""
    return {re.split(r"[.\[ ]", path)[0] for path in paths} - {"ambient", "Out", "_", ""}


def drew_otherwise(tables: Sequence[Mapping[str, str]]) -> bool:
    """Whether the kernels' random generators are not in one state."""
    states = [{p: t for p, t in table.items() if p.startswith(_GENERATORS)} for table in tables]
    return any(state != states[0] for state in states)


def notices(ran: Ran) -> str:
    """What nbprocess itself said about a cell: its summary under it, and its lines on stderr."""
    texts = [str(e["data"].get("text/plain", "")) for e in ran.events if _is_own(e)]
    return "\n".join([*texts, *_NOISE.findall(ran.stream("stderr"))])


def outputs(ran: Ran, twin: Ran, offloaded: Ran, rules: Rules) -> list[Difference]:
    """Differences of prints, displays and the error."""
    found = []
    first, second, other = (_sequence(r, rules) for r in (ran, twin, offloaded))
    if len(first) == len(second):
        for index in range(max(len(first), len(other))):
            one = first[index] if index < len(first) else {}
            again = second[index] if index < len(second) else {}
            there = other[index] if index < len(other) else {}
            for key in sorted(one.keys() | there.keys()):
                a, b, c = one.get(key), again.get(key), there.get(key)
                if not _agree(a, b, c):
                    word = one.get("kind") or there.get("kind")
                    found.append(Difference(f"output {index + 1} ({word}): {key}", a, c))
    errors = [_once(_clean(_NOISE.sub("", r.stream("stderr")), rules)) for r in (ran, twin, offloaded)]
    if not _agree(*errors):
        found.append(Difference("stderr", errors[0], errors[2]))
    for word in ("error", "message"):
        texts = [_clean(getattr(r, word), rules) for r in (ran, twin, offloaded)]
        if rules.mask_lines:
            texts = [_LINES.sub(r"\1\2\3#", text) for text in texts]
        if not _agree(*texts):
            found.append(Difference(word, texts[0], texts[2]))
    frames = [_traceback(r.traceback, rules) for r in (ran, twin, offloaded)]
    if not _agree(*frames):
        found.append(Difference("traceback", frames[0], frames[2]))
    return found


_WHOLE = ("ambient xarray", "ambient polars", "ambient plotly", "ambient altair", "ambient sklearn")


def states(
    table: Mapping[str, str], twin: Mapping[str, str], offloaded: Mapping[str, str], said: str = ""
) -> list[Difference]:
    """Differences of what the kernels hold. ``said``: what nbprocess said about the cell."""
    by_chance = {path for path in table.keys() | twin.keys() if table.get(path) != twin.get(path)}
    unordered = {match[1] for match in map(_KEY.match, by_chance) if match}
    found = []
    for path in sorted(table.keys() | offloaded.keys()):
        a, b = table.get(path), offloaded.get(path)
        b = _JOB_FOLDER.sub("<folder>", b) if b is not None else b
        if path.startswith("ambient ") and b is None and a == "dict[0]":
            continue  # a library is loaded here, with nothing changed, and was loaded there by the job only
        if path.startswith(_WHOLE) and not any(other.startswith(path.partition("[")[0]) for other in offloaded):
            continue  # the same, of a library that gives all its settings, changed or not
        if a == b or path in by_chance or any(path[:i] in by_chance for i in _ends(path)):
            continue
        if unordered and any(
            path.startswith(f"{path[:i]} key ") or path[i : i + 2] == "[#" for i in _ends(path) if path[:i] in unordered
        ):
            continue  # the order of these keys is chance, and with it the number of each
        found.append(Difference(path, a, b, _was_said(path, said)))
    return found


_KEY = re.compile(r"(.*) key \d+")
_ALIVE = "application/vnd.jupyter.widget-view+json"


def only_shown_otherwise(outputs_: Sequence[Difference], said: str) -> str:
    """What is shown in another form, when that is all that differs in the outputs and it is said; else empty."""
    if "A widget that the cell shows is shown as text" in said and all(_ALIVE in d.where for d in outputs_):
        return "a widget is shown as text, and that is said"
    if "the job's figures are pictures" in said and all(d.where.startswith("output ") for d in outputs_):
        return "a live figure is shown as a picture, and that is said"
    return ""


def stand_ins(differences: Sequence[Difference]) -> list[str]:
    """The names that hold stand-ins, when that is all that differs; else nothing."""
    names = [difference.where for difference in differences if is_stand_in(difference)]
    held = {f"is {name}" for name in names}  # another name for the same stand-in
    alike = _found_within(differences, names)
    within = all(d.where in alike or _below(d.where, names) or (d.offloaded or "") in held for d in differences)
    return names if within else []


def _below(path: str, names: Iterable[str]) -> bool:
    return any(path == name or path[len(name) :][:1] in ".[ " for name in names if path.startswith(name))


def _found_within(differences: Sequence[Difference], names: Sequence[str]) -> set[str]:
    """Paths of what hangs on a value that did not come back and is a name of its own, too, where it is alike."""
    there = {d.where: d.in_place for d in differences if _below(d.where, names)}
    alike: set[str] = set()
    for root in differences:
        target = (root.in_place or "").removeprefix("is ")
        if target == root.in_place or not _below(target, names):
            continue
        own = {d.where: d.offloaded for d in differences if _below(d.where, [root.where])}
        if {target + path[len(root.where) :]: token for path, token in own.items()} == {
            path: token for path, token in there.items() if _below(path, [target])
        }:
            alike |= own.keys()
    return alike


def is_stand_in(difference: Difference) -> bool:
    """Whether the offloading kernel has an object that says, at any use, why the value is not there."""
    return difference.said and "worker.tombstone.Tombstone" in (difference.offloaded or "")


def _was_said(path: str, said: str) -> bool:
    name = re.split(r"[.\[ ]", path)[0]
    lines = [
        line for line in said.splitlines() if "did not come back" in line or line.startswith(("Note:", "nbprocess:"))
    ]
    return any(re.search(rf"\b{re.escape(name)}\b", line) for line in lines)


def _ends(path: str) -> list[int]:
    return [match.start() for match in re.finditer(r"[.\[ ]", path)]


def _agree(one: str | None, again: str | None, there: str | None) -> bool:
    if there in (one, again):
        return True
    if one == again:
        return there is not None and one is not None and _same_but_clock(one, there)
    if one is None or again is None:
        return True  # whether it is there is chance
    if there is None:
        return False
    masks = [_mask(text) for text in (one, again, there)]
    return masks[0] != masks[1] or masks[2] == masks[0]


def _same_but_clock(one: str, there: str) -> bool:
    """Whether all that differs is the time of day, by less than a job may take: both ran in place in one second."""
    if _CLOCK.sub("", one) != _CLOCK.sub("", there):
        return False
    times = [[int(h) * 3600 + int(m) * 60 + int(s) for h, m, s in _CLOCK.findall(text)] for text in (one, there)]
    return all(abs(a - b) < _JOB_SECONDS for a, b in zip(*times))  # noqa: B905 - as many in both


def _mask(text: str) -> str:
    return _UNIT.sub("unit", _NUMBER.sub("#", text))


def _is_own(event: Mapping[str, Any]) -> bool:
    data = event.get("data") or {}
    plain = str(data.get("text/plain", ""))
    return (
        "nbprocess-static" in str(data.get("text/html", ""))
        or "%processing_logs" in plain
        or _NOISE.match(plain) is not None
    )


def _sequence(ran: Ran, rules: Rules) -> list[dict[str, str]]:
    """The outputs in order; neighbouring prints joined, display ids by first use."""
    ids: dict[str, int] = {}
    sequence: list[dict[str, str]] = []
    for event in ran.events:
        kind = event["type"]
        if kind == "stream":
            if event["name"] != "stdout":
                continue
            if sequence and sequence[-1]["kind"] == "stdout":
                sequence[-1]["text"] += event["text"]
            else:
                sequence.append({"kind": "stdout", "text": event["text"]})
        elif kind == "clear_output":
            sequence.append({"kind": kind, "wait": str(event.get("wait"))})
        elif not _is_own(event):
            entry = {"kind": kind}
            identity = (event.get("transient") or {}).get("display_id")
            if identity:
                entry["display id"] = str(ids.setdefault(identity, len(ids) + 1))
            for mime, content in event["data"].items():
                text = content if isinstance(content, str) else json.dumps(content, sort_keys=True)
                entry[mime] = text if mime.startswith("image/") and "svg" not in mime else _clean(text, rules)
            for mime, content in event.get("metadata", {}).items():
                entry[f"metadata {mime}"] = json.dumps(content, sort_keys=True)
            sequence.append(entry)
    for entry in sequence:
        if "text" in entry:
            entry["text"] = _clean(entry["text"], rules)
    return sequence


def _clean(text: str, rules: Rules) -> str:
    for place in rules.places:
        text = text.replace(place, "<folder>")
    text = _ABSL.sub(r"\1 ", _PIP.sub("", text))
    if "/step" in text or "/epoch" in text:
        text = _PADDED.sub("", _STEP.sub("<time>/", _DRAWN_OVER.sub("", text)))
    text = _TIMEIT.sub("<time> per loop", _TIME.sub("<times>", _JOB_FOLDER.sub("<folder>", text)))
    text = _SHORT_FILE.sub("(<cell>.py", _CELL_FILE.sub("<cell>.py", _ADDRESS.sub("0x", text)))
    return _LIBRARY.sub("<library>/", text)


def _once(text: str) -> str:
    """What the compiler warns of counts once, in front: IPython compiles a cell up to three times, twice without a
    name."""
    warned = {f"line {match[1]}: {match[2]}\n": None for match in _COMPILER.finditer(text)}
    return "".join([*sorted(warned), _COMPILER.sub("", text)])


def _traceback(text: str, rules: Rules) -> str:
    text = _OWN_LINE.sub("", _ANSI.sub("", text))
    text = _FIRST_LINE.sub(lambda match: match["gutter"], _clean(text, rules))
    if rules.mask_lines:
        text = _ABOVE.sub("", _LINES.sub(r"\1\2\3#", text))
    if rules.other_python:
        text = _without_libraries(text)
    return "\n".join(line.rstrip() for line in text.splitlines())


def _without_libraries(text: str) -> str:
    """Only the frames of the notebook: libraries of another Python have lines of their own."""
    blocks = re.split(r"\n(?=File |Cell )", text)
    kept = [block for block in blocks if not re.match(r"File (?:<library>|<)", block)]
    lines = "\n".join(kept).splitlines()
    # Python 3.13 and later put some messages differently; the type stands on the first line.
    return "\n".join(lines)
