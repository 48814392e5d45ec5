# %% rows 1, 2, 3
list = [3, 1, 2]
count, total, flag = 0, 10, True
# %% row 1: a name that shadows a builtin; row 2: assigned, then read
mine = list + [4]
fresh = 1
fresh = fresh + 1
# %% row 3: read, then assigned
count += 5
total, count = count, total
# %% row 4: assigned on some paths only
if flag:
    maybe = 1
for step in range(0):
    never = step
try:
    tried = total
except ValueError:
    tried = None
# %% row 5: a branch that ends early
def early(x):
    if x:
        return 1
    return total
got = [early(0), early(1)]
# %% row 7: deleted
gone = 5
spare = 6
# %% row 7
del gone
# %% row 8: global of a called function
g = 0
def bump():
    global g
    g += 1
    return g
def counter():
    n = 0
    def more():
        nonlocal n
        n += 1
        return n
    return more
more = counter()
# %% row 8, row 64: the very dict, closures keep their state
bump()
more(); more()
seen = (g, more())
# %% row 9: comprehensions and the walrus
outer = 2
pairs = [(a, b, outer) for a in range(2) for b in range(a + outer) if (last := b) > 0]
# %% row 10: defaults now, bodies later
def late(a=outer, *, b=last):
    return a + b + later
later = 100
value = late()
shorter = (lambda q=outer: q * outer)()
# %% row 11: called before the global is assigned here
def uses():
    return total
before = uses()
total = 77
after = uses()
# %% row 12: recursion
def even(n): return n == 0 or odd(n - 1)
def odd(n): return n != 0 and even(n - 1)
# %% row 12
even(10), odd(7)
# %% row 13: a class body reads the global
size = 9
class Body:
    size = size
    grown = [size for _ in range(2)]
    def method(self):
        return size
# %% row 13
size = 10
Body.size, Body.grown, Body().method()
# %% row 14: nested format specifications
width = 8
f"{width:>{width}}|{width!r:^{width}}"
# %% row 15: match
def kind(thing):
    match thing:
        case {"a": found}:
            return found
        case [first, *rest]:
            return first, rest
        case int() | float():
            return "number"
kinds = kind({"a": 1}), kind([1, 2, 3]), kind(2.0)
# %% row 17: top-level await
import asyncio
await asyncio.sleep(0)
waited = await asyncio.gather(asyncio.sleep(0, 1), asyncio.sleep(0, 2))
# %% row 18: star imports
from fractions import *
from math import *
half = Fraction(1, 2) + floor(pi)
# %% row 19: submodules bound by a dotted import
import os.path, xml.dom
import collections.abc as abstract
# %% row 19
import xml.dom.minidom
text = xml.dom.minidom.parseString("<a/>").toxml()
# %% row 20: an import that may fail
try:
    import not_there_at_all
except ImportError as problem:
    not_there_at_all = None
    said = str(problem)
# %% row 22: code in strings
exec("made = outer + 1")
evaluated = eval("made * 2")
globals()["through"] = outer
# %% row 23: names in query strings
import pandas as pd
threshold = 2
frame = pd.DataFrame({"a": [1, 2, 3], "b": [4.0, 5.0, 6.0]})
# %% row 23
found = frame.query("a >= @threshold")
summed = pd.eval("threshold + 1")
"{threshold} of {outer}".format(**globals())
# %% row 16: annotations
def annotated(x: int, y: "Unknown" = None) -> Body:
    return x
noted: int = 4
# %% row 16: a __future__ import holds from where it stands, in this cell
before_it = 1
from __future__ import annotations
def annotated(a: nothing_of_that_name) -> int:
    return a
del annotations
annotated.__annotations__
# %% row 16: and in all later ones
def later(a: nothing_of_that_name):
    return a
later.__annotations__
# %% row 21: a name of the notebook is gone after the handler that binds it
trouble, no_trouble = [1], [2]
# %% row 21
try:
    1 / 0
except ZeroDivisionError as trouble:
    kind_of_trouble = type(trouble).__name__
try:
    pass
except ValueError as no_trouble:
    pass
# %% row 36: a function over globals of its own
own_globals = {"factor": 3}
exec("def by_factor(x): return x * factor\ndef twice(x): return by_factor(by_factor(x))", own_globals)
by_factor, twice, factor = own_globals["by_factor"], own_globals["twice"], 100
del own_globals
# %% row 36
from_afar = by_factor(2), twice(2)
# %% row 19: the kernel has the submodule, and the cell names it through its own import
import xml.dom.minidom
# %% row 19
from xml import dom
import xml as markup
dom.minidom.parseString("<a/>").documentElement.tagName, markup.dom.minidom.__name__
# %% row 40: a base class that an earlier cell defined otherwise
class Base_of_two: kind = "old"
class First(Base_of_two): pass
# %% row 40
class Base_of_two: kind = "new"
class First(Base_of_two): pass
class Second(Base_of_two): pass
# %% row 40
First.kind, Second().kind, issubclass(First, Base_of_two), Second.__bases__[0] is Base_of_two
# %% row 7: bound and deleted by the cell, although the notebook has such a name
step, spare = "notebook's", [1]
# %% row 7
for step in range(2): spare.append(step)
del step, spare
# %% row 7
"step" in globals(), "spare" in globals()
# %% row 22: names that exec used, and left
apart = {"k": 2}
exec("def twice(): return k * 2\nfour = twice()", apart)
# %% row 22
apart["four"], apart["twice"](), eval("k + four", apart)
# %% row 38: what the compiler says of a text is said once, where it runs
import re
def digits(text): return re.findall('\d', text)
class Words: pattern = '\w+'
# %% row 38
digits("a1"), re.findall(Words.pattern, "b c")
# %% row 22: all names, in their order and with IPython's own
[name for name in dir() if not name.startswith("_")], [name for name in globals() if not name.startswith("_")][:12]
