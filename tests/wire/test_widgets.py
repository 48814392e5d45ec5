"""Widgets and the page: what it is told when values with widgets arrive, and what it is not told."""

from __future__ import annotations

import contextlib
import gc
import weakref
from collections.abc import Iterator
from typing import Any, ClassVar

import comm
import ipywidgets
import pytest

from nbprocess.worker.wire import widgets

from .conftest import Ends


class Recorded(comm.base_comm.BaseComm):
    """A way to a page that keeps what it was told."""

    told: ClassVar[list[tuple[str, str, Any]]] = []

    def publish_msg(self, msg_type: str, data: Any = None, metadata: Any = None, **_: Any) -> None:
        self.told.append((msg_type, self.comm_id, data))


@pytest.fixture()
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str, Any]]]:
    widgets.open_made()  # what other tests have read
    gc.collect()  # their widgets close when they are collected
    monkeypatch.setattr(comm, "create_comm", Recorded)
    monkeypatch.setattr(Recorded, "told", [])
    monkeypatch.setattr(comm.get_comm_manager(), "unregister_comm", lambda _: None)  # both ends are in this process
    yield Recorded.told


@contextlib.contextmanager
def elsewhere(*values: Any) -> Iterator[None]:
    """In another process, which has not made these."""
    for value in values:
        del widgets.known()[value.model_id]
    yield
    widgets.known().update((value.model_id, value) for value in values)


def test_what_a_job_made_is_opened_from_the_inside_under_its_numbers(ends: Ends, told: list[Any]) -> None:
    inner = ipywidgets.IntSlider(value=3)
    outer = ipywidgets.VBox([inner])
    numbers = [inner.layout.model_id, inner.style.model_id, inner.model_id, outer.layout.model_id, outer.model_id]
    told.clear()
    with elsewhere(inner.layout, inner.style, inner, outer.layout, outer):
        arrived = ends.send(box=outer)["box"]
        assert widgets.known()[inner.model_id] is arrived.children[0]
    opened = [number for kind, number, _ in told if kind == "comm_open"]
    assert sorted(opened) == sorted(numbers) and opened[-1] == outer.model_id
    assert opened.index(inner.model_id) > opened.index(inner.layout.model_id)
    assert arrived.model_id == outer.model_id
    state = next(data["state"] for kind, number, data in told if number == inner.model_id and kind == "comm_open")
    assert state["value"] == 3 and state["layout"] == f"IPY_MODEL_{inner.layout.model_id}"


def test_one_that_is_loaded_once_more_is_another_one(ends: Ends, told: list[Any]) -> None:
    slider = ipywidgets.IntSlider()
    again = ends.send(slider=slider)["slider"]
    assert again.model_id != slider.model_id and widgets.known()[slider.model_id] is slider
    told.clear()
    again.value = 5
    assert [(number, data["state"]) for _, number, data in told] == [(again.model_id, {"value": 5})]
    assert slider.value == 0


def test_the_page_is_told_what_a_job_changed_and_no_more(ends: Ends, told: list[Any]) -> None:
    slider, other = ipywidgets.IntSlider(), ipywidgets.Text("as it was")
    with elsewhere(slider, other):
        far = ends.send(slider=slider, other=other)
        ends.begin()
        far["slider"].value = 7
    told.clear()
    ends.back()
    assert (slider.value, ends.changed) == (7, ["slider"])
    states = [(number, data["state"]) for kind, number, data in told if kind == "comm_msg"]
    assert states == [(slider.model_id, {"value": 7})]


def test_what_a_job_closed_is_closed_here(ends: Ends, told: list[Any]) -> None:
    slider = ipywidgets.IntSlider()
    number = slider.model_id
    with elsewhere(slider):
        far = ends.send(slider=slider)["slider"]
        ends.begin()
        far.close()
    told.clear()
    ends.back()
    assert slider.comm is None and number not in widgets.known()
    assert [(kind, which) for kind, which, _ in told] == [("comm_close", number)]


def test_one_that_holds_a_closed_one_is_known_to_a_job(ends: Ends, told: list[Any]) -> None:
    inner = ipywidgets.IntSlider()
    outer = ipywidgets.VBox([inner])
    inner.close()
    with elsewhere(outer):
        arrived = ends.send(box=outer)["box"]
        assert arrived.model_id == outer.model_id and widgets.known()[outer.model_id] is arrived


def test_a_proxy_of_what_is_gone_arrives_as_one(ends: Ends) -> None:
    class Thing:
        pass

    thing = Thing()
    holder = [weakref.proxy(thing)]
    del thing
    arrived = ends.send(holder=holder)["holder"]
    ends.begin()
    ends.back()
    with pytest.raises(ReferenceError):
        arrived[0].anything  # noqa: B018
