"""What a cell changes in its inputs is changed here in place, so that every alias sees it."""

from __future__ import annotations

import collections
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nbprocess.worker import wire

from .conftest import Ends


def change(value: Any) -> None:
    if isinstance(value, pd.DataFrame):
        value.loc[0, "x"] = 99.0
        value["new"] = 1
    elif isinstance(value, pd.Series):
        value.iloc[0] = 99
    elif isinstance(value, np.ndarray):
        value[0] = 99
    elif isinstance(value, dict):
        value["new"] = [1]
    elif isinstance(value, set):
        value.add("new")
    elif isinstance(value, np.random.Generator):
        value.random()
    else:
        value.append("new")


VALUES: dict[str, Any] = {
    "list": lambda: [1, [2]],
    "dict": lambda: {"a": 1},
    "set": lambda: {1},
    "deque": lambda: collections.deque([1]),
    "defaultdict": lambda: collections.defaultdict(list, {"a": [1]}),
    "ordered": lambda: collections.OrderedDict(b=1, a=2),
    "array": lambda: np.arange(5.0),
    "large array": lambda: np.arange(100_000.0),
    "frame": lambda: pd.DataFrame({"x": [1.0, 2.0]}),
    "series": lambda: pd.Series([1, 2]),
    "generator": lambda: np.random.default_rng(0),
}


def same(first: Any, second: Any) -> bool:
    if isinstance(first, (pd.DataFrame, pd.Series)):
        return bool(first.equals(second))
    if isinstance(first, np.ndarray):
        return bool((first == second).all())
    if isinstance(first, np.random.Generator):
        return bool(first.bit_generator.state == second.bit_generator.state)
    return bool(first == second and type(first) is type(second))


@pytest.mark.parametrize("kind", VALUES)
def test_a_changed_input_is_changed_in_place(ends: Ends, kind: str) -> None:
    value, other = VALUES[kind](), VALUES[kind]()
    sent = ends.send(value=value, other=other)
    ends.begin()
    change(sent["value"])
    ends.back()
    expected = VALUES[kind]()
    change(expected)
    assert ends.changed == ["value"] and not ends.applied.rebind
    assert same(value, expected) and same(other, VALUES[kind]())


def test_nothing_changed_sends_nothing(ends: Ends) -> None:
    ends.send(**{name.replace(" ", "_"): make() for name, make in VALUES.items()})
    ends.begin()
    sent = len(ends.store)
    assert ends.back() == {} and ends.changed == [] and len(ends.store) == sent


def test_changes_deep_inside_reach_the_aliases(ends: Ends) -> None:
    inner: list[int] = [1]
    tree = {"a": {"b": [inner]}}
    sent = ends.send(tree=tree)
    ends.begin()
    sent["tree"]["a"]["b"][0].append(2)
    ends.back()
    assert inner == [1, 2] and tree["a"]["b"][0] is inner


def test_instances_keep_their_identity(ends: Ends) -> None:
    ends.cell("class Account:\n    def __init__(self): self.log = []; self.total = 0")
    ends.cell("account = Account()\nlog = account.log")
    sent = ends.send("account")
    ends.begin()
    sent["account"].total = 5
    sent["account"].log.append("paid")
    ends.back()
    assert ends.home["account"].total == 5 and ends.home["log"] == ["paid"]


def test_inputs_inside_results_are_the_objects_here(ends: Ends) -> None:
    frame, inner = pd.DataFrame({"x": np.arange(100_000.0)}), [1]
    sent = ends.send(frame=frame, outer={"inner": inner})
    ends.begin()
    before = len(ends.store)
    back = ends.back(result={"data": sent["frame"], "inner": sent["outer"]["inner"], "new": 1})
    assert back["result"]["data"] is frame and back["result"]["inner"] is inner
    assert sum(len(ends.store[n]) for n in range(before, len(ends.store))) < 20_000


def test_results_share_new_objects_with_changed_inputs(ends: Ends) -> None:
    sent = ends.send(items=[1])
    ends.begin()
    fresh: dict[str, int] = {}
    sent["items"].append(fresh)
    back = ends.back(fresh=fresh)
    items = ends.dumped.memo.objects[0]
    assert items[1] is back["fresh"]


def test_new_objects_take_the_places_of_old_ones_below_names() -> None:
    old, new = [1], [2]
    holder: Any = {"list": [old], "deep": {"pair": (0, old)}, "name": old, "again": None}
    holder["again"] = holder
    stale = wire.replace_below({"holder": holder, "old": old, "_hidden": [old]}, {id(old): new})
    assert holder["list"] == [new] and holder["name"] is new
    assert stale == ["holder['deep']['pair'][1]"] and holder["deep"]["pair"][1] is old


