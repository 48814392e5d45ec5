# %% rows 60, 61
import numpy as np, pandas as pd
a = [1, [2]]
b = a
inner = a[1]
d = {"a": a, "self": None}
d["self"] = d
box = {"inner": inner}
# %% row 60: results share with each other and with inputs
c = {"a": a, "again": a}
e = c["again"]
# %% row 60
c["a"] is e, e is a
# %% row 61: changed in place, aliases see it
inner.append(3)
a.append(inner)
# %% row 61
b[1] is box["inner"], len(b)
# %% row 61: every kind
s, arr, frame = {1}, np.arange(4), pd.DataFrame({"x": [1, 2]})
same_s, same_arr, same_frame = s, arr, frame
class Node:
    def __init__(self): self.items, self.next = [], None
node = Node()
node.next = node
alias = node
# %% row 61
s.add(2); arr[1] = 50; frame["y"] = frame["x"] * 2; frame.loc[0, "x"] = 9
node.items.append(node); node.extra = arr
# %% row 61
same_s == s, same_arr is arr, same_frame.shape, alias.items[0] is alias, alias.extra is arr
# %% row 62: unchanged inputs in results
holder = {"frame": frame, "arr": arr}
# %% row 62
holder["frame"] is frame, holder["arr"] is arr
# %% row 61: shape and type change: bound anew
arr = np.append(arr, 1)
frame = frame.drop(columns="x")
d["self"]["a"].clear()
# %% row 64
def store(value, kept=[]):
    kept.append(value)
    return kept
store(1)
# %% row 64
store(2)
# %% row 64
store(3), len(store.__defaults__[0])
# %% row 65: class-level state
class Tally:
    seen = 0
    names = []
# %% row 65
Tally.seen += 1
Tally.names.append("x")
Tally.extra = [Tally.names]
# %% row 65
Tally.seen, Tally.extra[0] is Tally.names
# %% row 66
from collections import OrderedDict, defaultdict, deque, Counter
queue, order, groups, tally = deque([1, 2, 3], maxlen=5), OrderedDict(a=1), defaultdict(list), Counter("abca")
# %% row 66
queue.rotate(1); order.move_to_end("a"); groups["k"].append(1); tally.update("c")
# %% a name that is bound to what it was
same = a
a = a
# %% what code keeps on a function
import functools
def tally(x):
    tally.count += x
    return tally.count
tally.count = 0
def counted(function):
    @functools.wraps(function)
    def inner(*arguments):
        inner.calls += 1
        return function(*arguments)
    inner.calls = 0
    return inner
@counted
def fibonacci(n): return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)
@functools.lru_cache
def cached(x): return x
class Holder:
    def method(self): return self.method.__func__.mark
Holder.method.mark = 1
# %% changes there
tally(3), fibonacci(6), fibonacci.calls, Holder().method()
# %% and is here then
tally.count, fibonacci.calls
# %% set, replaced and taken away
tally.mark = ["x"]; del fibonacci.calls; Holder.method.mark = 2; Holder.method.more = tally.mark; cached.mark = 3
# %% shared with what it was shared with
tally.mark.append("y")
Holder.method.more is tally.mark, Holder().method(), cached.mark, hasattr(fibonacci, "calls")
# %% what is made of frames and arrays, with attributes of its own
import numpy as np, pandas as pd
class Frame(pd.DataFrame):
    _metadata = ["unit"]
    @property
    def _constructor(self): return Frame
class Noted(np.ndarray):
    def __array_finalize__(self, other): self.note = getattr(other, "note", None)
