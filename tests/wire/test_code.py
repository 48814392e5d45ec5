"""Functions and classes of the notebook travel as source and live in the other end's namespace."""

from __future__ import annotations

import linecache
from typing import Any

from .conftest import Ends


def test_functions_find_their_globals_at_the_other_end(ends: Ends) -> None:
    ends.cell(
        "def helper(x): return x + 1\ndef work(x, k=2, *, plus=0): return helper(x) * k + plus\nwork.note = 'kept'"
    )
    sent = ends.send("work", "helper")
    assert sent["work"](1) == 4 and sent["work"](1, plus=5) == 9 and sent["work"].note == "kept"
    assert sent["work"].__globals__ is ends.far
    assert {c for g in ends.dumped.groups for c in g.codecs.values()} == {"source"}


def test_closures_share_their_cells(ends: Ends) -> None:
    ends.cell(
        "def make():\n    n = 0\n    def up():\n        nonlocal n\n        n += 1\n        return n\n    return up, lambda: n\nup, read = make()"
    )
    sent = ends.send("up", "read")
    sent["up"](), sent["up"]()
    assert sent["read"]() == 2


def test_lambdas_on_one_line_are_told_apart(ends: Ends) -> None:
    ends.cell("double = lambda x: x * 2; both = [lambda: 'first', lambda: 'second']")
    sent = ends.send("double", "both")
    assert sent["double"](4) == 8 and [f() for f in sent["both"]] == ["first", "second"]


def test_recursion_decorators_and_caches(ends: Ends) -> None:
    ends.cell(
        "import functools\n"
        "def twice(f):\n    @functools.wraps(f)\n    def inner(*a): return 2 * f(*a)\n    return inner\n"
        "@twice\ndef one(): return 1\n"
        "@functools.lru_cache(maxsize=7)\ndef fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)\n"
        "half = functools.partial(pow, 2)\n"
    )
    sent = ends.send("one", "fib", "half")
    ends.far["fib"] = sent["fib"]
    assert sent["one"]() == 2 and sent["fib"](20) == 6765 and sent["fib"].cache_info().maxsize == 7
    assert sent["half"](3) == 8


CLASSES = """
import abc, collections, dataclasses, enum, typing
class Base:
    shared = []
    def hello(self): return f"hello from {type(self).__name__}"
class Child(Base):
    __slots__ = ("value",)
    def __init__(self, value): self.value = value
    def up(self): return super().hello(), self.value
@dataclasses.dataclass(order=True)
class Point:
    x: int = 1
    tags: list = dataclasses.field(default_factory=list)
class Colour(enum.Enum):
    RED = 1
    BLUE = 2
Pair = collections.namedtuple("Pair", "left right")
class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self): ...
class Square(Shape):
    def __init__(self, side): self.side = side
    @property
    def double(self): return self.side * 2
    def area(self): return self.side ** 2
class Bare: pass
"""


def test_classes_and_their_instances(ends: Ends) -> None:
    ends.cell(CLASSES)
    ends.cell(
        "child, point, colour, pair, square, bare = Child(5), Point(3, ['t']), Colour.BLUE, Pair(1, 2), Square(3), Bare()\nbare.x = 1"
    )
    sent = ends.send("child", "point", "colour", "pair", "square", "bare", "Point", "Colour", "Pair")
    assert sent["child"].up() == ("hello from Child", 5)
    assert type(sent["point"]) is sent["Point"] and sent["point"] == sent["Point"](3, ["t"])
    assert sent["colour"] is sent["Colour"].BLUE
    assert sent["pair"] == (1, 2) and type(sent["pair"]) is sent["Pair"]
    assert sent["square"].area() == 9 and sent["square"].double == 6 and sent["bare"].x == 1


def test_what_was_attached_to_a_class_later_travels(ends: Ends) -> None:
    ends.cell("class Model:\n    registry = {}\n    def run(self): return self.extra()")
    ends.cell("def extra(self): return 'patched'\nModel.extra = extra\nModel.registry['a'] = 1\nmodel = Model()")
    sent = ends.send("model")
    assert sent["model"].run() == "patched" and sent["model"].registry == {"a": 1}


def test_a_class_that_is_here_already_is_not_made_again(ends: Ends) -> None:
    ends.cell("class Model:\n    def __init__(self): self.x = []")
    ends.cell("model = Model()")
    sent = ends.send("model", "Model")
    ends.begin()
    back = ends.back(other=sent["Model"]())
    assert type(back["other"]) is ends.home["Model"]


def test_exceptions_with_odd_initialisers(ends: Ends) -> None:
    ends.cell(
        "class Odd(Exception):\n    def __init__(self, code, text):\n        super().__init__(text)\n        self.code = code"
    )
    ends.cell(
        "try:\n    try:\n        1 / 0\n    except ZeroDivisionError as e:\n        raise Odd(7, 'strange') from e\nexcept Odd as e:\n    odd = e\nmissing = FileNotFoundError(2, 'No such file', 'x.csv')"
    )
    sent = ends.send("odd", "missing")
    assert (sent["odd"].code, str(sent["odd"])) == (7, "strange")
    assert isinstance(sent["odd"].__cause__, ZeroDivisionError)
    assert (sent["missing"].errno, sent["missing"].filename) == (2, "x.csv")


def test_code_without_source_is_marked_for_its_python(ends: Ends) -> None:
    exec("def hidden(): return 5", ends.home)
    sent = ends.send("hidden")
    assert sent["hidden"]() == 5
    assert ends.dumped.groups[0].same_python and ends.dumped.groups[0].needs["python"]
    ends.dumped.groups[0].needs["python"] = "2.7"
    from nbprocess.worker import wire

    refused = wire.load(ends.dumped.groups, get=ends.get, namespace={})
    assert "compiled code of Python 2.7" in refused.failed["hidden"]


def test_a_librarys_own_bytecode_is_marked_for_its_python(ends: Ends) -> None:
    """What a library pickles by cloudpickle itself (joblib's wrappers) is another Python's undoing just the same."""
    ends.cell(
        "import cloudpickle, pickle\nclass Wrapped:\n    def __reduce__(self):\n"
        "        return pickle.loads, (cloudpickle.dumps(lambda: 3),)\nwrapped, said = Wrapped(), 'cloudpickle'"
    )
    assert ends.send("wrapped")["wrapped"]() == 3
    assert ends.dumped.groups[0].same_python
    ends.send("said")
    assert not ends.dumped.groups[0].same_python


def test_code_under_a_name_that_a_library_gives_again(ends: Ends) -> None:
    """SymPy's ``lambdify`` counts its functions anew in each process."""
    from nbprocess.worker.wire import source

    def made(text: str) -> Any:
        linecache.cache["<lambdifygenerated-1>"] = (len(text), None, [text], "<lambdifygenerated-1>")
        space: dict[str, Any] = {}
        exec(compile(text, "<lambdifygenerated-1>", "exec"), space)
        return space["f"]

    ends.home["first"], ends.home["second"] = made("def f(x): return x + 1\n"), made("def f(x): return x * 5\n")
    sent = ends.send("first", "second")
    assert (sent["first"](3), sent["second"](3)) == (4, 15)
    assert (
        source.remember(source.Statement("def f(x): return -x\n", "<lambdifygenerated-1>", 1, 0)).filename
        != "<lambdifygenerated-1>"
    )