def test_what_is_only_used_has_not_changed(ends: Ends) -> None:
    ends.cell(
        "import functools\ndef f(a, b=2, *, c=3): return [a, b, c]\nf.note = 1\n"
        "@functools.lru_cache\ndef held(x): return [x]\nheld(1)\n"
        "class K:\n    @functools.cache\n    def m(self): return 1\nk = K(); k.m()\n"
        "try: 1 / 0\nexcept ZeroDivisionError as problem: error = problem"
    )
    far = ends.send("f", "held", "k", "error")
    ends.begin()
    far["f"](1), str(far["error"]), type(far["k"])
    ends.back()
    assert ends.changed == []
    ends.begin()
    far["held"](1)
    ends.back()
    assert ends.changed == ["held"], "a hit is counted"


def test_what_a_frame_has_beside_its_values(ends: Ends) -> None:
    frame = pd.DataFrame({"x": [1]})
    held = [frame]
    sent = ends.send(held=held)
    ends.begin()
    sent["held"][0].attrs["unit"] = "m"
    sent["held"][0].flags.allows_duplicate_labels = False
    ends.back()
    assert held[0] is frame and frame.attrs == {"unit": "m"} and not frame.flags.allows_duplicate_labels


def test_what_is_registered_with_a_generic_function(ends: Ends) -> None:
    ends.cell("import functools\n@functools.singledispatch\ndef show(x): return 'any'\nheld = [show]")
    sent = ends.send("show", "held")
    ends.begin()
    sent["show"].register(list, len)
    sent["show"](1), sent["show"]([])
    ends.back()
    show = ends.home["show"]
    assert show([1, 2]) == 2 and show(1) == "any" and ends.home["held"][0] is show


def test_a_change_leads_through_nothing_that_the_other_end_has(ends: Ends) -> None:
    ends.cell(
        "import functools\n"
        "class Part:\n    def __init__(self, whole): self.whole, self.seen = whole, 0\n"
        "whole = []\n"
        "whole += [Part(whole) for _ in range(500)]\n"
        "told = functools.partial(print, whole)"
    )
    ends.send("whole", "told")
    ends.begin()
    for part in ends.far["whole"][:100]:
        part.seen = 1
    found = wire.changes(ends.snapshot)
    assert len(found.patches) == 100 and not found.replaced  # the partial is the one that it was
    dumped = wire.dump(found.patches, put=ends.put, seed=ends.loaded.memo)
    assert max(dumped.sizes.values()) < 200  # bytes
    ends.back()
    assert [part.seen for part in ends.home["whole"]] == [1] * 100 + [0] * 400
    assert ends.home["told"].args[0] is ends.home["whole"]


def test_what_shares_memory_with_a_frame_until_somebody_writes_keeps_its_values(ends: Ends) -> None:
    """pandas 3 copies on write: a column that an earlier cell took sees nothing of what a job writes to the frame."""
    pd = pytest.importorskip("pandas", minversion="3")
    ends.cell(
        "import numpy as np, pandas as pd\n"
        "frame = pd.DataFrame({'a': [1, 2, 3], 'b': pd.array([1, None, 3], dtype='Int64'), 'c': ['x', 'y', 'z']})\n"
        "column, nullable, window = frame['a'], frame['b'], frame['a'].rolling(2)\n"
        "alone = pd.DataFrame({'a': [1, 2, 3]}); values = alone['a'].values"
    )
    far = ends.send("frame", "alone")
    ends.begin()
    far["frame"].loc[0, "a"], far["frame"].loc[2, "b"], far["alone"].loc[0, "a"] = 77, 88, 99
    ends.back()
    home = ends.home
    assert home["frame"]["a"].tolist() == [77, 2, 3] and home["frame"]["b"].tolist()[2] == 88
    assert home["column"].tolist() == [1, 2, 3] and home["nullable"].tolist()[2] == 3
    assert home["window"].sum().tolist()[1:] == [3, 5]
    assert home["alone"]["a"].tolist() == [99, 2, 3] == home["values"].tolist(), "nothing of pandas held its memory"
    assert pd.__version__ >= "3"


def test_what_a_class_leaves_out_of_its_state_stays_here(ends: Ends) -> None:
    ends.cell(
        "class Trainer:\n"
        "    def __init__(self): self.steps, self.log, self.old = 1, open, 0\n"
        "    def __getstate__(self): return {name: value for name, value in vars(self).items() if name != 'log'}\n"
        "trainer = Trainer()"
    )
    trainer = ends.home["trainer"]
    far = ends.send("trainer")["trainer"]
    ends.begin()
    far.steps += 1
    del far.old
    ends.back()
    assert vars(trainer) == {"steps": 2, "log": open}


