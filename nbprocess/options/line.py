"""The magic's line: text → values, options → text, and the help. May import: ``errors``, its neighbours."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import OptionError
from .kinds import as_duration, as_switch
from .table import ALIASES, TABLE, Options, default, flag, meant, parse_value

# Words as a shell has them, up to a comment. A # inside of a word (s3://bucket/run#1) belongs to it; shlex forgets.
_WORDS = re.compile(r"""(?:\s*(?!\#)(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+)*""")
_GOES_ON = re.compile(r"(?<!\\)(?:\\\\)*\\\s*$")


def _without_comment(line: str) -> str:
    words = _WORDS.match(line)
    end = words.end() if words else 0
    return line[:end] if line[end:].lstrip().startswith("#") else line


def whole_line(line: str, cell: str, expand: Callable[[str], str] = str) -> tuple[str, str, int]:
    """The magic's line with the lines of ``cell`` that a backslash at its end adds; the other lines; how many it has.

    ``expand`` is what IPython did to the first line: ``{expressions}``.
    """
    count = 1
    while cell and _GOES_ON.search(line) and _without_comment(line) == line:
        more, _, cell = cell.partition("\n")
        line = f"{line.rstrip()[:-1].rstrip()} {expand(more).strip()}"
        count += 1
    return line, cell, count


def parse_line(line: str) -> dict[str, Any]:
    """Parse the text behind ``%%processing``.

    Returns:
        The options that are given, by Python name, checked one by one.

    Raises:
        OptionError: an unknown option, a missing or wrong value, an option given twice.
    """
    try:
        tokens = shlex.split(_without_comment(line))
    except ValueError as error:
        raise OptionError(f"%%processing {line}: {str(error).lower()}; close the quotation mark.") from None
    values: dict[str, Any] = {}
    position = 0
    while position < len(tokens):
        token = tokens[position]
        position += 1
        if not token.startswith("--"):
            raise OptionError(
                f"%%processing: {token!r} is no option. Options start with --; see %%processing? for all."
            )
        head, equals, rest = token.partition("=")
        name = head[2:].replace("-", "_")
        negated = name.startswith("no_") and name[3:] in TABLE and TABLE[name[3:]].parse is as_switch
        if negated:
            name = name[3:]
        name = ALIASES.get(name, name)
        if name not in TABLE:
            raise OptionError(
                f"%%processing: {head} is no option{meant(head, map(flag, TABLE))}. See %%processing? for all."
            )
        row = TABLE[name]
        value: Any
        if row.parse is as_switch:
            if negated and equals:
                raise OptionError(f"{head}={rest}: takes no value.")
            value = not negated if not equals else rest
        elif equals:
            value = rest
        elif position < len(tokens) and not tokens[position].startswith("--"):
            value = tokens[position]
            position += 1
        else:
            example = f", like {flag(name)} {row.example}" if row.example else ""
            raise OptionError(f"{flag(name)}: the value is missing; write {flag(name)} {row.metavar}{example}.")
        if row.repeat:
            values[name] = (*values.get(name, ()), *parse_value(name, [value]))
        elif name in values:
            raise OptionError(f"{flag(name)} is given twice; give it once.")
        else:
            values[name] = parse_value(name, value)
    return values


def to_line(options: Options) -> str:
    """The options that are not the default, as they would be written on the magic's line."""
    parts: list[str] = []
    for name, row in TABLE.items():
        value = getattr(options, name)
        if value == default(name):
            continue
        if row.parse is as_switch:
            parts.append(flag(name) if value else "--no-" + flag(name)[2:])
        elif row.repeat:
            for item in value:
                parts += [flag(name), shlex.quote(_written(item))]
        elif name in ("command", "entrypoint"):
            parts += [flag(name), shlex.quote(shlex.join(value))]
        elif name == "experiment":
            words = {"TrialName": ",trial=", "RunName": ",run=", "TrialComponentDisplayName": ",display="}
            parts += [flag(name), shlex.quote("".join(words.get(key, "") + text for key, text in value))]
        elif name == "spark_config" and not isinstance(value, str):
            parts += [flag(name), shlex.quote(json.dumps(value))]
        else:
            text = (
                ",".join(value) if isinstance(value, tuple) else f"{value}s" if row.parse is as_duration else str(value)
            )
            parts += [flag(name), shlex.quote(text)]
    return " ".join(parts)


def _written(item: Any) -> str:
    """One value of an option that repeats, as it stands on the line."""
    if not isinstance(item, tuple):
        return str(item)
    name, value = item
    if isinstance(value, Mapping):
        return f"{name}={json.dumps(value)}"
    return f"{name}{value}" if not value or value.startswith(",") else f"{name}={value}"


def help_text() -> str:
    """The reference of all options, as ``%%processing?`` shows it."""
    lines = []
    for name, row in TABLE.items():
        head = f"  {flag(name)} {row.metavar}".rstrip()
        words, line = row.help.split(), ""
        indent = " " * 34
        text = []
        for word in words:
            if len(line) + len(word) + 1 > 78:
                text.append(line)
                line = word
            else:
                line = f"{line} {word}".strip()
        text.append(line)
        lines.append(f"{head:<33} {text[0]}" if len(head) < 33 else f"{head}\n{indent}{text[0]}")
        lines += [indent + more for more in text[1:]]
    return "\n".join(lines)
