"""Environment variables that the notebook has set: which travel, which stay, and what is said of it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

import nbprocess
from nbprocess.capture import capture, make_cell
from nbprocess.capture.environment import changed

STARTED = {"PATH": "/bin", "LANG": "C", "SAME": "1", "TERM": "xterm"}


def test_what_the_notebook_set_travels() -> None:
    now = {"PATH": "/bin:/opt", "SAME": "1", "TOKENIZERS_PARALLELISM": "false", "DATA": "/data/x", "TZ": "Asia/Tokyo"}
    found, left = changed(now=now, before=STARTED)
    assert found == {"TOKENIZERS_PARALLELISM": "false", "DATA": "/data/x", "TZ": "Asia/Tokyo", "LANG": None}
    assert left == {"PATH": "it belongs to this machine"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("AWS_PROFILE", "work"),
            ("HTTPS_PROXY", "http://proxy:3128"),
            ("JPY_PARENT_PID", "7"),
            ("LD_LIBRARY_PATH", "/x"),
        ),
        *(("CUDA_VISIBLE_DEVICES", "3"), ("PLUGINS", sys.prefix + "/lib/plugins"), ("MPLBACKEND", "agg")),
    ],
)
def test_what_belongs_to_the_machine_stays(name: str, value: str) -> None:
    assert changed(now={**STARTED, name: value}, before=STARTED) == ({}, {name: "it belongs to this machine"})


def test_no_gpu_and_the_region_are_choices() -> None:
    chosen = {"CUDA_VISIBLE_DEVICES": "-1", "AWS_DEFAULT_REGION": "eu-west-1", "PYTHONWARNINGS": "ignore"}
    assert changed(now={**STARTED, **chosen}, before=STARTED) == (chosen, {})


def test_secrets_stay_and_that_is_said_where_the_code_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-" + "x1" * 20)
    captured = capture(make_cell("import os\nos.environ['OPENAI_API_KEY']"), {})
    assert "OPENAI_API_KEY" not in captured.ambient.get("environ", {})
    expected = (
        "the environment variable OPENAI_API_KEY is not sent: it looks like it holds a secret (API key). "
        "--env OPENAI_API_KEY sends it."
    )
    assert expected in captured.notices
    assert expected not in capture(make_cell("1 + 1"), {}).notices
    given = capture(make_cell("import os\nos.environ['OPENAI_API_KEY']"), {}, env=["OPENAI_API_KEY"])
    assert expected not in given.notices


def test_the_cell_finds_them_and_what_it_is_given_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in (("COLOUR", "green"), ("SHAPE", "round"), ("TZ", "Asia/Tokyo")):
        monkeypatch.setenv(name, value)
    job = nbprocess.submit(
        "import os, time\n[os.environ['COLOUR'], os.getenv('SHAPE'), time.localtime(0).tm_hour]",
        {},
        backend="local",
        env=["SHAPE=square"],
    )
    assert job.result() == ["green", "square", 9]


def test_what_the_cell_sets_stays_there_and_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    job = nbprocess.submit(
        "import os\nos.environ['COLOUR'] = 'red'\nget_ipython().run_line_magic('env', 'SHAPE=round')",
        {},
        backend="local",
    )
    job.result()
    assert "COLOUR" not in os.environ
    assert job.results is not None
    expected = "The cell set COLOUR, SHAPE in the job's environment; set it here for the cells to come."
    assert expected in job.results.notices, job.results.notices


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import sys\nprint(sys.path)", "`sys.path` is that of the job: the folders of this machine are not in it."),
        ("import sys\nsys.path.append('lib')", ""),
        ("import sys\nsys.argv[1:]", "`sys.argv` is that of the job: the cell, and what --arg gives."),
        (
            "import sys\nsys.getrefcount([])",
            "`sys.getrefcount` counts what the job itself refers to, too: of inputs it tells more.",
        ),
    ],
)
def test_what_only_this_process_can_tell_is_said(code: str, said: str) -> None:
    found = [line for line in capture(make_cell(code), {}).notices if line.startswith("`sys.")]
    assert found == [said] * bool(said)


def test_functions_that_a_cell_registers_with_ipython_stay_in_the_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    job = nbprocess.submit(
        "def before(): pass\nshell = get_ipython()\nshell.events.register('pre_execute', before)\n"
        "shell.set_custom_exc((ValueError,), lambda *parts, tb_offset=None: None)",
        {},
        backend="local",
    )
    job.result()
    assert job.results is not None
    said = "The cell registered functions with the job's IPython (pre_execute, set_custom_exc); do so here for the cells to come."
    assert said in job.results.notices, job.results.notices
