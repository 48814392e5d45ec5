"""What an ``Enum`` of the notebook holds beside what its statement makes: attributes of its members, and what code set on it.

May import: the standard library, this folder.
"""

from __future__ import annotations

import ast
import sys
from typing import Any, Dict, Iterator, Set, Tuple

from . import source


def attributes_of_members(cls: Any) -> Iterator[Tuple[str, str, Any]]:
    """Member, attribute and value of all that the members hold beside name and value."""
    for name, member in cls.__members__.items():
        if member._name_ == name:  # else it is another name of a member that came before
            own = getattr(member, "__dict__", {})
            yield from ((name, sys.intern(key), value) for key, value in own.items() if not key.startswith("_"))


def set_later(cls: Any, statement: source.Statement) -> Dict[str, Any]:
    """Methods and values that code set on the class after its statement."""
    known = {*_bound_in(statement), *cls.__members__}
    return {name: value for name, value in vars(cls).items() if name not in known and not name.startswith("_")}


def _bound_in(statement: source.Statement) -> Set[str]:
    """The names that the body of the statement binds."""
    found: Set[str] = set()
    for node in source.body_of(statement):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        else:
            found |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return found
