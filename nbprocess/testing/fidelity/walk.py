"""The walk over an object graph that gives a fingerprint: ``path → token``, bounded, with cycles, order and sharing.

May import: ``kinds``, the standard library. It changes nothing of what it looks at.
"""

from __future__ import annotations

import builtins
import hashlib
import re
from typing import Any

MOST_NODES = 4_000
"""Objects looked at below one name; what lies beyond is counted, not compared."""
MOST_ITEMS = 2_000
"""Items of one container that are looked at one by one; of plain data all count, by digest."""
_ATOMS = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis), type(NotImplemented))
_VALUES = {
    *("datetime", "date", "time", "timedelta", "timezone", "ZoneInfo", "Decimal", "Fraction", "UUID", "PosixPath"),
    *("Timestamp", "Timedelta", "Period", "Interval", "NaTType", "Pattern", "generic"),
    *("float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8"),
    *(
        "longlong",
        "ulonglong",
        "bool",
        "bool_",
        "str_",
        "bytes_",
        "complex128",
        "complex64",
        "datetime64",
        "timedelta64",
    ),
}
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")
_DUMMY = re.compile(r"\b(_?Dummy_|lambdifygenerated-)\d+")
"""SymPy numbers the functions that it makes and their arguments, as often as it made some in this process."""


_Place = tuple[str, int, int, int]
"""Path of an array, address of its first item, of its lowest byte and behind its highest."""


