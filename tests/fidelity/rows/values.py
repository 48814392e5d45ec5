# %% rows 33 to 35, 42
import collections, datetime, decimal, enum, fractions, functools, pathlib, re, uuid
from dataclasses import dataclass, field
import numpy as np
import pandas as pd
plain = {"a": [1, (2, 3)], 4: {5, 6}, None: b"x", "f": frozenset({1}), "c": 1 + 2j, "n": float("nan")}
when = datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.timezone.utc)
exact = [decimal.Decimal("1.10"), fractions.Fraction(2, 3), uuid.UUID(int=5), pathlib.PurePosixPath("a/b"), range(3)]
# %% rows 33, 34
arrays = [np.arange(6.0).reshape(2, 3), np.array(["a", "bc"]), np.array([1, None], dtype=object), np.float32(2.5)]
odd = np.zeros(3, dtype=[("x", "i4"), ("y", "U3")])
turned = np.asfortranarray(np.arange(6).reshape(2, 3))
gaps = np.arange(20)[::3]
dates = np.array(["2024-01-01", "NaT"], dtype="datetime64[D]")
masked = np.ma.array([1, 2, 3], mask=[0, 1, 0])
# %% row 34: views of results, of inputs, of both
base = np.arange(12)
view = base[2:8]
grid = base.reshape(3, 4)
# %% row 34
part = grid[:2, 1:]
column = base[:, None]
part[0, 0] = 99
# %% row 34: the view changes, the base was not sent
view[-1] = -1
# %% row 34: a class whose module is loaded lazily, over the memory of an input
records = odd.view(np.recarray)
# %% row 34
records.x = 4
# %% row 35
frame = pd.DataFrame(
    {
        "i": [1, 2, 3], "f": [1.5, None, 2.5], "s": ["a", None, "c"], "b": [True, False, True],
        "t": pd.date_range("2024-01-01", periods=3, tz="UTC"), "c": pd.Categorical(["x", "y", "x"], ordered=True),
        "n": pd.array([1, None, 3], dtype="Int64"), "p": pd.period_range("2024-01", periods=3, freq="M"),
        "o": [[1], {"k": 2}, None],
    },
    index=pd.Index([10, 20, 30], name="key"),
)
frame.attrs["source"] = "here"
tall = frame.set_index(["i", "s"])["f"]
# %% row 35
wide = frame.assign(z=frame["i"] * 2)
groups = frame.groupby("c", observed=True)["f"].agg(["min", "max"])
frame
# %% row 61, row 63: names of an index that others hold
index = pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])
pop = pd.Series([1, 2], index=index)
# %% row 63
pop.index.names = ["state", "year"]
# %% rows 36, 37, 39
SCALE = 3
def scaled(x, *, by=SCALE):
    """Doc."""
    return x * by * SCALE
scaled.note = ["attribute"]
def traced(function):
    calls = []
    @functools.wraps(function)
    def inner(*a):
        calls.append(a)
        return function(*a)
    inner.calls = calls
    return inner
@traced
def plus(a, b): return a + b
square = lambda x: x ** 2
half = functools.partial(scaled, by=0.5)
@functools.lru_cache(maxsize=None)
def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
# %% rows 36, 37, 39
results = scaled(2), plus(1, 2), square(4), half(2), fib(20), plus.calls
# %% rows 40, 42, 65
class Shape:
    count = 0
    registry = []
    def __init__(self, name):
        self.name = name
        type(self).count += 1
        self.registry.append(name)
    @property
    def upper(self): return self.name.upper()
    @classmethod
    def make(cls): return cls("made")
    def __repr__(self): return f"Shape({self.name})"
class Round(Shape):
    __slots__ = ("radius",)
    def __init__(self, radius):
        super().__init__("round")
        self.radius = radius
@dataclass
class Point:
    x: float
    y: float = 0.0
    tags: list = field(default_factory=list)
class Colour(enum.Enum):
    RED = 1
    BLUE = 2
