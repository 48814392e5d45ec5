"""Classes of the notebook: their statement runs there, instances refer to the class, later changes are kept."""

from __future__ import annotations

import pytest

from .conftest import Ends
from .ends import Notebook, travel

CASES = {
    "plain": (
        "class A:\n    k = 1\n    def __init__(self, x):\n        self.x = x\na = A(3)",
        "a A",
        "(a.x, a.k, type(a) is A)",
        (3, 1, True),
    ),
    "instance alone": ("class A:\n    def f(self):\n        return 5\na = A()", "a", "a.f()", 5),
    "no methods": ("class A:\n    x = 1\na = A()\na.y = 2", "a", "(a.x, a.y)", (1, 2)),
    "super": (
        "class A:\n    def f(self):\n        return 1\nclass B(A):\n    def f(self):\n        return super().f() + 1\nb = B()",
        "b",
        "b.f()",
        2,
    ),
    "dataclass": (
        "from dataclasses import dataclass, field\n@dataclass(order=True)\nclass P:\n    x: int\n    y: list = field(default_factory=list)\n"
        "p = P(1, [2])",
        "p P",
        "(p == P(1, [2]), P(0) < p, repr(p))",
        (True, True, "P(x=1, y=[2])"),
    ),
    "frozen slots dataclass": (
        "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass P:\n    x: int = 4\np = P()",
        "p",
        "p.x, hash(p) == hash(type(p)())",
        (4, True),
    ),
    "dataclass with slots": (
        "from dataclasses import dataclass\nimport sys\n@dataclass(slots=True)\nclass P:\n    x: int\n    y: int = 2\np = P(1)\n"
        "def f(p):\n    return p.x + p.y",
        "p f",
        "f(p)",
        3,
    ),
    "enum": (
        "import enum\nclass C(enum.Enum):\n    R = 1\n    G = 'g'\nc = C.G\nd = {C.R: 1}",
        "c C d",
        "(c is C.G, d[C.R])",
        (True, 1),
    ),
    "int flag": (
        "import enum\nclass F(enum.IntFlag):\n    A = 1\n    B = 2\nf = F.A | F.B",
        "f F",
        "(f == 3, F.A in f, isinstance(f, F))",
        (True,) * 3,
    ),
    "enum auto and methods": (
        "from enum import Enum, auto\nclass C(Enum):\n    A = auto()\n    B = auto()\n    def up(self):\n        return self.name.lower()\nc = C.B",
        "c",
        "(c.value, c.up())",
        (2, "b"),
    ),
    "NamedTuple": (
        "from typing import NamedTuple\nclass N(NamedTuple):\n    a: int\n    b: str = 'x'\n    def f(self):\n        return self.a\nn = N(1)",
        "n N",
        "(n == N(1), n.f(), n.b)",
        (True, 1, "x"),
    ),
    "NamedTuple without methods": (
        "from typing import NamedTuple\nclass N(NamedTuple):\n    a: int\nn = N(1)",
        "n N",
        "(n.a, type(n) is N)",
        (1, True),
    ),
    "namedtuple": (
        "from collections import namedtuple\nN = namedtuple('N', 'a b', defaults=[9])\nn = N(1)",
        "n N",
        "(n.b, type(n) is N)",
        (9, True),
    ),
    "subclass of namedtuple": (
        "from collections import namedtuple\nclass N(namedtuple('N', 'a b')):\n    def s(self):\n        return self.a + self.b\nn = N(1, 2)",
        "n",
        "n.s()",
        3,
    ),
    "abc": (
        "import abc\nclass A(abc.ABC):\n    @abc.abstractmethod\n    def f(self): ...\nclass B(A):\n    def f(self):\n        return 1\nb = B()",
        "b A",
        "(b.f(), isinstance(b, A))",
        (1, True),
    ),
    "protocol": (
        "from typing import Protocol, runtime_checkable\n@runtime_checkable\nclass P(Protocol):\n    def f(self) -> int: ...\nclass A:\n    def f(self):\n        return 1\n"
        "a = A()",
        "a P",
        "isinstance(a, P)",
        True,
    ),
    "generic": (
        "from typing import Generic, TypeVar\nT = TypeVar('T')\nclass G(Generic[T]):\n    def __init__(self, x: T):\n        self.x = x\n"
        "g = G[int](3)\nlist_of = G[str]",
        "g list_of",
        "(g.x, list_of('a').x)",
        (3, "a"),
    ),
    "metaclass": (
        "class M(type):\n    def __new__(m, n, b, d):\n        c = super().__new__(m, n, b, d)\n        c.made = n.lower()\n        return c\n"
        "class A(metaclass=M):\n    pass\na = A()",
        "a A M",
        "(a.made, type(A) is M)",
        ("a", True),
    ),
    "slots": (
        "class S:\n    __slots__ = ('a', 'b')\n    def __init__(self):\n        self.a = 1\ns = S()",
        "s",
        "(s.a, hasattr(s, 'b'), hasattr(s, '__dict__'))",
        (1, False, False),
    ),
    "property and class methods": (
        "class A:\n    n = 0\n    @property\n    def p(self):\n        return self._p\n    @p.setter\n    def p(self, v):\n        self._p = v\n"
        "    @classmethod\n    def make(cls):\n        a = cls()\n        a.p = 4\n        return a\n    @staticmethod\n    def s():\n        return 6\na = A.make()",
        "a",
        "(a.p, type(a).make().p, a.s())",
        (4, 4, 6),
    ),
    "class attribute changed later": (
        "class A:\n    n = 0\n    def f(self):\n        return self.n\nA.n = 5\nA.more = [1]\na = A()",
        "a",
        "(a.f(), a.more)",
        (5, [1]),
    ),
    "monkey patched method": (
        "class A:\n    def f(self):\n        return 1\ndef g(self):\n    return 2\nA.f = g\nA.h = lambda self: 3\na = A()",
        "a",
        "(a.f(), a.h())",
        (2, 3),
    ),
    "registry": (
        "class R:\n    known = {}\n    def __init_subclass__(cls, **k):\n        R.known[cls.__name__] = cls\nclass A(R):\n    pass\nr = A()",
        "r R",
        "(R.known['A'] is type(r), list(R.known))",
        (True, ["A"]),
    ),
    "nested class": (
        "class A:\n    class B:\n        def f(self):\n            return 1\n    def make(self):\n        return self.B()\nb = A().make()",
        "b A",
        "(b.f(), type(b) is A.B)",
        (1, True),
    ),
    "class in a function": (
        "def make(k):\n    class L:\n        def f(self):\n            return k\n    return L()\nl = make(4)",
        "l",
        "l.f()",
        4,
    ),
    "abstract class in a function": (
        "import abc, functools\ndef make(step):\n    class Base(abc.ABC):\n        @abc.abstractmethod\n        def f(self): ...\n"
        "        @functools.cached_property\n        def twice(self):\n            return 2 * step\n    class A(Base):\n"
        "        __slots__ = ('y',)\n        def __init__(self):\n            super().__init__()\n            self.y = step\n"
        "        def f(self):\n            return self.y\n    return Base, A\nBase, A = make(3)\na = A()",
        "a A Base",
        "(a.f(), a.twice, a.y, A.__mro__[1] is Base, Base.__abstractmethods__, hasattr(A, '__slots__'))",
        (3, 6, 3, True, {"f"}, True),
    ),
    "class by a call of type": (
        "def shout(self):\n    return self.word.upper()\nA = type('A', (), {'word': 'a', 'shout': shout})\nA.later = shout\na = A()",
        "a A shout",
        "(a.shout(), A.later is shout, type(a) is A)",
        ("A", True, True),
    ),
    "class by its metaclass": (
        "class M(type):\n    made = []\n    def __new__(m, name, bases, space):\n        m.made.append(name)\n"
        "        return super().__new__(m, name, bases, space)\nMade = M('Made', (), {'v': 1})\na = Made()",
        "a Made M",
        "(a.v, M.made, type(Made) is M)",
        (1, ["Made"], True),
    ),
    "make_dataclass": (
        "from dataclasses import field, make_dataclass\nA = make_dataclass('A', [('x', int), ('y', list, field(default_factory=list))],"
        " order=True, namespace={'f': lambda self: self.x + 1})\nB = make_dataclass('B', [('z', int, 5)], bases=(A,), frozen=False)\n"
        "A.g = lambda self: -self.x\na, b = A(1, [2]), B(1)",
        "a A b B",
        "(repr(a), a == A(1, [2]), A(0) < a, a.f(), a.g(), A(0).y is A(0).y, b.z, b.f(), isinstance(b, A), A.__match_args__)",
        ("A(x=1, y=[2])", True, True, 2, -1, False, 5, 2, True, ("x", "y")),
    ),
    "dataclass with slots in a function": (
        "from dataclasses import dataclass\nfrom typing import ClassVar\ndef make():\n    @dataclass(slots=True, frozen=True)\n"
        "    class P:\n        x: int\n        y: int = 5\n        k: ClassVar[int] = 7\n        def f(self):\n"
        "            return self.x + self.y\n    return P\nP = make()\np = P(1)",
        "p P",
        "(p.f(), p == P(1), hash(p) == hash(P(1)), hasattr(p, '__dict__'), P.k)",
        (6, True, True, False, 7),
    ),
    "Enum by a call": (
        "from enum import Enum\nC = Enum('C', 'R G')\nc, d = C.R, {C.G: 1}",
        "c C d",
        "(c is C.R, list(d)[0] is C.G, [m.value for m in C], repr(C.R))",
        (True, True, [1, 2], "<C.R: 1>"),
    ),
    "Enum in a function": (
        "import enum\ndef make():\n    class C(enum.Enum):\n        R = 'r'\n        def up(self):\n            return self.value.upper()\n"
        "    return C\nC = make()\nc = C.R",
        "c C",
        "(c is C.R, c.up(), C('r') is c)",
        (True, "R", True),
    ),
    "exception in a function": (
        "def make():\n    class E(ValueError):\n        def __str__(self):\n            return 'E:' + self.args[0]\n    return E\nE = make()\ne = E('x')",
        "e E",
        "(str(e), isinstance(e, E), issubclass(E, ValueError))",
        ("E:x", True, True),
    ),
    "reads names of the notebook": (
        "import math\nBASE = 2\ndef deco(c):\n    c.tag = BASE\n    return c\n@deco\nclass A:\n    k = BASE + math.floor(1.5)\n    def f(self, x=BASE):\n        return x\na = A()",
        "a",
        "(a.k, a.tag, a.f())",
        (3, 2, 2),
    ),
    "reduce": (
        "class A:\n    def __init__(self, x):\n        self.x = x\n    def __reduce__(self):\n        return A, (self.x + 1,)\na = A(1)",
        "a A",
        "a.x",
        2,
    ),
    "getstate": (
        "class A:\n    def __init__(self):\n        self.keep, self.drop = 1, lambda: 0\n    def __getstate__(self):\n        return {'keep': self.keep}\n"
        "    def __setstate__(self, s):\n        self.__dict__.update(s, drop=None)\na = A()",
        "a",
        "(a.keep, a.drop)",
        (1, None),
    ),
    "bound method": (
        "class A:\n    def __init__(self):\n        self.n = 2\n    def f(self):\n        return self.n\na = A()\nm = a.f",
        "m a",
        "(m(), m.__self__ is a)",
        (2, True),
    ),
    "list and dict subclasses": (
        "class L(list):\n    def s(self):\n        return sum(self)\nclass D(dict):\n    def __missing__(self, k):\n        return k\nl = L([1, 2]); l.tag = 1\nd = D(a=1)",
        "l d",
        "(l.s(), l.tag, d['q'], d['a'])",
        (3, 1, "q", 1),
    ),
    "cached property": (
        "import functools\nclass A:\n    @functools.cached_property\n    def p(self):\n        return 3\na = A()\nb = A(); b.p",
        "a b",
        "(a.p, b.p, 'p' in vars(b))",
        (3, 3, True),
    ),
    "descriptor": (
        "class D:\n    def __set_name__(self, o, n):\n        self.n = '_' + n\n    def __get__(self, i, o):\n        return getattr(i, self.n)\n"
        "    def __set__(self, i, v):\n        setattr(i, self.n, v * 2)\nclass A:\n    x = D()\na = A()\na.x = 2",
        "a",
        "a.x",
        4,
    ),
    "self reference": (
        "class A:\n    def __init__(self):\n        self.me = self\nA.one = A()\na = A()",
        "a A",
        "(a.me is a, A.one.me is A.one, type(A.one) is A)",
        (True,) * 3,
    ),
    "TypedDict": (
        "from typing import TypedDict\nclass T(TypedDict):\n    a: int\nt = T(a=1)",
        "t T",
        "(t['a'], T.__annotations__ != {})",
        (1, True),
    ),
    "property attached later": (
        "class A:\n    def f(self):\n        return 1\nA.p = property(lambda self: 8)\nA.c = classmethod(lambda cls: cls)\na = A()",
        "a",
        "(a.p, a.c() is type(a))",
        (8, True),
    ),
    "special methods attached later": (
        "class A:\n    x = 3\ndef shown(self):\n    return f'<{self.x}>'\nA.__repr__ = shown\nA.__len__ = lambda self: 5\na = A()",
        "a shown",
        "(repr(a), len(a), type(a).__repr__ is shown)",
        ("<3>", 5, True),
    ),
    "defaults that calls share": (
        "class A:\n    def __init__(self, items=[]):\n        self.items = items\n    def f(self, *, seen={}):\n        return seen\n"
        "a = A()\na.items.append(1)\na.f()['k'] = 2\nseen = a.f()",
        "a A seen",
        "(A().items, A().items is a.items, a.f() is seen, seen)",
        ([1], True, True, {"k": 2}),
    ),
    "attrs": (
        "import attr\n@attr.s\nclass A:\n    items = attr.ib(default=[])\na = A()\na.items.append(1)\n"
        "B = attr.make_class('B', ['x', 'y'])\nb = B(1, 2)",
        "a A b B",
        "(A().items is a.items, repr(A()), repr(b), b == B(1, 2))",
        (True, "A(items=[1])", "B(x=1, y=2)", True),
    ),
    "NewType": ("from typing import NewType\nU = NewType('U', int)\nx = {'k': U}", "x", "x['k'](3)", 3),
    "overloaded operators": (
        "class V:\n    def __init__(self, x):\n        self.x = x\n    def __eq__(self, o):\n        return self.x == o.x\n    __hash__ = None\nv = [V(1), V(1)]",
        "v",
        "v[0] == v[1]",
        True,
    ),
    "exception class": (
        "class E(Exception):\n    def __init__(self, code, text):\n        super().__init__(f'{code}: {text}')\n        self.code = code\ne = E(4, 'x')",
        "e",
        "(str(e), e.code)",
        ("4: x", 4),
    ),
    "class of an if block": (
        "if True:\n    class A:\n        def f(self):\n            return 1\na = A()",
        "a",
        "a.f()",
        1,
    ),
    "two in one cell": ("class A:\n    x = 1\nclass A:\n    x = 2\na = A()", "a", "a.x", 2),
    "abstract property": (
        "import abc\nclass A(abc.ABC):\n    @property\n    @abc.abstractmethod\n    def p(self): ...\nclass B(A):\n    p = 3\nb = B()",
        "b",
        "b.p",
        3,
    ),
    "typing values": (
        "from typing import TypeVar, Optional\nT = TypeVar('T', bound=int)\nann = Optional[dict[str, list[int]]]",
        "ann T",
        "(ann == Optional[dict[str, list[int]]], T.__bound__)",
        (True, int),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_class_and_its_instances_do_there_what_they_do_here(case: str) -> None:
    text, names, ask, answer = CASES[case]
    home = Notebook()
    home.run(text)
    assert eval(ask, dict(home.ns)) == answer or case in ("reduce", "getstate")
    far = travel(home, *names.split())
    exec("from typing import *", far.ns)
    assert eval(ask, far.ns) == answer
    assert "bytecode" not in far.codecs.values()


def test_an_instance_of_a_rerun_class_keeps_its_old_class() -> None:
    home = Notebook()
    home.run("class A:\n    def f(self):\n        return 'old'\nold = A()")
    home.run("class A:\n    def f(self):\n        return 'new'\nnew = A()")
    far = travel(home, "old", "new", "A").ns
    assert (far["old"].f(), far["new"].f()) == ("old", "new")
    assert type(far["new"]) is far["A"]
    assert type(far["old"]) is not far["A"]


def test_the_same_class_without_methods_after_a_rerun_is_the_old_one() -> None:
    home = Notebook()
    home.run("class A:\n    x = 'old'\nold = A()")
    home.run("class A:\n    x = 'new'\nnew = A()")
    far = travel(home, "old", "new").ns
    assert (far["old"].x, far["new"].x) == ("old", "new")


def test_names_sent_one_by_one_share_their_class() -> None:
    home = Notebook()
    home.run("class A:\n    def f(self):\n        return 1\na, b = A(), A()")
    far = travel(home, "a", "b", "A").ns
    assert type(far["a"]) is type(far["b"]) is far["A"]


def test_what_a_class_statement_does_to_others_is_done_once(ends: Ends) -> None:
    ends.cell(
        "import collections\nnames, calls, by_name = [], 0, {}\n"
        "def register(cls):\n"
        "    global calls\n"
        "    names.append(cls.__name__); calls += 1; by_name[cls.__name__] = cls\n"
        "    return cls\n"
        "class Meta(type):\n"
        "    made = 0\n"
        "    def __new__(kind, name, bases, space):\n"
        "        Meta.made += 1\n"
        "        return super().__new__(kind, name, bases, space)\n"
        "class Base(metaclass=Meta):\n"
        "    kinds, count, below = [], 0, collections.defaultdict(list)\n"
        "    def __init_subclass__(cls):\n"
        "        Base.kinds.append(cls.__name__); Base.count += 1; Base.below['Base'].append(cls.__name__)\n"
        "@register\n"
        "class One(Base):\n"
        "    def who(self): return 1\n"
        "one = One()"
    )
    far = ends.send("collections", "names", "calls", "by_name", "register", "Meta", "Base", "One", "one")
    assert far["Base"].below == {"Base": ["One"]}
    for space in (far, ends.far):
        assert space["names"] == space["Base"].kinds == ["One"] and space["by_name"] == {"One": far["One"]}
        assert (space["calls"], space["Base"].count, space["Meta"].made) == (1, 1, 2) and far["one"].who() == 1


def test_slots_and_classes_that_a_cell_takes_away_or_changes(ends: Ends) -> None:
    ends.cell(
        "class Slots: __slots__ = ('a', 'b', '__dict__')\n"
        "class Other(Slots): __slots__ = ()\n"
        "class Pair(tuple):\n"
        "    def __new__(cls, *parts): made = super().__new__(cls, parts); made.note = 'new'; return made\n"
        "class Word(str):\n"
        "    def __new__(cls, a, b): return super().__new__(cls, a + b)\n"
        "class Named(frozenset):\n"
        "    def __new__(cls, items, name): made = super().__new__(cls, items); made.name = name; return made\n"
        "slots = Slots(); slots.a = slots.b = slots.c = 1; pair = Pair(1, 2); pair.note = ['set']; word = Word('a', 'b')\n"
        "named = Named([1, 2], 'both')"
    )
    far = ends.send("slots", "pair", "Other", "word", "named")
    ends.begin()
    assert far["pair"] == (1, 2) and far["pair"].note == ["set"] and far["word"] == "ab"
    assert type(far["word"]).__name__ == "Word" and far["named"] == {1, 2} and far["named"].name == "both"
    del far["slots"].b
    far["slots"].__class__ = far["Other"]
    far["pair"].note.append(3)
    ends.back()
    slots = ends.home["slots"]
    assert (slots.a, hasattr(slots, "b"), slots.c, type(slots)) == (1, False, 1, ends.home["Other"])
    assert ends.home["pair"].note == ["set", 3]


def test_what_numpy_makes_of_functions_and_types(ends: Ends) -> None:
    ends.cell(
        "import numpy as np\ndouble = np.vectorize(lambda v: v * 2, otypes=[float]); double([1])\nlimits = np.finfo('f4')"
    )
    far = ends.send("double", "limits")
    ends.begin()
    assert far["double"]([1, 2]).tolist() == [2, 4] and far["limits"].bits == 32
    ends.back()
    assert not ends.changed and ends.home["double"]([3]).tolist() == [6]