lengths = Frame({"a": [1, 2, 3]}); lengths.unit = "m"
noted = np.arange(5.0).view(Noted); noted.note = "x"
masked = np.ma.masked_array([1.0, 2.0, 3.0], mask=[0, 1, 0])
held = {"frame": lengths, "array": noted, "masked": masked, "part": noted[1:3]}
# %% changed in place
lengths["b"] = lengths["a"] * 2.5; lengths.unit = "km"
noted[0] = 7; noted.note = "y"
masked[0] = 9; masked[2] = np.ma.masked
# %% is changed under every name
held["frame"].unit, held["frame"].b.sum(), held["array"][0], held["array"].note, held["masked"].sum()
# %% also through a part
held["part"][:] = 0; held["masked"].mask = False
# %% of it
noted, masked
# %% an array that takes another shape does so under every name
grid = np.arange(10.0); inside = [grid, grid[2:4]]
# %%
grid.shape = (5, 2)
grid
# %%
inside[0] is grid, inside[0].shape, inside[1]
# %% a masked array over the memory of others
data, mask = np.arange(4), np.array([0, 0, 1, 0], bool)
over = np.ma.masked_array(data, mask); plain = np.ma.array([[1, 2], [3, 4]]); row = plain[0]
# %%
over[0] = 50; data[1] = 60; mask[3] = True; row[0] = 9
# %%
over, data, mask, plain
# %% texts and bytes in memory, arrays of the standard library
import io, array
source, target, raw = io.StringIO("one\ntwo\n"), io.StringIO(), io.BytesIO(b"abc")
counts = array.array("i", [1, 2]); held = [target, counts]
# %% read, written and closed
source.readline(), raw.read(1)
print("hello", file=target); counts.append(7)
# %% are so here, under every name
source.readline(), raw.tell(), held[0].getvalue(), held[1], held[0] is target
# %%
target.truncate(0); source.close()
# %%
held[0].getvalue(), source.closed
# %% attributes of numbers and texts of a kind of their own, and of named tuples' classes
from collections import namedtuple
class Number(int): pass
class Word(str): pass
number, word = Number(4), Word("w"); number.note = "n"
Point = namedtuple("Point", "x y", defaults=[3]); point = Point(1)
Point.norm = lambda self: self.x + self.y
# %%
number.note = "m"; word.seen = [number]; Point.twice = lambda self: 2 * self.norm()
point.norm()
# %%
number.note, word.seen[0] is number, point.twice(), isinstance(point, Point), Point(4).norm()
# %% row 41: a class that takes the name of a named tuple
class Point:
    def __init__(self, x): self.x = x
point = Point(1)
# %% row 41
point.x, isinstance(point, Point), Point(2).x
# %% row 39: what lru_cache holds, and its counts
import functools
@functools.lru_cache(maxsize=2)
def load(name, *, sep=","):
    print("loading", name)
    return [name, sep]
@functools.cache
def endless(x): return (i for i in range(x))
class Point:
    def __init__(self, x): self.x = x
    @functools.lru_cache
    def norm(self): print("norm"); return [abs(self.x)]
    @property
    @functools.cache
    def size(self): print("size"); return [self.x]
    @staticmethod
    @functools.cache
    def make(x): print("make"); return Point(x)
first, point = load("a"), Point.make(1)
# %% is there, and is the same object
load("b", sep=";"), load("a") is first, Point.make(1) is point, point.norm(), sum(endless(3))
# %% and what the cell adds is here
load("c"); first.append(1)
load("a"), load.cache_info(), point.norm() is point.norm(), point.size
# %% in its order
load("b", sep=";"); Point.norm.cache_clear()
load("a"), load.cache_info(), point.norm(), point.size, Point.make(1) is point
# %% row 64: what every function has, bound anew
def documented(a, b=2, *, c=3):
    "Doc"
    return a + b + c
also = documented
# %% row 64
documented.__doc__ = "New"; documented.__defaults__ = (20,); documented.__kwdefaults__ = {"c": 30}
also is documented, also(1)
# %% row 64
also(1), also.__doc__, documented.__defaults__
# %% row 61: an array that changes its size, and what was not sent that holds it
import numpy as np
class Box: pass
grown = np.arange(4)
box = Box(); box.inner = Box(); box.inner.held = [grown]; deep = {"a": {"b": {"c": {"d": {"e": [grown]}}}}}
reader = (lambda held: lambda: held)(grown)
# %% row 61
grown.resize(6, refcheck=False); grown[4:] = 7
# %% row 61
deep["a"]["b"]["c"]["d"]["e"][0] is grown, box.inner.held[0] is grown, reader() is grown, grown
# %% row 11: what only an array of objects, or the end of a long list, leads to
class Ant:
    def __init__(self, x): self.x = x
    def copy(self): return Ant(self.x)
