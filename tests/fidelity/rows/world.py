# %% row 67: ambient generators, unseeded in this notebook
import random
import warnings
import decimal
import numpy as np
import pandas as pd
random.random(), np.random.rand()
# %% row 67
random.shuffle(order := [1, 2, 3, 4]); np.random.normal(size=2)
# %% row 67
np.random.seed(3); random.seed("x"); np.random.permutation(4)
# %% row 68
pd.set_option("display.max_rows", 5); np.set_printoptions(precision=2); decimal.getcontext().prec = 5
warnings.filterwarnings("ignore", message="quiet")
# %% row 68
print(np.array([1.23456]), decimal.Decimal(1) / 3)
warnings.warn("quiet please"); warnings.warn("loud")
pd.DataFrame({"x": range(20)})
# %% row 68
import matplotlib.pyplot as plt
plt.rcParams["figure.figsize"] = (2, 1)
plt.style.use("ggplot")
# %% row 71, 72, 74: files of the folder
import os
with open("made.txt", "w") as file:
    file.write("written by the cell")
os.makedirs("sub/deep", exist_ok=True)
pd.DataFrame({"a": [1, 2]}).to_csv("sub/deep/table.csv", index=False)
# %% row 72
print(open("made.txt").read(), pd.read_csv("sub/deep/table.csv").shape, sorted(os.listdir()))
# %% row 74: changed
with open("made.txt", "a") as file:
    file.write(" and more")
# %% row 74
!cat made.txt
# %% row 75: a local module
%%writefile helper.py
FACTOR = 4
def times(x):
    return x * FACTOR
