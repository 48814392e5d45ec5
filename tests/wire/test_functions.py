"""Functions of the notebook arrive as source: globals, closures, defaults and attributes as they were."""

from __future__ import annotations

import linecache
from pathlib import Path
from typing import Any

import pytest

from .conftest import Ends
from .ends import Notebook, Store, travel

CASES = {
    "plain": ("def f(x):\n    return x + k\nk = 2", "f k", "f(1)", 3),
    "lambda": ("f = lambda x: x * 2", "f", "f(4)", 8),
    "lambdas on one line": (
        "fs = [lambda x: x + 1, lambda x: x + 2, lambda y: y - 1]",
        "fs",
        "[f(1) for f in fs]",
        [2, 3, 0],
    ),
    "two statements on one line": ("a = lambda x: x; b = lambda x: -x", "a b", "(a(1), b(1))", (1, -1)),
    "unicode before it on the line": ("t = 'äöü'; g = lambda x: x + 'é'", "g", "g('a')", "aé"),
    "recursion": ("def fact(n):\n    return 1 if n < 2 else n * fact(n - 1)", "fact", "fact(5)", 120),
    "mutual": ("def a(n):\n    return n if n < 1 else b(n - 1)\ndef b(n):\n    return a(n - 1)", "a b", "a(5)", -1),
    "defaults": (
        "def f(a, b=[1], *, c={'k': 2}, **d):\n    return a, b, c, d",
        "f",
        "f(0, z=1)",
        (0, [1], {"k": 2}, {"z": 1}),
    ),
    "closure": ("def make(n):\n    def inner(x):\n        return x + n\n    return inner\nf = make(3)", "f", "f(1)", 4),
    "closure over itself": (
        "def make():\n    def walk(n):\n        return 0 if n == 0 else 1 + walk(n - 1)\n    return walk\nf = make()",
        "f",
        "f(4)",
        4,
    ),
    "lambda in a call": ("import functools\nf = functools.partial(lambda a, b: (a, b), 1)", "f", "f(2)", (1, 2)),
    "attributes": ("def f():\n    return f.calls\nf.calls = 7", "f", "f()", 7),
    "generator function": ("def g(n):\n    for i in range(n):\n        yield i", "g", "list(g(3))", [0, 1, 2]),
    "async": ("async def f():\n    return 5", "f", "__import__('asyncio').run(f())", 5),
    "decorated": (
        "import functools\ndef twice(f):\n    @functools.wraps(f)\n    def inner(*a):\n        return f(f(*a))\n    return inner\n"
        "@twice\ndef inc(x):\n    return x + 1",
        "inc",
        "(inc(1), inc.__name__, inc.__wrapped__(1))",
        (3, "inc", 2),
    ),
    "stacked": (
        "def d(n):\n    def w(f):\n        def inner(x):\n            return f(x) + n\n        return inner\n    return w\n"
        "@d(1)\n@d(10)\ndef f(x):\n    return x",
        "f",
        "f(0)",
        11,
    ),
    "contextmanager": (
        "import contextlib\n@contextlib.contextmanager\ndef c(x):\n    yield x",
        "c",
        "c(3).__enter__()",
        3,
    ),
    "lru_cache": (
        "import functools\n@functools.lru_cache(maxsize=5, typed=True)\ndef f(x):\n    return x * 2\nf(1)",
        "f",
        "(f(2), f.cache_parameters() if hasattr(f, 'cache_parameters') else None, tuple(f.cache_info()))",
        (4, {"maxsize": 5, "typed": True}, (0, 2, 5, 2)),
    ),
    "lru_cache and what it holds": (
        "import functools\n@functools.lru_cache(maxsize=2)\ndef f(*a, **k):\n    return [len(a), *k]\n"
        "f(1), f((1, 2), by=3), f((1, 2), by=3), f(1)",
        "f",
        "[f(1), f((1, 2), by=3), tuple(f.cache_info()), f('x'), f((1, 2), by=3), tuple(f.cache_info())]",
        [[1], [1, "by"], (4, 2, 2, 2), [1], [1, "by"], (5, 3, 2, 2)],
    ),
    "lru_cache of a closure, of two types": (
        "import functools\ndef outer():\n    n = []\n    @functools.lru_cache(maxsize=None, typed=True)\n"
        "    def f(x, y=1): n.append(x); return len(n)\n    return f\nf = outer(); f(1), f(1.0), f(1, y=2)",
        "f",
        "[f(1, y=2), f(1), f(1.0), f(True)]",
        [3, 1, 2, 4],
    ),
    "cache": (
        "import functools\n@functools.cache\ndef f(x):\n    return x",
        "f",
        "f(2), f.cache_info().maxsize",
        (2, None),
    ),
    "singledispatch": (
        "import functools\n@functools.singledispatch\ndef f(x):\n    return 'any'\n@f.register\ndef _(x: int):\n    return 'int'",
        "f",
        "(f('a'), f(1))",
        ("any", "int"),
    ),
    "partial of a notebook function": (
        "import functools\ndef f(a, b):\n    return a - b\np = functools.partial(f, b=1)",
        "p",
        "p(3)",
        2,
    ),
    "comprehension inside": (
        "def f(n):\n    return [[j for j in range(i)] for i in range(n)]",
        "f",
        "f(3)",
        [[], [0], [0, 1]],
    ),
    "annotations": (
        "def f(a: int, b: 'str' = '') -> float:\n    return a",
        "f",
        "f.__annotations__",
        {"a": int, "b": "str", "return": float},
    ),
    "module function": ("from os.path import join as f", "f", "f('a', 'b')", "a/b"),
    "builtin": ("f = len", "f", "f([1])", 1),
    "method of a builtin": ("l = [3]\nf = l.append", "f l", "(f(4), l)", (None, [3, 4])),
    "docstring": ("def f():\n    'What.'\n", "f", "f.__doc__", "What."),
    "renamed": (
        "def f():\n    return 1\nf.__name__ = 'g'; f.__qualname__ = 'h'",
        "f",
        "(f.__name__, f.__qualname__)",
        ("g", "h"),
    ),
    "positional only": ("def f(a, /, b):\n    return a, b", "f", "f(1, b=2)", (1, 2)),
    "if at the top level": (
        "if True:\n    def f():\n        return 1\nelse:\n    def f():\n        return 2",
        "f",
        "f()",
        1,
    ),
    "deleted name": ("def f():\n    return 1\ng = f\ndel f", "g", "g()", 1),
}


