"""The values that ``dump`` and ``load`` give. May import: the standard library, this folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

from .collector import resting

PATCH = "\0patch:"
"""Prefix of the names under which changes of inputs travel among the results: ``\\0patch:<number>``."""


@dataclass
class Group:
    """Names that share objects, as one stream with its out-of-band buffers.

    ``needs``: top-level module → version at the writing end. ``codecs``: name → the weakest kind in its graph.
    ``same_python``: bytecode is inside, so only the same minor version can read it. ``seeded``: it refers to objects
    that the reading end still has (see ``Memo``). ``room``: name of a list → for how many items it has room.
    """

    names: List[str]
    stream: Dict[str, Any]
    buffers: List[Dict[str, Any]] = field(default_factory=list)
    needs: Dict[str, str] = field(default_factory=dict)
    codecs: Dict[str, str] = field(default_factory=dict)
    same_python: bool = False
    seeded: bool = False
    room: Dict[str, int] = field(default_factory=dict)

    def to_json(self) -> Dict[str, Any]:
        """Plain data."""
        return dict(self.__dict__)

    @classmethod
    def from_json(cls, data: Dict[str, Any]) -> Group:
        """The inverse of ``to_json``; entries of later versions are ignored."""
        return cls(**{key: data[key] for key in cls.__dataclass_fields__ if key in data})


@dataclass
class Failure:
    """Why a value could not travel: ``path`` leads to the culprit inside it."""

    type: str
    path: str
    reason: str

    def __str__(self) -> str:
        if self.type == "Tombstone":
            return self.reason
        return f"{self.path} is a {self.type}: {self.reason}" if self.path else f"it is a {self.type}: {self.reason}"


class Memo:
    """The objects of a dump in the order of their numbers, group after group; the same order at both ends.

    It keeps them alive, so that an identity is never given to another object while numbers refer to it. ``owners``
    tells, for each range of numbers, the name in whose graph they were met first: (first number, name).

    The list of millions of objects takes a second and much memory to make, and most cells never ask for it: it is made
    when it is first looked at, out of what pickle itself holds.
    """

    def __init__(self) -> None:
        self._objects: List[Any] = []
        self._owners: List[Any] = []
        self._later: List[Callable[[], Tuple[List[Any], List[Any]]]] = []

    def extend(self, later: Callable[[], Tuple[List[Any], List[Any]]]) -> None:
        """Take in one more group. ``later`` gives its objects and owners, counted from the group's own start."""
        self._later.append(later)

    @property
    def objects(self) -> List[Any]:
        self._settle()
        return self._objects

    @property
    def owners(self) -> List[Any]:
        self._settle()
        return self._owners

    @resting()
    def _settle(self) -> None:
        waiting, self._later = self._later, []
        for later in waiting:
            objects, owners = later()
            base = len(self._objects)
            self._owners += [(base + start, name) for start, name in owners]
            self._objects += objects

    def owner(self, number: int) -> str:
        """The name in whose graph the object was met first."""
        found = ""
        for start, name in self.owners:
            if start > number:
                break
            found = name
        return found


@dataclass
class Dumped:
    """What ``dump`` made. ``sizes``: name → bytes, of a name's own stream and buffers; ``files``: of sources;
    ``losses``: name → what of it does not travel; ``definitions``: functions and classes that go as source."""

    groups: List[Group]
    failed: Dict[str, Failure]
    memo: Memo
    sizes: Dict[str, int]
    files: Set[str] = field(default_factory=set)
    losses: Dict[str, Set[str]] = field(default_factory=dict)
    definitions: List[Any] = field(default_factory=list)

    def notices(self) -> List[str]:
        """What of the values does not travel, as lines for the person."""
        return _lines(self.losses)


@dataclass
class Loaded:
    """What ``load`` read; a group that could not be read is in ``failed``, name by name, with the reason. ``moved``:
    name → what of it is elsewhere than it was; ``later``: what is to be done when the names are bound."""

    values: Dict[str, Any]
    memo: Memo
    failed: Dict[str, str]
    moved: Dict[str, Set[str]] = field(default_factory=dict)
    later: List[Callable[[], None]] = field(default_factory=list)

    def finish(self) -> List[str]:
        """To be called when the names are bound. Returns what failed, as lines for the person."""
        said = []
        for action in self.later:
            try:
                action()
            except Exception as error:  # whatever a library's own compiler may raise
                said.append(str(error))
        self.later = []
        return said

    def notices(self) -> List[str]:
        """What of the values is elsewhere than it was, as lines for the person."""
        return _lines(self.moved)


def _lines(of_names: Dict[str, Set[str]]) -> List[str]:
    """Names with the same to be said of them share a line: "`loss`, `out`: part of ..."."""
    names: Dict[str, List[str]] = {}
    for name, said in of_names.items():
        for line in sorted(said):
            names.setdefault(line, []).append(f"`{name}`")
    return [f"{', '.join(who)}: {line}" for line, who in names.items()]


Seed = Optional[Memo]
