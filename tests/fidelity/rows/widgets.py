"""Widgets of ipywidgets: a page has their other half. What a job makes, shows and changes is alive here."""
# %% row 54: a widget that is shown
import ipywidgets as widgets
slider = widgets.IntSlider(value=3, description="n")
slider
# %% it is an input, and what the job sets is set
slider.value = 7
seen = slider.value
# %% who observes it comes along, both ways
log = []
def on_change(change):
    log.append((change["name"], change["old"], change["new"]))
slider.observe(on_change, "value")
slider.value = 9
# %%
slider.value = 11
log
# %% in place, too: what observes is the notebook's own function again
slider.value = 12
log
# %% a button and who is told of it
button = widgets.Button(description="go")
button.on_click(lambda _: log.append("clicked"))
display(button)
# %%
button.click()
len(log)
# %% widgets in widgets
box = widgets.VBox([slider, widgets.Label("x")], layout=widgets.Layout(width="50%"))
box
# %%
box.children = [button, slider]
box.children[1] is slider, box.layout.width
# %% two widgets that are linked
left, right = widgets.FloatSlider(), widgets.FloatText()
link = widgets.link((left, "value"), (right, "value"))
left.value = 5.0
right.value
# %%
right.value = 6.0
left.value
# %% selections
choice = widgets.Dropdown(options=[("One", 1), ("Two", 2)], value=2)
tab = widgets.Tab([choice, widgets.SelectMultiple(options=["a", "b"])], titles=["p", "q"])
tab
# %%
choice.value = 1
tab.selected_index, choice.label
# %% interact
@widgets.interact(x=(0, 10))
def twice(x):
    print("x", x)
    return 2 * x
# %%
@widgets.interact_manual(word=["a", "b"])
def shout(word):
    print(word.upper())
# %% of a function that is an input
def half(x):
    return x / 2
# %%
widgets.interact(half, x=(0, 10));
# %% its slider calls it here; in place
half.widget.children[0].value = 3
half.widget.result
# %% what is printed inside of an output goes there
out = widgets.Output()
with out:
    print("within")
    display(1)
print("without")
out
# %% an error in it ends nothing
with out:
    1 / 0
after = 1
# %%
out.clear_output()
out.msg_id
# %% bars of tqdm are widgets in a notebook
from tqdm.auto import tqdm
for _ in tqdm(range(10)):
    pass
# %% an inner bar goes when it is full
for _ in tqdm(range(2), desc="outer"):
    for _ in tqdm(range(3), leave=False):
        pass
# %% one that goes on in the next cell
from tqdm.notebook import trange
bar = trange(5)
bar.update(2)
# %%
bar.update(3)
bar.close()
bar.n
# %% a widget that is closed
slider.close()
# %% and is shown in another one
box
# %% a class of the notebook
import traitlets
class Counter(widgets.HBox):
    count = traitlets.Int(0)
    def __init__(self):
        self.label = widgets.Label("0")
        super().__init__([self.label])
    @traitlets.observe("count")
    def _show(self, change):
        self.label.value = str(change.new)
counter = Counter()
counter.count += 1
counter
# %%
counter.count += 1
counter.label.value
# %% many changes at once
with counter.hold_trait_notifications():
    counter.count = 5
    counter.count = 6
counter.label.value
# %% a widget of anywidget, whose class is its own alone
import anywidget
class Shown(anywidget.AnyWidget):
    _esm = "export default {render({model, el}) {el.textContent = model.get('value')}}"
    value = traitlets.Int(0).tag(sync=True)
heard = []
shown = Shown(value=3)
shown.observe(lambda change: heard.append(change.new), "value")
shown
# %%
shown.value += 1
other = Shown(value=heard[-1])
other
# %%
other.value += 1
shown.value, other.value, heard, type(shown).__mro__[1] is Shown, shown._esm == Shown._esm
# %% and here; in place
shown.value += 1
heard, other.value, isinstance(other, Shown)