# %% row 75
import helper
times = helper.times(3)
# %% row 75
from helper import times as multiply
multiply(2), helper.FACTOR
# %% row 78
%time timed = sum(range(1000))
# %% row 78
%%time
slow = sum(range(1000))
# %% row 74: folders, empty ones too
from pathlib import Path
pictures = Path() / "made" / "pictures"
pictures.mkdir(parents=True, exist_ok=True)
# %% row 74
(pictures / "one.txt").write_text("1")
sorted(str(path) for path in Path("made").rglob("*"))
# %% row 68: settings that are put back are put back here too
import matplotlib as mpl, matplotlib.pyplot as plt, numpy as np, pandas as pd
mpl.rcParams.update({"lines.solid_capstyle": "round", "font.size": np.float64(15), "lines.linewidth": 4})
pd.set_option("display.max_rows", 7, "display.precision", 2)
# %% row 68
plt.plot([1, 2, 3]);
# %% row 68
mpl.rcParams["font.size"] = mpl.rcParamsDefault["font.size"]; pd.reset_option("display.max_rows")
# %% row 68
plt.plot([1, 2, 3]); pd.get_option("display.max_rows"), mpl.rcParams["font.size"], mpl.rcParams["lines.linewidth"]
# %% row 68
mpl.rcdefaults(); pd.reset_option("display.precision")
# %% row 68
mpl.rcParams["lines.linewidth"], pd.get_option("display.precision")
# %% row 67: functions of random draw from the one generator, however they came
from random import random as draw, shuffle, uniform
import random
# %% row 67
numbers = [uniform(0, 1), draw(), random.random()]
shuffle(numbers)
# %% row 67
uniform.__self__ is random._inst, draw(), random.random(), uniform(0, 1)
# %% row 68: the settings by a name of their own
from matplotlib import rcParams
rcParams["image.cmap"] = "gray"
# %% row 68
rcParams["image.cmap"] = "jet"; plt.rcParams["lines.linewidth"] = 3
# %% row 68
rcParams is plt.rcParams, rcParams["lines.linewidth"], plt.rcParams["image.cmap"]
# %% what a local module prints when it is imported is shown once, also what it writes past Python
open("prints.py", "w").write("import os; print('imported'); os.write(2, b'beside Python'); value = 3") and None
# %%
import prints
# %%
prints.value
# %% row 75: a file that is called as a module of Python's own, which comes first
open("filecmp.py", "w").write("raise ValueError('of the folder')") and None
# %% row 75
import filecmp
filecmp.cmp("filecmp.py", "filecmp.py")
# %% row 68: settings of Python and of libraries
import sys, gc, logging, polars as pl, plotly.io as pio, numpy as np
np.seterr(all="raise"); sys.setrecursionlimit(2345); gc.disable(); sys.set_int_max_str_digits(5000)
logging.basicConfig(level=logging.INFO, format="%(levelname)s-%(message)s")
log = logging.getLogger("mine"); log.setLevel(logging.DEBUG)
pl.Config.set_tbl_rows(3); pio.templates.default = "plotly_dark"
# %% row 68: raised as here
np.array([1.0]) / 0
# %% row 68
logging.info("hello"); log.debug("deep")
sys.getrecursionlimit(), gc.isenabled(), sys.get_int_max_str_digits(), pio.templates.default, pl.DataFrame({"a": range(10)})
# %% row 68
np.seterr(all="warn"); sys.setrecursionlimit(3456); gc.enable(); logging.getLogger().setLevel(logging.ERROR); log.setLevel(0)
pl.Config.restore_defaults(); pio.templates.default = "plotly"
# %% row 68
logging.info("no"); log.debug("no"); log.error("yes")
np.geterr(), sys.getrecursionlimit(), pio.templates.default, pl.DataFrame({"a": range(10)})
# %% row 68: colours of one letter, which seaborn's themes set, and colormaps that the notebook registers
mpl.colors.colorConverter.colors["r"] = (0.0, 0.5, 0.5)
mpl.colormaps.register(mpl.colors.ListedColormap(["r", "g"], name="mine")); mpl.rcParams["image.cmap"] = "mine"
# %% row 68: here, too
plt.plot([1, 2, 3], "r"); plt.imshow([[1, 2]]); mpl.colors.to_rgb("r")
# %% row 69: a backend that the notebook chose
mpl.use("agg")
# %% row 69
plt.plot([1, 2]); plt.close(); mpl.get_backend()
# %% row 69
%matplotlib inline
# %% row 69: that of notebooks has a name where somebody chose it
mpl.get_backend(), mpl.rcParams["backend"]
# %% row 69: formats of figures that a call chose, which the backend's own settings do not tell
import matplotlib_inline
matplotlib_inline.backend_inline.set_matplotlib_formats("svg", metadata={"Date": "today"}); mpl.rcParams["svg.hashsalt"] = "1"
# %% row 69
plt.plot([1, 2]);
# %% row 69
matplotlib_inline.backend_inline.set_matplotlib_formats("retina")
# %% row 69
plt.plot([1, 2]);
# %% row 69
matplotlib_inline.backend_inline.set_matplotlib_formats("png"); mpl.rcParams["svg.hashsalt"] = None
# %% row 67: handlers of the notebook's loggers, with a file and with names that refer to them
import multiprocessing  # which has the notebook's module under a second name
logging.getLogger().handlers.clear()
logging.basicConfig(filename="root.log", filemode="w", level=logging.INFO, format="%(levelname)s %(message)s")
style = logging.Formatter("%(name)s: %(message)s")
file = logging.FileHandler("mine.log"); file.setFormatter(style); log.addHandler(file)
shown = logging.StreamHandler(); shown.setFormatter(style); log.addHandler(shown)
class Kept(logging.Handler):
    def __init__(self): super().__init__(); self.texts = []
    def emit(self, record): self.texts.append(record.getMessage())
kept = Kept(); log.addHandler(kept)
# %% row 67
log.error("first"); logging.info("root")
file.setLevel(logging.CRITICAL); log.error("second"); log.removeHandler(shown)
kept.texts, open("mine.log").read(), open("root.log").read(), log.handlers[0] is file, file.formatter is style
# %% row 67: as written by both ends, one after the other
log.critical("third"); logging.warning("on")
kept.texts, open("mine.log").read(), open("root.log").read(), log.handlers == [file, kept]
# %% row 67: handlers that a cell takes away all at once
log.handlers = []; logging.getLogger().handlers.clear()
# %% row 67
log.handlers, logging.getLogger().handlers
# %% what cells set on modules and classes of libraries
import json, ssl
np.float = float
SCALE = 3
def scaled(self, by=1): return self * SCALE * by
pd.DataFrame.scaled = scaled
pd.Series.double = property(lambda self: self * 2)
def default(self, obj): return sorted(obj) if isinstance(obj, set) else str(obj)
json.JSONEncoder.default = default
ssl._create_default_https_context = ssl._create_unverified_context
@pd.api.extensions.register_dataframe_accessor("geo")
class Geo:
    def __init__(self, frame): self._frame = frame
    @property
    def size(self): return len(self._frame) * SCALE
