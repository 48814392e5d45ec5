"""What a cell's calls change in that which libraries keep by themselves, in their modules, classes and objects:
``nltk.data.path.append(...)``, ``nx.config.warnings_to_ignore.add(...)``, ``mlflow.set_tracking_uri(...)``.

No table says of each library where it keeps what. Before a statement runs, the places that its calls may change are
noted (``reach``), and compared with what is there later. What has changed travels as what the notebook set on the
library (``attached``).

May import: ``reach``, the standard library.
"""

from __future__ import annotations

import ast
import collections
import contextlib
import sys
import threading
import types

from . import reach

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_MEMBERS = 5000
"""Of so many members of what a library keeps an image is made; where there are more, it stays behind."""
_DEPTH = 4


class _Same:
    """Stands for an object that is compared by its identity, and keeps it alive."""

    __slots__ = ("obj",)

    def __init__(self, obj: object) -> None:
        self.obj = obj

    def __eq__(self, other: object) -> bool:
        return type(other) is _Same and other.obj is self.obj

    __hash__ = None  # type: ignore[assignment]


# -- before a statement ----------------------------------------------------------------------------------------------


class Transformer(ast.NodeTransformer):
    """For ``ast_transformers`` of IPython: looks at each statement that calls something before it runs."""

    def visit(self, tree: Any) -> Any:
        """Part of the protocol. Only after an import, which may bring what is called, a statement is put in between."""
        if not isinstance(tree, ast.Module):
            return tree
        statements: list[ast.stmt] = []
        imported = False
        for node in tree.body:
            names = reach.calls(node)
            if names and not imported:
                note(names)
            elif names:
                look = ast.parse(f"__import__({__name__!r}, None, None, ('note',)).note({names!r})").body[0]
                for part in ast.walk(look):
                    ast.copy_location(part, node)
                statements.append(look)
            imported = imported or _may_import(node)
            statements.append(node)
        tree.body = statements
        return tree


def others(transformers: Iterable[Any]) -> list[Any]:
    """Those that are not ours."""
    return [one for one in transformers if not isinstance(one, Transformer)]


def _may_import(node: ast.AST) -> bool:
    return any(isinstance(part, (ast.Import, ast.ImportFrom)) for part in ast.walk(node))


def note(names: Iterable[str]) -> None:
    """Note what calls of these dotted names may change, as it is now."""
    for name in names:
        # Whatever code of a library's own comes in between (``__eq__``, ``__hash__``): the statement must not suffer.
        with contextlib.suppress(Exception):
            for place in reach.places(name, vars(sys.modules["__main__"])):
                if place not in _noted and place not in _known:
                    _noted[place] = _image(reach.value_at(place))


_noted: dict[tuple[str, str], Any] = {}
"""Places (module, dotted path) that calls since the last look may have changed → what was there."""
_known: dict[tuple[str, str], Any] = {}
"""Places that the notebook has changed → what was there before the first change."""


# -- what is there ---------------------------------------------------------------------------------------------------


def _image(value: Any, depth: int = _DEPTH, left: list[int] | None = None) -> Any:
    """Something that is equal as long as the value is what it is now: containers by their members, objects of the
    library's by their attributes, all else by identity."""
    left = [_MEMBERS] if left is None else left
    kind = type(value)
    left[0] -= 1
    if isinstance(value, reach.SCALARS):
        return kind, repr(value) if kind in (float, complex) else value
    if depth == 0 or left[0] < 0 or (isinstance(value, reach.CONTAINERS) and len(value) > _MEMBERS):
        return _Same(value)
    if isinstance(value, dict):
        return kind, _Same(value), {key: _image(one, depth - 1, left) for key, one in list(value.items())}
    if isinstance(value, (list, tuple, collections.deque)):
        return kind, _Same(value) if kind is not tuple else None, [_image(one, depth - 1, left) for one in value]
    if isinstance(value, (set, frozenset)):
        return kind, _Same(value), {one if isinstance(one, reach.SCALARS) else id(one): _Same(one) for one in value}
    if isinstance(value, types.ModuleType):
        return kind, _Same(value), {key: _Same(one) for key, one in vars(value).items()}
    if isinstance(value, threading.local) or (
        reach.is_keeper(value, reach.root_of(kind)) and reach.counts(kind.__module__ or "")
    ):
        held = {key: _image(one, depth - 1, left) for key, one in reach.attributes(value).items()}
        return kind, _Same(value), held
    return _Same(value)


