# %% exceptions
def deep(x):
    y = x - 1
    return 1 / y
class Own(ValueError):
    def __init__(self, code):
        super().__init__(f"code {code}")
        self.code = code
# %% partial results first
ready = 1
deep(1)
never = 2
# %% a chain
try:
    {}["missing"]
except KeyError as error:
    raise RuntimeError("told") from error
# %% an own type
raise Own(5)
# %% a library's frame
import json
json.loads("{")
# %% an undefined name; not runnable
print(ready, undefined_anywhere)
# %% row 14: syntax
x = = 1
# %% indentation that cannot be read in words
if ready:
    x = 1
  y = 2
# %% syntax of code that is run
exec("a b")
# %% an assertion
assert ready == 2, "not two"
# %% caught here
try:
    deep(1)
except ZeroDivisionError as problem:
    message = str(problem)
message
# %% warnings
import warnings
warnings.warn("careful", UserWarning)
# %% an error with notes and groups
error = ValueError("with a note")
if hasattr(error, "add_note"):
    error.add_note("the note")
raise error
# %% row 57: a message that names a line in words
x = 1
if x:
    if x:
    print(x)
# %% tracebacks of exceptions that are kept
import traceback
try: deep(1)
except ZeroDivisionError as problem: kept = problem
try:
    try: json.loads("{")
    except ValueError as inner: raise Own(4) from inner
except Own as problem: chained = problem
box = [kept]
# %% tell there where they came from
traceback.print_exception(kept)
print("".join(traceback.format_exception(chained)))
kept.__traceback__.tb_next.tb_lineno, kept.__traceback__.tb_next.tb_frame.f_code.co_name
# %% and here, after they were raised and changed there
kept.args = ("other",); kept.note = box
try: raise kept
except ArithmeticError: pass
def again(n, *more, by=1): return again(n - by) if n else more[0]
try: again(3)
except IndexError as problem: box.append(problem)
# %%
for problem in box: traceback.print_exception(problem)
box[0] is kept, kept.note is box, kept.args
# %% row 21: an import that fails inside of a package of the folder
import os; os.makedirs("broken_inside", exist_ok=True)
open("broken_inside/__init__.py", "w").write("from .inner import x\n"); open("broken_inside/inner.py", "w").write("x = 1 / 0\n") and None
# %% row 21
import broken_inside
# %% row 26: a function that %run brought shows its file in tracebacks
from pathlib import Path
text = 'def shares(n):\n    """\n    What is left.\n    """\n    return 1 / n\n'
Path("shares.py").write_text(text), get_ipython().run_line_magic("run", "shares.py")
# %% row 26
shares(0)
# %% row 26
shares.__code__.co_filename.endswith("shares.py") and Path(shares.__code__.co_filename).exists()
# %% an exception whose class keeps what it says in slots, `args` among them, as pyparsing's does
class Slotted(Exception):
    __slots__ = ("place", "said", "args")
    def __init__(self, said, place):
        self.said, self.place, self.args = said, place, (said, place)
    def __str__(self):
        return f"{self.said} at {self.place}"
def parse(text):
    raise Slotted("not a number", len(text))
# %%
parse("ABC")
# %%
try:
    parse("AB")
except Slotted as problem:
    slotted = problem
seen = 1
# %%
slotted.said, slotted.place, slotted.args, str(slotted)
# %%
slotted.place = 7
# %% raised again: of the frame of a cell IPython tells the line where it ended; in place
raise slotted
