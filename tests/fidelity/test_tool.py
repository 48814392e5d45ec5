"""The tool itself: what is chance does not count, and is counted at most once; what the machine lacks is told apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nbprocess.testing.fidelity import Comparison, from_script
from nbprocess.testing.fidelity.compare import (
    Difference,
    Rules,
    at_work,
    drew_otherwise,
    outputs,
    stand_ins,
    states,
    without_draws,
)
from nbprocess.testing.fidelity.kernel import Ran
from nbprocess.testing.fidelity.walk import Walk

_DRAWN = {"x": "int 1", "ambient random[1]": "str 'a'", "ambient numpy.random[2]": "int 3"}


def _printed(text: str) -> Ran:
    return Ran(events=[{"type": "stream", "name": "stdout", "text": text}])


def test_measured_times_are_no_difference_with_or_without_the_line_on_the_slowest_run() -> None:
    line = "{} ms ± 1.1 μs per loop (mean ± std. dev. of 7 runs, 100 loops each)\n"
    slow = "The slowest run took 5.59 times longer than the fastest. This could mean that an intermediate result is being cached.\n"
    both = _printed(slow + line.format(2)), _printed(line.format(3))
    assert outputs(both[0], both[0], both[1], Rules()) == []
    other = outputs(both[0], both[0], _printed("nothing\n"), Rules())
    assert [difference.where for difference in other] == ["output 1 (stdout): text"]


def test_what_time_prints_is_no_difference_though_both_in_place_took_the_same() -> None:
    text = "CPU times: user 15 μs, sys: {}, total: 17 μs\nWall time: 18.6 μs\n{}"
    here, there = _printed(text.format("2 μs", "done")), _printed(text.format("1e+03 ns", "done"))
    assert outputs(here, here, there, Rules()) == []
    assert outputs(here, here, _printed(text.format("2 μs", "other")), Rules())


def test_how_often_a_generator_was_drawn_from_can_be_left_out() -> None:
    assert without_draws(_DRAWN) == {"x": "int 1"}
    assert not drew_otherwise([_DRAWN, {**_DRAWN, "x": "int 2"}])
    assert drew_otherwise([_DRAWN, {**_DRAWN, "ambient random[1]": "str 'b'"}])


def test_draws_by_chance_spoil_no_later_cell(tmp_path: Path) -> None:
    with Comparison(tmp_path, timeout=60) as comparison:
        comparison.cell("import os, random\nfor _ in range(os.getpid() % 1000): random.random()")
        sides = [thread.side for thread in (comparison._first, comparison._twin, comparison._other)]
        assert not drew_otherwise([side.state() for side in sides])
        assert comparison.cell("x = random.random()").verdict == "identical"
        x = [side.state()["x"] for side in sides]
        assert x[0] == x[1] == x[2]
        comparison._other.side.begin_anew()
        assert comparison._other.side.state()["x"] == x[0], "what is run again must draw as before"


def test_a_program_that_this_machine_lacks_makes_a_cell_not_runnable(tmp_path: Path) -> None:
    with Comparison(tmp_path, timeout=60) as comparison:
        result = comparison.cell("%%bash\nthere-is-no-such-program")
    assert result.verdict == "not runnable"
    assert "127" in result.reason


def test_what_a_class_saves_of_itself_counts_wherever_it_stands(tmp_path: Path) -> None:
    with Comparison(tmp_path, timeout=60) as comparison:
        result = comparison.cell("import numpy as np\np = np.polynomial.Polynomial([1, 2, 3], [-10, 10])")
        assert result.verdict == "identical", result.differences
        assert "p.window" in comparison._first.side.state()


def test_what_pip_says_of_itself_is_no_difference() -> None:
    said = "Requirement already satisfied\r\n"
    notice = "\r\n\x1b[1m[\x1b[34;49mnotice\x1b[0m] A new release of pip is available: 23.2.1 -> 26.3\r\n"
    more = "\x1b[1m[\x1b[34;49mnotice\x1b[0m] To update, run: pip install --upgrade pip\r\n"
    assert outputs(_printed(said), _printed(said), _printed(said + notice + more), Rules()) == []
    assert outputs(_printed(said), _printed(said), _printed(said + "ERROR\n"), Rules())


def test_what_the_compiler_warns_of_counts_once() -> None:
    warned = '{0}:2: SyntaxWarning: "is" with a literal.\n{1}'
    line = "  1 is 2\n"
    here, there = warned.format("<>", "") + warned.format("<cell>.py", line), warned.format("<cell>.py", line) * 2
    rans = [Ran(status="ok", events=[{"type": "stream", "name": "stderr", "text": text}]) for text in (here, there, "")]
    assert outputs(rans[0], rans[0], rans[1], Rules()) == []
    assert [d.where for d in outputs(rans[0], rans[0], rans[2], Rules())] == ["stderr"]


def test_settings_of_a_library_that_only_the_job_has_loaded_are_no_difference() -> None:
    here = {"x": "int 1", "ambient xarray": "dict[1]", "ambient xarray['keep_attrs']": "str 'default'"}
    assert states(here, here, {"x": "int 1"}) == []
    changed = {**here, "ambient xarray['keep_attrs']": "str 'other'"}
    assert [d.where for d in states(here, here, changed)] == ["ambient xarray['keep_attrs']"]


def test_a_time_of_day_as_text_spoils_no_later_cell(tmp_path: Path) -> None:
    text = 'import os\nstamp = f\'12:00:0{int(not any(f"/{name}/" in os.getcwd() for name in ("in-place", "twin")))}\''
    with Comparison(tmp_path, timeout=30) as comparison:  # two kernels are of one second, the third is of the next
        first, later = comparison.cell(text), comparison.cell("x = 1")
    assert first.verdict == "not runnable" and "once more" in first.reason
    assert later.verdict == "identical"


def test_a_value_that_cannot_come_back_and_a_widget_shown_as_text_are_both_said(tmp_path: Path) -> None:
    with Comparison(tmp_path, timeout=60) as comparison:
        result = comparison.cell(
            "import ipywidgets, socket\nbox = ipywidgets.IntSlider()\nbox.link = socket.socket()\ndisplay(box)"
        )
        assert (result.verdict, "box" in result.reason, "text" in result.reason) == ("refused", True, True)


def test_what_hangs_on_a_missing_value_is_compared_where_it_is_a_name_too() -> None:
    rows = [("box", "Box", "nbprocess.worker.tombstone.Tombstone"), ("box.told", "function told", None)]
    rows += [("box.told.<code>", "c0de", None), ("told", "is box.told", "function told")]
    found = [Difference(where, here, there, said=where.startswith("box")) for where, here, there in rows]
    assert stand_ins([*found, Difference("told.<code>", None, "c0de")]) == ["box"]
    assert stand_ins([*found, Difference("told.<code>", None, "other")]) == []
    assert stand_ins(found) == []


def test_a_script_is_read_as_sphinx_gallery_reads_it() -> None:
    separator = "#" * 30
    text = f'"""Title."""\n# Authors: us\nx = 1\n\n# %%\n# Words about it.\ny = 2\n{separator}\n# More words.\n\n# a note\nz = 3\n'
    assert from_script(text) == ["# Authors: us\nx = 1", "y = 2", "# a note\nz = 3"]
    assert from_script("# %% [markdown]\nwords = 1\n#%% two\n# !%time f()\n# %%\n# only words\n") == ["%time f()"]


def test_keys_whose_order_is_chance_are_compared_by_name_only() -> None:
    """Three orders of keys that are objects; two happen to agree on one of them."""
    table = {"d": "dict[2]", "d key 0.x": "int 1", "d[#0]": "str 'one'", "d key 1.x": "int 2", "d['a']": "int 7"}
    twin = {**table, "d key 1.x": "int 3"}
    offloaded = {**table, "d key 0.x": "int 2", "d[#0]": "str 'two'", "d['a']": "int 8"}
    assert [difference.where for difference in states(table, twin, offloaded)] == ["d['a']"]
    ordered = [difference.where for difference in states(table, table, offloaded)]
    assert ordered == ["d key 0.x", "d[#0]", "d['a']"]


def test_what_works_by_itself_is_not_compared_unless_the_cell_mentions_it() -> None:
    before = {"client.beats": "int 3", "client.tasks": "list[0]", "late": "float 0.5", "kept.at": "int 1"}
    here = {"client.beats": "int 7", "client.tasks": "list[2]", "late": "float 0.5", "kept.at": "int 2", "new": "int 1"}
    twin = {"client.beats": "int 8", "client.tasks": "list[2]", "late": "float 0.6", "kept.at": "int 2", "new": "int 2"}
    assert at_work(before, here, twin, {"x"}) == {"client"}
    assert at_work(before, here, twin, {"client", "gather"}) == set()


def test_arrays_side_by_side_in_one_memory_share_nothing() -> None:
    whole, walk = np.arange(6.0), Walk()
    for name, part in {"first": whole[:3], "last": whole[3:], "back": whole[::-1][3:]}.items():
        walk.root(name, part)
    rows = {path: token for path, token in walk.table().items() if path.endswith(" memory")}
    assert rows == {f"{n} memory": f"shared with first, {at} bytes further" for n, at in (("first", 0), ("back", 16))}
