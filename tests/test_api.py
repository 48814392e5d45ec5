"""The Python API: submit, follow, and read a job without IPython."""

from __future__ import annotations

import asyncio
import threading

import pytest

import nbprocess
from nbprocess.errors import BackendError, JobNotFound, OptionError


def submit(code: str, namespace: dict[str, object] | None = None, **options: object) -> nbprocess.Job:
    names: dict[str, object] = {"__name__": "__main__"} if namespace is None else namespace
    return nbprocess.submit(code, names, backend="local", **options)


def test_a_job_is_a_future() -> None:
    names: dict[str, object] = {"__name__": "__main__", "values": [1, 2, 3]}
    job = submit("total = sum(values)\nvalues.append(4)\ntotal * 2", names)
    called = threading.Event()
    job.add_done_callback(lambda done: called.set())
    assert job.result(timeout=60) == 12
    assert called.wait(10) and job.done() and job.exception() is None
    assert job.values["total"] == 6 and names["total"] == 6 and names["values"] == [1, 2, 3, 4]
    assert job.status == "Completed" and job.describe()["ProcessingJobStatus"] == "Completed"


def test_it_can_be_awaited() -> None:
    async def main() -> object:
        return await submit("'awaited'")

    assert asyncio.run(main()) == "awaited"


def test_the_cells_exception_is_raised() -> None:
    job = submit("raise LookupError('there')")
    assert isinstance(job.exception(timeout=60), LookupError)
    with pytest.raises(LookupError, match="there"):
        job.result()


def test_waiting_has_a_limit_and_stopping_ends_the_job() -> None:
    job = submit("import time\ntime.sleep(600)")
    assert job.wait(0.3) is False
    with pytest.raises(TimeoutError, match="has not ended"):
        job.result(timeout=0.1)
    with pytest.raises(BackendError, match="stop it first"):
        job.delete()
    job.stop()
    assert job.wait(60) and job.status == "Stopped"
    job.delete()
    with pytest.raises(JobNotFound, match="no job named"):
        nbprocess.attach(job.name, "local")


def test_the_log_can_be_followed_and_read_by_ranges() -> None:
    job = submit("for n in range(500): print('line', n)")
    assert [event.text for event in job.logs(follow=True)] == [f"line {n}" for n in range(500)]
    assert [event.text for event in job.log(498)] == ["line 498", "line 499"]
    assert [event.index for event in job.log(10, 12)] == [10, 11]


def test_attach_finds_it_with_its_values() -> None:
    job = submit("kept = {'a': 1}", name="api-attach")
    job.wait(60)
    again = nbprocess.attach("api-attach", "local")
    names: dict[str, object] = {}
    again.load(names)
    assert names["kept"] == {"a": 1}
    assert again.code() == "kept = {'a': 1}"
    assert "api-attach" in [found.name for found in nbprocess.jobs("local", NameContains="api-att")]


def test_wrong_options_are_named() -> None:
    with pytest.raises(OptionError, match="gpux is no option"):
        submit("1", gpux="T4")
    with pytest.raises(OptionError, match="there is no such file or folder"):
        submit("1", input={"data": "not-there.csv"})


def test_progress_without_a_job_only_iterates() -> None:
    assert list(nbprocess.progress(range(3), desc="x")) == [0, 1, 2]


def test_the_root_package_is_light() -> None:
    import subprocess
    import sys

    code = (
        "import sys; before = set(sys.modules); import nbprocess; new = set(sys.modules) - before;"
        "print([m for m in ('boto3', 'botocore', 'numpy', 'pandas', 'anywidget', 'IPython') if m in new])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
