"""Scripts, projects and containers: they run for real on this machine and against the loopback AWS, in the SDK's shapes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import nbprocess
from nbprocess import backends
from nbprocess.errors import BackendError, JobFailed, OptionError
from nbprocess.testing.aws import emulator

from ..live_kernel import Kernel

SHOUT = """\
cat /opt/ml/processing/input/words/words.txt | tr a-z A-Z > /opt/ml/processing/output/loud/loud.txt
echo "shouted with $1 $GREETING"
"""


@pytest.fixture(params=["local", "sagemaker"])
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[str]:
    """Both backends: the same job in a process here, and over the wire."""
    with contextlib.ExitStack() as stack:
        if request.param == "sagemaker":
            aws = stack.enter_context(emulator())
            for name, value in aws.environment.items():
                monkeypatch.setenv(name, value)
            backends.get.cache_clear()
        yield request.param
        backends.get.cache_clear()


def text(job: Any) -> str:
    return "\n".join(event.text for event in job.log())


def test_a_shell_script_with_inputs_outputs_and_arguments(place: str, folder: Path) -> None:
    (folder / "words.txt").write_text("quiet\n")
    job = nbprocess.submit(
        SHOUT,
        command="bash",
        backend=place,
        input={"words": "words.txt"},
        output=["loud"],
        arg=["care"],
        env={"GREETING": "hello"},
    )
    assert job.wait(60)
    assert job.status == "Completed", text(job)
    assert "shouted with care hello" in text(job)
    loud = job.outputs["loud"]
    assert loud.list() == {"loud.txt": 6} and loud.read() == b"QUIET\n"
    assert loud.open("loud.txt").read() == "QUIET\n" and str(loud) == loud.uri
    application = job.request()["AppSpecification"]
    assert application["ContainerEntrypoint"] == ["bash", "/opt/ml/processing/input/code/cell.sh"]
    assert application["ContainerArguments"] == ["care"]
    assert [entry["InputName"] for entry in job.request()["ProcessingInputs"]] == ["words", "code"]


def test_a_script_is_found_again_by_its_name(place: str) -> None:
    name = f"again-{place}"
    job = nbprocess.submit("echo once\n", command="bash", backend=place, name=name, output=["made"])
    assert job.wait(60)
    found = nbprocess.attach(name, place)
    assert found.status == "Completed" and found.code() == "echo once\n" and text(found) == "once"
    assert not found.has_cell and found.outputs["made"].uri.endswith(f"/jobs/{name}/outputs/made/")


def test_a_script_runs_again_from_the_store_and_outlives_the_old_job(place: str, folder: Path) -> None:
    from nbprocess.rerun import rerun

    (folder / "data").mkdir()
    (folder / "data" / "words.txt").write_text("from the store\n")
    script = folder / "say.py"
    script.write_text("import sys\nprint(open('/opt/ml/processing/input/data/words.txt').read() + sys.argv[1])\n")
    options = {"input": {"data": str(folder / "data")}, "output": ["made"], "backend": place}
    first = nbprocess.submit_script(script, ["once"], name=f"first-{place}", **options)
    assert first.wait(60) and text(first).split("\n")[:2] == ["from the store", "once"]
    script.unlink()
    (folder / "data" / "words.txt").write_text("changed here\n")
    again = nbprocess.attach(rerun(first), place)
    assert again.wait(60) and again.code() == first.code()
    first.delete()
    assert f"/jobs/{first.name}/" not in str(again.request()) and again.request() != {}
    third = nbprocess.attach(rerun(again), place)
    assert third.wait(60) and text(third).split("\n")[:2] == ["from the store", "once"]
    assert third.outputs["made"].uri.endswith(f"/jobs/{third.name}/outputs/made/")


def test_a_project_runs_again_from_the_store(place: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the sidebar does it: through the server's board, without a kernel."""
    from nbprocess.server.board import Board, KnownJobs

    (folder / "src").mkdir()
    (folder / "src" / "train.py").write_text("import part\nprint(part.SAYS)\n")
    (folder / "src" / "part.py").write_text("SAYS = 'as it was'\n")
    first = nbprocess.submit_script("train.py", source_dir="src", backend=place)
    assert first.wait(60) and "as it was" in text(first)
    (folder / "src" / "part.py").write_text("SAYS = 'as it is'\n")
    if place == "sagemaker":
        monkeypatch.setenv("NBPROCESS_BACKEND", "sagemaker")
    name = Board(KnownJobs()).rerun(first.name)["name"]
    first.delete()
    again = nbprocess.attach(name, place)
    assert again.wait(60) and again.status == "Completed" and "as it was" in text(again)