from tqdm import tqdm
from tqdm.auto import tqdm as bar, trange
tqdm.pandas(disable=True)
table = pd.DataFrame({"a": [1, 2]})
# %% is so there
print(table.scaled(2), table.a.double, np.float(3), table.geo.size, json.dumps({1, 2}))
table.a.progress_apply(lambda x: x + 1), ssl._create_default_https_context.__name__
# %% and what is changed there is so here
SCALE = 5; np.rms = lambda a: float(np.sqrt(np.mean(np.square(a)))); del np.float
helper.FACTOR = 9
# %%
print(np.rms([1, 2]), hasattr(np, "float"), table.scaled(), table.geo.size, helper.times(2))
# %% row 68: options that are functions
DIGITS = 2
pd.options.display.float_format = "{:.3f}".format
np.set_printoptions(formatter={"float": lambda x: f"<{x:.{DIGITS}f}>"})
# %% row 68
print(pd.DataFrame({"a": [1.23456]}), np.array([1.2345]))
# %% row 68
pd.set_option("display.float_format", lambda x: f"{x:.{DIGITS}f}"); np.set_printoptions(formatter=None)
# %% row 68
print(pd.DataFrame({"a": [1.23456]}), np.array([1.2345]))
# %% row 68
pd.reset_option("display.float_format")
# %% row 68
print(pd.DataFrame({"a": [1.23456]}))
# %% row 75: what a local module keeps
%%writefile keeper.py
STATE = []
CACHE: dict = {}
count = 0
def add(x):
    global count
    count += 1
    CACHE[x] = count
    STATE.append(x)
    return len(STATE)
# %% row 75
import keeper
from keeper import STATE, add
keeper.add(1)
# %% row 75
keeper.add(2), keeper.STATE, keeper.count, keeper.CACHE
# %% row 75
STATE is keeper.STATE, STATE, keeper.count, add(5)
# %% row 75
keeper.CACHE = {}
STATE, keeper.STATE, keeper.count, keeper.CACHE
# %% row 71: the current folder and the folders for modules, changed there
os.mkdir("below")
sys.path.insert(0, "below")
open("below/lower.py", "w").write("value = 5\nclass Kept: pass\n")
import lower
kept = lower.Kept()
os.chdir("below")
# %% row 71
[name for name in os.listdir() if name[0] != "_"], os.path.basename(os.getcwd()), lower.value, isinstance(kept, lower.Kept), os.path.exists("../made.txt")
# %% row 71
os.chdir("..")
# %% row 75: what a local module keeps is put back
keeper.count = 50
# %% row 75
import importlib
importlib.reload(keeper)
keeper.count
# %% row 75
keeper.count, keeper.STATE
# %% row 68: no filter at all, and no warning that no cell made
warnings.resetwarnings()
# %% row 68
plt.plot([1, 2]);
# %% row 68: the locale
import locale
locale.setlocale(locale.LC_TIME, "C.UTF-8")
# %% row 68
locale.setlocale(locale.LC_TIME)
# %% row 71: paths into the notebook's folder
import pathlib
resolved, told_apart = pathlib.Path("beside.txt").resolve(), [pathlib.Path.cwd() / "x", pathlib.Path("/usr")]
whole = os.path.abspath("beside.txt")
# %% row 46: an archive of arrays, closed and open
np.savez("pair.npz", one=[1, 2], two=[3.0])
pair = np.load("pair.npz")
with np.load("pair.npz") as closed:
    pass
