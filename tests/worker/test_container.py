"""The container's side: what is verified, how deaths and stops are told, images with nothing but Python."""

from __future__ import annotations

import io
import json
import linecache
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from driver import job

from nbprocess.backends.local import images
from nbprocess.bundle import archive
from nbprocess.worker import formatters, usage


def test_the_archive_is_the_same_every_time_and_the_entrypoint_is_short() -> None:
    first = archive.build_archive()
    assert archive.build_archive() is first
    archive.build_archive.cache_clear()
    assert archive.build_archive() == first
    assert len(archive.ENTRYPOINT) < 256 and "\n" not in archive.ENTRYPOINT
    assert archive.entrypoint("a", "b") == (["python3", "-c", archive.ENTRYPOINT], ["a", "b"])


def test_the_archive_for_another_python_carries_bytecode_that_that_one_takes() -> None:
    others = [path for path in images.available().values() if path != sys.executable]
    if not others:
        pytest.skip("there is no other Python on this machine")
    for other in others:
        data = archive.build_archive(other)
        assert archive.build_archive(other) is data
        asked = "import importlib.util as u; print(u.MAGIC_NUMBER.hex())"
        magic = subprocess.run([other, "-c", asked], capture_output=True, text=True, check=True).stdout.strip()
        with zipfile.ZipFile(io.BytesIO(data)) as opened:
            assert opened.read("nbprocess/worker/child.pyc")[:4].hex() == magic
        archive.build_archive.cache_clear()
        assert archive.build_archive(other) == data


def test_an_interpreter_that_cannot_compile_leaves_that_to_the_worker(tmp_path: Path) -> None:
    broken = tmp_path / "python"
    for does in ("exit 3", "true", "echo other"):
        broken.write_text(f"#!/bin/sh\n{does}\n")
        broken.chmod(0o755)
        archive.build_archive.cache_clear()
        assert archive.build_archive(str(broken)) == archive.build_archive()
    assert archive.build_archive(str(tmp_path / "none")) == archive.build_archive()


def test_a_changed_worker_is_not_run(tmp_path: Path) -> None:
    ready = job(tmp_path, "open('ran', 'w')")
    path = ready.ml / "processing/input/nbprocess/worker.pyz"
    path.write_bytes(path.read_bytes() + b"x")
    ran = ready.run()
    assert ran.code == 1 and "worker.pyz corrupt" in ran.stderr and not ran.outcome


def test_a_changed_manifest_is_not_run(tmp_path: Path) -> None:
    ready = job(tmp_path, "print('ran')")
    path = ready.ml / "processing/input/nbprocess/manifest.json"
    path.write_bytes(path.read_bytes() + b" ")
    ran = ready.run()
    assert ran.code == 70 and "ran" not in ran.stdout
    assert ran.outcome["error"]["type"] == "IntegrityError" and "manifest.json" in ran.outcome["error"]["message"]


@pytest.mark.parametrize("harm", ["changed", "cut short", "missing"])
def test_a_damaged_blob_is_named_with_its_variable(tmp_path: Path, harm: str) -> None:
    ready = job(tmp_path, "print('ran', numbers)", {"numbers": list(range(1000))})
    path = next((ready.ml / "processing/input/nbprocess-blobs").iterdir())
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]) if harm == "changed" else data[:-1])
    if harm == "missing":
        path.unlink()
    ran = ready.run()
    message = ran.outcome["error"]["message"]
    assert ran.code == 70 and "ran" not in ran.stdout and "'numbers'" in message and path.name in message


def _as_who_may_not_write(ready: Any, folder: Path, sudo: str) -> Any:
    """Run a job whose folders may not be written to by this user, with ``sudo`` as the image's."""
    (folder / "bin").mkdir()
    (folder / "bin/sudo").write_text(sudo)
    (folder / "bin/sudo").chmod(0o755)
    shut = [ready.ml / name for name in ("output", "processing/output/nbprocess", "processing/output/made")]
    shut[-1].mkdir()
    for path in shut:
        path.chmod(0o555)
    # Root may write everywhere: without that capability it is like the other users.
    prefix = ["setpriv", "--bounding-set=-dac_override"] if os.geteuid() == 0 else []
    entrypoint, arguments = archive.entrypoint(ready.worker_sha, ready.manifest_sha, sys.executable)
    environ = {**os.environ, "NBPROCESS_ML_ROOT": str(ready.ml), "PATH": f"{folder}/bin:/usr/bin:/bin"}
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    return ready.finish(subprocess.Popen([*prefix, *entrypoint, *arguments], env=environ, cwd=ready.ml, **pipes))


