"""The main job in a real kernel: a cell travels and comes back, as if it had run here."""

from __future__ import annotations

import ast
import json
import re
import sys
import time
from pathlib import Path

import pytest

from .live_kernel import Kernel, Ran

SETUP = """
import numpy as np
import pandas as pd

SCALE = 3

def scaled(values):
    return values * SCALE

class Model:
    def __init__(self, weight):
        self.weight = weight
    def predict(self, frame):
        return scaled(frame["x"]) * self.weight

frame = pd.DataFrame({"x": np.arange(5.0), "name": list("abcde"), "when": pd.date_range("2024-01-01", periods=5, tz="UTC")})
settings = {"seen": [], "alias": None}
shared = settings["seen"]
"""

NESTED = """
import asyncio
async def fails(): raise ValueError("q")
async with asyncio.TaskGroup() as group: group.create_task(fails())
"""


@pytest.fixture(scope="module", autouse=True)
def _setup(kernel: Kernel) -> None:
    kernel.ok(SETUP)


def test_values_prints_and_the_result_come_back(kernel: Kernel) -> None:
    ran = kernel.ok(
        """%%processing
import os
model = Model(2)
predicted = model.predict(frame)
pid = os.getpid()
print("predicted", len(predicted))
predicted.sum()"""
    )
    assert "predicted 5" in ran.stdout
    assert ran.result == "np.float64(60.0)"
    assert kernel.value("type(model) is Model, model.weight, list(predicted), _") == (
        "(True, 2, [0.0, 6.0, 12.0, 18.0, 24.0], np.float64(60.0))"
    )
    assert kernel.value("pid != __import__('os').getpid()") == "True"
    assert kernel.value("Out[max(Out)]") == "np.float64(60.0)"


def test_a_frame_comes_back_as_it_was(kernel: Kernel) -> None:
    kernel.ok("%%processing\nframe2 = frame.assign(y=frame['x'] + 1)")
    assert kernel.value("frame2.drop(columns='y').equals(frame), dict(frame2.dtypes.astype(str))['when']") == (
        "(True, 'datetime64[us, UTC]')"
        if kernel.value("str(frame['when'].dtype)") == "'datetime64[us, UTC]'"
        else "(True, 'datetime64[ns, UTC]')"
    )


def test_mutated_inputs_change_in_place(kernel: Kernel) -> None:
    kernel.ok("same = settings")
    kernel.ok("%%processing\nsettings['seen'].append(1)\nsettings['new'] = 'x'\nframe.loc[0, 'x'] = 100.0")
    assert (
        kernel.value("settings is same, shared, settings['new'], settings['seen'] is shared")
        == "(True, [1], 'x', True)"
    )
    assert kernel.value("float(frame.loc[0, 'x'])") == "100.0"
    kernel.ok("frame.loc[0, 'x'] = 0.0")


def test_plots_and_tables_are_ordinary_outputs(kernel: Kernel) -> None:
    ran = kernel.ok(
        """%%processing
import matplotlib.pyplot as plt
from IPython.display import HTML, display
print("before")
display(HTML("<b>bold</b>"))
plt.plot([1, 2, 3])
plt.show()
print("after")
frame.head(2)"""
    )
    kinds = [o["type"] for o in ran.outputs if "<b>bold</b>" in str(o.get("data", "")) or o["type"] == "stream"]
    assert kinds[:3] == ["stream", "display_data", "stream"]
    assert any("image/png" in o.get("data", {}) for o in ran.outputs)
    html = ran.displays("text/html")
    assert any("<table" in str(h) and "dataframe" in str(h) for h in html)


def test_exceptions_keep_type_line_and_what_was_ready(kernel: Kernel) -> None:
    ran = kernel.run(
        """%%processing
ready = 41
def deep(x):
    raise KeyError("missing " + str(x))
deep(ready)
never = 1"""
    )
    assert ran.error == "KeyError"
    assert "missing 41" in ran.traceback
    assert "deep(ready)" in ran.traceback and "line 4" in ran.traceback and "line 5" in ran.traceback
    assert "%processing_logs" in ran.traceback
    assert kernel.value("ready") == "41"
    assert kernel.value("'never' in globals()") == "False"


