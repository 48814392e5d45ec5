"""Documents of Beautiful Soup with their very nodes, which other names may hold: its own state of a document is a text,
which would be read once more.

Each node leads to its neighbours, so that pickle would go through a document one inside the other: the nodes are made
first, one beside the other, and then get what they hold. May import: the standard library, this folder.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List

from . import classes


def reduce_node(pickler: Any, node: Any) -> Any:
    """The reduction of a document or of a node in one; NotImplemented for all others."""
    kind = type(node)
    if not _is_node(kind):
        return NotImplemented
    if id(node) in pickler.shells:
        return (make_text, (kind, str(node))) if isinstance(node, str) else (classes.make_bare, (kind,))
    root = node
    while root.parent is not None:
        root = root.parent
    new = [part for part in _nodes(root) if id(part) not in pickler.known and id(part) not in pickler.shells]
    pickler.shells.update(map(id, new))
    # The node itself is among them: pickle drops what this gives, and takes the one that it has met by then.
    return set_nodes, (new, [_held(part) for part in new])


def _is_node(kind: type) -> bool:
    return any(base.__name__ == "PageElement" for base in kind.__mro__)


def _nodes(root: Any) -> Iterator[Any]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed(vars(node).get("contents", ()))


def _held(node: Any) -> Dict[str, Any]:
    held = dict(vars(node))
    builder = held.get("builder")
    if builder is not None and not builder.picklable:
        held["builder"] = type(builder)  # what parses has nothing of the document in it
    return held


def make_text(kind: Any, text: str) -> Any:
    """A piece of text without its place."""
    return str.__new__(kind, text)


def set_nodes(nodes: List[Any], held: List[Dict[str, Any]]) -> None:
    """Give nodes what they hold."""
    for node, attributes in zip(nodes, held):
        vars(node).update(attributes)
        builder = attributes.get("builder")
        if isinstance(builder, type):
            vars(node)["builder"] = builder()