@pytest.mark.skipif(os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root may write everywhere")
def test_a_user_who_is_not_root_opens_its_folders_through_sudo(tmp_path: Path) -> None:
    """As the user of SageMaker Distribution does, Studio's image."""
    places = {"made": "/opt/ml/processing/output/made"}
    ready = job(tmp_path, "open(outputs['made'] + '/x', 'w').write('made')\nprint('ran')", outputs=places)
    ran = _as_who_may_not_write(ready, tmp_path, '#!/bin/sh\n[ "$1" = -n ] && shift\nexec "$@"\n')
    assert ran.code == 0 and ran.text() == "ran\n", ran.stderr
    assert (ready.ml / "processing/output/made/x").read_text() == "made"


@pytest.mark.skipif(os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root may write everywhere")
def test_where_sudo_does_not_help_the_log_says_why(tmp_path: Path) -> None:
    ready = job(tmp_path, "print('ran')")
    ran = _as_who_may_not_write(ready, tmp_path, "#!/bin/sh\necho 'a password is required' >&2\nexit 1\n")
    assert ran.code == 73 and "Permission denied (a password is required). Run the image as a user" in ran.stderr


def test_os_exit_is_told_and_what_was_printed_is_kept(tmp_path: Path) -> None:
    ran = job(tmp_path, "import os\nprint('before', end='')\nos._exit(5)").run()
    assert ran.code == 5 and ran.outcome["state"] == "killed" and ran.text() == "before"
    assert "exit code 5" in ran.outcome["error"]["message"]


def test_a_segmentation_fault_is_told_with_its_line(tmp_path: Path) -> None:
    ran = job(tmp_path, "import ctypes\nprint('before')\nctypes.string_at(0)").run()
    assert ran.code == 139 and ran.outcome["state"] == "killed" and ran.text() == "before\n"
    assert ran.outcome["error"]["message"].startswith("killed by signal 11 (segmentation fault)")
    assert '7.py", line 4' in ran.text("stderr")


def test_a_kill_from_outside_is_told(tmp_path: Path) -> None:
    ran = job(tmp_path, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)").run()
    assert ran.code == 137 and "killed by signal 9" in ran.outcome["error"]["message"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_brings_back_what_is_ready(tmp_path: Path, number: int) -> None:
    ready = job(tmp_path, "x = 5\nimport time\nopen('../begun', 'w').close()\ntime.sleep(100)\ny = 6")
    process = ready.start()
    while not list(ready.ml.glob("processing/nbprocess-*/begun")):
        time.sleep(0.01)
        assert process.poll() is None
    process.send_signal(number)
    ran = ready.finish(process)
    assert ran.code == 143 and ran.outcome["state"] == "stopped" and ran.values["x"] == 5 and "y" not in ran.values
    assert ran.outcome["error"]["type"] == "KeyboardInterrupt"


def test_the_workers_own_alarm_saves_before_the_service_kills(tmp_path: Path) -> None:
    ran = job(tmp_path, "x = 5\nimport time\ntime.sleep(100)", timeout=2).run()
    assert ran.code == 124 and ran.outcome["state"] == "stopped" and ran.values["x"] == 5 and "y" not in ran.values
    assert "maximum runtime" in ran.outcome["error"]["message"]


def test_processes_left_behind_end_with_the_cell(tmp_path: Path) -> None:
    ran = job(tmp_path, "import subprocess\npid = subprocess.Popen(['sleep', '1000']).pid").run()
    deadline = time.monotonic() + 60  # it was killed; on a loaded machine it dies some time after
    while alive(ran.values["pid"]):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_pool_left_open_does_not_hold_the_job(tmp_path: Path) -> None:
    """joblib's stay open: their processes wait for work, and multiprocessing's exit handler for them."""
    source = """
        import atexit, time
        atexit.register(lambda: open("ran.txt", "w").close())  # before that of multiprocessing, so that it comes after it
        atexit.register(print, "said at the end")
        from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
        pool, threads = ProcessPoolExecutor(1), ThreadPoolExecutor(1)
        print(pool.submit(abs, -7).result())
        waits = threads.submit(time.sleep, 600)
    """
    ran = job(tmp_path, source).run()
    assert ran.code == 0 and "7" in ran.stdout and list(tmp_path.rglob("ran.txt"))
    assert "said at the end" not in ran.stdout + ran.stderr  # as in place, until the kernel ends


def test_changes_that_were_not_committed_are_committed_and_said(tmp_path: Path) -> None:
    source = """
        import sqlite3
        class Table:
            def __init__(self): self.base = sqlite3.connect("kept.db", isolation_level="DEFERRED")
        table = Table()
        table.base.execute("create table t (a)"); table.base.execute("insert into t values (3)")
    """
    ran = job(tmp_path, source).run()
    assert ran.outcome["notices"] == ["`table` left changes of kept.db that it had not committed: they are committed."]
    [path] = tmp_path.rglob("kept.db")
    assert sqlite3.connect(path).execute("select * from t").fetchall() == [(3,)]


def test_an_unwritable_message_is_said_in_the_log(tmp_path: Path) -> None:
    ready = job(tmp_path, "x = 1")
    (ready.ml / "output").rmdir()
    (ready.ml / "output").write_text("a file where a folder should be")
    process = ready.start()
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 73 and "cannot write" in stderr.decode() and "output/message" in stderr.decode()


EVERYWHERE: dict[str, Any] = {
    "values and a result": ("y = x + 1\ny", "41"),
    "await": ("import asyncio\nawait asyncio.sleep(0, x)", "40"),
    "magics": (
        "z = get_ipython().run_line_magic('time', 'x + 2')\nget_ipython().system('echo hello')\n"
        "get_ipython().run_cell_magic('writefile', 'a.txt', 'text')\nget_ipython().getoutput('cat a.txt')",
        "['text']",
    ),
}


def test_a_bare_python_runs_cells_too(tmp_path: Path, bare_python: str) -> None:
    for index, (code, shown) in enumerate(EVERYWHERE.values()):
        ran = job(tmp_path / str(index), code, {"x": 40}).run(bare_python, load=False)
        assert ran.code == 0, ran.stderr
        assert ran.displays()[-1]["data"]["text/plain"] == shown


def test_a_bare_python_has_displays_errors_and_magics(tmp_path: Path, bare_python: str) -> None:
    code = """
    from IPython.display import HTML, display
    class Shape:
        def _repr_html_(self):
            return "<i>shape</i>"
    display(HTML("<b>bold</b>"), display_id="here")
    display(Shape())
    get_ipython().run_cell_magic('capture', 'out', 'print("held")\\ndisplay(1)')
    print(out.stdout.upper(), len(out.outputs))
    get_ipython().run_line_magic('prun', 'f()')
    """
    ran = job(tmp_path, code).run(bare_python, load=False)
    first, second = ran.displays()
    assert first["data"]["text/html"] == "<b>bold</b>" and first["display_id"] == "here"
    assert second["data"]["text/html"] == "<i>shape</i>"
    assert ran.text() == "HELD\n 1\n"
    error = ran.outcome["error"]
    assert error["type"] == "UsageError" and "%prun needs IPython" in error["message"] and error["frames"][0][1] == 11


def test_a_bare_python_has_the_notebooks_names_for_magics(tmp_path: Path, bare_python: str) -> None:
    names = [("line alias", ("", "here"), ("pwd", "line", None)), ("line alias", ("", "say"), ("sx", "line", "echo"))]
    code = "shell = get_ipython()\nsaid = shell.run_line_magic('say', 'a word'), shell.run_line_magic('here', '')"
    ran = job(tmp_path, code, {formatters.ENTRY: names}).run(bare_python)
    (line,), folder = ran.values["said"]
    assert line == "a word" and Path(folder).is_absolute()


def test_more_magics_of_a_bare_python(tmp_path: Path, bare_python: str) -> None:
    code = """
    shell, k = get_ipython(), 3
    shell.run_cell_magic('writefile', 'script.py', 'import sys\\nx = k + 5 if "k" in globals() else sys.argv[1:]\\n')
    shell.run_line_magic('run', '-i script.py'); print(x)
    shell.run_line_magic('run', 'script a b'); print(x)
    shell.run_cell_magic('html', '', '<u>shown</u>')
    shell.run_cell_magic('python', '', 'print("apart")')
    shell.run_line_magic('cat', 'script.py')
    shell.run_line_magic('cd', '/'); shell.run_line_magic('cd', '-')
    shell.run_line_magic('run', '-p script.py')
    """
    ran = job(tmp_path, code).run(bare_python, load=False)
    assert [shown["data"] for shown in ran.displays()] == [{"text/html": "<u>shown</u>"}]
    text = ran.text()
    assert "\n8\n['a', 'b']\n" in text and "apart\nimport sys\n" in text and text.rstrip().endswith("/notebook")
    error = ran.outcome["error"]
    assert "it takes a script and its arguments, with -i or -n before them, not -p" in error["message"]


def test_a_bare_python_shows_values_by_the_functions_of_the_notebook(tmp_path: Path, bare_python: str) -> None:
    notebook: dict[str, Any] = {"__name__": "__main__"}
    source = 'def as_html(value): return f"<i>{value}</i>"\n'
    source += 'def plainly(value, printer, cycle): printer.text("complex "); printer.pretty(value)\n'
    linecache.cache["/tmp/ipykernel_1/1.py"] = (len(source), None, source.splitlines(True), "/tmp/ipykernel_1/1.py")
    exec(compile(source, "/tmp/ipykernel_1/1.py", "exec"), notebook)
    entries = [
        ("text/html", ("fractions", "Fraction"), notebook["as_html"]),
        ("text/plain", ("builtins", "complex"), notebook["plainly"]),
    ]
    code = "import fractions\ndisplay(fractions.Fraction(1, 3), 1j, 5)\nclass Odd: pass\nOdd()"
    ran = job(tmp_path, code, {formatters.ENTRY: entries}).run(bare_python, load=False)
    fraction, number, plain, odd = (shown["data"] for shown in ran.displays())
    assert fraction == {"text/plain": "Fraction(1, 3)", "text/html": "<i>1/3</i>"}
    assert number == {"text/plain": "complex 1j"} and plain == {"text/plain": "5"}
    assert odd["text/plain"].startswith("<__main__.Odd at 0x")


def test_figures_without_ipython(tmp_path: Path) -> None:
    # This Python has matplotlib and IPython; IPython is hidden from the worker by an empty finder in sitecustomize.
    hide = tmp_path / "hide"
    hide.mkdir()
    (hide / "sitecustomize.py").write_text(
        "import importlib.util as u\nfind = u.find_spec\n"
        "u.find_spec = lambda name, package=None: None if name == 'IPython' else find(name, package)\n"
    )
    code = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\nprint('then')"
    ran = job(tmp_path / "job", code).run(load=False, PYTHONPATH=str(hide))
    assert ran.code == 0, ran.stderr
    assert [e["type"] for e in ran.events] == ["display_data", "stream"]
    assert ran.events[0]["data"]["image/png"].startswith("iVBOR")


def test_usage_is_sampled_and_markers_stay_out_of_the_output(tmp_path: Path) -> None:
    ran = job(tmp_path, "import time, sys\nsys.stderr.write('half a line')\ntime.sleep(2.3)\nprint('x')").run()
    usage = ran.markers("usage")
    assert usage and usage[0]["memory"] > 1_000_000 and usage[0]["memory_total"] > usage[0]["memory"]
    assert json.dumps(usage) and ran.text("stderr") == "half a line"


def test_requirements_that_cannot_be_installed_are_told(tmp_path: Path) -> None:
    ran = job(tmp_path, "print('ran')", requirements={"text": "./no-such-folder-here\n"}).run()
    assert ran.code == 70 and "ran" not in ran.stdout
    assert "requirements could not be installed" in ran.outcome["error"]["message"]


def test_results_that_cannot_be_written_are_told(tmp_path: Path) -> None:
    code = "import os, shutil\nplace = os.environ['NBPROCESS_ML_ROOT'] + '/processing/output/nbprocess/algo-7/blobs'\n"
    code += "os.rmdir(place)\nopen(place, 'w').close()\nx = 5"
    ran = job(tmp_path, code).run(load=False)
    assert ran.code == 1 and ran.outcome["state"] == "failed"
    message = ran.outcome["error"]["message"]
    assert "the results could not be saved" in message and "the cell completed" in message


def test_an_out_of_memory_kill_is_told_with_both_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "memory_total", lambda: 16_000_000_000)
    told = usage.death(signal.SIGKILL, 15_200_000_000, 0)
    assert (
        told.startswith("out of memory: the kernel killed the process at 15.2 GB of 16.0 GB") and "--instance" in told
    )
    assert usage.death(signal.SIGKILL, 1_000_000, 1).startswith("out of memory"), "the cgroup counted a kill"
    assert usage.death(signal.SIGKILL, 1_000_000, 0).startswith(
        "killed by signal 9 (killed from outside), exit code 137. Most often"
    )


def test_equal_chunks_are_written_by_several_threads_at_once(tmp_path: Path) -> None:
    from nbprocess.worker.blobs import CHUNK, Writer

    for attempt in range(5):
        blob = Writer(str(tmp_path / str(attempt)))(bytes(8 * CHUNK))
        assert len(set(blob["chunks"])) == 1
        assert [p.name for p in (tmp_path / str(attempt)).iterdir()] == [blob["chunks"][0]]