def test_nothing_is_left_of_a_run_again_whose_files_are_gone(place: str) -> None:
    from nbprocess.errors import StoreError
    from nbprocess.rerun import rerun

    job = nbprocess.submit("echo once\n", command="bash", backend=place)
    assert job.wait(60) and job.store is not None
    job.store.delete(f"jobs/{job.name}/request.json")
    with pytest.raises(StoreError, match=job.name):
        rerun(job)
    assert not [name for name, _ in job.store.list("jobs/") if "-again-" in name and job.name in name]


def test_a_failing_script_fails_the_job_and_shows_its_log(place: str) -> None:
    job = nbprocess.submit("echo about to fail >&2\nexit 7\n", command="bash", backend=place)
    with pytest.raises(JobFailed, match="exit code: 7"):
        job.result(timeout=60)
    assert "about to fail" in text(job)


def test_a_project_with_requirements_gets_its_modules_and_packages(place: str, folder: Path) -> None:
    source = folder / "project"
    (source / "steps").mkdir(parents=True)
    (source / "steps" / "train.py").write_text(
        "import sys, lib, tiny_thing\nprint(lib.VALUE, tiny_thing.WORD, sys.argv[1:])\n"
    )
    (source / "lib.py").write_text("VALUE = 'from the project'\n")
    package = folder / "tiny"
    package.mkdir()
    (package / "tiny_thing.py").write_text("WORD = 'installed'\n")
    (package / "pyproject.toml").write_text(
        '[project]\nname = "tiny-thing"\nversion = "1"\n[build-system]\nrequires = ["hatchling"]\n'
        'build-backend = "hatchling.build"\n[tool.hatch.build.targets.wheel]\ninclude = ["tiny_thing.py"]\n'
    )
    (source / "requirements.txt").write_text("tiny-thing\n")
    _wheel(folder)
    job = nbprocess.submit_script(
        "steps/train.py",
        ["--epochs", "3"],
        source_dir=str(source),
        backend=place,
        env={"PYTHONPATH": ".", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)},
    )
    assert job.wait(120)
    assert "from the project installed ['--epochs', '3']" in text(job), text(job)
    assert job.request()["AppSpecification"]["ContainerEntrypoint"] == [
        "/bin/bash",
        "/opt/ml/processing/input/entrypoint/runproc.sh",
    ]


def _wheel(folder: Path) -> None:
    """A wheel by hand: nothing is fetched."""
    import zipfile

    with zipfile.ZipFile(folder / "tiny_thing-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny_thing.py", "WORD = 'installed'\n")
        wheel.writestr("tiny_thing-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-thing\nVersion: 1\n")
        wheel.writestr("tiny_thing-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("tiny_thing-1.dist-info/RECORD", "")


def test_a_python_script_by_itself(place: str, folder: Path) -> None:
    (folder / "score.py").write_text("import sys\nprint('scored', sys.argv[1])\n")
    job = nbprocess.submit_script("score.py", ["x y"], framework="sklearn", backend=place)
    assert job.wait(60) and "scored x y" in text(job)
    image = job.request()["AppSpecification"]["ImageUri"]
    if place == "local":
        assert image.startswith("local") and any("sagemaker-scikit-learn" in note for note in job.state().notices)
    else:
        assert "/sagemaker-scikit-learn:" in image


def test_a_container_with_its_own_entrypoint(place: str) -> None:
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/mine:1" if place == "sagemaker" else "3.11"
    job = nbprocess.run_container(
        image=image,
        entrypoint=["sh", "-c", "echo by itself > /opt/ml/processing/output/o/x"],
        output=["o"],
        backend=place,
    )
    assert job.wait(60) and job.outputs["o"].read() == b"by itself\n"
    assert "ProcessingInputs" not in job.request()


def test_stop_reaches_the_script_itself(folder: Path) -> None:
    (folder / "slow.py").write_text(
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('told to stop', flush=True), sys.exit(0)))\n"
        "print('ready', flush=True)\ntime.sleep(100)\n"
    )
    job = nbprocess.submit_script("slow.py", source_dir=".", backend="local")
    while not any("ready" in event.text for event in job.log()):
        assert not job.wait(0.2)
    job.stop()
    assert job.wait(60) and job.status == "Stopped" and "told to stop" in text(job)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: nbprocess.submit_script("none.py"), "there is no such file here"),
        (lambda: nbprocess.submit_script("x.py", source_dir="none"), "there is no such folder"),
        (lambda: nbprocess.submit_script("s3://b/x.py", source_dir="."), "takes neither --source-dir"),
        (lambda: nbprocess.submit_script("x.unknown"), "what runs it? Give --command"),
        (lambda: nbprocess.run_container(), "needs an image"),
        (lambda: nbprocess.submit("echo", command="bash", save="x"), "--save belongs to a cell"),
        (lambda: nbprocess.submit("echo", command="bash", arg=["x" * 300]), "up to 256 characters"),
        (lambda: nbprocess.submit("echo", command="bash", input={"d": "nowhere"}), "no such file or folder"),
    ],
)
def test_a_mistake_is_told_before_anything_is_written(call: Any, says: str, folder: Path) -> None:
    (folder / "x.unknown").write_text("")
    before = len(nbprocess.jobs("local", limit=1000))
    with pytest.raises(OptionError) as caught:
        call()
    assert says in str(caught.value)
    assert len(nbprocess.jobs("local", limit=1000)) == before


