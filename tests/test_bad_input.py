"""What goes wrong in a kernel: one clear error that names the thing, the reason and the way out; nothing is left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .live_kernel import Kernel, Ran


def jobs(kernel: Kernel) -> set[str]:
    folders = (kernel.home / "buckets/nbprocess-local/jobs", kernel.home / "instances")
    return {f"{folder.name}/{entry.name}" for folder in folders if folder.is_dir() for entry in folder.iterdir()}


def said(ran: Ran) -> str:
    return ran.traceback + ran.stream("stderr") + ran.stdout


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--gpu A100", ("A100", "Processing")),
        ("--instance ml.nothing.large", ("ml.nothing.large",)),
        ("--timeout soon", ("--timeout", "soon")),
        ("--timeout 10d", ("--timeout", "9d")),
        ("--input data=/no/such/file.csv", ("/no/such/file.csv", "--input")),
        ("--output data=/tmp/x", ("--output", "s3://")),
        ("--count 0", ("--count",)),
        ("--name has_underscores", ("--name", "has_underscores")),
        ("--gpu T4 --instance ml.m5.large", ("--gpu", "--instance")),
        ("--requirements nowhere.txt", ("nowhere.txt",)),
        ("--image 3.3", ("3.3",)),
        ("--nonsense", ("--nonsense",)),
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_written(
    kernel: Kernel, line: str, words: tuple[str, ...]
) -> None:
    before = jobs(kernel)
    ran = kernel.run(f"%%processing {line}\nx_of_a_wrong_option = 1")
    text = said(ran)
    assert all(word in text for word in words), text
    assert "Traceback" not in text
    assert jobs(kernel) == before
    assert kernel.value("'x_of_a_wrong_option' in globals()") == "False"


def test_an_interrupt_while_packing_leaves_nothing(kernel: Kernel) -> None:
    kernel.ok(
        "import time\n"
        "class Slow:\n"
        "    def __reduce__(self):\n"
        "        print('packing', flush=True)\n"
        "        time.sleep(30)\n"
        "        return (Slow, ())\n"
        "slow = Slow()"
    )
    before = jobs(kernel)
    number = kernel.send("%%processing\nslow")
    while True:
        message = kernel.client.get_iopub_msg(timeout=60)
        if message["msg_type"] == "stream" and "packing" in message["content"]["text"]:
            break
    kernel.interrupt()
    ran = kernel.collect(number)
    assert ran.error == "KeyboardInterrupt"
    assert jobs(kernel) == before
    kernel.ok("del slow")


def test_a_full_disk_is_named_and_nothing_is_left(kernel: Kernel) -> None:
    # A limit on the size of files is met like a full disk: a part of the bytes is taken, then no more.
    kernel.ok(
        "import resource, numpy as np\n"
        "limits = resource.getrlimit(resource.RLIMIT_FSIZE)\n"
        "large = np.random.default_rng(0).random(1_000_000)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limits[1]))"
    )
    before = jobs(kernel)
    try:
        text = said(kernel.run("%%processing\nlarge.sum()"))
    finally:
        kernel.ok("resource.setrlimit(resource.RLIMIT_FSIZE, limits)")
    assert "Could not write" in text and "ulimit -f" in text, text
    assert jobs(kernel) == before
    assert kernel.ok("%%processing\nround(float(large.mean()))").result in ("0", "1")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[tool.nbprocess\n", ("pyproject.toml",)),
        ("[tool.nbprocess]\ncolour = 'red'\n", ("pyproject.toml", "colour")),
        ("[tool.nbprocess]\ntimeout = 'soon'\n", ("pyproject.toml", "timeout", "soon")),
        ("[tool.nbprocess]\nname = 'x'\n", ("pyproject.toml", "name")),
    ],
)
def test_a_wrong_configuration_file_is_named(kernel: Kernel, content: str, words: tuple[str, ...]) -> None:
    path = kernel.folder / "pyproject.toml"
    path.write_text(content)
    before = jobs(kernel)
    try:
        text = said(kernel.run("%%processing\n1"))
    finally:
        path.unlink()
    assert all(word in text for word in words), text
    assert jobs(kernel) == before


def test_a_background_job_that_fails_is_told_to_the_cell_that_waits_for_it(kernel: Kernel) -> None:
    kernel.ok(
        "%%processing --background\nimport time\ntime.sleep(1)\nready = 1\nraise ValueError('no luck')\nnever = 2"
    )
    ran = kernel.run("print('ready', ready)\nnever")
    text = said(ran)
    assert "Waiting for" in text and "ready 1" in text
    assert ran.error == "NameError" and "no luck" in text, text


def test_a_name_that_was_rebound_meanwhile_is_kept(kernel: Kernel) -> None:
    kernel.ok("mine = 'old'")
    kernel.ok("%%processing --background --name rebound\nimport time\ntime.sleep(1)\nmine = 'from the job'")
    kernel.ok("mine = 'from here'")
    deadline = time.monotonic() + 60
    kernel.ok("import nbprocess\nrebound = nbprocess.attach('rebound')\nrebound.wait(60)")
    while kernel.value("rebound.done()") != "True":
        assert time.monotonic() < deadline
    assert kernel.value("mine") == "'from here'"


def test_in_a_plain_terminal_text_stands_in_for_the_widgets(tmp_path: Path) -> None:
    script = (
        "get_ipython().run_line_magic('load_ext', 'nbprocess')\n"
        "table = [1, 2, 3]\n"
        "get_ipython().run_cell_magic('processing', '', 'import time\\ntime.sleep(1)\\ntotal = sum(table)\\nprint(\"hello from the job\")')\n"
        "print('total', total)\n"
        "get_ipython().run_line_magic('processing_jobs', '')\n"
    )
    environment = {
        **os.environ,
        "NBPROCESS_HOME": str(tmp_path / "home"),
        "NBPROCESS_BACKEND": "local",
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "PYTHONPATH": str(Path(__file__).resolve().parents[1]),
    }
    command = [sys.executable, "-m", "IPython", "--colors=NoColor", "--no-banner", "-c", script]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "hello from the job" in done.stdout and "total 6" in done.stdout
    assert "Completed" in done.stdout and "<div" not in done.stdout and "widget" not in done.stdout.lower()
