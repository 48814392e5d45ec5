"""Objects whose class says itself what is sent of it: changes reach home, and what is left out stays there."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest

from .conftest import Ends

COPIES = """
class Copies:
    def __init__(self):
        self.items, self.names, self.count = [1], {"a": [1]}, 0
    def __getstate__(self):
        return {"items": list(self.items), "names": {k: list(v) for k, v in self.names.items()}, "count": self.count}
    def __setstate__(self, state):
        self.__dict__.update(state)
value = Copies()
"""
PAIR = """
class Pair:
    __slots__ = ("items", "names", "count")
    def __init__(self):
        self.items, self.names, self.count = [1], {"a": [1]}, 0
    def __getstate__(self):
        return [list(self.items), {k: list(v) for k, v in self.names.items()}, self.count]
    def __setstate__(self, state):
        self.items, self.names, self.count = state
value = Pair()
"""


@pytest.mark.parametrize("source", [COPIES, PAIR], ids=["dict", "slots"])
@pytest.mark.parametrize(
    "code", ["value.items.append(2)", "value.names['a'].append(2)", "value.count += 1", "str(value)"]
)
def test_a_change_in_what_a_class_sends_copies_of_reaches_home(ends: Ends, source: str, code: str) -> None:
    ends.cell(source)
    value = ends.home["value"]
    ends.send("value", "Copies" if source is COPIES else "Pair")
    ends.begin()
    exec(code, ends.far)
    ends.back()
    assert ends.home["value"] is value and not ends.applied.rebind
    expected = ends.far["value"]
    assert (value.items, value.names, value.count) == (expected.items, expected.names, expected.count)
    assert ends.changed == (["value"] if code != "str(value)" else [])


def test_what_a_class_leaves_out_stays_here(ends: Ends) -> None:
    ends.cell(
        "class Reader:\n    def __init__(self):\n        self.lines, self.file, self.old = [], open('/dev/null'), 1\n"
        "    def __getstate__(self):\n        state = self.__dict__.copy()\n        del state['file']\n        return state\n"
        "reader = Reader()"
    )
    file = ends.home["reader"].file
    ends.send("reader", "Reader")
    ends.begin()
    exec("reader.lines.append('one')\nreader.last = 'one'\ndel reader.old", ends.far)
    ends.back()
    assert vars(ends.home["reader"]) == {"lines": ["one"], "last": "one", "file": file}
    file.close()


TRAITS = """
from traitlets import HasTraits, Int, List, Unicode, observe
seen = []
class Person(HasTraits):
    age, name, tags = Int(3), Unicode("unnamed"), List(Unicode())
    @observe("age")
    def _older(self, change):
        seen.append(("age", change["new"]))
person, child = Person(age=4), Person()
def later(change):
    seen.append(("name", change["new"]))
person.observe(later, "name")
"""


def test_an_object_of_traitlets_is_changed_in_place_and_observed_at_both_ends(ends: Ends) -> None:
    ends.cell(TRAITS)
    person = ends.home["person"]
    ends.send("person", "child", "Person", "seen")
    ends.begin()
    exec("person.age = 5\nperson.name = 'Bob'\nperson.tags.append('x')\nchild.age = 1", ends.far)
    ends.back()
    assert ends.home["person"] is person
    assert (person.age, person.name, person.tags, ends.home["child"].age) == (5, "Bob", ["x"], 1)
    assert ends.home["seen"] == [("age", 4), ("age", 5), ("name", "Bob"), ("age", 1)]
    ends.cell("person.age += 1\nperson.name = 'Eve'")
    assert ends.home["seen"][-2:] == [("age", 6), ("name", "Eve")]


def test_the_class_of_a_widget_goes_as_its_statement(ends: Ends) -> None:
    ends.cell(
        "import ipywidgets, traitlets\nclass Picker(ipywidgets.DOMWidget):\n"
        "    _view_name = traitlets.Unicode('PickerView').tag(sync=True)\n    value = traitlets.Unicode('x').tag(sync=True)"
    )
    far = ends.send("Picker")["Picker"]
    assert far is not ends.home["Picker"] and far.value.default_value == "x" and far.value.metadata == {"sync": True}
    assert far.class_trait_names() == ends.home["Picker"].class_trait_names()


def test_a_model_of_pydantic_goes_as_its_statement_and_its_errors_come_back(ends: Ends) -> None:
    pytest.importorskip("pydantic")
    ends.cell(
        "from typing import Generic, TypeVar\nfrom pydantic import BaseModel, Field, PrivateAttr, ValidationError\n"
        "class Item(BaseModel):\n    name: str\n    price: float = Field(gt=0)\n    tags: list[str] = []\n    _hits: int = PrivateAttr(0)\n"
        "T = TypeVar('T')\nclass Box(BaseModel, Generic[T]):\n    value: T\n"
        "item = Item(name='pen', price=1)\nbox = Box[int](value=1)\n"
        "try:\n    Item(name='pen', price=-1)\nexcept ValidationError as failed:\n    error = failed"
    )
    item, box = ends.home["item"], ends.home["box"]
    far = ends.send("Item", "Box", "item", "box", "error")
    assert all("bytecode" not in group.codecs.values() for group in ends.dumped.groups)
    assert str(far["error"]) == str(ends.home["error"]) and far["error"].errors() == ends.home["error"].errors()
    ends.begin()
    exec("item.tags.append('new')\nitem.price = 2\nitem._hits += 1\nbox.value += 1", ends.far)
    ends.back()
    assert ends.home["item"] is item and item.model_dump() == {"name": "pen", "price": 2.0, "tags": ["new"]}
    assert item._hits == 1 and type(ends.home["box"]) is ends.home["Box"][int] and box.value == 2


def test_tags_are_those_of_their_document_at_both_ends(ends: Ends) -> None:
    pytest.importorskip("bs4")
    ends.cell(
        "from bs4 import BeautifulSoup\nsoup = BeautifulSoup('<div><p class=a>one</p><p>two</p></div>', 'html.parser')\n"
        "first, second = soup.find_all('p')"
    )
    soup, first = ends.home["soup"], ends.home["first"]
    far = ends.send("soup", "first", "second")
    assert far["soup"].p is far["first"]
    ends.begin()
    exec("first['class'] = ['b']\nfirst.string = 'changed'\nsecond.decompose()", ends.far)
    ends.back()
    assert ends.home["soup"] is soup and soup.p is first and str(soup) == '<div><p class="b">changed</p></div>'
    assert first.contents[0].next_element is None  # also what a text has beside its letters


def test_two_names_of_one_value_are_one_at_the_other_end(ends: Ends) -> None:
    ends.cell(
        "text = same = 'a text'\nnumber = other = 1000.5\nlike = float('1000.5')\npair = again = (1, 'b')\nlone = [1, 2]"
    )
    far = ends.send("text", "same", "number", "other", "like", "pair", "again", "lone")
    assert far["text"] is far["same"] and far["number"] is far["other"] and far["pair"] is far["again"]
    assert far["like"] == far["number"] and far["like"] is not far["number"]
    assert sys.getsizeof(far["lone"]) == sys.getsizeof(ends.home["lone"])
    ends.begin()
    back = ends.back(new=(made := "another text"), also=made, moved=far["number"])
    assert back["new"] is back["also"] and back["moved"] == 1000.5


def test_a_document_of_many_nodes_is_shared_with_what_names_its_parts(ends: Ends) -> None:
    pytest.importorskip("bs4")
    ends.cell("""