def test_a_magic_line_of_several_lines_leaves_the_numbers_of_the_cell(kernel: Kernel) -> None:
    kernel.ok("minutes = 5")
    ran = kernel.run("%%processing --timeout {minutes}m \\\n  --env A=b  # why\nimport os\nos.environ['A']\n1 / 0")
    assert (ran.error, "line 5" in ran.traceback) == ("ZeroDivisionError", True)
    assert kernel.ok("%%time\n%%processing --timeout 5m\n6 * 7").result == "42"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups are of Python 3.11")
@pytest.mark.parametrize("code", ["raise ExceptionGroup('two', [ValueError(1), TypeError('t')])", NESTED])
def test_exception_groups_are_shown_as_they_would_be_here(kernel: Kernel, code: str) -> None:
    def shown(ran: Ran) -> str:
        return re.sub(r"\d+\.py|line \d+|[^\"]*(?=/IPython/)", "", ran.stream("stderr").partition("\nJob ")[0]).strip()

    here, there = kernel.run(code), kernel.run("%%processing\n" + code)
    assert "Exception Group Traceback" in shown(here) and shown(there) == shown(here)


def test_try_except_sees_the_real_type(kernel: Kernel) -> None:
    kernel.ok(
        """
from IPython import get_ipython
caught = None
try:
    get_ipython().run_cell_magic("processing", "", "1 / 0")
except ZeroDivisionError as error:
    caught = type(error).__name__
"""
    )
    assert kernel.value("caught") == "'ZeroDivisionError'"


def test_a_notebook_exception_class_is_the_same_class(kernel: Kernel) -> None:
    kernel.ok(
        "class Odd(Exception):\n    def __init__(self, code, text):\n        super().__init__(text)\n        self.code = code"
    )
    kernel.ok(
        "got = None\ntry:\n    get_ipython().run_cell_magic('processing', '', 'raise Odd(7, \"strange\")')\nexcept Odd as error:\n    got = error.code, str(error)"
    )
    assert kernel.value("got") == "(7, 'strange')"


def test_submodules_of_earlier_imports_and_magics_of_extensions(kernel: Kernel) -> None:
    kernel.ok("import scipy\nimport scipy.stats")
    kernel.ok("%%processing\nmiddle = scipy.stats.norm.cdf(0)")
    assert kernel.value("float(middle)") == "0.5"
    ran = kernel.ok("%%processing\n%time timed = sum(range(1000))")
    assert kernel.value("timed") == "499500" and "Wall time" in ran.stdout
    kernel.ok("from IPython.core.magic import register_line_magic\n@register_line_magic\ndef mine(line): return line")
    unknown = kernel.run("%%processing\n%not_loaded_anywhere x")
    assert "not_loaded_anywhere" in unknown.traceback + str(unknown.outputs)


def test_top_level_await(kernel: Kernel) -> None:
    kernel.ok("%%processing\nimport asyncio\nawait asyncio.sleep(0.01)\nwaited = True")
    assert kernel.value("waited") == "True"


def test_functions_of_the_cell_travel_on(kernel: Kernel) -> None:
    kernel.ok("%%processing\ndef made_there(x):\n    return x + SCALE")
    assert kernel.value("made_there(1)") == "4"
    kernel.ok("%%processing\nagain = made_there(10)")
    assert kernel.value("again") == "13"


def test_an_unsavable_result_spares_the_rest(kernel: Kernel) -> None:
    ran = kernel.ok("%%processing\ngood = 1\nbad = (i for i in range(3))")
    assert kernel.value("good") == "1"
    text = str(ran.outputs)
    assert "bad" in text and "generator" in text