# %% row 46
pair["one"], pair.files, pair, closed.files
# %% row 49: a session of requests that has no credentials
import requests
session, held = requests.Session(), []
held.append(session)
# %% row 49
session.headers["User-Agent"] = "notebook"
# %% row 49
held[0] is session, dict(session.headers), session.get_adapter("https://a").max_retries
# %% row 49; in place
session.headers["Authorization"] = "Bearer of a secret"
# %% row 49; refused
session.headers
# %% row 67: settings of the standard library's modules, and what a notebook registers with libraries
import calendar, copyreg, csv, io, socket
import matplotlib.projections, matplotlib.scale
csv.register_dialect("bars", delimiter="|", quoting=csv.QUOTE_ALL)
calendar.setfirstweekday(calendar.SUNDAY); socket.setdefaulttimeout(7)
class Doubled(matplotlib.scale.LinearScale): name = "doubled"
matplotlib.scale.register_scale(Doubled)
class Plain(plt.Axes): name = "plain"
matplotlib.projections.register_projection(Plain)
class Box: pass
copyreg.pickle(Box, lambda box: (str, ("a box",)))
# %% row 67; in place
csv.register_dialect("semicolons", delimiter=";")
list(csv.reader(io.StringIO('"a"|"b"'), "bars")), calendar.firstweekday(), socket.getdefaulttimeout(), copyreg.dispatch_table[Box](0)
# %% row 67
plain = plt.figure().add_subplot(projection="plain"); plain.set_xscale("doubled"); plt.close()
plain = type(plain).__name__, plain.get_xscale()
csv.unregister_dialect("bars"); calendar.setfirstweekday(0); socket.setdefaulttimeout(None)
plain, list(csv.reader(io.StringIO("a;b"), "semicolons")), csv.list_dialects()
# %% row 67; in place
csv.list_dialects(), calendar.firstweekday(), socket.getdefaulttimeout()
# %% row 67: precision, which an object of a library keeps
import mpmath
from mpmath import mp
mp.dps = 40
mpmath.iv.dps = 30
mp.pi, mpmath.iv.mpf(1) / 3
# %% row 67; in place
third = mp.mpf(1) / 3
mpmath.mp.dps = 20; mp.pretty = True
# %% row 67
third, +third, mp.dps, mpmath.mp is mp
# %% row 71, 72, 74: files and folders that a job made
import os
from pathlib import Path
os.makedirs("made/inner")
for word in ("one", "two"):
    Path(f"made/{word}.txt").write_text(word)
# %% row 71, 72, 74: another changes and renames them
os.rename("made/one.txt", "made/three.txt"); os.rename("made/inner", "made/outer")
Path("made/two.txt").write_text("2")
# %% row 71, 72, 74
sorted(os.listdir("made")), Path("made/two.txt").read_text(), os.remove("made/three.txt")
# %% row 71, 72, 74; in place
sorted(os.listdir("made"))
# %% row 71, 72, 74: and deletes them
import shutil
shutil.rmtree("made")
# %% row 71, 72, 74; in place
os.path.exists("made")
# %% row 67: modules that set filters, imported where no name keeps them
from pathlib import Path
for word in ("sooner", "later"):
    Path(f"filters_{word}.py").write_text(f"import warnings\nwarnings.filterwarnings('ignore', '{word}')\n")
def load():
    import filters_sooner, filters_later