def test_what_a_class_makes_when_it_arrives_is_looked_at_too(ends: Ends) -> None:
    """Its own ``__setstate__`` makes the list anew: nothing but its holder tells that it changed."""
    ends.cell(
        "class Table:\n"
        "    def __init__(self, rows): self.rows, self.locked = list(rows), open\n"
        "    def __getstate__(self): return tuple(self.rows)\n"
        "    def __setstate__(self, rows): self.__init__(rows)\n"
        "table, other = Table([1, 2]), Table([3])"
    )
    table, other = ends.home["table"], ends.home["other"]
    rows = other.rows
    far = ends.send("table", "other")
    ends.begin()
    far["table"].rows.append(9)
    ends.back()
    assert ends.changed == ["table"]
    assert (ends.home["table"] is table, table.rows) == (True, [1, 2, 9])
    assert other.rows is rows


def test_new_objects_take_the_places_of_old_ones_in_slots(ends: Ends) -> None:
    """What cannot be changed in place (a histogram in C++, an iterator) comes back as another object."""
    ends.cell(
        "import itertools\nclass Ticket:\n    __slots__ = ('number',)\nticket = Ticket()\nticket.number = itertools.count(1)"
    )
    ticket = ends.home["ticket"]
    far = ends.send("ticket")["ticket"]
    ends.begin()
    next(far.number)
    ends.back()
    assert next(ticket.number) == 2


@pytest.mark.parametrize("kind", ["dict", "collections.Counter", "collections.OrderedDict"])
def test_views_of_dicts_and_their_subclasses(ends: Ends, kind: str) -> None:
    ends.cell(f"import collections\ncounts = {kind}(a=1)\nwords = counts.keys()")
    words = ends.home["words"]
    far = ends.send("counts", "words")
    ends.begin()
    far["counts"]["b"] = 2
    assert ends.back(pairs=far["counts"].items())["pairs"] == ends.home["counts"].items()
    assert (list(far["words"]), list(words), ends.home["words"] is words) == (["a", "b"], ["a", "b"], True)


def test_a_picture_is_drawn_on_here(ends: Ends) -> None:
    """Its pixels lie in an object of C that cannot be sent: only the picture's own state tells that they changed."""
    image = pytest.importorskip("PIL.Image")
    ends.cell("from PIL import Image\npicture, other = Image.new('L', (2, 2)), Image.new('L', (2, 2))")
    picture, pixels = ends.home["picture"], ends.home["other"].im
    far = ends.send("picture", "other")
    ends.begin()
    far["picture"].putpixel((1, 0), 7)
    ends.back()
    assert isinstance(picture, image.Image) and list(picture.tobytes()) == [0, 7, 0, 0]
    assert ends.changed == ["picture"] and ends.home["other"].im is pixels


def test_a_class_may_send_copies_of_arrays(ends: Ends) -> None:
    ends.cell("import numpy as np\npolynomial = np.polynomial.Polynomial([1, 2])")
    polynomial = ends.home["polynomial"]
    far = ends.send("polynomial")["polynomial"]
    ends.begin()
    far.coef[0] = 9
    ends.back()
    assert ends.home["polynomial"] is polynomial and list(polynomial.coef) == [9, 2]


def test_containers_that_count_what_is_set(ends: Ends) -> None:
    ends.cell(
        "class Words(dict):\n"
        "    def __init__(self): self.count = 0\n"
        "    def __setitem__(self, word, value):\n"
        "        self.count += 1\n"
        "        super().__setitem__(word.lower(), value)\n"
        "class Steps(list):\n"
        "    def __init__(self): self.count = 0\n"
        "    def append(self, step):\n"
        "        self.count += 1\n"
        "        super().append(step)\n"
        "words, steps = Words(), Steps()\n"
        "words['A'] = words\nsteps.append(words)"
    )
    words, steps = ends.home["words"], ends.home["steps"]
    far = ends.send("words", "steps")
    ends.begin()
    assert (far["words"].count, far["steps"].count, far["words"]["a"] is far["words"]) == (1, 1, True)
    far["words"]["B"] = 2
    far["steps"].append(3)
    ends.back()
    assert (list(words), words.count, list(steps), steps.count) == (["a", "b"], 2, [words, 3], 2)


def test_new_objects_take_the_places_of_old_ones_in_any_container(ends: Ends) -> None:
    ends.cell("import collections, itertools\nheld = collections.defaultdict(list)\nheld['ids'] = itertools.count(1)")
    held = ends.home["held"]
    far = ends.send("held")["held"]
    ends.begin()
    next(far["ids"])
    ends.back()
    assert next(held["ids"]) == 2


