"""Values cross between Pythons (3.9 to 3.13) and between NumPy 1/2 and pandas 2/3, in real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ..overlays import other_python

END = Path(__file__).with_name("other_python.py")

CODE = """
import abc, collections, dataclasses, datetime, decimal, enum, functools, pathlib, random, typing
k = 10
def f(x, *, y=[1]): return [x + k + i for i in y]
def outer(n):
    count = 0
    def up():
        nonlocal count
        count += n
        return count
    return up, lambda: count
up, read = outer(2)
up()
pair = [up, read]
def pairs(n):
    for i in range(n):
        for j in "ab":
            if i: yield i, j
begun = pairs(3); next(begun)
pick = [lambda a: a, lambda a: a, lambda a: -a]
made = [lambda x, n=n: x * n for n in filter(lambda m: m > 1, range(4))]
@functools.lru_cache(maxsize=3)
def cached(x): return x * 2
@functools.singledispatch
def kind(x): return "any"
@kind.register
def _(x: int): return "int"
@dataclasses.dataclass
class Point:
    x: int
    y: list = dataclasses.field(default_factory=list)
class Colour(enum.Enum):
    RED = enum.auto()
    BLUE = enum.auto()
class Mask(enum.IntFlag):
    A = 1
    B = 2
class Named(typing.NamedTuple):
    a: int
    b: str = "x"
Tup = collections.namedtuple("Tup", "a b", defaults=[7])
class Base(abc.ABC):
    @abc.abstractmethod
    def go(self): ...
class Child(Base):
    def go(self): return super().go() or "child"
T = typing.TypeVar("T")
class Box(typing.Generic[T]):
    def __init__(self, x: T): self.x = x
class Odd(Exception):
    def __init__(self, code, text):
        super().__init__(text)
        self.code = code
point, colour, mask, named, tup, child, box = Point(1, [2]), Colour.BLUE, Mask.A | Mask.B, Named(1), Tup(1), Child(), Box[int](3)
odd = Odd(4, "text")
rng = random.Random(5)
plain = {"d": datetime.date(2024, 1, 2), "p": pathlib.PurePosixPath("a/b"), "x": decimal.Decimal("1.5"), "s": {1, 2}}
"""
CHECKS = {
    "f": "f(1) == [12]",
    "k": "k == 10",
    "pair": "pair[1]() == 2 and pair[0]() == 4 and pair[1]() == 4",
    "begun": "list(begun) == [(1, 'b'), (2, 'a'), (2, 'b')]",
    "pick": "[g(3) for g in pick] == [3, 3, -3]",
    "made": "[g(5) for g in made] == [10, 15]",
    "cached": "cached(4) == 8",
    "kind": "(kind(1), kind('')) == ('int', 'any')",
    "point": "repr(point) == 'Point(x=1, y=[2])'",
    "Point": "type(point) is Point",
    "colour": "colour.name == 'BLUE' and colour is Colour['BLUE']",
    "Colour": "len(Colour) == 2",
    "mask": "mask == 3 and type(mask).__name__ == 'IntFlag' or type(mask).__name__ == 'Mask'",
    "named": "named == (1, 'x')",
    "tup": "tup.b == 7",
    "child": "child.go() == 'child'",
    "box": "box.x == 3",
    "odd": "(odd.code, str(odd)) == (4, 'text')",
    "rng": "rng.random() == __import__('random').Random(5).random()",
    "plain": "plain['x'] * 2 == 3",
}
TABLES = """
import numpy as np, pandas as pd
n = 3
days = pd.date_range("2024", periods=n, freq="D")
big = np.arange(60000.0).reshape(200, 300)
views = [big, big[::2, 3:]]
scalars = [np.float32(2), np.datetime64("2020-01-01"), np.dtype("M8[ns]"), np.bool_(True)]
rng = np.random.default_rng(3)
old = np.random.RandomState(3)
mixed = pd.DataFrame({"i": range(n), "t": ["a", None, "c"], "d": days, "z": days.tz_localize("Europe/Rome"),
    "c": pd.Categorical(["u", "v", "u"], ordered=True), "I": pd.array([1, None, 3], "Int64"), "s": pd.array(["x", None, "y"], "string"),
    "b": pd.array([True, None, False], "boolean"), "o": [1, [2], "x"], "p": pd.period_range("2024", periods=n, freq="M"),
    "iv": pd.interval_range(0, n), "a": pd.array([1, None, 3], "int64[pyarrow]")})