Pair = collections.namedtuple("Pair", "left right")
first = Shape("first")
# %% row 40: instances of notebook classes, both ways
second = Shape.make()
ball = Round(2)
point = Point(1, tags=[first])
chosen = Colour.BLUE
pair = Pair(first, point)
isinstance(first, Shape), first.upper, chosen is Colour.BLUE
# %% row 40
isinstance(second, Shape), type(ball).__mro__[1] is Shape, pair.right is point, point.tags[0] is first
# %% row 55
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
X, y = np.arange(10.0).reshape(-1, 1), np.arange(10.0) * 2
pipe = make_pipeline(StandardScaler(), LinearRegression())
# %% row 55, row 63
fitted = pipe.fit(X, y)
fitted is pipe, fitted.predict([[3.0]])
# %% row 56, row 67
own = np.random.RandomState(4)
modern = np.random.default_rng(5)
# %% row 56
drawn = own.rand(2), modern.normal(size=2)
# %% row 57: exceptions as values
class Odd(Exception):
    def __init__(self, code, text):
        super().__init__(text)
        self.code = code
problem = Odd(7, "strange")
# %% row 57
again = Odd(8, "other")
problem.code, str(problem), isinstance(problem, Odd)
# %% row 59: matches and views are made again
match = re.search(r"(\w+)@(\w+)", "to: me@home now")
keys, items = plain.keys(), {"k": 1}.items()
# %% row 59
user = match.group(1), match.span(2)
found = re.match(r"\d*", "12ab")
len(keys), [*items]
# %% row 45: a generator at its end has nothing more to give
used = (n for n in range(3))
total_used = sum(used)
# %% row 45
list(used)
# %% row 45: generators go on where they stand, here and there
def count(n):
    for i in range(n):
        yield i
def average():
    total = number = 0
    while True:
        total += yield total / max(number, 1)
        number += 1
begun, mean, doubled, held = count(9), average(), (n * 2 for n in range(5)), {}
held["same"] = begun; next(begun), next(mean), next(doubled)
# %% row 45
next(begun), mean.send(3), next(doubled)
# %% row 45
next(held["same"]), held["same"] is begun, mean.send(5), list(doubled)
# %% row 45: what is shown
(n for n in range(3))
# %% row 45
stream = (n for n in range(3))
# %% row 45: one that stands where no code can begin; refused
def between():
    found = 1 + (yield 1)
    yield found
inside = between(); next(inside)
# %% row 45; refused
inside.send(2)
# %% row 46: a file that is written by several cells
handle = open("notes.txt", "w")
handle.write("one\n")
# %% row 46
handle.write("two\n"), handle.mode, handle.readable(), handle.name
# %% row 46; in place
handle.write("three\n"), handle.tell()
# %% row 46
print("four", file=handle)
handle.close()
# %% row 46: and read by several
lines = open("notes.txt")
lines.readline()
# %% row 46
lines.readline(), lines.tell()
# %% row 46; in place
lines.readline()
# %% row 46
lines.read(), lines.seek(4), lines.readlines()
# %% row 46: both at once, in bytes, and at its end
both, more = open("notes.txt", "r+b", buffering=0), open("notes.txt", "ab+")
both.seek(4), both.write(b"TWO"), more.write(b"five\n")
# %% row 46
more.seek(0), more.read(), both.read(2), both.mode, more.mode
# %% row 46
more.write(b"six\n"), more.flush(), both.read(), both.close(), more.close()
# %% row 46
open("notes.txt").read(), both.closed
# %% row 46: in the middle of a loop over its lines; refused
halfway = open("notes.txt")
next(halfway)
# %% row 49: clients of AWS, with the credentials of either end
import boto3
from botocore.config import Config
session = boto3.Session(region_name="eu-west-1")
s3, bucket = session.client("s3", config=Config(connect_timeout=5)), session.resource("s3").Bucket("data")
class Reader:
    def __init__(self, client): self.client = client
    def place(self, key): return self.client.generate_presigned_url("get_object", {"Bucket": "b", "Key": key})[:40]