class Walk:
    """One fingerprint of one kernel."""

    def __init__(self, place: str = "") -> None:
        self._place = place
        self._rows: dict[str, str] = {}
        self._seen: dict[int, str] = {}
        self._kept: list[Any] = []  # what was made on the way: its identity must not be used again
        self._memory: list[_Place] = []
        self._left = 0

    # -- for the kinds -----------------------------------------------------------------------------------------------

    def root(self, name: str, value: Any) -> None:
        """One name and all that hangs on it."""
        self._left = MOST_NODES
        self.visit(name, value)

    def table(self) -> dict[str, str]:
        """The finished table, with the arrays that lie over the same memory."""
        for group in _overlapping(self._memory):
            first = min(begin for _, begin, _, _ in group)
            for path, begin, _, _ in group:
                self._rows[f"{path} memory"] = f"shared with {group[0][0]}, {begin - first} bytes further"
        return self._rows

    def put(self, path: str, token: str) -> None:
        """One row."""
        self._rows[path] = token

    def keep(self, value: Any) -> Any:
        """Hold on to an object that was made for the walk, so that its address stays its own."""
        self._kept.append(value)
        return value

    def is_same(self, path: str, value: Any) -> None:
        """Another object stands for the one at ``path``, too."""
        self._kept.append(value)
        self._seen[id(value)] = path

    def memory(self, path: str, owner: Any, begin: int, low: int, high: int) -> None:
        """The array at ``path`` lies over memory of ``owner``: its first item at ``begin``, all between the two."""
        self._kept.append(owner)  # the memory must not be given to another one meanwhile
        self._memory.append((path, begin, low, high))

    def text(self, value: str) -> str:
        """A text as siblings agree on it: without addresses and without the kernel's own folder."""
        if self._place:
            value = value.replace(self._place, "<folder>")
        return _DUMMY.sub(r"\1#", _ADDRESS.sub("0x", value))

    def visit(self, path: str, value: Any) -> None:
        """The rows of one object."""
        if isinstance(value, _ATOMS) and type(value) in _ATOMS:
            self.put(path, self._atom(value))
            return
        if self._left <= 0:
            self.put(path, f"{type(value).__qualname__}, beyond the limit")
            return
        self._left -= 1
        if not _is_value(value):
            known = self._seen.get(id(value))
            if known is not None:
                self.put(path, f"is {known}")
                return
            self._seen[id(value)] = path
            self._kept.append(value)
        from . import kinds

        if value is vars(builtins):
            self.put(path, "the builtins")
            return
        try:
            kinds.describe(self, path, value)
        except RecursionError:
            self.put(path, f"{type(value).__qualname__}, nested too deep")
        except Exception as error:  # whatever a class's own code may raise: the type still counts
            self.put(path, f"{named(type(value))}, unreadable{_why(error)}")

    def items(self, path: str, values: Any, word: str) -> None:
        """The items of a sequence, one by one; plain data by digest."""
        values = list(values)
        if len(values) > 8 and all(type(item) in _ATOMS for item in values):
            shown = ", ".join(self._atom(item) for item in values[:4])
            self.put(path, f"{word}[{len(values)}] {digest(repr(values).encode())} {shown} …")
            return
        self.put(path, f"{word}[{len(values)}]")
        for index, item in enumerate(values[:MOST_ITEMS]):
            self.visit(f"{path}[{index}]", item)

    def pairs(self, path: str, values: Any, word: str) -> None:
        """The items of a mapping, in order."""
        pairs = list(values.items())
        if len(pairs) > 8 and all(type(k) in _ATOMS and type(v) in _ATOMS for k, v in pairs):
            self.put(path, f"{word}[{len(pairs)}] {digest(repr(pairs).encode())} {self._atom(pairs[0][0])} …")
            return
        self.put(path, f"{word}[{len(pairs)}]")
        for index, (key, item) in enumerate(pairs[:MOST_ITEMS]):
            if type(key) in _ATOMS:
                step = repr(key)
                self.put(f"{path} key {index}", self._atom(key))
            else:
                step = f"#{index}"
                self.visit(f"{path} key {index}", key)
            self.visit(f"{path}[{self.text(step)}]", item)

    def members(self, path: str, values: Any, word: str) -> None:
        """The members of a set: their order means nothing, so that of plain ones all count."""
        if all(type(item) in _ATOMS for item in values):
            self.put(path, f"{word}[{len(values)}] {digest(repr(sorted(map(self._atom, values))).encode())}")
            return
        most = min(200, self._left // max(len(values), 1) + 1)  # the same for each, whatever their order
        alone = [repr(sorted(self._inside(item, most).items())) for item in list(values)[:MOST_ITEMS]]
        self.put(path, f"{word}[{len(values)}] {digest(repr(sorted(alone)).encode())}")

    def alone(self, path: str, value: Any) -> None:
        """The values of an object without who shares them."""
        for step, token in self._inside(value, max(self._left, 1)).items():
            self.put(path + step, token)

    def _inside(self, value: Any, most: int) -> dict[str, str]:
        inner = Walk(self._place)
        inner._left = most
        inner.visit("", value)
        self._left -= most - inner._left
        self._kept += inner._kept
        return {path: token for path, token in inner.table().items() if not path.endswith(" memory")}

    def attributes(self, path: str, values: dict[str, Any]) -> None:
        """The attributes of an instance: sorted, since their order means nothing to a reader."""
        for name in sorted(values, key=str):
            self.visit(f"{path}.{name}", values[name])

    def _atom(self, value: Any) -> str:
        text = repr(value)
        if isinstance(value, str):
            text = self.text(text)
        word = type(value).__name__
        return f"{word} {text}" if len(text) <= 120 else f"{word}[{len(text)}] {digest(text.encode())} {text[:60]} …"


def _overlapping(over: list[_Place]) -> list[list[_Place]]:
    """The arrays over one memory in groups, each in the order given; apart from each other they share nothing: which
    columns of a frame lie in one block is pandas' own affair."""
    groups: list[list[_Place]] = []
    end = 0
    for place in sorted(over, key=lambda place: place[2]):
        if groups and place[2] < end:
            groups[-1].append(place)
        else:
            groups.append([place])
            end = 0
        end = max(end, place[3])
    order = {place[0]: number for number, place in enumerate(over)}
    return [sorted(group, key=lambda place: order[place[0]]) for group in groups if len(group) > 1]


def _why(error: Exception) -> str:
    """What cannot be pickled cannot be drawn; how pickle says so depends on where a function was defined."""
    name = type(error).__name__
    return "" if name in ("PicklingError", "AttributeError") else f" ({name})"


def named(kind: type) -> str:
    """A type's name with its module."""
    module = "" if kind.__module__ in ("builtins", "__main__", None) else f"{kind.__module__}."  # some have none
    return f"{module}{kind.__qualname__}"


def digest(data: Any) -> str:
    """A short digest of bytes."""
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def _is_value(value: Any) -> bool:
    """Whether nobody can tell two equal ones of these apart but by ``is``: numbers, dates, tuples, paths."""
    kind = type(value)
    root = (kind.__module__ or "").split(".")[0]
    offset = kind.__module__ == "pandas._libs.tslibs.offsets"
    if root in ("sympy", "pyarrow") or offset or (root == "pandas" and kind.__name__.endswith("Index")):
        return True  # equal or not: which of them SymPy's cache, a frame or a table hands out again is chance
    if root == "keras" and kind.__name__ == "DTypePolicy":
        return True  # number formats by a name
    return kind in (tuple, frozenset, range, slice) or kind.__name__ in _VALUES or kind.__module__ == "numpy.dtypes"
