"""Generators go on at the other end where they stand, and nothing of their functions runs for that."""

from __future__ import annotations

import contextlib
import copy
import sys
import types
from typing import Any

import pytest

from .conftest import Ends

CASES = {
    "not begun": """
def count(n, *more, step=1, **named):
    for i in range(0, n, step): yield i, more, named
g = count(4, "a", step=2, z=0)
""",
    "expression": "some = [1, 2, 3, 4]\ng = (x * 2 for x in some if x > 1); next(g)",
    "loop for ever": """
def fib():
    a, b = 0, 1
    while True:
        yield a
        if a > 100: return
        a, b = b, a + b
g = fib(); [next(g) for _ in range(5)]
""",
    "loops and branches": """
def pairs(n):
    for i in range(n):
        for j, c in enumerate("ab"):
            if c == "b":
                yield i, j
                if i == 1: break
            else:
                yield "a", i
                continue
        else:
            yield "else"
    yield "end"
g = pairs(3); [next(g) for _ in range(3)]
""",
    "a closure that others share": """
def outer():
    kept, total = [], 0
    def inner(n):
        nonlocal total
        for i in range(n):
            yield list(map(lambda q: q + i, kept))
            total += 1; kept.append(total)
    return inner, kept
inner, kept = outer(); g = inner(4); next(g); next(g)
""",
    "delegates": """
class Tree:
    def __init__(self, value, left=None, right=None): self.value, self.left, self.right = value, left, right
    def __iter__(self):
        if self.left: yield from self.left
        yield self.value
        if self.right: yield from self.right
g = iter(Tree(3, Tree(1, None, Tree(2)), Tree(5, Tree(4)))); next(g)
""",
    "calls itself": """
def orders(items):
    if len(items) <= 1: yield items
    else:
        for k, item in enumerate(items):
            for rest in orders(items[:k] + items[k + 1:]): yield [item] + rest
g = orders([1, 2, 3]); [next(g) for _ in range(3)]
""",
    "blocks": """
import contextlib
done = []
def guarded():
    try:
        with contextlib.suppress(ValueError):
            for x in range(3):
                try: yield x
                finally: done.append(x)
            raise ValueError
        yield "out"
    finally: done.append("end")
g = guarded(); next(g); next(g)
""",
    "a method": """
class Base:
    def items(self): yield from (1, 2, 3)
class Derived(Base):
    def items(self):
        for x in super().items():
            yield x
            yield len(list(super().items()))
g = Derived().items(); next(g)
""",
    "what is added to": """
def sums(n):
    total = []
    for i in range(n):
        same = total
        total += yield from inner(total)
        yield same is total
    yield total
def inner(given):
    yield len(given)
    return [0]
g = sums(3); next(g)
""",
    "globals": """
number = 0
def counted():
    global number
    for i in range(3):
        number += 1
        yield number
g = counted(); next(g)
""",
    "names of its own": """
def late(n):
    while n:
        yield n
        try: print(unset)
        except UnboundLocalError: yield "unset"
        n -= 1
        if not n: unset = [x for x in range(2)]
unset = 1
g = late(2); next(g)
""",
}


@pytest.mark.parametrize("case", CASES)
def test_it_goes_on_where_it_stands(ends: Ends, case: str) -> None:
    here: dict[str, Any] = {"__name__": "__main__"}
    exec(CASES[case], here)
    expected = list(here["g"])
    before = set(ends.home)
    ends.cell(CASES[case])
    names = set(ends.home) - before
    ends.send(*(name for name in names if not isinstance(ends.home[name], types.ModuleType)))
    ends.far["contextlib"] = contextlib
    ends.begin()
    far, out = ends.far["g"], []
    assert (far.__name__, far.__qualname__) == (here["g"].__name__, here["g"].__qualname__)
    for _ in range(2):  # two more in the job, the others here
        out.append(copy.copy(next(far)))
    back = ends.back(g=far, **{name: ends.far[name] for name in ("number",) if name in ends.far})
    ends.home.update(back)
    assert out + list(back["g"]) == expected
    assert ends.home.get("done") == here.get("done")


def test_it_takes_what_is_sent_and_thrown(ends: Ends) -> None:
    ends.cell("""
def mean():
    total = count = 0
    found = None
    while True:
        try: x = yield found
        except ValueError: total = count = 0; continue
        total += x; count += 1; found = total / count
def around():
    result = yield from mean()
g, h = mean(), around(); next(g); g.send(3); next(h); h.send(3)
""")
    far = ends.send("g", "h")
    for generator in (far["g"], far["h"]):
        assert generator.send(5) == 4
        assert generator.throw(ValueError()) == 4 and generator.send(1) == 1
        generator.close()
        assert next(generator, None) is None


def test_what_holds_one_shares_it_and_a_changed_one_takes_its_place(ends: Ends) -> None:
    ends.cell(
        "def letters():\n    yield from 'abcdef'\n"
        "g = letters(); held = [g, {'g': (1, (g,))}]; pairs = zip(g, range(9)); next(g)"
    )
    far = ends.send("g", "held", "pairs")
    assert far["held"][1]["g"][1][0] is far["g"]
    ends.begin()
    assert next(far["pairs"]) == ("b", 0) and next(far["g"]) == "c"
    ends.back()
    held: Any = ends.home["held"]
    assert held[0] is held[1]["g"][1][0] and next(held[0]) == "d"


def test_one_that_nobody_asked_is_no_change(ends: Ends) -> None:
    ends.cell("def letters():\n    for x in 'abc': yield x\ng, h = letters(), letters(); next(h)")
    ends.send("g", "h")
    ends.begin()
    ends.back()
    assert ends.changed == [] and not ends.applied.rebind


@pytest.mark.parametrize(
    "source, says",
    [
        ("def f():\n    x = 1 + (yield 1)\ng = f(); next(g)", "stands inside of"),
        ("def f():\n    try: 1 / 0\n    except ArithmeticError: yield 1\ng = f(); next(g)", "stands inside of"),
        ("def f(file):\n    for line in file: yield line\nimport os; g = f(open(os.__file__))", "a file is open"),
        ("async def f():\n    yield 1\ng = f()", "Make a list of it"),
    ],
)
def test_where_it_cannot_go_on_the_way_out_is_said(ends: Ends, source: str, says: str) -> None:
    ends.cell(source)
    assert says in str(ends.dump("g").failed["g"])


@pytest.mark.skipif(sys.version_info < (3, 11), reason="which of two that stand on one line is known since then")
def test_two_on_a_line_are_told_apart(ends: Ends) -> None:
    ends.cell("def f():\n    yield 1; yield 2; yield 3\ng = f(); next(g); next(g)")
    assert list(ends.send("g")["g"]) == [3]
