"""A cell in the worker does what it does in a notebook: values, prints, displays, exceptions."""

from __future__ import annotations

import base64
import textwrap
from pathlib import Path
from typing import Any

import pytest
from driver import job

from nbprocess.worker import wire
from nbprocess.worker.page import VIEW


def test_values_come_back_by_name_and_the_last_expression_is_shown(tmp_path: Path) -> None:
    ran = job(tmp_path, "y = x + 1\ndel z\ny * 2", {"x": 20, "z": 1}).run()
    assert ran.code == 0 and ran.outcome["state"] == "completed", ran.stderr
    assert ran.values["y"] == 21
    assert ran.outcome["variables"]["z"]["status"] == "deleted"
    assert ran.values[ran.outcome["result"]] == 42
    (shown,) = ran.displays()
    assert shown["data"] == {"text/plain": "42"} and shown["execution_count"] == 7


def test_paths_into_the_folder_hold_at_both_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The notebook's folder has another path in the job; what the notebook made of its own leads there all the same."""
    home = tmp_path / "somewhere" / "notebook"
    code = """
    import os
    from pathlib import Path
    read = (root / "a.csv").read_text(), open(text).read()
    made, deep, other = os.path.abspath("a.csv"), [Path.cwd() / "b", Path("/usr")], os.getcwd() + "-not"
    """
    inputs = {"root": home, "text": f"{home}/a.csv"}
    files, told = {"a.csv": b"1"}, {"python": [3, 11, 7], "packages": {}, "folder": str(home)}
    monkeypatch.setattr(wire.Places, "here", "/home/me")
    ran = job(tmp_path, code, inputs, files=files, home=told).run()
    assert ran.code == 0, ran.stderr
    values = ran.values
    assert values["read"] == ("1", "1") and values["made"] == "/home/me/a.csv"
    assert values["deep"] == [Path("/home/me/b"), Path("/usr")] and values["other"].endswith("/notebook-not")


def test_prints_errors_displays_and_subprocesses_keep_their_order(tmp_path: Path) -> None:
    ran = job(
        tmp_path,
        """
        import os, sys
        print("one")
        print("two", file=sys.stderr)
        display("three")
        os.system("echo four")
        print("five")
        os.write(2, b"six\\n")
        display("seven")
        print("eight ä€", end="")
        """,
    ).run()
    order = [e.get("text") or e["data"]["text/plain"] for e in ran.events]
    assert order == ["one\n", "two\n", "'three'", "four\nfive\n", "six\n", "'seven'", "eight ä€"], ran.stderr
    assert ran.stdout == "one\nfour\nfive\neight ä€"


def test_a_frame_and_a_figure_are_displayed_as_in_a_notebook(tmp_path: Path) -> None:
    ran = job(
        tmp_path,
        """
        import matplotlib.pyplot as plt
        import pandas as pd
        plt.plot([1, 2, 3])
        frame = pd.DataFrame({"a": [1, 2]})
        frame
        """,
        ambient={"matplotlib": {"figure.figsize": [2.0, 1.0], "figure.dpi": 50.0}},
    ).run(load=False)
    assert ran.code == 0, ran.stderr
    result, figure = ran.displays()
    assert result["type"] == "execute_result" and "<table" in result["data"]["text/html"]
    assert figure["type"] == "display_data"
    assert figure["data"]["text/plain"] == "<Figure size 100x50 with 1 Axes>"
    assert base64.b64decode(figure["data"]["image/png"]).startswith(b"\x89PNG")


def test_a_figure_is_shown_where_the_backend_puts_that_off_until_the_first_cell_is_over(tmp_path: Path) -> None:
    """As it does with matplotlib 3.8 and older, which import it in the middle of ``pyplot``."""
    ran = job(
        tmp_path,
        """
        import matplotlib
        from IPython.core import pylabtools
        def activate_matplotlib(backend):
            matplotlib.interactive(True)
            raise AttributeError("partially initialized module")
        pylabtools.activate_matplotlib = activate_matplotlib
        import matplotlib.pyplot as plt
        line = plt.plot([1, 2, 3])
        """,
    ).run(load=False)
    assert ran.code == 0, ran.stderr
    assert ["image/png" in shown["data"] for shown in ran.displays()] == [True]