reader = Reader(s3)
# %% row 49
s3.meta.region_name, bucket.name, reader.client is s3, s3.meta.config.connect_timeout, session.region_name
# %% row 49; refused
given = boto3.client("s3", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b" * 40)
# %% row 47: what nobody holds or waits for
import threading, queue, contextvars, concurrent.futures
class Counter:
    def __init__(self): self.lock, self.n = threading.Lock(), 0
    def count(self):
        with self.lock: self.n += 1
lock, counter, event, todo, level = threading.Lock(), Counter(), threading.Event(), queue.Queue(), contextvars.ContextVar("level", default=1)
with concurrent.futures.ThreadPoolExecutor(1) as pool: done = pool.submit(pow, 2, 3)
del pool
# %% row 47
with lock: counter.count(); event.set(); todo.put([1]); level.set(2)
# %% row 47
counter.n, event.is_set(), todo.get(), level.get(), done.result()
# %% row 47
lock.acquire()
# %% row 47: threads and pools before their work and behind it
running, results = threading.Thread(target=lambda: results.append(1), name="one"), []
pool = concurrent.futures.ThreadPoolExecutor(1)
# %% row 47
running.start(); running.join(); pool.submit(results.append, 2).result(); pool.shutdown()
# %% row 47
results, running.is_alive(), running.name
# %% row 46: what read or wrote a file that is closed; archives and chunks of tables
import csv, zipfile
with open("rows.csv", "w") as file: writer = csv.writer(file); writer.writerows([["a"], [1], [2], [3]])
with open("rows.csv") as file: reader = csv.DictReader(file); read = list(reader)
with zipfile.ZipFile("rows.zip", "w") as packed: packed.writestr(zipfile.ZipInfo("a.txt"), "inside")
archive, chunks = zipfile.ZipFile("rows.zip"), pd.read_csv("rows.csv", chunksize=1)
# %% row 46
archive.read("a.txt"), next(chunks), reader.fieldnames, reader.line_num
# %% row 46
[list(part["a"]) for part in chunks], archive.namelist()
# %% row 47: weak references, windows
import types, weakref
class Node:
    def __init__(self, name): self.name, self.children = name, []
    def add(self, child): self.children.append(child); child.parent = weakref.ref(self); return child
tree = Node("tree"); leaf = tree.add(Node("leaf")); by_name = weakref.WeakValueDictionary(leaf=leaf); text = bytearray(b"abc")
part, names = memoryview(text)[1:], types.MappingProxyType(counter.__dict__)
# %% row 47
leaf.parent() is tree, by_name["leaf"] is leaf, names["n"]
other = tree.add(Node("other")); by_name["other"] = other; part[0] = 66
# %% row 47
other.parent() is tree, by_name["other"] is tree.children[1], text
# %% row 48: a database in memory, one in a file
import sqlite3
memory, stored = sqlite3.connect(":memory:"), sqlite3.connect("stored.db")
memory.row_factory = sqlite3.Row
for connection in (memory, stored): connection.execute("create table t (a, b)"); connection.commit()
cursor = memory.cursor()
# %% row 48
cursor.executemany("insert into t values (?, ?)", [(1, "x"), (2, None)]); memory.commit()
pd.DataFrame({"a": [5], "b": ["y"]}).to_sql("t", stored, index=False, if_exists="append")
# %% row 48
[row["a"] for row in memory.execute("select * from t")], stored.execute("select * from t").fetchall()
# %% row 48
stored.close(); stored = sqlite3.connect("stored.db"); stored.execute("delete from t"); stored.commit(); cursor.execute("select sum(a) from t").fetchone()[0]
# %% row 48: what a cell leaves without a commit is not lost
filled = stored.cursor().execute("insert into t values (7, 'z')").lastrowid > 0; filled
# %% row 48: the columns that were given last
stored.execute("select b, a as n from t").fetchall(); cursor.execute('select a as "a ""x""" from t').fetchall()
# %% row 48
cursor.description, stored.execute("select * from t").fetchall()
# %% row 48; refused
left = memory.execute("select a from t")
# %% row 48; refused
left.fetchone()
# %% row 34: an array over a file
on_disk = np.memmap("disk.dat", dtype="f4", mode="w+", shape=(4, 3)); rows_of_it = on_disk[1:]
np.save("saved.npy", np.arange(3)); read_only = np.load("saved.npy", mmap_mode="r")
# %% row 34
rows_of_it[0] = 7; on_disk[3, 2] = 9; read_only.sum()
# %% row 34
on_disk[1, 1], np.fromfile("disk.dat", "f4"), type(on_disk), read_only
# %% row 34: a kind of array that owns its memory, and a plain one over it
owning = np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0]).copy(); over_masked = owning._data[1:]
# %% row 34
over_masked[1] = 9; owning.sum()
# %% rows 42, 65: classes that were registered with others, descriptors that keep something
import abc, argparse, collections.abc
class Figure(abc.ABC): pass
class Square: pass
class Row:
    def __len__(self): return 1
