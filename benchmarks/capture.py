"""Cost of capturing a typical 30-line cell in a kernel with 1,000 names and a history of 2,000 cells.

Prints a table. ``--quick`` takes fewer turns; ``--json FILE`` writes the figures as one flat object.
"""

from __future__ import annotations

import argparse
import json
import linecache
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from nbprocess.capture import capture, make_cell, reads
from nbprocess.capture.scope import analyse

CELL = """
features = []
for name in columns:
    column = frame[name]
    if name in dropped:
        continue
    filled = [clean(v, default=0.0) for v in column]
    features.append(scale(filled, mean[name], std[name]))
matrix = list(zip(*features))
split = int(len(matrix) * ratio)
train_rows, test_rows = matrix[:split], matrix[split:]
def loss(weights, rows, target):
    total = 0.0
    for row, y in zip(rows, target):
        total += (predict(weights, row) - y) ** 2
    return total / max(1, len(rows))
weights = [0.0] * len(columns)
history = {}
for epoch in range(epochs):
    for i, row in enumerate(train_rows):
        error = predict(weights, row) - target[i]
        weights = [w - rate * error * x for w, x in zip(weights, row)]
    history[epoch] = loss(weights, train_rows, target[:split])
    if verbose and epoch % 10 == 0:
        print(f"{epoch:>{width}} {history[epoch]:.4f}")
try:
    best = min(history, key=history.get)
except ValueError:
    best = None
model = Model(weights, columns)
score = model.score(test_rows, target[split:])
"""

SETUP = """
import math, json, statistics
columns = ["a", "b", "c"]
frame = {c: list(range(100)) for c in columns}
mean = {c: 1.0 for c in columns}
std = {c: 2.0 for c in columns}
dropped = set()
target = list(range(100))
ratio, rate, epochs, width, verbose = 0.8, 0.01, 20, 4, True
def clean(v, default):
    return default if v is None or math.isnan(v) else v
def scale(values, m, s):
    return [(v - m) / (s or epsilon) for v in values]
epsilon = 1e-9
def predict(weights, row):
    return sum(w * x for w, x in zip(weights, row))
class Model:
    def __init__(self, weights, columns):
        self.weights, self.columns = weights, columns
    def score(self, rows, target):
        return statistics.mean(abs(predict(self.weights, r) - t) for r, t in zip(rows, target))
"""


def kernel(names: int = 1000, cells: int = 2000) -> dict[str, Any]:
    """A namespace as a long-lived kernel has it."""
    namespace: dict[str, Any] = {"__name__": "__main__"}

    def run(source: str, number: int) -> None:
        filename = f"/tmp/ipykernel_0/{number}.py"
        linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
        exec(compile(source, filename, "exec"), namespace)

    for i in range(cells):
        source = f"value_{i % names} = [{i}] * 50\n" + (
            f"def function_{i}(x):\n    return value_{i % names}\n" if i % 20 == 0 else ""
        )
        run(source, i)
        namespace[f"_i{i}"] = source
        if i % 3 == 0:
            namespace[f"_{i}"] = i
    run(SETUP, cells)
    namespace.update({"In": [], "Out": {}, "_": 1, "__": 2, "___": 3})
    return namespace


def median_ms(action: Callable[[], object], turns: int) -> float:
    """Median wall time in milliseconds."""
    action()
    times = []
    for _ in range(turns):
        start = time.perf_counter()
        action()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer turns")
    parser.add_argument("--json", metavar="FILE", help="write the figures there")
    given = parser.parse_args()
    turns = 20 if given.quick else 200
    namespace = kernel()
    cell = make_cell(CELL)
    first = time.perf_counter()
    capture(cell, namespace)
    figures = {"capture_first_ms": (time.perf_counter() - first) * 1000}
    figures["compile_ms"] = median_ms(lambda: compile(CELL, "<cell>", "exec"), turns)
    figures["analyse_ms"] = median_ms(lambda: analyse(CELL), turns)
    figures["capture_ms"] = median_ms(lambda: capture(cell, namespace), turns)
    figures["freshness_ms"] = median_ms(lambda: reads(CELL, {"pending_a", "pending_b"}, namespace), turns)
    figures["capture_over_compile"] = figures["capture_ms"] / figures["compile_ms"]
    print(
        f"{len(CELL.splitlines())} lines, {len(namespace)} names, {len(capture(cell, namespace).needs)} of them needed"
    )
    for key, value in figures.items():
        print(f"{key:<24}{value:10.3f}")
    if given.json:
        Path(given.json).write_text(json.dumps({key: round(value, 4) for key, value in figures.items()}, indent=1))


if __name__ == "__main__":
    main()
