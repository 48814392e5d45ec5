"""Which inputs a cell's text changes in place."""

from __future__ import annotations

import linecache
import random

import pytest

from nbprocess.capture import changed_in_place

NAMES = ("data", "frame", "model", "rows", "rng", "other")


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("data.append(1)", {"data"}),
        ("data['a']['b'].append(1)", {"data"}),
        ("data.get('a').update(x=1)", {"data"}),
        ("frame['y'] = frame['x'] * 2", {"frame"}),
        ("frame.loc[frame.x > 1, 'x'] = 0", {"frame"}),
        ("frame.columns = list('ab')", {"frame"}),
        ("del frame['x'], data[0]", {"frame", "data"}),
        ("frame.drop(columns='x', inplace=True)", {"frame"}),
        ("frame.sort_values('x', inplace=other)", {"frame"}),
        ("data += [1]", {"data"}),
        ("frame['x'] += 1", {"frame"}),
        ("model.fit(frame, data)", {"model"}),
        ("other.weight.add_(1)", {"other"}),
        ("import random; random.shuffle(data)", {"data"}),
        ("first = rows[0]\nfirst['a'] = 1", {"rows"}),
        ("for row in rows:\n    row['a'] = 1", {"rows"}),
        ("for n, (key, row) in enumerate(zip(data, rows)):\n    row.append(n)", {"data", "rows"}),
        ("[row.pop() for row in rows]", {"rows"}),
        ("if (last := rows[-1]):\n    last.clear()", {"rows"}),
        ("x = rng.random()", {"rng"}),
        ("def inner():\n    data.append(1)\ninner()", {"data"}),
        # What only reads, or makes something new.
        ("total = sum(data) + frame['x'].sum()", set()),
        ("new = frame.copy()\nnew['x'] = 1", set()),
        ("new = frame.drop(columns='x', inplace=False)", set()),
        ("frame = frame.assign(y=1)", set()),
        ("for row in sorted(rows):\n    row = 1", set()),
        ("print(", set()),
    ],
)
def test_a_change_is_seen_in_the_text(code, found):
    assert changed_in_place(code, {"rng": random.Random(1)}, NAMES) == found


def notebook_function(source, namespace):
    name = f"<cell {len(linecache.cache)}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    exec(compile(source, name, "exec"), namespace)


def test_functions_of_the_notebook_are_looked_into():
    namespace = {"__name__": "__main__"}
    notebook_function("def note(x):\n    data.append(x)\n", namespace)
    notebook_function(
        "def clean(table, *, names):\n    table['a'] = 1\n    new = list(names)\n    note(new)\n", namespace
    )
    notebook_function("def look(table):\n    return len(table)\n", namespace)
    assert changed_in_place("clean(frame, names=rows)", namespace, NAMES) == {"frame", "data"}
    assert changed_in_place("clean(names=rows, table=other)", namespace, NAMES) == {"other", "data"}
    assert changed_in_place("look(frame)", namespace, NAMES) == set()


def test_functions_that_call_each_other_end():
    namespace = {"__name__": "__main__"}
    notebook_function("def one(x):\n    return two(x)\ndef two(x):\n    x.append(1)\n    return one(x)\n", namespace)
    assert changed_in_place("one(data)", namespace, NAMES) == {"data"}