indexed = mixed.set_index(["c", "i"])
timed = pd.Series(range(n), index=days, name="v")
wide = pd.DataFrame(np.arange(40000.0).reshape(-1, 4), columns=list("abcd"))
texts = pd.Series(["a", "b"], dtype=object)
"""
TABLE_CHECKS = {
    "views": "(views[0][0, 3:] == views[1][0]).all() and np.shares_memory(*views)",
    "scalars": "scalars[0] == 2 and scalars[2].str == '<M8[ns]' and type(scalars[3]) is np.bool_",
    "rng": "rng.random() == np.random.default_rng(3).random()",
    "old": "old.random_sample() == np.random.RandomState(3).random_sample()",
    "mixed": "list(mixed.t.fillna('-')) == ['a', '-', 'c'] and mixed.c.cat.ordered and str(mixed.z.dt.tz) == 'Europe/Rome'"
    " and mixed.I.sum() == 4 and mixed.o[1] == [2] and str(mixed.p[1]) == '2024-02' and 0.5 in mixed.iv[0] and mixed.a.sum() == 4",
    "indexed": "indexed.loc[('v', 1), 'o'] == [2]",
    "timed": "timed.index.freqstr == 'D' and timed.iloc[-1] == 2",
    "wide": "wide.sum().sum() == sum(range(40000))",
    "texts": "texts.dtype == object",
}


def _cross(writer: str, reader: str, folder: Path, code: str, checks: dict[str, str]) -> None:
    (folder / "values.py").write_text(code)
    (folder / "checks.json").write_text(json.dumps(checks))
    for python, word in ((writer, "dump"), (reader, "load")):
        done = subprocess.run([python, "-W", "ignore", str(END), word, str(folder)], capture_output=True, text=True)
        assert done.returncode == 0, f"{word} with {python}:\n{done.stderr[-3000:]}"


def _pyenv(version: str) -> str:
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = sorted(root.glob(f"versions/{version}.*/bin/python"))
    if not found:
        pytest.skip(f"no Python {version} under {root}")
    return str(found[-1])


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.12", "3.13"])
@pytest.mark.parametrize("there", [True, False], ids=["there", "back"])
def test_code_and_plain_values_cross(version: str, there: bool, tmp_path: Path) -> None:
    ends = (sys.executable, _pyenv(version))
    _cross(*(ends if there else ends[::-1]), tmp_path, CODE, CHECKS)


@pytest.mark.parametrize("which", ["older", "newer"])
@pytest.mark.parametrize("there", [True, False], ids=["there", "back"])
def test_arrays_and_frames_cross(which: str, there: bool, tmp_path: Path) -> None:
    ends = (sys.executable, other_python(which))
    checks = {name: f"[np := __import__('numpy')] and ({check})" for name, check in TABLE_CHECKS.items()}
    _cross(*(ends if there else ends[::-1]), tmp_path, TABLES, checks)


def test_pandas_2_warns_of_parts_at_the_other_end_too(tmp_path: Path) -> None:
    older = other_python("older")
    code = "import pandas as pd\nwhole = pd.DataFrame({'a': [1, 2, 3]})\npart = whole[whole.a > 1]\nown = part.copy()"
    checks = {"whole": "True", "part": "part._is_copy() is not None", "own": "own._is_copy is None"}
    _cross(older, older, tmp_path, code, checks)


MEMORY = """
import json, sys, warnings
import numpy as np, pandas as pd
from tests.wire.ends import Notebook, Store
from nbprocess.worker import wire

warnings.simplefilter("ignore")
home, far, store = Notebook(), Notebook(), Store()
for notebook in (home, far):
    notebook.ns.update(pd=pd, np=np)
home.run(sys.argv[1])
names = [name for name in home.ns if name not in ("pd", "np") and not name.startswith("__")]
alias = {name: home.ns[name] for name in names}
sent = home.dump(*names, store=store)
loaded = far.load(sent, store=store)
before = wire.snapshot(loaded.memo)
far.run(sys.argv[2])
with far.main():
    found = wire.changes(before)
back = far.dump(*[n for n in far.ns if n not in loaded.values and n not in ("pd", "np") and not n.startswith("__")],
                store=store, seed=loaded.memo, **found.patches)
came = home.load(back, store=store, seed=sent.memo)
assert not came.failed, came.failed
wire.apply({n: v for n, v in came.values.items() if n.startswith("\\0")}, sent.memo)
assert all(home.ns[name] is alias[name] for name in names)
home.run(sys.argv[3])
print(json.dumps([home.run("said = " + check)["said"] for check in sys.argv[4:]]))
"""


@pytest.mark.parametrize(
    ("made", "cell", "later", "checks"),
    [
        (
            "df = pd.DataFrame({'a': [1, 2, 3], 'b': [4, 5, 6], 'c': list('xyz')})\n"
            "s, words, part, whole = df['a'], df['c'], df[1:], {'df': df}",
            "s[0] = 100; part.loc[1, 'b'] = 70; words[2] = 'q'; new = df['b']",
            "new[2] = 80",
            [
                "df.values.tolist() == [[100, 4, 'x'], [2, 70, 'y'], [3, 80, 'q']]",
                "part.b.tolist() == [70, 80]",
                "df['a'] is s and df['b'] is new and new._cacher[1]() is df",
            ],
        ),
        (
            "num = pd.DataFrame(np.arange(6.0).reshape(3, 2), columns=['a', 'b'])\nvalues, row = num.values, num.iloc[1]",
            "values[0, 0] = -1; num.loc[1, 'b'] = 9; num['c'] = 0.5",
            "values[2, 1] = 7",
            ["num.a.tolist() == [-1, 2, 4]", "row.tolist() == [2, 9]", "num.b.tolist() == [1, 9, 7]"],
        ),
        (
            "a = np.array([1, 2, 3]); s = pd.Series(a)\nday = pd.Series(pd.to_datetime(['2020-01-01'] * 2))\n"
            "same = pd.DataFrame({'d': day}, copy=False); kind = pd.Series(['x', 'y'], dtype='category'); k = kind[:1]",
            "s[1] = 20; day[0] = pd.Timestamp('2021-01-01'); kind[0] = 'y'",
            "a[2] = 30",
            ["a.tolist() == s.tolist() == [1, 20, 30]", "same.d[0].year == 2021", "k.tolist() == ['y']"],
        ),
        (
            "df = pd.DataFrame({'a': [1], 'b': [2]}); part = df[df.a > 0]",
            "df.columns.values[0] = 'first'",
            "",
            ["list(df.columns) == ['first', 'b']", "df.first.__name__ == 'first'", "part.shape == (1, 2)"],
        ),
    ],
)
def test_pandas_2_shares_memory_at_both_ends(made: str, cell: str, later: str, checks: list[str]) -> None:
    done = subprocess.run(
        [other_python("older"), "-c", MEMORY, made, cell, later, *checks],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [True] * len(checks)