BAR_AND_WIDGET = """
    import ipywidgets
    from tqdm.auto import tqdm
    for _ in tqdm(range(3)):
        pass
    out = ipywidgets.Output()
    with out:
        print("within")
    display(out)
    """


def test_where_no_page_shows_widgets_there_is_text(tmp_path: Path) -> None:
    ran = job(tmp_path, BAR_AND_WIDGET).run(load=False)
    assert "3/3" in ran.stderr and ran.stdout == "within\n"
    assert [set(shown["data"]) for shown in ran.events if "data" in shown] == [{"text/plain"}]
    assert "shown as text: this output is static" in ran.outcome["notices"][0] and not ran.outcome.get("closed")


def test_where_a_page_shows_widgets_they_go_home_with_what_they_show(tmp_path: Path) -> None:
    ran = job(tmp_path, BAR_AND_WIDGET, home={"page": True}).run(load=False)
    assert "3/3" not in ran.stderr
    kinds = [event["type"] for event in ran.events]
    assert kinds == ["display_data", "into_widget", "stream", "out_of_widget", "display_data"], ran.stderr
    numbers = [shown["data"][VIEW]["model_id"] for shown in ran.events if "data" in shown]
    travelling = [name for group in ran.outcome["groups"] for name in group["names"] if name.startswith("\0widget ")]
    assert sorted(travelling) == sorted("\0widget " + number for number in numbers)
    assert "notices" not in ran.outcome and ran.events[1]["model_id"] == numbers[1]


def test_what_interact_hangs_on_a_function_goes_home_from_a_cell_without_inputs(tmp_path: Path) -> None:
    code = "import ipywidgets\n@ipywidgets.interact(x=(0, 10))\ndef f(x):\n    print(x)"
    ran = job(tmp_path, code, home={"page": True}).run()
    assert ran.values["f"].widget.children[0].value == 5 and "notices" not in ran.outcome, ran.stderr


def test_display_ids_updates_and_clearing(tmp_path: Path) -> None:
    code = """
    from IPython.display import HTML, clear_output
    handle = display(HTML("<b>1</b>"), display_id="place")
    handle.update(HTML("<b>2</b>"))
    clear_output(wait=True)
    del handle
    """
    first, second, third = job(tmp_path, code).run(load=False).displays()
    assert (first["type"], first["display_id"], first["data"]["text/html"]) == ("display_data", "place", "<b>1</b>")
    assert (second["type"], second["display_id"]) == ("update_display_data", "place")
    assert third["type"] == "clear_output" and third["wait"] is True


def test_the_traceback_has_the_cells_lines_and_none_of_ours(tmp_path: Path) -> None:
    code = "ready = 1\ndef broken(n):\n    return 1 / n\n\nbroken(0)\n"
    ran = job(tmp_path, code).run(load=False)
    error = ran.outcome["error"]
    assert ran.code == 1 and ran.outcome["state"] == "failed"
    assert (error["type"], error["module"], error["message"]) == ("ZeroDivisionError", "builtins", "division by zero")
    assert error["frames"] == [["/tmp/ipykernel_1/7.py", 6, "<module>"], ["/tmp/ipykernel_1/7.py", 4, "broken"]]
    text = "\n".join(error["traceback"])
    assert "In[7]" in text and "nbprocess" not in text and error["value"]
    assert ran.outcome["variables"]["ready"]["status"] == "saved", "what was ready comes back"


def test_a_syntax_error_has_the_notebooks_line(tmp_path: Path) -> None:
    error = job(tmp_path, "a = 1\nb = = 2\n").run(load=False).outcome["error"]
    assert error["type"] == "SyntaxError" and "line 3" in error["message"]


