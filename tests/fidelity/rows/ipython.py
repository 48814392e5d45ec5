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
