"""The main job as people see it: a real ``%%processing`` cell in a live JupyterLab."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.browser_lab import Lab, open_notebook, run_all, save_notebook

pytestmark = pytest.mark.browser

SETUP = """%load_ext nbprocess
import numpy as np, pandas as pd, matplotlib.pyplot as plt

def walk(steps, seed):
    return pd.Series(np.random.default_rng(seed).normal(size=steps).cumsum(), name=f"walk {seed}")"""

CELL = """%%processing --timeout 5m
import time
from tqdm.auto import tqdm

walks = []
for seed in tqdm(range(30), desc="walks"):
    time.sleep(0.1)
    walks.append(walk(2000, seed))
table = pd.concat(walks, axis=1)
print(f"{table.shape[1]} walks of {len(table):,} steps; the highest reached {table.max().max():.1f}")
table.iloc[:, :8].plot(figsize=(7, 2.6), legend=False, title="Eight of the walks")
plt.show()"""


def saved_outputs(lab: Lab, name: str, cell: int) -> list[dict[str, Any]]:
    outputs: list[dict[str, Any]] = json.loads((lab.root / name).read_text())["cells"][cell]["outputs"]
    return outputs


def test_a_cell_is_followed_to_its_end_and_stays_in_the_saved_notebook(lab: Lab, page: Any, screenshots: Path) -> None:
    lab.notebook("walks.ipynb", [SETUP, CELL, "table.shape"])
    open_notebook(page, lab, "walks.ipynb")
    run_all(page)
    card = page.locator(".jp-Cell").nth(1)
    card.get_by_text("Running", exact=True).locator("visible=true").first.wait_for()
    card.get_by_role("progressbar").locator("visible=true").first.wait_for()
    page.screenshot(path=str(screenshots / "cell-running.png"))
    card.get_by_text("Completed in").first.wait_for()
    card.locator("img").first.wait_for()
    page.get_by_text("(2000, 30)").wait_for()
    page.screenshot(path=str(screenshots / "cell-finished.png"))
    save_notebook(page)
    outputs = saved_outputs(lab, "walks.ipynb", 1)
    assert any("Completed" in str(o.get("data", {}).get("text/html", "")) for o in outputs)
    assert any("30 walks of 2,000 steps" in "".join(o.get("text", "")) for o in outputs)
    assert any("image/png" in o.get("data", {}) for o in outputs)
    shown = [o["data"] for o in outputs if "application/vnd.jupyter.widget-view+json" in o.get("data", {})]
    assert [data["text/plain"][0].split(":")[0] for data in shown] == ["walks"]  # the bar; the job view left no widget
    assert page.problems == []


WIDGETS = """%%processing
import ipywidgets
from tqdm.auto import tqdm

for _ in tqdm(range(20), desc="steps"):
    pass

@ipywidgets.interact(x=(0, 10))
def square(x):
    print(f"{x} squared is {x * x}")

out = ipywidgets.Output(layout={"border": "1px solid"})
with out:
    print("inside of the output")
out"""


def test_widgets_that_a_job_made_are_alive(lab: Lab, page: Any, screenshots: Path) -> None:
    lab.notebook("widgets.ipynb", ["%load_ext nbprocess", WIDGETS, "square.widget.children[0].value"])
    open_notebook(page, lab, "widgets.ipynb")
    run_all(page)
    cell = page.locator(".jp-Cell").nth(1)
    cell.get_by_text("steps: 100%").wait_for()
    within = cell.locator(".jupyter-widgets")
    within.get_by_text("5 squared is 25").wait_for()
    within.get_by_text("inside of the output").wait_for()
    slider = cell.get_by_role("slider").first
    slider.focus()
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    within.get_by_text("7 squared is 49").wait_for()
    page.screenshot(path=str(screenshots / "cell-widgets.png"))
    page.locator(".jp-Cell").nth(2).click()
    page.keyboard.press("Control+Enter")
    page.locator(".jp-Cell").nth(2).locator(".jp-OutputArea-output").get_by_text("7", exact=True).wait_for()
    assert page.problems == []


ANYWIDGET = """%%processing
import anywidget, traitlets
class Counter(anywidget.AnyWidget):
    _esm = '''export default {render({model, el}) {
        const button = document.createElement("button");
        const say = () => { button.textContent = "count " + model.get("value"); };
        button.onclick = () => { model.set("value", model.get("value") + 1); model.save_changes(); };
        model.on("change:value", say); say(); el.appendChild(button);
    }}'''
    value = traitlets.Int(3).tag(sync=True)
