"""Tab completion of the magic's options, from the options table (an IPython matcher, API version 2: 8.6 and later)."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

from . import options as table

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_HEAD = re.compile(r"\s*%{1,2}processing(_plan|_config|_script)?\s")


def candidates(line: str) -> list[str] | None:
    """What may stand at the end of a magic's line; None when the line is none of ours."""
    if not _HEAD.match(line):
        return None
    words = line.split(" ")
    word, before = words[-1], [w for w in words[:-1] if w]
    head, equals, rest = word.partition("=")
    if equals and head.startswith("--"):
        return [f"{head}={value}" for value in _values(head, rest, before)]
    if before and before[-1].startswith("--") and "=" not in before[-1]:
        name = before[-1][2:].replace("-", "_")
        if name in table.TABLE and table.TABLE[name].metavar:
            return list(_values(before[-1], word, before))
    return [table.flag(name) for name in table.TABLE if table.flag(name).startswith(word)]


def _values(option: str, start: str, before: list[str]) -> list[str]:
    name = option[2:].replace("-", "_")
    row = table.TABLE.get(name)
    if row is None:
        return []
    known: list[str] = list(row.choices)
    if name in ("instance", "gpu"):
        from .catalog import gpu_names, instance_names

        known = list(instance_names() if name == "instance" else gpu_names())
    if name in ("framework_version", "py_version"):
        known = _of_framework(name, before)
    return [value for value in known if value.lower().startswith(start.lower())]


def _of_framework(name: str, before: list[str]) -> list[str]:
    """The versions, or Pythons, of the framework that the line names."""
    from .catalog import FRAMEWORKS, versions
    from .catalog.images import pythons

    words = [word for part in before for word in part.split("=")]
    for option, framework in itertools.pairwise(words):
        if option == "--framework" and framework in FRAMEWORKS:
            return versions(framework) if name == "framework_version" else pythons(framework)
    return []


def _matcher(context: Any) -> dict[str, Any]:
    from IPython.core.completer import SimpleCompletion

    found = None
    lines = context.full_text.split("\n")
    if context.cursor_line < len(lines):
        found = candidates(lines[context.cursor_line][: context.cursor_position])
    if found is None:
        return {"completions": []}
    fragment = lines[context.cursor_line][: context.cursor_position].split(" ")[-1]
    return {
        "completions": [SimpleCompletion(text=text, type="param") for text in found],
        "matched_fragment": fragment,
        "suppress": True,
        "ordered": True,
    }


_matcher.matcher_api_version = 2  # type: ignore[attr-defined]
_matcher.matcher_priority = 1000  # type: ignore[attr-defined]
_matcher.matcher_identifier = "nbprocess"  # type: ignore[attr-defined]


def install(shell: InteractiveShell) -> None:
    """Offer the options at this shell's prompt."""
    completer = getattr(shell, "Completer", None)
    if completer is not None and _matcher not in completer.custom_matchers:
        completer.custom_matchers.append(_matcher)


def uninstall(shell: InteractiveShell) -> None:
    """Stop offering them."""
    completer = getattr(shell, "Completer", None)
    if completer is not None and _matcher in completer.custom_matchers:
        completer.custom_matchers.remove(_matcher)