def test_a_shown_value_that_this_kernel_cannot_read_is_no_earlier_one(kernel: Kernel) -> None:
    kernel.ok(
        "def _made():\n    if here: raise ValueError('not in this kernel')\n    return Odd()\nhere = True; 'earlier'"
    )
    kernel.ok("class Odd:\n    def __reduce__(self): return _made, ()")
    kernel.ok("%%processing\nhere = False\nOdd()")
    assert re.search(r"not here: it did not come back .*ValueError: not in this kernel", kernel.value("repr(_)"))


def test_a_value_that_cannot_be_sent_is_named_with_the_way_out(kernel: Kernel) -> None:
    kernel.ok("import threading\nlock = threading.Lock(); held = lock.acquire()")
    ran = kernel.run("%%processing\nwith lock:\n    pass")
    text = ran.stream("stderr")
    assert "`lock`" in text and "--skip lock" in text and "line 2" in text


def test_a_syntax_error_is_found_here(kernel: Kernel) -> None:
    ran = kernel.run("%%processing\nx = 1\ny = = 2")
    assert ran.error == "SyntaxError"
    assert "line 3" in ran.traceback


def test_a_wrong_option_writes_nothing(kernel: Kernel) -> None:
    before = kernel.value("len(__import__('nbprocess').jobs(limit=1000))")
    ran = kernel.run("%%processing --gpux T4\n1")
    assert "did you mean --gpu?" in ran.traceback + str(ran.outputs)
    assert kernel.value("len(__import__('nbprocess').jobs(limit=1000))") == before


def test_an_undefined_name_is_said_before(kernel: Kernel) -> None:
    ran = kernel.run("%%processing\nprint(not_defined_anywhere)")
    assert ran.error == "NameError"
    assert "not_defined_anywhere" in str(ran.outputs)


def test_dry_run_shows_the_plan_and_sends_nothing(kernel: Kernel) -> None:
    before = kernel.value("len(__import__('nbprocess').jobs(limit=1000))")
    ran = kernel.ok("%%processing --dry-run\nout = scaled(frame['x'])")
    assert "nothing was sent" in ran.stdout and "frame" in ran.stdout and "scaled" in ran.stdout
    assert kernel.value("len(__import__('nbprocess').jobs(limit=1000))") == before


def test_transformers_of_this_kernel_do_not_change_what_a_job_runs_and_that_is_said(kernel: Kernel) -> None:
    kernel.ok(
        "import ast\nclass Doubling(ast.NodeTransformer): pass\nget_ipython().ast_transformers.append(Doubling())"
    )
    ran = kernel.ok("%%processing_plan\n1 + 1")
    kernel.ok("get_ipython().ast_transformers.clear()")
    assert "The AST transformers of this kernel (Doubling) do not change what the job runs." in " ".join(
        ran.stdout.split()
    )


def test_the_plan_names_what_is_large_and_what_is_there_already(kernel: Kernel) -> None:
    kernel.ok(
        "import numpy as np\nweights = np.random.default_rng(7).random(400_000)\nsettings = {'deep': [weights[:0], weights]}\n"
        "def used():\n    return settings['deep'][1].sum()"
    )
    ran = kernel.ok("%%processing_plan\nused()")
    assert "3.2 MB, all new" in ran.stdout or "3.2 MB new" in ran.stdout, ran.stdout
    assert ": `used` brings it" in ran.stdout and "settings['deep'][1] brings 3.2 MB (ndarray)" in ran.stdout
    kernel.ok("%%processing\nused()")
    again = kernel.ok("%processing_plan")
    assert "it was sent" in again.stdout and "in the store already" not in again.stdout.partition("3.2 MB")[0]
    ran = kernel.ok("%%processing --dry-run\nused()")
    assert "3.2 MB in the store already" in ran.stdout, ran.stdout