def test_interactivity_all_and_a_semicolon(tmp_path: Path) -> None:
    every = job(tmp_path / "a", "1\n2\nx = 3", cell={"interactivity": "all"}).run()
    assert [e["data"]["text/plain"] for e in every.displays()] == ["1", "2"]
    assigned = job(tmp_path / "b", "x = 3", cell={"interactivity": "last_expr_or_assign"}).run()
    assert [e["data"]["text/plain"] for e in assigned.displays()] == ["3"]
    assert job(tmp_path / "c", "3;  # quiet").run().displays() == []


def test_top_level_await(tmp_path: Path) -> None:
    ran = job(tmp_path, "import asyncio\nx = await asyncio.sleep(0, 5)\nawait asyncio.sleep(0, x + 1)").run()
    assert ran.values["x"] == 5 and ran.displays()[0]["data"]["text/plain"] == "6", ran.stderr


def test_sys_exit_brings_the_results_and_its_code(tmp_path: Path) -> None:
    ran = job(tmp_path, "import sys\nx = 5\nsys.exit(3)").run()
    assert ran.code == 3 and ran.values["x"] == 5 and ran.outcome["error"]["type"] == "SystemExit"
    zero = job(tmp_path / "zero", "x = 5\nraise SystemExit").run()
    assert zero.code == 0 and zero.outcome["state"] == "completed" and zero.outcome["error"]["type"] == "SystemExit"


def test_what_cannot_be_saved_is_named_and_the_rest_comes_back(tmp_path: Path) -> None:
    ran = job(tmp_path, "async def count(): pass\nnumbers = count()\nx = 5").run()
    assert ran.code == 0 and ran.values["x"] == 5
    entry = ran.outcome["variables"]["numbers"]
    assert (entry["status"], entry["type"]) == ("failed", "coroutine") and "coroutine" in entry["reason"]


def test_save_and_skip_choose_the_names(tmp_path: Path) -> None:
    assert set(job(tmp_path / "a", "a = 1; b = 2; c = 3", save=["a", "b"]).run().values) == {"a", "b"}
    assert set(job(tmp_path / "b", "a = 1; b = 2; c = 3", skip=["a"]).run().values) == {"b", "c"}


def test_a_tombstone_tells_why_when_it_is_touched(tmp_path: Path) -> None:
    ran = job(
        tmp_path, "print(conn)\nconn.execute('select 1')", tombstones={"conn": "a connection cannot be sent"}
    ).run()
    assert "a connection cannot be sent" in ran.text()
    assert ran.outcome["error"]["message"] == "conn is not available in this job: a connection cannot be sent"
    assert ran.outcome["error"]["frames"][0][1] == 3


def test_input_is_refused_with_the_way_out(tmp_path: Path) -> None:
    error = job(tmp_path, "input('How many? ')").run().outcome["error"]
    assert error["type"] == "StdinNotImplementedError" and "ask in a local cell" in error["message"]


def test_a_file_that_the_cell_leaves_open_comes_back_whole(tmp_path: Path) -> None:
    ran = job(
        tmp_path, "out = open('out.txt', 'w')\nout.write('abc')\nclosed = open('in.txt', 'w'); closed.close()"
    ).run()
    assert {file["path"]: file["blob"]["size"] for file in ran.outcome["files"]} == {"in.txt": 0, "out.txt": 3}


def test_files_lie_in_the_current_directory_and_new_ones_come_back(tmp_path: Path) -> None:
    code = """
    import os, tools
    text = open("data/in.txt").read()
    open("data/out.txt", "w").write(text.upper())
    os.remove("old.txt")
    answer = tools.answer
    place = inputs["raw"], outputs["model"], args
    """
    files = {"data/in.txt": b"abc", "tools.py": b"answer = 42\n", "old.txt": b""}
    places = {
        "inputs": {"raw": "/opt/ml/processing/input/raw"},
        "outputs": {"model": "/opt/ml/processing/output/model"},
    }
    ran = job(tmp_path, code, files=files, args=["--fast"], **places).run()
    assert ran.code == 0, ran.stderr
    assert ran.values["answer"] == 42
    root = str(ran.ml)
    assert ran.values["place"] == (root + "/processing/input/raw", root + "/processing/output/model", ["--fast"])
    (new,) = ran.outcome["files"]
    assert new["path"] == "data/out.txt" and new["blob"]["size"] == 3 and ran.outcome["files_deleted"] == ["old.txt"]


