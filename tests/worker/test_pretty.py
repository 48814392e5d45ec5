"""Texts of values without IPython, against IPython's own."""

from __future__ import annotations

import random

import pytest
from IPython.lib.pretty import pretty

from nbprocess.worker import pretty as ours


class Plain:
    pass


def some(a: int, b: str = "x", *rest: float) -> None: ...


VALUES = [
    1, "a'b", None, [], {}, (), set(), (1,), ("x" * 90,), {3, 1, 2}, {"b", "a", "c"}, frozenset({2, 1}), {1, "a"} - {1},
    list(range(30)), list(range(1200)), {"key": list(range(40)), "other": {"x" * 30: "y" * 60}}, Plain, int, some, [some, Plain],
    [["a" * 20, "b" * 20, ["c" * 20, "d" * 30]], ("e" * 20, {"f" * 10: ["g" * 30, "h" * 30, "i" * 30]})], [Plain, {Plain: some}],
    {"a" * 30: ["b" * 20] * 3, "c": ("d" * 70,)}, ["a" * 77], ["a" * 76], ["a" * 38, "b" * 34], {1: {2: {3: "x" * 65}}},
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=map(str, range(len(VALUES))))  # their texts differ by process
def test_as_ipython_writes_them(value: object) -> None:
    assert ours.text(value) == pretty(value)


def test_containers_in_containers() -> None:
    chance = random.Random(7)

    def made(depth: int) -> object:
        kind = chance.randrange(6 if depth else 2)
        if kind == 0:
            return chance.randrange(10 ** chance.randrange(1, 12))
        if kind == 1:
            return "x" * chance.randrange(30)
        items = [made(depth - 1) for _ in range(chance.randrange(6))]
        if kind == 2:
            return tuple(items)
        return {f"k{index}": item for index, item in enumerate(items)} if kind == 3 else items

    for _ in range(400):
        value = made(4)
        assert ours.text(value) == pretty(value)


def test_what_holds_itself() -> None:
    loop: list[object] = [1]
    loop.append(loop)
    assert ours.text(loop) == pretty(loop) == "[1, [...]]"


def test_an_object_without_a_text_of_its_own() -> None:
    plain = Plain()
    assert ours.text([plain]) == pretty([plain])