Figure.register(Square); collections.abc.Sequence.register(Row)
class Logged:
    def __init__(self): self.seen = []
    def __get__(self, instance, owner=None): return self if instance is None else self.seen[-1]
    def __set__(self, instance, value): self.seen.append(value)
class Model:
    size = Logged()
model = Model(); model.size = 1
parser = argparse.ArgumentParser("p"); parser.add_subparsers(dest="c").add_parser("go"); exact_context = decimal.getcontext()
# %% rows 42, 65
@Figure.register
class Circle: pass
model.size = 2; exact_context.prec = 7
isinstance(Square(), Figure), isinstance(Row(), collections.abc.Sequence), parser.parse_args(["go"]), decimal.Decimal(1) / 3
# %% rows 42, 65
isinstance(Circle(), Figure), isinstance(Square(), Figure), Model.size.seen, decimal.Decimal(1) / 3, exact_context is decimal.getcontext()
# %% row 34: views of turned memory, and of memory with gaps
turned_memory = np.arange(24.0).reshape(2, 3, 4).transpose(1, 0, 2).copy(order="K")
over_it = [turned_memory[1:], turned_memory[:, 0]]
# %% row 34
over_it[0][0, 0, 0] = -1.0
turned_memory[1, 0, 0]
# %% row 34: arrays in Fortran's order, and those that may not be written to
in_columns = np.asfortranarray(np.arange(6.0).reshape(3, 2))
in_columns.flags.writeable = False
many_columns = np.asfortranarray(np.arange(60000.0).reshape(30000, 2))
many_columns.flags.writeable = False
# %% row 34
in_columns.sum(axis=0), many_columns[1]
# %% row 45: iterators that can be made again
counts = {"a": 1, "b": 2, "c": 3}
over_keys, over_items, ended, pairs = iter(counts), iter(counts.items()), iter([1]), zip([1, 2], "xy")
next(over_keys), list(over_items), list(ended), next(pairs)
# %% row 45
next(over_keys), list(over_items), list(ended), list(pairs)
# %% a distribution is SciPy's own, wherever it was; arrays of one number share their memory
from scipy import stats
import numpy as np
normal, frozen = stats.norm, stats.norm(1, 2)
number = np.array(5.0); again = number[...]; line = np.arange(3.0); one = line[1:2].reshape(())
# %% there
again[...] = 7; one[...] = 9
normal is stats.norm, frozen.mean()
# %% here
number, line
# %% types of Python itself that have no name of their own
def stepwise(): yield 1
type(stepwise)
# %%
kinds = [type(stepwise), type(stepwise()), type(iter([])), type({}.keys()), type(iter(())), type(len), type(type.__dict__)]
# %%
kinds[0] is type(stepwise), kinds[2] is type(iter([])), kinds
# %% row 55: a transformer of the notebook deep inside of a model, with the names that its methods read
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
SHIFT = 1.5
class Logarithm(BaseEstimator, TransformerMixin):
    def __init__(self, offset=1.0): self.offset = offset
    def fit(self, X, y=None): self.n_features_in_ = X.shape[1]; return self
    def transform(self, X): return np.log(np.asarray(X) + self.offset + SHIFT)
deep = Pipeline([("pre", ColumnTransformer([("num", Pipeline([("log", Logarithm()), ("sc", StandardScaler())]), [0])]))])
# %% row 55
round(float(deep.fit_transform(X)[3, 0]), 6)
# %% row 41: a class whose base has got another definition since
class Base:
    def total(self): return 1
class Middle(Base):
    def total(self): return super().total() + 1
middle = Middle()
# %% row 41
class Base:
    def total(self): return 100
# %% row 41
class Both(Middle, Base): pass
isinstance(middle, Base), middle.total(), Base().total(), Both().total()
# %% row 41
isinstance(middle, Base), middle.total(), Both().total()
# %% rows 38, 40: what C types and slots hold, and classes of functions
from collections import defaultdict
from dataclasses import dataclass
FACTOR = 3
def timed(x): return x * FACTOR
class Helper:
    def go(self): return timed(2)