counter = Counter()
counter"""


def test_a_widget_of_anywidget_that_a_job_made_is_alive(lab: Lab, page: Any, screenshots: Path) -> None:
    lab.notebook("anywidget.ipynb", ["%load_ext nbprocess", ANYWIDGET, "counter.value"])
    open_notebook(page, lab, "anywidget.ipynb")
    run_all(page)
    page.locator(".jp-Cell").nth(1).get_by_text("count 3").click()
    page.locator(".jp-Cell").nth(1).get_by_text("count 4").wait_for()
    page.screenshot(path=str(screenshots / "cell-anywidget.png"))
    page.locator(".jp-Cell").nth(2).click()
    page.keyboard.press("Control+Enter")
    page.locator(".jp-Cell").nth(2).locator(".jp-OutputArea-output").get_by_text("4", exact=True).wait_for()
    assert page.problems == []


LIVE = """%%processing
import matplotlib.pyplot as plt
%matplotlib widget
clicked = []
figure, axes = plt.subplots(figsize=(5, 3))
axes.plot([1, 3, 2])
figure.canvas.mpl_connect("button_press_event", lambda event: clicked.append(round(event.xdata)))
axes.set_title("drawn by a job")"""

CHANGED = """%%processing
axes.plot([3, 1, 2], linewidth=9, color="red")
axes.set_title("changed by a job");"""


def test_figures_that_a_job_made_are_live(lab: Lab, page: Any, screenshots: Path) -> None:
    pytest.importorskip("ipympl")
    lab.notebook("live.ipynb", ["%load_ext nbprocess", LIVE, "axes.get_title(), len(axes.lines), clicked", CHANGED])
    open_notebook(page, lab, "live.ipynb")
    page.locator(".jp-Cell").nth(0).click()
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Shift+Enter")
    canvas = page.locator(".jp-Cell").nth(1).locator(".jupyter-matplotlib canvas").last
    canvas.wait_for()
    page.screenshot(path=str(screenshots / "cell-live-figure.png"))
    canvas.click(position={"x": 250, "y": 150})
    reds = "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data].filter((v, i, a) => i % 4 == 0"
    reds += " && v > 200 && a[i + 1] < 60 && a[i + 2] < 60).length"
    drawn = page.locator(".jp-Cell").nth(1).locator(".jupyter-matplotlib canvas").first
    assert drawn.evaluate(reds) == 0
    page.locator(".jp-Cell").nth(3).click()
    page.keyboard.press("Control+Enter")
    deadline = time.monotonic() + 60
    while drawn.evaluate(reds) < 1000 and time.monotonic() < deadline:
        page.wait_for_timeout(250)
    page.screenshot(path=str(screenshots / "cell-live-figure-changed.png"))
    assert drawn.evaluate(reds) >= 1000
    page.locator(".jp-Cell").nth(2).click()
    page.keyboard.press("Control+Enter")
    page.get_by_text("('changed by a job', 2, [1])").wait_for()
    assert page.problems == []


def test_stop_in_the_card_stops_the_job_and_brings_back_what_is_ready(lab: Lab, page: Any, screenshots: Path) -> None:
    cell = "%%processing --timeout 5m\nimport time\nready = 41\nprint('started', flush=True)\ntime.sleep(300)"
    lab.notebook("stop.ipynb", ["%load_ext nbprocess", cell])
    open_notebook(page, lab, "stop.ipynb")
    run_all(page)
    card = page.locator(".jp-Cell").nth(1)
    card.get_by_text("started").first.wait_for()
    card.get_by_role("button", name="Stop").click()
    card.get_by_text("Stopped").first.wait_for()
    page.screenshot(path=str(screenshots / "cell-stopped.png"))
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        save_notebook(page)
        if "ready" in str(saved_outputs(lab, "stop.ipynb", 1)) and "loaded" in str(saved_outputs(lab, "stop.ipynb", 1)):
            return
        time.sleep(0.5)
    raise AssertionError(saved_outputs(lab, "stop.ipynb", 1))