def test_ambient_state_travels_both_ways(tmp_path: Path) -> None:
    import random

    from nbprocess.worker import ambient

    def state() -> dict[str, Any]:
        return {"random": ambient.collect(["random"])["random"], "pandas": {"display.max_rows": 5}}

    random.seed(1)
    before = state()
    expected = random.random()
    ran = job(
        tmp_path, "import random, pandas as pd\nx = random.random()\nn = pd.options.display.max_rows", ambient=before
    ).run()
    assert ran.code == 0, ran.stderr
    assert ran.values["x"] == expected and ran.values["n"] == 5
    assert ran.outcome["ambient"]["random"] == state()["random"] and "pandas" not in ran.outcome["ambient"]


def test_tqdm_and_progress_become_markers(tmp_path: Path) -> None:
    code = """
    import nbprocess
    from tqdm.notebook import tqdm
    for _ in tqdm(range(4), desc="epochs"):
        pass
    for _ in nbprocess.progress(range(2), desc="folds"):
        pass
    """
    ran = job(tmp_path, code).run()
    assert ran.code == 0, ran.stderr
    last = {m["desc"]: (m["n"], m["total"]) for m in ran.markers("progress")}
    assert last["folds"] == (2, 2) and "epochs" in ran.text("stderr")
    assert ran.markers("phase") == ["loading", "running", "saving"]


def test_magics_with_ipython(tmp_path: Path) -> None:
    code = """
    get_ipython().run_line_magic('matplotlib', 'inline')
    x = get_ipython().run_line_magic('time', '6 * 7')
    lines = get_ipython().getoutput('echo a; echo b')
    get_ipython().run_cell_magic('capture', 'out', 'print("held")\\n')
    text = out.stdout
    n = len(Out)
    """
    ran = job(tmp_path, code, save=["x", "lines", "text", "n"]).run(load=False)
    assert ran.code == 0, ran.stderr
    assert "Wall time" in ran.text() and "held" not in ran.text()
    assert ran.outcome["variables"]["x"]["status"] == "saved"


def test_changed_inputs_come_back_as_patches_and_unchanged_ones_not_at_all(tmp_path: Path) -> None:
    rows, same = [1], {"a": 1}
    ready = job(tmp_path, "rows.append(2)\nboth = [rows, same]", {"rows": rows, "same": same})
    ran = ready.run()
    assert ran.code == 0, ran.stderr
    assert {name: entry["status"] for name, entry in ran.outcome["variables"].items()} == {
        "rows": "updated",
        "same": "unchanged",
        "both": "saved",
    }
    patches = {name: ran.values[name] for name in ran.outcome["patches"]}
    wire.apply(patches, ready.memo)
    assert rows == [1, 2] and ran.values["both"][0] is rows and ran.values["both"][1] is same


def test_a_module_that_is_being_imported_is_not_asked_for_its_random_state(tmp_path: Path) -> None:
    """In a fresh interpreter ``random`` is not there yet when the cell imports it, and at home it was."""
    code = "import random\nx = random.random()"
    ran = job(tmp_path, code, imports=["random"], loaded=["random"]).run()
    assert ran.outcome["state"] == "completed", ran.outcome["error"]
    assert 0 <= ran.values["x"] < 1


def test_endless_recursion_ends_as_deep_as_at_home(tmp_path: Path) -> None:
    source = """
        deep = 0
        def call():
            global deep
            deep += 1
            call()
        try: call()
        except RecursionError: pass
    """
    measured = job(
        tmp_path / "one", "from nbprocess.worker import depth\nroom = depth.room()\n" + textwrap.dedent(source)
    ).run()
    room, deep = measured.values["room"], measured.values["deep"]
    limited = job(tmp_path / "two", source, cell={"room": room - 20}).run()
    assert room > 500 and limited.values["deep"] == deep - 20
    assert job(tmp_path / "three", source, cell={"room": room + 20}).run().values["deep"] == deep