@pytest.mark.parametrize("case", CASES)
def test_a_function_does_there_what_it_does_here(case: str) -> None:
    text, names, ask, answer = CASES[case]
    home = Notebook()
    home.run(text)
    far = travel(home, *names.split())
    assert eval(ask, far.ns) == answer
    assert "bytecode" not in far.codecs.values()


def test_globals_are_the_namespace_that_the_cell_reads() -> None:
    home = Notebook()
    home.run("n = 0\ndef bump():\n    global n\n    n += 1")
    far = travel(home, "n", "bump")
    far.run("bump(); bump()")
    assert far.ns["n"] == 2


def test_closures_share_their_cells() -> None:
    home = Notebook()
    home.run(
        "def make():\n    n = 0\n    def up():\n        nonlocal n\n        n += 1\n    def get():\n        return n\n    return up, get\n"
        "up, get = make()\nup()"
    )
    far = travel(home, "up", "get")
    far.run("up()")
    assert (far.ns["get"](), home.ns["get"]()) == (2, 1)


def test_an_empty_cell_stays_empty() -> None:
    home = Notebook()
    home.run(
        "def make():\n    def f():\n        return later\n    if False:\n        later = 1\n    return f\nf = make()"
    )
    far = travel(home, "f")
    with pytest.raises(NameError):
        far.ns["f"]()


def test_line_numbers_and_file_are_the_cells() -> None:
    home = Notebook()
    home.run("x = 1\n\n\ndef f():\n    raise ValueError('here')\n")
    far = travel(home, "f")
    code, there = home.ns["f"].__code__, far.ns["f"].__code__
    assert (there.co_filename, there.co_firstlineno) == (code.co_filename, code.co_firstlineno)


def test_a_function_of_an_old_cell_keeps_its_old_source() -> None:
    home = Notebook()
    home.run("def f():\n    return 'old'")
    home.run("g = f\ndef f():\n    return 'new'")
    far = travel(home, "f", "g")
    assert (far.ns["f"](), far.ns["g"]()) == ("new", "old")