@dataclass
class Slotted:
    __slots__ = ("helper",)
    helper: object
def make_class():
    kept = 1
    class Inner:
        def get(self): return kept + FACTOR
    return Inner
Inner = make_class()
nested, slotted, mapped, inner = defaultdict(lambda: defaultdict(int)), Slotted(Helper()), map(lambda v: timed(v), [1, 2]), Inner()
# %% rows 38, 40
nested["a"]["b"] += 5
nested["new"]["n"], slotted.helper.go(), list(mapped), inner.get(), Inner.__qualname__, type(inner) is Inner
# %% row 40: making an instance does something more, once
class Tracked:
    made = []
    def __new__(cls, *a):
        instance = super().__new__(cls); cls.made.append(instance); return instance
    def __init__(self, n): self.n = n
    def __repr__(self): return f"Tracked({self.n})"
class Single:
    only = None
    def __new__(cls):
        if cls.only is None: cls.only = super().__new__(cls); print("made")
        return cls.only
tracked, single = Tracked(1), Single()
# %% row 40
tracked.n += 1; single.x = [tracked]
Tracked.made, Tracked.made[0] is tracked, Single() is single, Tracked(7)
# %% row 40
Tracked.made, Tracked.made[0] is tracked, Single() is single, single.x[0] is tracked
# %% row 40: classes without a statement of their own
from dataclasses import make_dataclass
from enum import Enum
calls = 0
def shout(self):
    global calls
    calls += 1
    return self.name.upper()
Animal = make_dataclass("Animal", [("name", str), ("legs", int, 4)], order=True)
Plain = type("Plain", (), {"name": "plain", "shout": shout})
Colour = Enum("Colour", "RED GREEN")
def counted(cls):
    class Counted(cls):
        count = 0
        def __init__(self, *given):
            super().__init__(*given)
            Counted.count += 1
    return Counted
@counted
class Thing:
    def __init__(self, v): self.v = v
thing = Thing(1)
# %% row 65: attributes set on them
Animal.sound, Plain.name, Plain.louder = (lambda self: "woof " + self.name), "changed", shout
# %% row 40
rex, other = Animal("rex"), Thing(2)
rex.sound(), rex < Animal("zoe"), Plain().louder(), Plain.louder is shout, calls, Colour(1) is Colour.RED, Thing.count
# %% row 40
type(rex) is Animal, isinstance(other, Thing), type(thing) is type(other), Thing.count, calls, Plain.name, {Colour.GREEN: rex}
# %% row 40: a default that the calls of a method share
import attr
class Bus:
    def __init__(self, passengers=[], *, seats={}): self.passengers, self.seats = passengers, seats
@attr.s
class Bag:
    items = attr.ib(default=[])
bus, bag = Bus(), Bag()
# %% row 61
bus.passengers.append("Ann"); bus.seats["Ann"] = 1; bag.items.append(3)
# %% row 61
Bus().passengers is bus.passengers, Bus().seats, Bag(), Bus.__init__.__defaults__
# %% row 40: another class of that name
@attr.s
class Bag:
    items = attr.ib(init=False, default=1)
# %% row 40
Bag(), bag, type(bag) is Bag
# %% rows 35, 40: what is noted on a frame, a method bound by hand, a generic function
import functools, types
noted = pd.DataFrame({"a": [1]}); noted.name = "train"; noted.a.extra = []
bound = Bus(); bound.named = types.MethodType(lambda self: len(self.passengers), bound)
@functools.singledispatch
def kind(x): return "any"
# %% row 61
noted.name = noted.name + "ed"
@kind.register
def _(x: int): return "int"
# %% row 61
noted.name, bound.named(), bound.named.__self__ is bound, kind(1), kind("x")
# %% row 40: a method that dispatches, registered to after its class; a class without methods, made anew in the same words
class Point:
    @functools.singledispatchmethod
    def __init__(self, x): self.x = x
@Point.__init__.register
def _(self, x: str): self.x = float(x)
# %% row 40
class Bare(Bus): pass
# %% row 40
Point("2.5").x, Point(1).x
# %% row 40
class Bare(Bus):
    def __len__(self): return 77