from bs4 import BeautifulSoup
soup = BeautifulSoup("<ul>" + "<li class='a b'>x <b>y</b></li>" * 3000 + "</ul>", "html.parser")
last, text = soup.find_all("b")[-1], soup.li.contents[0]
""")
    soup, last, before = ends.home["soup"], ends.home["last"], str(ends.home["soup"])
    far = ends.send("last", "text", "soup")
    assert str(far["soup"]) == before
    assert far["last"].parent is far["soup"].ul.contents[-1] and far["text"].parent is far["soup"].li
    ends.begin()
    far["last"].string = "changed"
    for _ in range(1500):
        far["soup"].ul.append(far["soup"].new_tag("i"))
    ends.back()
    assert ends.home["soup"] is soup and ends.home["last"] is last
    assert str(soup) == before.replace("y</b></li></ul>", "changed</b></li>" + "<i></i>" * 1500 + "</ul>")
    assert last.find_next("i").parent is soup.ul


LIBRARY = """
import sys
import types
from typing import Any
__version__ = "1.0"
class Says:
    def __setstate__(self, state):
        print("made again")
        print("careful", file=sys.stderr)
        self.__dict__.update(state)
class Normal:
    def __new__(cls, mu=0, sigma=1):
        return super().__new__(Standard if (mu, sigma) == (0, 1) else cls)
    def __init__(self, mu=0, sigma=1):
        self.mu, self.sigma = mu, sigma
class Standard(Normal):
    pass
class Only:
    one = None
    def __new__(cls):
        cls.one = cls.one or super().__new__(cls)
        return cls.one
"""


@pytest.fixture
def a_library(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    module = types.ModuleType("a_library_of_states")
    exec(LIBRARY, vars(module))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def test_what_an_object_says_when_it_is_made_again_is_left_out(
    ends: Ends, a_library: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It said it where it was made, as Cantera's mechanisms do. Of another version it may be new."""
    ends.home["says"] = made = a_library.Says()
    made.a = 1
    assert ends.send("says")["says"].a == 1 and capsys.readouterr() == ("", "")
    monkeypatch.setattr(a_library, "__version__", "2.0")
    assert ends.arrive()["says"].a == 1 and capsys.readouterr() == ("made again\n", "careful\n")


def test_an_instance_whose_class_makes_another_of_nothing(ends: Ends, a_library: Any) -> None:
    """``scipy.stats.Normal()`` is a ``StandardNormal``; pickle makes what it sends by a call without arguments."""
    ends.home.update(own=a_library.Normal(1, 2), plain=a_library.Normal(), only=a_library.Only())
    ends.cell("import a_library_of_states\nclass Mine(a_library_of_states.Normal): pass\nmine = Mine(3, 4)")
    there = ends.send("own", "plain", "only", "mine", "Mine")
    assert type(there["own"]) is a_library.Normal and (there["own"].mu, there["own"].sigma) == (1, 2)
    assert type(there["plain"]) is a_library.Standard and there["only"] is a_library.Only()
    assert type(there["mine"]) is there["Mine"] and (there["mine"].mu, there["mine"].sigma) == (3, 4)
