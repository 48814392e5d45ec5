"""Notebooks written by chance: a seed gives some cells that make objects, share and change them, each with whether it is
offloaded. The first makes what the others work on."""

from __future__ import annotations

import random
import re

Cells = list[tuple[str, bool]]

_BEGIN = """
import collections, functools, itertools, operator
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar
import numpy as np, pandas as pd
class Colour(Enum):
    RED = 1
    BLUE = 2
    def loud(self): return self.name + "!"
class Base:
    made, kept = 0, []
    class Part:
        count = 0
        def __init__(self, owner): self.owner = owner; type(self).count += 1
    def __init__(self, value=None):
        self.value, self.items, self.part = value, [1], Base.Part(self)
        type(self).made += 1
    def grow(self, by=1): self.items.append(by); return self
    make = classmethod(lambda cls, value=None: cls(value))
    total = property(lambda self: len(self.items))
    def tell(self): return type(self).__name__, self.total, self.part.count
@dataclass
class Record:
    value: object = None
    items: list = field(default_factory=list)
    made: ClassVar[int] = 0
    kept: ClassVar[list] = []
    def __post_init__(self): Record.made += 1
    def grow(self, by=1): self.items += [by]
    make = classmethod(lambda cls, value=None: cls(value))
    def tell(self): return self.items, Record.made
class Slotted:
    __slots__ = ("value", "items", "held")
    made, kept = 0, []
    def __init__(self, value=None): self.value, self.items = value, [2]
    def grow(self, by=1): self.items.append(by)
    @classmethod
    def make(cls, value=None): return cls(value)
    def tell(self): return len(self.items), hasattr(self, "held")
class Stack(list):
    made, kept = 0, []
    def __init__(self, value=None): super().__init__([value]); self.value = value
    items = property(lambda self: self)
    def grow(self, by=1): self.append(by)
    @classmethod
    def make(cls, value=None): return cls(value)
    def tell(self): return len(self), self.value is self
def counter(start):
    count = [start]
    def up(by=1, log=[]):
        nonlocal count
        count = [*count, by]; log.append(by)
        return count
    return up, lambda: (count, len(up.__defaults__[1]))
@functools.singledispatch
def name_of(value): return "any"
"""
_AGAIN = {name: re.search(rf"(?:@\w+\n)?class {name}\b.*?\n(?=[@cd])", _BEGIN, re.S)[0] for name in ("Base", "Record")}

# Kind → how to make one, how to change it, what to ask of it. {x}: the object; {a}: any; {n}: a number; {kind}: one of these.
_KINDS: dict[str, tuple[list[str], list[str], list[str]]] = {
    "list": (
        ["[{a}, {n}]", "[{list}, {n}]", "[{n}, {n}, {n}]", "{list}[:]"],
        ["{x}.append({a})", "{x}[:] = [{a}, {n}]", "{x}.reverse()", "{x} += [{n}]", "del {x}[0]", "{x}.append({x})"],
        ["len({x})", "{x} is {list}", "[type(item).__name__ for item in {x}]"],
    ),
    "dict": (
        [
            "{'a': {a}, 'b': {list}}",
            "dict({dict})",
            "collections.defaultdict(list, a={list})",
            "collections.Counter('ab')",
        ],
        ["{x}['a'] = {a}", "{x}['k'] = {n}", "{x}['a'] = {x}.pop('a')", "{x}.clear()", "{x}.default_factory = set"],
        ["list({x})", "{x}.get('a') is {a}", "{x}['new']"],
    ),
    "deque": (["collections.deque([{a}, {n}], 3)"], ["{x}.append({a})", "{x}.rotate(1)"], ["len({x})"]),
    "array": (
        [
            "np.arange({n}.0)",
            "np.arange(12).reshape(3, 4)",
            "{array}[::2]",
            "{array}.T",
            "{array}[1:]",
            "np.zeros((2, 3), order='F')",
        ],
        ["{x}[0] = {n}", "{x} += 1", "{x}[...] = {n}", "{x}.resize(2, refcheck=False)", "{x}.flags.writeable = False"],
        ["{x}.tolist()", "np.shares_memory({x}, {array})", "{x}.base is {array}", "{x}.flags.f_contiguous"],
    ),
    "objects": (
        ["np.array([{list}, {n}, None], object)"],
        ["{x}[0] = {a}", "{x}[0].append({n})"],
        ["{x}[0] is {list}"],
    ),
    "frame": (
        [
            "pd.DataFrame({'x': [1, 2], 'y': [1.5, None]})",
            "{frame}.copy()",
            "pd.DataFrame({'x': {series}})",
            "{frame}[:1]",
        ],
        ["{x}['z'] = {n}", "{x}.iloc[0, 0] = {n}", "{x}.attrs['u'] = {a}", "{x}.index.name = 'i'", "{x}.pop('x')"],
        ["{x}.to_string()", "{x}.index.name", "list({x}.attrs)", "{x}.index is {frame}.index"],
    ),
    "series": (
        ["pd.Series([1.0, None])", "pd.Series(['a', 'b'], name='s')", "{frame}.iloc[:, 0]", "pd.Series([{list}, {n}])"],
        ["{x}.iloc[0] = {x}.iloc[1]", "{x}.name = 'n'", "{x}.index = [7, 8]"],
        ["{x}.to_string()", "{x}.name"],
    ),
    "extension": (["pd.array(['a', None])", "pd.Categorical(['a', 'b'])"], ["{x}[0] = {x}[1]"], ["list({x})"]),
    "iterator": (["iter([1, 2, 3, {n}])", "itertools.count({n})", "iter({list})"], ["next({x})"], ["next({x}, None)"]),
    "closure": (
        ["counter({n})"],
        ["{x}[0]({n})", "{x}[0].note = {a}"],
        ["{x}[1]()", "getattr({x}[0], 'note', None) is {a}"],
    ),
    "function": (
        ["lambda: {a}", "lambda held={list}: held", "{instance}.grow", "{class}.make", "functools.partial(max, {n})"],
        ["{x}.tag = {a}", "{x}({n})", "{x}.__defaults__ = ({list},)"],
        ["getattr({x}, 'tag', None) is {a}", "type({x}()).__name__"],
    ),
    "instance": (
        ["{class}({a})", "{class}.make({list})", "{class}({instance})"],
        ["{x}.value = {a}", "{x}.grow({n})", "{x}.held = {a}", "{x}.items.append({x})", "{x}.grow = {function}"],
        ["{x}.tell()", "isinstance({x}, {class})", "type({x}) is {class}", "{x}.value is {a}"],
    ),
    "class": (
        ["type('Made', ({class},), {'value': {a}})", "type({instance})"],
        [
            *("{x}.made += 1", "{x}.kept.append({a})", "{x}.extra = {a}", "{x}.me = {x}", "{x}.kept = [{a}]"),
            *("{x}.tell = lambda self: ('new', {n})", "{x}.told = {x}.tell", "del {x}.tell", "{x}.pick = {function}"),
        ],
        ["{x}.made", "len({x}.kept)", "sorted(name for name in vars({x}) if name[0] != '_')"],
    ),
    "colour": (["Colour.RED", "list(Colour)[-1]"], ["{x}.note = {a}"], ["{x} is Colour.RED", "{x}.loud()"]),
    "dispatch": (["name_of"], ["{x}.register(int, {function})", "{x}.tag = {a}"], ["{x}('')", "len({x}.registry)"]),
}
_STATEMENTS = [
    "for step in range({n}):\n    if step % 2: {g} = {list}\n    else: {list}.append(step)",
    "{g} = [last := {a}]",
    "def swap():\n    global {old}, {g}\n    {old}, {g} = [{n}], {old}\nswap()",
    "{old}, {g} = {a}, {old}",
    "with_items = [*{list}]; {g} = [with_items, {a}]",
    "{instance}.items = {list}; {list}.append({instance})",
    "{list}.append('half way'); {dict}['nowhere']; {list}.append('never')",
    "async def later():\n    {list}.append({n})\n    return {list}\n{g} = await later()",
    "del {old}",
]


