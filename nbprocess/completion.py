"""Tab completion and tooltips of the magic's options, from the options table.

Completion is an IPython matcher (API version 2: 8.6 and later). For tooltips (Shift+Tab) IPython has no such place.
"""

from __future__ import annotations

import functools
import itertools
import re
from typing import TYPE_CHECKING, Any

from . import options as table
from .options.table import ALIASES

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


def tooltip(line: str, rest: str = "") -> str:
    """What is said of the option, or of its value, at the end of ``line`` (``rest`` follows); empty elsewhere."""
    if not _HEAD.match(line):
        return ""
    words = (line + re.split(r"\s", rest, maxsplit=1)[0]).split(" ")
    before = [word for word in words[:-1] if word] or [""]
    head, _, value = (words[-1] if words[-1].startswith("--") else f"{before[-1]}={words[-1]}").partition("=")
    if not head.startswith("--"):
        return ""
    name = head[2:].replace("-", "_")
    name = ALIASES.get(name, name)
    row = table.TABLE.get(name) or table.TABLE.get(name.removeprefix("no_"))
    if row is None:
        return ""
    return "\n\n".join(filter(None, [f"{head} {row.metavar}".rstrip(), row.help, _machine(name, value)]))


def _machine(name: str, value: str) -> str:
    """What the catalogue knows of an instance type."""
    if name != "instance" or not value:
        return ""
    from .catalog import find

    return "\n".join(found.text for found in map(find, value.split(",")) if found)


def _before(lines: list[str], number: int, column: int) -> str:
    """Line ``number`` up to ``column``, behind the lines that end with a backslash before it."""
    head = lines[number][:column]
    for earlier in reversed(lines[:number]):
        if not earlier.rstrip().endswith("\\"):
            break
        head = f"{earlier.rstrip()[:-1].rstrip()} {head.lstrip()}"
    return head


def _matcher(context: Any) -> dict[str, Any]:
    from IPython.core.completer import SimpleCompletion

    found, line = None, ""
    lines = context.full_text.split("\n")
    if context.cursor_line < len(lines):
        line = _before(lines, context.cursor_line, context.cursor_position)
        found = candidates(line)
    if found is None:
        return {"completions": []}
    fragment = line.split(" ")[-1]
    return {
        "completions": [SimpleCompletion(text=text, type="param") for text in found],
        "matched_fragment": fragment,
        "suppress": True,
        "ordered": True,
    }


_matcher.matcher_api_version = 2  # type: ignore[attr-defined]
_matcher.matcher_priority = 1000  # type: ignore[attr-defined]
_matcher.matcher_identifier = "nbprocess"  # type: ignore[attr-defined]


def _inspect(inner: Any, code: str, cursor_pos: int, *arguments: Any, **named: Any) -> Any:
    """The kernel's answer to a front end that asks what stands at the cursor."""
    lines = code[:cursor_pos].split("\n")
    text = tooltip(_before(lines, len(lines) - 1, len(lines[-1])), code[cursor_pos:].partition("\n")[0])
    if text:
        return {"status": "ok", "found": True, "data": {"text/plain": text}, "metadata": {}}
    return inner(code, cursor_pos, *arguments, **named)


def install(shell: InteractiveShell) -> None:
    """Offer the options at this shell's prompt, and say what they mean."""
    completer = getattr(shell, "Completer", None)
    if completer is not None and _matcher not in completer.custom_matchers:
        completer.custom_matchers.append(_matcher)
    kernel = getattr(shell, "kernel", None)
    if kernel is not None and "do_inspect" not in vars(kernel):
        kernel.do_inspect = functools.partial(_inspect, kernel.do_inspect)


def uninstall(shell: InteractiveShell) -> None:
    """Stop offering them."""
    completer = getattr(shell, "Completer", None)
    if completer is not None and _matcher in completer.custom_matchers:
        completer.custom_matchers.remove(_matcher)
    kernel = getattr(shell, "kernel", None)
    ours = vars(kernel).get("do_inspect") if kernel is not None else None
    if getattr(ours, "func", None) is _inspect:
        del kernel.do_inspect  # type: ignore[union-attr]