load()
# %% row 67: one comes to this kernel with a name, and its filter stays where it was
import filters_sooner
# %% row 67
import warnings
[item[1].pattern for item in warnings.filters[:2]], any(item[3] == "__main__" for item in warnings.filters)
# %% row 67: one that no kernel had imported moves a filter that was there, warns once, and shows something once
Path("filters_moved.py").write_text(
    "import warnings\nwarnings.warn('old module')\nwarnings.filterwarnings('ignore', 'sooner')\n"
    "import IPython.display\nprint('printed')\nIPython.display.display(IPython.display.HTML('<b>shown</b>'))\n"
)
import filters_moved
# %% row 67
[item[1].pattern for item in warnings.filters[:2]]
# %% row 67: a library that gives its logger a handler when its first part is imported
import logging
Path("talks").mkdir()
Path("talks/__init__.py").write_text("")
Path("talks/part.py").write_text("import logging\nlogging.getLogger('talks').addHandler(logging.StreamHandler())\n")
import talks.part
# %% row 67: one cell imports nothing of it, and changes something else
logging.getLogger("other").setLevel(10)
# %% row 67: another one imports it whole, but for the part
import talks
logging.getLogger("other").setLevel(20)
# %% row 67: and each line is there once
import talks.part
logging.getLogger("talks").warning("once")
# %% row 67; in place
logging.getLogger("talks").warning("once")
# %% row 67
logging.getLogger("talks").warning("once")
# %% row 67: what calls change in a library that no table names: its lists, dicts and settings, by its own code
import mimetypes, urllib.request
mimetypes.add_type("text/x-mine", ".mine")
opener = urllib.request.build_opener(); opener.addheaders = [("User-agent", "mine")]
urllib.request.install_opener(opener)
# %% row 67
mimetypes.guess_type("a.mine"), urllib.request._opener.addheaders
# %% row 67; in place
mimetypes.guess_type("a.mine"), urllib.request._opener.addheaders, urllib.request._opener is opener
# %% row 67; in place
import sympy
positive = sympy.symbols("positive")
sympy.assumptions.global_assumptions.add(sympy.Q.positive(positive))
# %% row 67
bool(sympy.ask(sympy.Q.positive(positive))), len(sympy.assumptions.global_assumptions)
# %% row 67: and of the notebook's own functions, of a module beside it, and in what magics run
from pathlib import Path
Path("keeps.py").write_text(
    "class Theme:\n    __slots__ = ('colour',)\n    def __init__(self): self.colour = 'red'\n"
    "    def set(self, colour): self.colour = colour\n"
    "theme, steps, made = Theme(), [], {}\n"
    "def step(name, to=Theme):\n    global last\n    last = name\n    steps.append(name)\n"
    "def register(function):\n    made[function.__name__] = function\n    return function\n"
)
# %% row 67
import keeps
def set_up():
    keeps.theme.set("blue")
    keeps.step("one")
set_up()
@keeps.register
def double(x): return 2 * x
# %% row 67
%time keeps.step("two")
keeps.steps, keeps.last, keeps.theme.colour, keeps.made["double"] is double, keeps.made["double"](4)
# %% row 67; in place
keeps.step("three")
keeps.steps, keeps.last, keeps.theme.colour, keeps.made["double"] is double
# %% row 67
keeps.steps, keeps.last, keeps.made["double"](5)
# %% row 67: types that SQLite takes
import sqlite3
class Place:
    def __init__(self, name): self.name = name
sqlite3.register_adapter(Place, lambda place: place.name)
# %% row 67
sqlite3.connect(":memory:").execute("select ?", (Place("here"),)).fetchone()
# %% row 67; in place
sqlite3.connect(":memory:").execute("select ?", (Place("there"),)).fetchone()
# %% row 67: Python's collector, stacks of threads, what NumPy calls for errors
import gc, threading
import numpy as np
gc.set_threshold(500, 5, 5); threading.stack_size(1 << 20); np.seterrcall(print)
# %% row 67
gc.get_threshold(), threading.stack_size(), np.geterrcall()
# %% row 67; in place
gc.get_threshold(), threading.stack_size(), np.geterrcall()
# %% row 67
gc.set_threshold(700, 10, 10); threading.stack_size(0); np.seterrcall(None);
# %% row 67: values shown by rich
from rich import pretty
pretty.install(max_length=5)
# %% row 67
{"a": list(range(30)), "b": None}
# %% row 67; in place
[1, {"a": list(range(30))}]
# %% row 67: what modules warn of once
from pathlib import Path
Path("warns.py").write_text("import warnings\ndef warn(text='once'): warnings.warn(text, RuntimeWarning)\n")
import warns
warns.warn()
# %% row 67
warns.warn(); warns.warn("another one")
# %% row 67; in place
warns.warn(); warns.warn("another one"); warns.warn("a third one")
# %% row 67
warns.warn("a third one")
# %% row 67: and once more when the filters were touched
import warnings
warnings.filterwarnings("ignore", "nothing")
warns.warn(); warns.warn()
# %% row 67; in place
warns.warn(); warns.warn("another one")
# %% row 67: what is registered to be done when the kernel ends
import atexit
atexit.register(print, "at the end");