class _Writer:
    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)
        self._known = {"Base": "class", "Record": "class", "Slotted": "class", "Stack": "class"}
        self._count = 0

    def _name(self) -> str:
        self._count += 1
        return f"v{self._count}"

    def _one(self, kind: str) -> str:
        if kind == "a":
            return self._draw.choice([*self._known, "None", "[]", "'text'"])
        if kind == "n":
            return str(self._draw.randint(1, 5))
        found = [name for name, known in self._known.items() if known == kind]
        return self._draw.choice(found) if found else {"list": "[1]", "dict": "{}", "function": "len"}.get(kind, "None")

    def _fill(self, text: str, **given: str) -> str:
        return re.sub(r"\{([a-z]+)\}", lambda match: given.get(match[1]) or self._one(match[1]), text)

    def make(self) -> str:
        kind, name = self._draw.choice(list(_KINDS)), self._name()
        text = f"{name} = {self._fill(self._draw.choice(_KINDS[kind][0]))}"
        self._known[name] = kind
        return text

    def alias(self) -> str:
        name, other = self._name(), self._draw.choice(list(self._known))
        kind = self._known[other]
        way = self._draw.choice(["{o}", "[{o}, {'k': {o}}]", "({o}, {list})"])
        self._known[name] = kind if way == "{o}" else "list" if way[0] == "[" else "tuple"
        if way[0] != "{":
            self._known[f"{name}[0]"] = kind
        return f"{name} = {self._fill(way, o=other)}"

    def _of_one(self, which: int) -> tuple[str, str]:
        name = self._draw.choice([name for name, kind in self._known.items() if kind in _KINDS])
        return name, self._fill(self._draw.choice(_KINDS[self._known[name]][which]), x=name)

    def change(self) -> str:
        return self._of_one(1)[1]

    def ask(self) -> str:
        name, text = self._of_one(2)
        return f"print({self._draw.choice([text, text, f'{name} is {self._one(chr(97))}'])})"

    def more(self) -> str:
        if self._draw.random() < 0.15:
            return _AGAIN[self._draw.choice(list(_AGAIN))]
        text, name = self._draw.choice(_STATEMENTS), self._name()
        plain = [known for known, kind in self._known.items() if known.isidentifier() and kind != "class"]
        filled = self._fill(text, g=name, old=self._draw.choice(plain or ["nothing"]))
        self._known.update({name: "list"} if "{g}" in text else {})
        return filled

    def cell(self, steps: int) -> str:
        ways = self._draw.choices([self.make, self.alias, self.change, self.ask, self.more], [3, 2, 5, 2, 1], k=steps)
        done = [way().strip().replace("\n", "\n    ") for way in ways]
        return "\n".join(f"try:\n    {step}\nexcept Exception as error: print(type(error).__name__)" for step in done)


def program(seed: int) -> Cells:
    """The cells of a seed, each with whether it is offloaded."""
    draw, writer = random.Random(-seed), _Writer(seed)
    first = "\n".join([_BEGIN, *(writer.make() for _ in range(9))])
    middle = [(writer.cell(draw.randint(3, 7)), draw.random() < 0.6) for _ in range(draw.randint(3, 6))]
    return [(first, False), *middle, ("\n".join(f"print({seed})\n{writer.cell(9)}".splitlines()), False)]
