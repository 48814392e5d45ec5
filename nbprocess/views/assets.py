"""The page's scripts and styles: the small modules under ``static/`` joined into the one module that anywidget wants.

A widget's module is imported from a ``blob:`` URL, where relative imports do not resolve, so the modules are joined in
the order of their imports and the import lines go. They share one scope then: top-level names must be unique (a test
looks after that). May import: the standard library.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

STATIC = Path(__file__).parent / "static"
IMPORT = re.compile(r'^import\s[^;]*?from\s+"\./(?P<module>[\w-]+\.js)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const|let)\b)", re.MULTILINE)


@cache
def script(entry: str) -> str:
    """The module ``static/<entry>`` with all it imports, as one text."""
    order: list[str] = []
    _visit(entry, order)
    return "\n".join(IMPORT.sub("", EXPORT.sub("", _read(name))) for name in order)


@cache
def style(*names: str) -> str:
    """The style sheets ``static/<name>`` one after the other."""
    return "\n".join(_read(name) for name in names)


def _visit(name: str, order: list[str]) -> None:
    for found in IMPORT.finditer(_read(name)):
        if found["module"] not in order:
            _visit(found["module"], order)
    if name not in order:
        order.append(name)


def _read(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")
