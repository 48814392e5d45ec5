"""What must not travel is refused for what it is, in the words of the reader, wherever it hides."""

from __future__ import annotations

import concurrent.futures
import http.client
import mmap
import os
import queue
import tempfile
import threading
import types
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Ends


def _boto3_client() -> Any:
    import boto3

    return boto3.client("s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")


def _requests_session() -> Any:
    import requests

    session = requests.Session()
    session.auth = ("user", "secret")
    return session


def _of(module: str, name: str) -> Any:
    """A value of a library that is not here: such types are known by their names."""
    return type(name, (), {"__module__": module})()


def _held_lock() -> Any:
    lock = threading.Lock()
    lock.acquire()
    return lock


def _running_thread() -> Any:
    thread = threading.Thread(target=threading.Event().wait, daemon=True)
    thread.start()
    return thread


CASES: dict[str, tuple[Callable[[], Any], str]] = {
    "boto3 client": (_boto3_client, "credentials"),
    "requests session": (_requests_session, "credentials"),
    "environment": (lambda: os.environ, "--env NAME"),
    "temporary folder": (tempfile.TemporaryDirectory, "deleted with the object"),
    "temporary file": (tempfile.NamedTemporaryFile, "Open it inside the cell"),
    "held lock": (_held_lock, "Make it inside the cell"),
    "thread": (_running_thread, "Make it inside the cell"),
    "queue": (queue.SimpleQueue, "Make it inside the cell"),
    "running future": (concurrent.futures.Future, "Make it inside the cell"),
    "finalizer": (lambda: weakref.finalize(_held_lock, print), "Use the object itself"),
    "connection": (lambda: http.client.HTTPConnection("localhost"), "Open it inside the cell"),
    "engine": (lambda: _of("sqlalchemy.engine.base", "Engine"), "Open it inside the cell"),
    "spark session": (lambda: _of("pyspark.sql.session", "SparkSession"), "Collect the data first"),
    "spark frame": (lambda: _of("pyspark.sql.classic.dataframe", "DataFrame"), "Collect the data first"),
    "dask client": (lambda: _of("distributed.client", "Client"), "Collect the data first"),
    "figure widget": (lambda: _of("plotly.basewidget", "BaseFigureWidget"), "Use go.Figure"),
    "mapped memory": (lambda: mmap.mmap(-1, 10), "Read its bytes"),
    "memory with gaps": (lambda: memoryview(b"abc")[::2], "Make bytes of it"),
    "compiled code": (lambda: compile("1", "cell", "eval"), "Send its text"),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_refused_for_what_it_is(ends: Ends, case: str) -> None:
    make, says = CASES[case]
    value = make()
    dumped = ends.dump(value=value, inside=types.SimpleNamespace(config={"x": [0, value]}), good=[1])
    assert set(dumped.failed) == {"value", "inside"}
    assert dumped.failed["value"].path == ""
    assert dumped.failed["inside"].path == "inside.config['x'][1]"
    for failure in dumped.failed.values():
        assert failure.type == type(value).__name__
        assert says in str(failure)
    assert [group.names for group in dumped.groups] == [["good"]]


def test_a_secret_in_a_closure_is_found(ends: Ends) -> None:
    ends.home["env"] = os.environ
    ends.cell("def make(env):\n    def f():\n        return env\n    return f\nf = make(env)")
    failure = ends.dump("f").failed["f"]
    assert failure.path == "f.<closure>.env" and "--env NAME" in failure.reason


def test_a_figure_travels_and_does_not_open_itself(ends: Ends) -> None:
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    figure = plt.figure()
    figure.add_subplot().plot([1, 2])
    before = plt.get_fignums()
    try:
        found = ends.send(figure=figure)["figure"]
        assert len(found.axes[0].lines) == 1
        assert plt.get_fignums() == before
    finally:
        plt.close(figure)