class Queen(Ant):
    def lead(self): return self.x
    @staticmethod
    def count(): return 1
nest = np.array([Ant(1), Ant(2)])
late = [0] * 1500 + [lambda x: x + limit]; limit = 5
# %% row 11
nest[0] = nest[1].copy(); nest[0].x, late[-1](4)
# %% row 65: methods that two classes have
class Worker(Ant): lead = Queen.lead; count = Queen.count
reign = {"lead": Queen.lead}
# %% row 65
Worker.lead is Queen.lead is reign["lead"], Worker.count is Queen.count, Worker(3).lead()
# %% row 43: methods that a module offers as functions
from random import *
pick, draw = randint, np.random.rand
# %% row 43
import random as rng
other = rng.randint; pick is randint is other is rng.randint, draw is np.random.rand
# %% row 62: arrays over memory that an array of another kind owns
masked = np.ma.array([1, 2, 3], mask=[0, 1, 0]).astype(float)
tail, bare, grid = masked[1:], masked.data, np.matrix([[1.0, 2.0]]).copy()
cells = np.asarray(grid)
# %% row 62
tail[1], cells[0, 0] = 9.0, 7.0
masked, bare, grid
# %% row 62: views of arrays of objects
boxes = np.array([[1, 2], [3, 4]], object)
for line in boxes:
    line[0] = []
# %% row 61
boxes[1, 1], corner = "x", boxes[::-1, 1:]
line, corner
# %% row 60: results that refer to what the cell changed, and what only a type of C knows
import io
drawer, page = np.random.default_rng(0), io.StringIO("abc")
# %% row 60
drawers, pages = {"one": drawer}, [page]
drawer.random(), page.read(1)
# %% row 60
drawers["one"] is drawer, pages[0] is page, drawers["one"].random(), drawer.random(), page.read()
# %% row 61: a class of the notebook's own that is a dict with more to it
import collections
class Recent(collections.OrderedDict):
    def __init__(self, size=2): super().__init__(); self.size = size
    def __setitem__(self, key, value):
        super().__setitem__(key, value)
        if len(self) > self.size: del self[next(iter(self))]
class Counted(collections.Counter): label = "none"
recent, counted = Recent(), Counted("abca"); recent["a"] = recent["b"] = 1; counted.label = "letters"
# %% row 61
recent["c"] = recent; counted["z"] += 5
list(recent), recent.size, counted, counted.label
# %% row 61
list(recent), recent["c"] is recent, counted, counted.label
# %% rows 40, 65: what was made and changed here before any job saw it; in place
import operator, pandas as pd
from dataclasses import dataclass
from enum import Enum
from functools import singledispatch
from typing import ClassVar
class Meta(type):
    def __len__(cls): return cls.made
class Dog(metaclass=Meta):
    made, kennel = 0, []
    def __init__(self): Dog.made += 1
    def bark(self): return "wau"
    def sit(self): return "sits"
class Cat:
    def purr(self): return "r"
    def sleep(self): return "z"
    def meow(self): return "miau"
class Color(Enum):
    RED = 1
    BLUE = 2
    def shout(self): return self.name
@dataclass
class Job:
    number: int = 0
    started: ClassVar[int] = 0
    log: ClassVar[list] = []
    def __post_init__(self): Job.started += 1; Job.log.append(self.number)
class Box:
    def __init__(self, inside): self.inside = inside
    def __reduce__(self): return Box, (self.inside,)