def test_a_function_that_exec_made_travels_by_bytecode_and_says_so() -> None:
    home = Notebook()
    home.run("exec('def f(x):\\n    return x + 1')")
    far = travel(home, "f")
    assert far.ns["f"](1) == 2
    assert far.codecs["f"] == "bytecode"


def test_future_features_of_the_cell_hold_there() -> None:
    home = Notebook()
    home.run("from __future__ import annotations\ndef f(x: Missing) -> AlsoMissing:\n    return x")
    far = travel(home, "f")
    assert far.ns["f"].__annotations__ == {"x": "Missing", "return": "AlsoMissing"}


def test_two_names_of_one_function_are_one_function_there() -> None:
    home = Notebook()
    home.run("def f():\n    pass\ng = f\nbox = [f, f]")
    far = travel(home, "f", "g", "box").ns
    assert far["box"][0] is far["box"][1]
    assert far["f"] is far["g"]


def test_names_that_ipython_injects_are_not_followed() -> None:
    from IPython.core.interactiveshell import InteractiveShell

    home = Notebook()
    home.run("def f(path):\n    return open(path)\nbox = [len]")
    home.ns["open"] = InteractiveShell.instance().user_ns.get("open", open)
    far = travel(home, "box", "open")
    assert callable(far.ns["open"])
    assert far.codecs["open"] != "bytecode"


def test_a_module_that_was_loaded_by_hand(ends: Ends, tmp_path: Path) -> None:
    """It goes along with its functions, whatever the notebook calls by the names that they read."""
    (tmp_path / "lone.py").write_text("V = 4\ndef times(x): return x * V\nclass K:\n    def get(self): return V\n")
    ends.home["path"] = str(tmp_path / "lone.py")
    ends.cell(
        "import importlib.util\nspec = importlib.util.spec_from_file_location('other_name', path)\n"
        "lone = importlib.util.module_from_spec(spec); spec.loader.exec_module(lone)\n"
        "V = 100; times, k = lone.times, lone.K()"
    )
    assert ends.send("times", "V")["times"](2) == 8
    assert ends.send("lone", "k")["k"].get() == 4


def test_functions_that_a_library_made_up_under_one_file_name_are_not_taken_for_each_other() -> None:
    """As SymPy's ``lambdify`` does: each process counts its own, so that two have one name at either end."""
    home, store, far = Notebook(), Store(), Notebook()

    def made(text: str) -> Any:
        name, names = "<madeup-1>", {"__name__": "__main__"}
        exec(compile(text, name, "exec"), names)
        linecache.cache[name] = (len(text), None, text.splitlines(True), name)
        return names["f"]

    home.ns["sine"] = made("def f(x):\n    return ('sine', x)\n")
    far.load(home.dump("sine", store=store), store=store)
    far.ns["cosine"] = made("def f(x):\n    return ('cosine', x)\n")
    linecache.cache.pop("<madeup-1>")
    made("def f(x):\n    return ('sine', x)\n")  # what home's ``linecache`` has under that name
    home.load(far.dump("cosine", store=store), store=store)
    third = Notebook()
    third.load(home.dump("sine", "cosine", store=store), store=store)
    for end in (home, third):
        assert end.ns["sine"](1) == ("sine", 1) and end.ns["cosine"](1) == ("cosine", 1)
    linecache.cache.pop("<madeup-1>")


def test_a_widget_as_an_attribute_stays_behind(ends: Ends) -> None:
    """``interact(f)`` sets one on the function."""
    ends.cell(
        "import ipywidgets\ndef double(x): return 2 * x\ndouble.widget, double.note = ipywidgets.IntSlider(), [1]"
    )
    dumped = ends.dump("double")
    assert dumped.notices() == [
        "`double`: it has a widget as an attribute (widget), which stays behind: it lives in a page."
    ]
    far = ends.arrive()
    ends.begin()
    assert far["double"](2) == 4 and vars(far["double"]) == {"note": [1]}
    far["double"].note.append(2)
    ends.back()
    assert ends.home["double"].note == [1, 2] and ends.home["double"].widget.value == 0
