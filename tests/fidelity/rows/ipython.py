# %% row 28
import numpy as np
40 + 2
# %% row 28
_ + 1
# %% row 28
Out[1], _2, _1, len(In)
# %% row 28: bound by the cell itself
_, rest = 1, 2
# %% row 28
for _ in range(3):
    pass
"shown"
# %% row 29
%precision 3
np.zeros(1)
# %% row 29
3.14159265
# %% row 29
get_ipython().ast_node_interactivity = "all"
# %% row 29
1
2
# %% row 29
get_ipython().ast_node_interactivity = "last_expr"
# %% row 24, row 25
name = "world"
files = !echo hello {name} $name
# %% row 24
files
# %% row 24
%%capture caught
print("inside"); made = 1
# %% row 24
caught.stdout, made
# %% row 26
%env COLOUR=red
# %% row 26
%%bash
echo from bash
echo on stderr >&2
# %% row 30: displays in order
from IPython.display import HTML, Markdown, display, clear_output, update_display
print("one")
display(HTML("<b>two</b>"), Markdown("*three*"))
print("four")
handle = display("five", display_id="five")
update_display("six", display_id="five")
# %% row 30
print("gone"); clear_output(wait=True); print("stays")
# %% row 30: rich reprs
class Rich:
    def _repr_html_(self): return "<i>rich</i>"
    def _repr_latex_(self): return "$x$"
    def __repr__(self): return "plain"
rich = Rich()
# %% row 30
rich
# %% row 30: one that fails
class Broken:
    def _repr_html_(self): raise AttributeError("no html")
    def __repr__(self): return "broken"
Broken()
# %% stdout of a subprocess and stderr in order
import subprocess, sys
subprocess.run(["echo", "child"])
print("to stderr", file=sys.stderr)
# %% a semicolon hides the value
42;
# %% row 31; refused
answer = input("name? ")
# %% row 27: automagic, and the colours that a notebook's programs show
ls -a
# %% functions that the notebook registers with formatters show its values there too
class Length:
    def __init__(self, metres): self.metres = metres
def as_html(length): return f"<b>{length.metres} {unit}</b>"
unit = "m"
shell = get_ipython()
html = shell.display_formatter.formatters["text/html"]
html.for_type(Length, as_html)
# %% by a function of another cell, with the names that it reads
Length(3)
# %% for types of Python and of libraries, named or not
import fractions
plain = shell.display_formatter.formatters["text/plain"]
plain.for_type(int, lambda number, printer, cycle: printer.text(f"int {number:,}"))
html.for_type_by_name("fractions", "Fraction", lambda number: f"<i>{number}</i>");
# %% also inside of other values
from IPython.display import display
display(fractions.Fraction(1, 3), [10000, 3])
1234567
# %% and those that a cell takes away are gone
html.pop(Length); plain.pop(int);
# %% as here
display(Length(4), 10000)
# %% row 26: magics of the notebook, and of an extension that an earlier cell loaded
from IPython.core.magic import register_cell_magic, register_line_magic
times = 2
@register_line_magic
def doubled(line): return times * int(line)
@register_cell_magic
def shouted(line, cell): print(line, cell.upper())
open("extension.py", "w").write("""
from IPython.core.magic import Magics, line_magic, magics_class
@magics_class
class Own(Magics):
    @line_magic
    def greeted(self, line): return 'hello ' + line
def load_ipython_extension(shell): shell.register_magics(Own)
""") and None
# %%
%load_ext extension
# %% row 26
four = %doubled 2
four
# %% row 26
%%shouted now
text
# %% row 26
%greeted you
# %% row 26: other names for magics, with what goes before their lines
%alias_magic counted --line timeit -p "-n 1 -r 1 -q"
%alias_magic waited time
# %% row 26
kept_seven = 7
def seven(): return kept_seven
# %% row 26
%counted seven()
%alias_magic again counted --line
# %% row 26
%again seven()
# %% row 26; in place
%again seven()
# %% the shell and its parts are those of either end
get_ipython() is shell, html is shell.display_formatter.formatters["text/html"], type(shell).__name__
# %% there is one token type of each name
from pygments.token import Comment, Token
token = Token.Comment.Single
# %% also when it came from elsewhere
token is Comment.Single, token in Comment
# %% what goes to a pager here is printed there
def documented(x):
    "What it does."
# %%
documented?
# %% row 24: a value that is shown under %%capture
%%capture shown
print("before")
made
# %% row 24
shown.outputs, shown.stdout
shown()
# %% row 24: an error under %%capture is shown all the same
%%capture hushed
print("hushed"); 1 / 0
# %% row 24: and what a shell line leaves
!exit 3
# %% row 24
hushed.stdout, _exit_code
# %% row 24: a last result that is another object now
import numpy as np
grown = np.arange(3); grown
# %% row 24
grown.resize(5, refcheck=False); grown.size
# %% row 24
_, Out.keys() >= {1}
# %% row 26: what %pylab puts there is none of the notebook's names, and later cells have it
%pylab inline
# %% row 26
plot(linspace(0, 1, 5))
sum(array([1, 2])), pi
# %% row 26: bound anew
e = [2]
# %% row 26
e + [pi], np.e
# %% row 28: a loop that binds `_`, and a result that only IPython can show
class Steps: pass
steps = Steps(); steps.last = [0]
# %% row 28
steps.last, 0
# %% row 28
for _ in range(3): steps.last = [_]
steps.last, 1
# %% row 28
_
# %% row 26: an extension that is loaded beside other code is loaded for later cells, too
%load_ext autoreload
%autoreload 2
answer = 42
# %% row 29: put back
%precision
3.14159265
# %% row 29
3.14159265, np.zeros(1) + 1 / 3
# %% rows 23, 29: names that go through the shell
shell = get_ipython()
shell.user_ns["injected"] = 7; shell.ex("through = injected + answer")
# %% rows 23, 29
shell.ev("through + 1"), shell.user_ns.get("injected"), "through" in shell.user_ns
# %% a warning is shown once, whatever is imported and drawn in between
import warnings
def old():
    warnings.warn("old", FutureWarning)
old()
get_ipython()
old()
import sympy
old()
display({"a": 1})
old()
# %% what asks for a password or a line is that of either end
from getpass import getpass as ask
read, asks = input, [ask, input]
# %%
read == input, asks[1] == input, asks[0] == ask
# %% row 27: the outputs as a value are not one of them
Out;
# %% row 27
sorted(Out)[-1:], 1_000_000 in Out
# %% row 75: a module that a job loads anew is new here, too
%%writefile loaded_anew.py
V = 3
def f(): return V
class C: n = 1
# %%
import importlib, loaded_anew
kept = loaded_anew.C(); loaded_anew.f()
# %% in place
loaded_anew.V = 8
# %%
%%writefile loaded_anew.py
V = 555
def f(): return V * 2
class C: n = 22
# %%
importlib.reload(loaded_anew); loaded_anew.f()
# %% in place
loaded_anew.f(), loaded_anew.V, loaded_anew.C.n, kept.n, isinstance(kept, loaded_anew.C)
# %%
loaded_anew.f(), kept.n
# %% names for commands
%alias say echo say %s
# %%
say there
# %% in place
%alias tell echo told %l
say here
# %%
for word in ("a", "b"): %tell $word
# %%
%unalias say
# %% in place
"say" in dict(get_ipython().alias_manager.aliases)