def _settle() -> None:
    """Of what calls may have changed, keep what they did change."""
    for place, before in list(_noted.items()):
        del _noted[place]
        with contextlib.suppress(Exception):  # a library's own ``__eq__``
            if _image(reach.value_at(place)) != before:
                _known[place] = before


def changed() -> dict[tuple[str, str], Any]:
    """What the notebook's calls have changed since the beginning: place → how, for ``take`` at the other end."""
    _settle()
    found: dict[tuple[str, str], Any] = {}
    told = set()
    for place, before in _known.items():
        differing = {}
        with contextlib.suppress(Exception):  # as above
            now = reach.value_at(place)
            differing = _compare(place, before, now, _image(now))
        for at, how in differing.items():
            above, _, name = at[1].rpartition(".")
            what = (id(reach.value_at((at[0], above))), name) if how[0] in ("value", "gone") else id(reach.value_at(at))
            if what not in told:  # by another name of the same object
                told.add(what)
                found[at] = how
    return found


def _compare(place: tuple[str, str], before: Any, now: Any, image: Any) -> dict[tuple[str, str], Any]:
    """What is not as it was: place → how.

    Args:
        image: of what is there now; as deep as ``before``, or parts that neither shows would count as changed.
    """
    if image == before:
        return {}
    if now is reach.MISSING:
        return {place: ("gone",)}
    same = type(before) is tuple and len(before) == 3 and before[1] == _Same(now)
    if isinstance(now, types.ModuleType):
        if not same:
            return {}
        names = [name for name, value in vars(now).items() if before[2].get(name) != _Same(value)]
        return {
            (place[0], name): ("value", vars(now)[name])
            for name in names
            if isinstance(vars(now)[name], (type, types.FunctionType, *reach.SCALARS, *reach.CONTAINERS))
            and name[:2] != "__"
        }
    if same and isinstance(now, dict):
        put = {key: value for key, value in now.items() if key not in before[2] or before[2][key] != image[2][key]}
        return {place: ("items", put, [key for key in before[2] if key not in now])}
    if same and isinstance(now, (list, collections.deque)):
        old, new = before[2], image[2]
        first = next((i for i, (a, b) in enumerate(zip(old, new)) if a != b), min(len(old), len(new)))
        last = 0
        while last < min(len(old), len(new)) - first and old[-1 - last] == new[-1 - last]:
            last += 1
        return {place: ("list", len(old), first, last, list(now)[first : len(new) - last])}
    if same and isinstance(now, set):
        gone = [one.obj for key, one in before[2].items() if key not in image[2]]
        return {place: ("set", [one.obj for key, one in image[2].items() if key not in before[2]], gone)}
    if same and not isinstance(now, (*reach.SCALARS, *reach.CONTAINERS)):
        found, attributes = {}, reach.attributes(now)
        for name in {**before[2], **image[2]}:
            if before[2].get(name) != image[2].get(name):
                was, is_now = (one[2].get(name, _Same(reach.MISSING)) for one in (before, image))
                at = (place[0], f"{place[1]}.{name}")
                found.update(_compare(at, was, attributes.get(name, reach.MISSING), is_now))
        return found
    return {place: ("value", now)}


remembers = True
"""Whether what the other end has changed counts as changed here, too: in the notebook it does, for the next job."""


def take(module: Any, path: str, change: Any) -> None:
    """Do at this end what the other end's calls did to what the library keeps."""
    place = (module.__name__, path)
    above, _, name = path.rpartition(".")
    owner, held, how = reach.value_at((module.__name__, above)), reach.value_at(place), change[0]
    if place not in _known and remembers:
        made = how == "value" and held is change[1]  # a class that its library has put there as it was read
        _known[place] = _Same(reach.MISSING) if made else _noted.pop(place, None) or _image(held)
    if owner is reach.MISSING:
        return
    if how == "gone":
        if name in reach.attributes(owner):
            delattr(owner, name)
    elif how == "value":
        if held is not change[1]:
            setattr(owner, name, change[1])
    elif how == "items" and isinstance(held, dict):
        for key in change[2]:
            held.pop(key, None)
        held.update(change[1])
    elif how == "set" and isinstance(held, set):
        held.difference_update(change[2])
        held.update(change[1])
    elif how == "list" and isinstance(held, (list, collections.deque)):
        members, (_, length, first, last, middle) = list(held), change
        if len(members) == length:
            members[first : length - last] = middle
        else:  # another version has others there
            members += [one for one in middle if one not in members]
        held.clear()
        held.extend(members)