def test_inputs_outputs_and_arguments(kernel: Kernel) -> None:
    (kernel.folder / "table.csv").write_text("a,b\n1,2\n")
    ran = kernel.ok(
        """%%processing --input data=table.csv --output made --arg 7 --arg=--fast --env GREETING=hello
import os, sys, pathlib
read = pathlib.Path(inputs["data"]).read_text() if pathlib.Path(inputs["data"]).is_file() else (pathlib.Path(inputs["data"]) / "table.csv").read_text()
(pathlib.Path(outputs["made"]) / "x.txt").write_text("written there")
given = list(args), os.environ["GREETING"]"""
    )
    assert kernel.value("read, given") == "('a,b\\n1,2\\n', (['7', '--fast'], 'hello'))"
    kernel.ok("import nbprocess\njob = nbprocess.jobs(limit=1)[0]\nuri = job.outputs['made'].uri")
    path = kernel.value("str(job.backend.open_store(uri).path('x.txt'))").strip("'")
    assert Path(path).read_text() == "written there", ran


def test_sys_exit_brings_back_what_is_there(kernel: Kernel) -> None:
    ran = kernel.run("%%processing\nleft = 5\nimport sys\nsys.exit(3)")
    assert "SystemExit" in ran.error + ran.traceback
    assert kernel.value("left") == "5"
    ran = kernel.run("%%processing --name leaves\nleft = 6\nsys.exit()")  # a good end, after which no cell is to run
    assert ran.error == "SystemExit" and kernel.value("left") == "6"
    assert kernel.value("__import__('nbprocess').attach('leaves').status") == "'Completed'"


def test_what_is_deleted_here_after_a_job_is_freed(kernel: Kernel) -> None:
    kernel.ok("import gc, weakref\nclass Big: size = 0\nbig = Big(); seen = weakref.ref(big)")
    kernel.ok("%%processing\nbig.size = 1\nimport time\ntime.sleep(1)")  # long enough for a card, which stays
    kernel.ok("del big\ngc.collect()")
    assert kernel.value("seen()") == "None"
    assert "big" in kernel.ok("%processing_plan").stdout


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import os\nos._exit(9)", "exit code 9"),
        ("import ctypes\nctypes.string_at(0)", "segmentation fault"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "137"),
    ],
)
def test_a_dying_worker_is_told_plainly(kernel: Kernel, code: str, says: str) -> None:
    ran = kernel.run(f"%%processing\n{code}")
    assert ran.error == "JobFailed"
    assert says in ran.traceback.lower() + ran.message.lower()


def test_timeout(kernel: Kernel) -> None:
    ran = kernel.run(
        "%%processing --timeout 4\nimport time\nkept = 'early'\nwhile True:\n    time.sleep(0.1)", timeout=90
    )
    assert ran.error in ("JobStopped", "KeyboardInterrupt", "TimeoutError")
    assert "the maximum runtime was nearly reached" in ran.traceback
    assert kernel.value("kept") == "'early'"


def test_interrupt_stops_the_job_and_salvages(kernel: Kernel) -> None:
    message = kernel.send("%%processing\nimport time\nsalvaged = [1, 2]\nprint('going', flush=True)\ntime.sleep(600)")
    time.sleep(3)
    kernel.interrupt()
    ran = kernel.collect(message, timeout=90)
    assert ran.error in ("KeyboardInterrupt", "Interrupted")
    assert "stopped" in ran.traceback
    assert kernel.value("salvaged") == "[1, 2]"
    assert kernel.value("__import__('nbprocess').jobs(limit=1)[0].status") == "'Stopped'"


def test_background_values_come_in_and_a_reader_waits(kernel: Kernel) -> None:
    kernel.ok("%%processing --background\nimport time\ntime.sleep(2)\nlate = 'here'\nother = 'remote'")
    assert kernel.value("1 + 1") == "2"
    kernel.ok("other = 'mine'")
    ran = kernel.ok("seen = late")
    assert "Waiting for late" in ran.stream("stderr")
    assert kernel.value("seen, other") == "('here', 'mine')"