@singledispatch
def name_of(value): return "something"
first, job, box, missing, letters = Dog(), Job(1), Box([1]), collections.defaultdict(int), iter("abcd")
text, again = pd.array(["a", "b"]), letters
del Cat.sleep
# %% rows 40, 65: a job goes on with it
second, dogs, red = Dog(), [Dog()], Color.RED
Dog.kennel.append(second)
Color.BLUE.mark, Color.loud = ["x"], lambda self: self.name + "!"
Job(2); Job.last = Color.BLUE
del Cat.purr
Cat.meowed, Cat.meow = Cat.meow, lambda self: "hiss"
Cat.pick, Cat.brought = staticmethod(operator.itemgetter(0)), second.bark
box.label = "fragile"
missing.default_factory = list
name_of.calls = [second]
text[0] = "z"
next(letters); kept = letters; letters = [1]
hasattr(Cat, "sleep")
# %% rows 40, 65: and it is the notebook's own; in place
print(isinstance(second, Dog), isinstance(dogs[0], Dog), len(Dog), Dog.kennel[0] is second, red is Color.RED, Color.RED.loud())
print(Color.BLUE.mark, Job.started, Job.log, Job.last is Color.BLUE, hasattr(Cat, "purr"), box.label, missing["new"])
print(Cat().meowed(), Cat().meow(), Cat.pick([1]), Cat.brought.__self__ is second)
print(name_of.calls[0] is second, text, letters, kept is again, next(again))
# %% row 41: a class that a cell defines
class Tally:
    seen, total = [], 0
    def add(self): Tally.total += 1; self.seen.append(1)
Point = collections.namedtuple("Point", "x y")
tally, point = Tally(), Point(1, 2)
# %% row 41; in place
tally.add(); older, old_point = tally, point
# %% row 41: the same cell once more defines another
class Tally:
    seen, total = [], 0
    def add(self): Tally.total += 1; self.seen.append(1)
Point = collections.namedtuple("Point", "x y")
tally, point = Tally(), Point(1, 2)
# %% row 41: which a job tells from the one of before
older.add(); isinstance(older, Tally), isinstance(old_point, Point), isinstance(tally, Tally), Tally.seen, older.seen
# %% row 41; in place
Tally.total, older.seen, tally.seen, type(older) is type(tally)
# %% rows 40, 61, 65: classes in classes, and a result that is an input with another size; in place
class Tree:
    class Node:
        made, all = 0, []
        def __init__(self): Tree.Node.made += 1; self.all.append(len(self.all))
    def __init__(self): self.root = Tree.Node()
tree, line = Tree(), np.arange(4.0)
shelf = {"line": line}
# %% rows 40, 61, 65
other_tree = Tree(); Tree.Node.leaf = [other_tree]
line.resize(3, refcheck=False); lines = [shelf["line"]]
Tree.Node.made, Tree.Node.all
# %% rows 40, 61, 65; in place
print(Tree.Node.made, Tree.Node.all, Tree.Node.leaf[0] is other_tree, isinstance(other_tree.root, Tree.Node))
print(line, lines[0] is line, shelf["line"] is line)
# %% row 65: objects that have all attributes in common
class Settings:
    _common = {}
    def __init__(self): self.__dict__ = self._common
first = Settings(); first.size = 1
# %% row 65
first.size = 2; second = Settings(); print(second.size, second.__dict__ is Settings._common)
# %% row 65
second.name = "b"; print(first.name, Settings._common)
# %% numbers, texts and tuples that two names have; how much room a list has; arrays that own their memory
import sys
word = same_word = "a text"; number = other = 1000.5; pair = again = (1, "b"); exact = [1, 2]; grown = [i for i in range(20)]
big = np.zeros((200, 150)); turned = np.asfortranarray(big + 1)
# %%
word is same_word, number is other, pair is again, sys.getsizeof(exact), sys.getsizeof(grown), sys.getsizeof(big)
# %%
print(big.flags, turned.flags); big.base is None, turned.base is None
# %% what members of an Enum hold
import enum
class Planet(enum.Enum):
    EARTH = 5.9
    MARS = 6.4
    def __init__(self, mass): self.seen = [mass]