def test_a_command_that_is_not_there_is_told(folder: Path) -> None:
    job = nbprocess.submit("x", command="no-such-language", backend="local")
    assert job.wait(60) and job.status == "Failed" and "cannot be executed" in text(job)


def test_a_name_in_use_is_refused(folder: Path) -> None:
    assert nbprocess.submit("echo", command="sh", name="taken-script", backend="local").wait(60)
    with pytest.raises(BackendError, match="taken-script"):
        nbprocess.submit("echo", command="sh", name="taken-script", backend="local")


def test_the_magics(kernel: Kernel) -> None:
    ran = kernel.ok("%%processing --command bash --arg there\necho hello $1")
    assert "hello there" in ran.stdout
    (kernel.folder / "said.py").write_text("import sys\nprint('said', sys.argv[1:])\n")
    ran = kernel.ok("done = %processing_script said.py --timeout 5m -- --epochs 3 'a b'")
    assert "said ['--epochs', '3', 'a b']" in ran.stdout
    assert kernel.value("done.status") == "'Completed'"
    assert "it" in kernel.ok("%processing --image 3.11 --entrypoint 'echo it'").stdout
    assert "bash /opt/ml" in kernel.ok("%%processing_plan --command bash\necho $UNDEFINED; this is no Python").stdout
    ran = kernel.ok("%processing_script said.py --dry-run --framework sklearn")
    assert "nothing was sent" in ran.stdout and "code/said.py" in ran.stdout
    assert "would not be used" in kernel.run("%%processing --image x --entrypoint run\n1").stream("stderr")
    assert "the file is missing" in kernel.run("%processing_script --timeout 5m").stream("stderr")
    assert kernel.run("%%processing --command bash\nexit 3").error == "JobFailed"


def test_objects_of_the_notebook(kernel: Kernel) -> None:
    kernel.ok(
        "class ScriptProcessor:\n    pass\np = ScriptProcessor()\np.image_uri, p.instance_count, p.instance_type = '3.11', 1, "
        "'ml.c5.xlarge'\np.env, p.max_runtime_in_seconds = {'FROM': 'processor'}, 600\nmore = {'made': ''}"
    )
    ran = kernel.ok(
        "%%processing --processor p --outputs more\nimport os\nopen(outputs['made'] + '/x', 'w').write('y')\nseen = os.environ['FROM']"
    )
    assert not ran.stream("stderr"), ran.stream("stderr")
    assert kernel.value("seen") == "'processor'"
    kernel.ok("import nbprocess\njob = nbprocess.jobs(limit=1)[0]")
    assert kernel.value("job.request()['StoppingCondition'], job.outputs['made'].read()") == (
        "({'MaxRuntimeInSeconds': 600}, b'y')"
    )