def test_attach_after_a_restart_brings_everything_back(kernel: Kernel, tmp_path: Path) -> None:
    kernel.ok(
        "%%processing --name comes-back\nfor_later = {'a': np.arange(3)}\nsettings['later'] = 1\nprint('printed there')\n'result there'"
    )
    with Kernel(tmp_path, kernel.home) as fresh:
        fresh.ok("%load_ext nbprocess")
        ran = fresh.ok("%processing_attach comes-back")
        assert "printed there" in ran.stdout
        assert ran.result == "'result there'"
        assert fresh.value("for_later['a'].tolist(), settings['later']") == "([0, 1, 2], 1)"


def test_line_magics(kernel: Kernel) -> None:
    kernel.ok("%%processing --name told-lines\nprint('one line of log')")
    assert "one line of log" in kernel.ok("%processing_logs told-lines").stdout
    assert "told-lines" in str(kernel.ok("%processing_jobs told").outputs)
    assert "ended already" in kernel.ok("%processing_stop told-lines").stdout
    assert "--timeout" in kernel.ok("%processing_config --timeout 33m").stdout
    assert "%processing_config" in kernel.ok("%processing_config").stdout
    kernel.ok("%processing_config --reset")
    assert "no job named nowhere" in str(kernel.run("%processing_logs nowhere"))


def test_a_name_in_use_is_refused(kernel: Kernel) -> None:
    kernel.ok("%%processing --name only-once\n1")
    ran = kernel.run("%%processing --name only-once\n2")
    assert "only-once" in ran.traceback + str(ran.outputs)
    assert "exists" in ran.traceback + str(ran.outputs) or "in use" in ran.traceback + str(ran.outputs)
    assert kernel.value("__import__('nbprocess').attach('only-once').status") == "'Completed'"


@pytest.mark.parametrize("what", ["blob", "manifest", "outcome"])
def test_tampering_is_found(kernel: Kernel, what: str) -> None:
    name = f"tampered-{what}"
    kernel.ok(f"%%processing --name {name}\ntampered_value = list(range(1000))")
    job = kernel.home / "buckets" / "nbprocess-local" / "jobs" / name
    if what == "outcome":
        file = job / "out" / "algo-1" / "outcome.json"
    elif what == "manifest":
        file = job / "bundle" / "manifest.json"
    else:
        file = next((job / "out" / "algo-1" / "blobs").iterdir())
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.chmod(0o600)
    file.write_bytes(bytes(content))
    if what == "manifest":
        return  # its check at the worker is tested with the worker
    ran = kernel.run(f"import nbprocess\nagain = nbprocess.attach('{name}')\nagain.load({{}})")
    text = ran.traceback + kernel.value("again.variables() if 'again' in globals() else ''")
    assert "sha-256" in text.lower() or "IntegrityError" in text


def test_saved_request_is_the_one_that_ran(kernel: Kernel) -> None:
    kernel.ok("%%processing --name the-request\n1")
    request = json.loads((kernel.home / "buckets/nbprocess-local/jobs/the-request/request.json").read_text())
    kernel.ok("import json, nbprocess")
    text = kernel.value("json.dumps(nbprocess.attach('the-request').describe(), default=str)")
    described = json.loads(ast.literal_eval(text))
    for key in (
        "AppSpecification",
        "ProcessingInputs",
        "ProcessingOutputConfig",
        "ProcessingResources",
        "StoppingCondition",
    ):
        assert described[key] == request[key]


def test_names_that_only_exec_binds_come_back_over_older_ones(kernel: Kernel) -> None:
    kernel.ok("by_exec = 'old'")
    kernel.ok("%%processing\nexec('by_exec = 1; new_by_exec = 2')")
    assert kernel.value("by_exec, new_by_exec") == "(1, 2)"
