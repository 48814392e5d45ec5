"""What belongs to the threads of its process travels while nobody waits for it; what points into it, with its target."""

from __future__ import annotations

from typing import Any

from .conftest import Ends

THREADS = """
import asyncio, concurrent.futures, contextvars, queue, threading
from threading import Condition, Event, Lock, RLock
lock, taken, again, event, condition, local = Lock(), Lock(), RLock(), Event(), Condition(), threading.local()
todo, first, waiting = queue.Queue(3), queue.PriorityQueue(), asyncio.Queue()
done, failed = concurrent.futures.Future(), concurrent.futures.Future()
done.set_result([1]); failed.set_exception(ValueError("no")); local.x = [done]
todo.put("a"); first.put((2, "b")); waiting.put_nowait(4)
class Counter:
    def __init__(self): self.lock, self.n = lock, 0
    def count(self):
        with self.lock: self.n += 1
counter = Counter()
level, plain = contextvars.ContextVar("level", default=3), contextvars.ContextVar("plain")
plain.set([lock])
"""
NAMES = [
    "lock",
    "taken",
    "again",
    "event",
    "condition",
    "local",
    "todo",
    "first",
    "waiting",
    "done",
    "failed",
    "counter",
    "level",
    "plain",
]


def test_what_nobody_waits_for_travels_and_is_changed_in_place(ends: Ends) -> None:
    ends.cell(THREADS)
    far = ends.send(*NAMES)
    ends.begin()
    assert far["counter"].lock is far["lock"] is far["plain"].get()[0] and far["local"].x[0] is far["done"]
    assert far["done"].result() == [1] and str(far["failed"].exception()) == "no"
    far["counter"].count()
    far["event"].set()
    far["todo"].put("c")
    far["first"].put((1, "a"))
    far["waiting"].put_nowait(5)
    far["local"].y = far["level"].get()
    far["taken"].acquire()
    far["level"].set(9)
    with far["condition"]:
        far["condition"].notify_all()
    ends.back()
    home = ends.home
    assert (home["counter"].n, home["event"].is_set(), home["taken"].locked(), home["local"].y) == (1, True, True, 3)
    assert (home["todo"].get(), home["todo"].get(), home["first"].get()) == ("a", "c", (1, "a"))
    assert (home["waiting"].get_nowait(), home["waiting"].get_nowait(), home["level"].get()) == (4, 5, 9)


def test_what_somebody_holds_or_works_on_is_refused(ends: Ends) -> None:
    ends.cell(THREADS + "lock.acquire(); again.acquire(); running = concurrent.futures.Future()")
    dumped = ends.dump("lock", "again", "running", "counter")
    assert set(dumped.failed) == {"lock", "again", "running", "counter"}
    assert dumped.failed["counter"].path == "counter.lock"


WEAK = """
import types, weakref
class Node:
    def __init__(self, name): self.name, self.children = name, []
    def add(self, child): self.children.append(child); child.parent = weakref.ref(self); return child
    def __eq__(self, other): return self.name == other.name
    def __hash__(self): return hash(self.name)
root = Node("root"); child = root.add(Node("child"))
by_name, notes, seen = weakref.WeakValueDictionary(child=child), weakref.WeakKeyDictionary({root: [1]}), weakref.WeakSet([root])
proxy, gone, method = weakref.proxy(root), weakref.ref(Node("gone")), weakref.WeakMethod(root.add)
held = {"a": 1}; window, of_class = types.MappingProxyType(held), vars(Node)
text = bytearray(b"hello"); part, letters = memoryview(text)[1:4], memoryview(b"abc")
"""


def test_weak_references_and_windows_lead_to_what_travelled_with_them(ends: Ends) -> None:
    ends.cell(WEAK)
    names = [
        "weakref",
        "root",
        "child",
        "by_name",
        "notes",
        "seen",
        "proxy",
        "gone",
        "method",
        "held",
        "window",
        "of_class",
        "text",
        "part",
        "letters",
    ]
    far: dict[str, Any] = ends.send(*names)
    ends.begin()
    root = far["root"]
    assert far["child"].parent() is root is far["method"]().__self__ and far["by_name"]["child"] is far["child"]
    assert root in far["seen"] and far["proxy"].name == "root" and far["gone"]() is None
    assert far["of_class"]["add"] is vars(type(root))["add"] and far["letters"].readonly and far["letters"][1] == 98
    third = root.add(type(root)("third"))
    far["by_name"]["third"], far["notes"][third] = third, 2
    far["notes"][root].append(2)
    far["seen"].add(third)
    far["held"]["b"] = 2
    far["part"][0] = 69
    ends.back(third=third)
    home = ends.home
    new = home["root"].children[1]
    assert new.parent() is home["root"] and home["by_name"]["third"] is new and new in home["seen"]
    assert home["notes"][new] == 2 and home["notes"][home["root"]] == [1, 2]
    assert home["window"]["b"] == 2 and home["text"] == b"hEllo"


VIRTUAL = """
import abc, collections.abc, decimal, argparse, typing, random
class Shape(abc.ABC): pass
class Square: pass
class Row:
    def __len__(self): return 1
Shape.register(Square); collections.abc.Sequence.register(Row)
class Logged:
    def __init__(self): self.seen = []
    def __get__(self, instance, owner=None): return self if instance is None else 5
    def __set__(self, instance, value): self.seen.append(value)
class Model:
    size = Logged()
model = Model(); model.size = 2
context, own = decimal.getcontext(), decimal.Context(prec=4)
parser = argparse.ArgumentParser("p"); parser.add_subparsers(dest="c").add_parser("go")
Kind = typing.NewType("Kind", int); chance = random.SystemRandom()
"""


def test_what_no_attribute_shows(ends: Ends) -> None:
    ends.cell(VIRTUAL)
    far = ends.send("Shape", "Square", "Row", "model", "context", "own", "parser", "Kind", "chance")
    ends.begin()
    import collections.abc
    import decimal

    assert isinstance(far["Square"](), far["Shape"]) and isinstance(far["Row"](), collections.abc.Sequence)
    assert type(far["model"]).size.seen == [2] and far["context"] is decimal.getcontext() and far["own"].prec == 4
    assert vars(far["parser"].parse_args(["go"])) == {"c": "go"} and far["Kind"](3) == 3
    assert 0 <= far["chance"].random() < 1
    other = type("Other", (), {})
    far["Shape"].register(other)
    far["model"].size = 3
    ends.back(other=other)
    assert issubclass(type(ends.home["model"]), object) and type(ends.home["model"]).size.seen == [2, 3]
    assert len([c for c in ends.home["Shape"].__subclasses__()]) == 0 and "Shape" in ends.changed