Planet.EARTH.note = "ours"; home_planet = Planet.EARTH
# %%
Planet.EARTH.seen.append(1); Planet.MARS.note = home_planet.note.upper(); del home_planet.note
# %%
Planet.EARTH.seen, Planet.MARS.note, hasattr(home_planet, "note")
# %% a frame of many columns is in one piece, as here: nobody calls it fragmented
wide = pd.DataFrame(np.arange(360.0).reshape(120, 3).T, columns=[f"c{i}" for i in range(120)])
mixed = pd.DataFrame({"a": [0.1, 0.2, 0.3], "n": [1, 2, 3], "b": [0.7, 0.11, 0.13], "d": [0.17, 0.19, 0.23], "t": list("xyz")})
both = {"wide": wide}
# %%
wide["more"] = 1.5; mixed.loc[1, "b"] = 9; mixed["late"] = mixed["a"]
wide._mgr.nblocks, mixed._mgr.nblocks, mixed.drop(columns="t").sum(axis=1).tolist()
# %%
both["wide"].more.sum(), mixed, mixed.dtypes
# %% row 46: a record lies over its array, and may be written to
points = np.array([(1.5, 6), (2.5, -2)], dtype=[("x", "f8"), ("y", "i4")])
point, alone = points[1], np.rec.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")])[0]
# %% row 46, 61
point["x"], alone.a = 5, 4
# %% row 46
points, point, alone, list(points)[0]
# %% row 46: an array in a record
boxes = np.zeros(2, dtype=[("corner", "i8", 3), ("id", "i4")])
corner = boxes[1]["corner"]
# %% row 46, 61
corner[0] = 5
# %% row 46
boxes, corner
# %% a part of a frame whose whole is gone: pandas 2 warns of nothing any more
import numpy as np, pandas as pd
whole = pd.DataFrame({"a": [1.0, np.nan, 3], "b": list("xyz")})
# %%
tail = whole[whole.a > 1]
# %%
whole = whole.dropna(subset=["a"])
# %%
whole["c"] = whole["b"].apply(str.upper); tail["d"] = 1
# %%
del whole
# %%
tail["e"] = 2
# %% a column of a frame of several types, which the cell does not name: pandas 2 warns when items of it are set; in place
mixed_types = pd.DataFrame({"a": [1, 2, 3], "b": list("xyz")})
its_column = mixed_types["a"]
# %% the same
its_column[0:2] = 5
# %% and here; in place
its_column[2:] = 6
mixed_types, its_column
# %% a library's metaclass that takes away what the body of a class binds, as schemas and forms have it
%%writefile forms.py
class Fields(type):
    def __new__(own, name, bases, space):
        lists = {key: space.pop(key) for key in list(space) if isinstance(space[key], list)}
        made = super().__new__(own, name, bases, space)
        made.fields = lists
        return made
class Form(metaclass=Fields):
    pass
# %%
import forms
shown_in = [1]
class Mine(forms.Form):
    items = shown_in
mine = Mine()
# %%
shown_in.append(2)
Mine.fields["items"] is shown_in, mine.fields["items"], hasattr(Mine, "items"), type(mine) is Mine
# %% and here; in place
shown_in.append(3)
Mine.fields["items"] is shown_in, mine.fields["items"], type(mine) is Mine
# %% the name of the module in functions and classes is that of the namespace, one text: cloudpickle's bytes differ else
import cloudpickle, collections
def plain(x): return x
def making(n):
    def inner(x): return x + n
    return inner
inner = making(3)
Pair, Dynamic = collections.namedtuple("Pair", "a b"), type("Dynamic", (), {})
as_made = cloudpickle.dumps(inner)
# %%
[one.__module__ is __name__ for one in (plain, inner, Pair, Dynamic)], cloudpickle.dumps(inner) == as_made
# %% and here; in place
[one.__module__ is __name__ for one in (plain, inner, Pair, Dynamic)], cloudpickle.dumps(inner) == as_made
# %% iterators over the elements of arrays: they go on where they were, over the same memory
grid = np.arange(6).reshape(2, 3)
flat, beside, counted = grid.flat, np.broadcast(grid, np.array([[1], [2]])), np.ndenumerate(grid)
next(flat), next(beside)
# %%
flat[3], also_flat = 70, flat
next(flat), flat.index, flat.base is grid, next(beside), beside.index, next(counted)
# %% and here; in place
next(flat), flat.index, flat.base is grid, also_flat is flat, list(beside), next(counted), grid