@pytest.mark.parametrize("dtype", ["float64", ">f8"])  # columns of FITS files have the other byte order
def test_an_array_with_a_unit_is_changed_in_place(ends: Ends, dtype: str) -> None:
    """A class that says itself how its arrays travel: others hold the array and its memory."""
    ends.cell(
        "import numpy as np\n"
        "class Lengths(np.ndarray):\n"
        "    def __reduce__(self): return (*super().__reduce__()[:2], (super().__reduce__()[2], self.unit))\n"
        "    def __setstate__(self, state):\n"
        "        super().__setstate__(state[0])\n"
        "        self.unit = state[1]\n"
        f"lengths = np.arange(3.0).astype('{dtype}').view(Lengths)\n"
        "lengths.unit = 'm'\nfirst, held = lengths.view(np.ndarray)[:1], {'lengths': lengths}"
    )
    lengths, first, held = (ends.home[name] for name in ("lengths", "first", "held"))
    far = ends.send("lengths", "held")
    assert far["lengths"].dtype == dtype and far["lengths"].tolist() == [0, 1, 2]
    ends.begin()
    far["lengths"][0], far["lengths"].unit = 5, "km"
    far["held"]["more"] = 1
    ends.back()
    assert (first[0], lengths.unit, held["lengths"] is lengths, ends.home["lengths"] is lengths) == (
        5,
        "km",
        True,
        True,
    )


def test_names_and_frequencies(ends: Ends) -> None:
    ends.cell(
        "import pandas as pd\n"
        "series = pd.Series([1, 2, 3], index=pd.date_range('2020', periods=3))\n"
        "shown, times = series.to_frame('x').style, series.index"
    )
    series, shown, times = (ends.home[name] for name in ("series", "shown", "times"))
    far = ends.send("series", "shown", "times")
    ends.begin()
    far["series"].name = "steps"
    far["series"].index.freq = None
    far["shown"].set_caption("Steps")
    ends.back()
    assert (series.name, series.index.freq, series.index is times, shown.caption) == ("steps", None, True, "Steps")


@pytest.mark.parametrize("slots", ["", "__slots__ = ('held',)"])
def test_instances_that_answer_for_what_they_have_not(ends: Ends, slots: str) -> None:
    """Pickle would ask one that holds nothing yet."""
    ends.cell(
        f"class Wrapper:\n    {slots}\n"
        "    def __init__(self, held): self.held = held\n"
        "    def __getattr__(self, name): return getattr(self.held, name)\n"
        "wrapper = Wrapper([1])"
    )
    wrapper = ends.home["wrapper"]
    far = ends.send("wrapper")["wrapper"]
    ends.begin()
    far.append(2)
    ends.back()
    assert ends.home["wrapper"] is wrapper and wrapper.held == [1, 2]


def test_whether_an_array_may_be_written_on(ends: Ends) -> None:
    ends.cell("import numpy as np\nclosed, opened = np.arange(3), np.arange(3)\nopened.flags.writeable = False")
    closed, opened = ends.home["closed"], ends.home["opened"]
    far = ends.send("closed", "opened")
    ends.begin()
    far["closed"].flags.writeable, far["opened"].flags.writeable = False, True
    far["opened"][0] = 9
    ends.back()
    assert (closed.flags.writeable, opened.flags.writeable, list(opened)) == (False, True, [9, 1, 2])


def test_the_name_of_an_index_is_no_change_of_a_column_that_has_it(ends: Ends) -> None:
    """Under pandas 2 the column would go back with the values that it had before, and write them into its frame."""
    ends.cell("import pandas as pd\nframe = pd.DataFrame({'a': [1, 2], 'b': [1.0, 2.0]})\ncolumn = frame['a']")
    far = ends.send("frame", "column")
    ends.begin()
    far["frame"].loc[0, "a"] = 9
    far["frame"].index.name = "id"
    ends.back()
    assert ends.changed == ["frame"]
    assert list(ends.home["frame"]["a"]) == [9, 2]
    assert ends.home["frame"].index.name == "id"


def test_private_slots_change_and_what_answers_with_another_error_is_no_obstacle(ends: Ends) -> None:
    ends.cell("""
class Odd:
    __slots__ = ("__kept",)
    def __init__(self): self.__kept = 1
    def __getattr__(self, name): raise NameError(name)
    def kept(self, value=None):
        if value: self.__kept = value
        return self.__kept
odd = Odd()
""")
    odd = ends.home["odd"]
    far = ends.send("odd")
    ends.begin()
    assert far["odd"].kept(2) == 2
    ends.back()
    assert ends.home["odd"] is odd and odd.kept() == 2