# %% row 40
class Bare(Bus): pass
# %% row 40
hasattr(Bare, "__len__")
# %% row 47: a pool is made by a method of what starts processes
from multiprocessing import Pool, get_context
def squared(x): return x * x
context = get_context("fork")
# %% row 47
with Pool(1) as pool: found = pool.map(squared, range(3))
del pool
found, context.get_start_method()
# %% row 37: ufuncs that call a function of the notebook
joined = np.frompyfunc(lambda a, b: a + b, 2, 1)
doubled = np.vectorize(lambda t: t * 2, otypes="d")
doubled([1, 2])
# %% row 37
joined("a", "b"), joined.nin, doubled([3])
# %% functions that toolz curries
from toolz import compose, curry
@curry
def add(a, b, c=1):
    return a + b + c
inc = add(1)
add.note = [1]
# %%
six = inc(c=4)
add.note.append(2); both = compose(inc, six)
both(1), inc.func is add.func
# %%
both(1), add(1)(2), six(1), add.note
# %% row 61: what draws on a picture goes on in the same memory
from PIL import Image, ImageDraw
canvas = Image.new("L", (35, 15), color=255)
pen = ImageDraw.Draw(canvas)
pen.rectangle((2, 2, 8, 8), fill=0)
# %% row 61; in place
pen.line((0, 0, 30, 10), fill=5); canvas.getpixel((0, 0))
# %% row 61
pen.ellipse((10, 2, 20, 12), outline=77); pen.fontmode = "1"; canvas.getpixel((0, 0))
# %% row 61; in place
pen.point((34, 14), 9); canvas.getpixel((34, 14)), pen.fontmode, pen.im is canvas.im, canvas.getpixel((15, 2))
# %% what Python tells of itself is one object of its type
import sys
facts = [sys.float_info, sys.hash_info, sys.int_info, sys.version_info]
sys.float_info
# %%
print(facts[0] is sys.float_info, facts[3] is sys.version_info, facts[3].major, facts[1].width); facts[2]
# %% structures and arrays of ctypes; instances of libraries whose __new__ wants more than their value; in place
import codecs, ctypes, unittest.mock
class Pixel(ctypes.Structure): _fields_ = [("x", ctypes.c_int), ("y", ctypes.c_double)]
class Node(ctypes.Structure): pass
Node._fields_ = [("value", ctypes.c_int), ("next", ctypes.POINTER(Node))]
pixel, numbers, buffer = Pixel(1, 2.0), (ctypes.c_int * 3)(1, 2, 3), ctypes.create_string_buffer(b"abc")
codec, mock, same_pixel = codecs.lookup("utf-8"), unittest.mock.Mock(return_value=3), pixel
# %%
pixel.x, numbers[0], buffer.value = 5, 9, b"zz"
mock(1, a=2); mock.part(3); also = codec
more = (ctypes.c_int * 3)(4, 5, 6); kinds = [type(more), ctypes.POINTER(Pixel), Node]; kinds[:2]
# %% in place
mock.assert_called_with(1, a=2); mock.part.assert_called_once_with(3)
same_pixel.x, list(numbers), buffer.value, also.name, type(numbers) is kinds[0], mock.mock_calls, Node(2).value
# %% a figure that was drawn here, is drawn in by jobs and drawn here again; in place
import matplotlib.pyplot as plt
drawn, axes = plt.subplots(); plt.close(drawn)
drawn
# %%
axes.plot([1, 2], label="in the job"); None
# %% in place
drawn
# %%
drawn.set_size_inches(5, 3); axes.set_xlim(-1, 2); None
# %% in place
drawn
# %%
axes.legend(); drawn
# %% in place
drawn.subplots_adjust(left=0.3)
drawn
# %% row 61: pictures that were read from a file, and know it
Image.new("RGB", (3, 3)).save("seen.png"); Image.new("RGB", (3, 3)).save("seen.jpg")
seen = [Image.open("seen.png"), Image.open("seen.jpg")]
for picture in seen: picture.load()
# %% in place
[(picture.tell(), picture.format, picture.filename) for picture in seen], seen[0].text, seen[1].getexif()
# %%
for picture in seen: picture.seek(0)
[(picture.tell(), picture.getpixel((0, 0))) for picture in seen]
