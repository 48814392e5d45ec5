"""The view object, the card's messages and the browser's thread, without a browser."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from typing import Any

import pytest

from nbprocess.state import JobState
from nbprocess.views import refresh
from nbprocess.views.assets import STATIC, script
from nbprocess.views.card import JobCard
from nbprocess.views.source import ListedJobs, Query, select, total
from nbprocess.views.view import View, host_form, show
from tests.views.fake_job import FakeJob, fail, finish, running
from tests.views.fake_source import FakeSource


def until(condition: Callable[[], Any], seconds: float = 20) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it did not happen"
        time.sleep(0.01)


# the view in a terminal


def test_outside_a_kernel_the_form_is_a_terminal_whatever_is_wished(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBPROCESS_VIEW", "widget")
    assert host_form() == "terminal"


def test_a_terminal_gets_a_line_per_phase_and_the_summary() -> None:
    job, stream = FakeJob(), io.StringIO()
    view = View(job, "terminal", stream=stream)
    for phase in ("uploading", "running", "running"):
        job.enter(phase)
        view.tick()
        view.tick()
    finish(job)
    view.finish()
    view.finish()
    printed = stream.getvalue().splitlines()
    assert [line.split(" · ")[1] for line in printed[:4]] == ["Packing", "Uploading", "Running", "Completed"]
    assert sum(line.startswith("Peak memory") for line in printed) == 1
    view.close()
    assert job._callbacks == []


# the card


class Page:
    """What a card sent, as the page would see it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.messages: list[dict[str, Any]] = []
        self.binary: list[bytes] = []
        self.again = 0

        def send(card: Any, content: Any, buffers: Any = None) -> None:
            json.dumps(content)  # it must be JSON
            self.messages.append(content)
            self.binary += buffers or []

        monkeypatch.setattr(JobCard, "send", send)
        monkeypatch.setattr(JobCard, "send_state", lambda card, key=None: setattr(self, "again", self.again + 1))


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Page:
    return Page(monkeypatch)


def test_a_fast_log_is_pushed_as_its_end_only_and_every_row_can_be_fetched(page: Page) -> None:
    job = FakeJob()
    card = JobCard(job)
    job.write(*(f"line {n}" for n in range(120_000)))
    while card.pull():
        pass
    pushed = page.messages[-1]
    assert pushed["total"] == pushed["scanned"] == pushed["lines"] == 120_000
    assert len(pushed["rows"]) <= 500
    assert pushed["rows"][-1][2] == "line 119999"
    card.receive({"type": "rows", "selection": {}, "start": 60_000, "stop": 60_200})
    answer = page.messages[-1]
    assert answer["start"] == 60_000
    assert [row[2] for row in answer["rows"]] == [f"line {n}" for n in range(60_000, 60_200)]


def test_nothing_is_sent_when_nothing_changed(page: Page) -> None:
    job = running()
    card = JobCard(job)
    card.pull()
    before = len(page.messages)
    card.pull()
    assert len(page.messages) == before


def test_a_search_goes_on_in_later_pulls_and_asks_for_them(page: Page) -> None:
    job = FakeJob()
    job.write(*(f"line {n}" for n in range(120_000)))
    card = JobCard(job)
    asked: list[bool] = []
    card.wanted = lambda: asked.append(True)  # type: ignore[method-assign]
    card.receive({"type": "rows", "selection": {"query": "line 119999"}})
    assert page.messages[-1]["scanned"] < 120_000
    assert asked
    while card.pull():
        pass
    found = [m for m in page.messages if m["selection"]["query"]][-1]
    assert (found["total"], found["scanned"]) == (1, 120_000)
    assert found["rows"][0][2] == "line 119999"


def test_searches_of_one_card_are_bounded(page: Page) -> None:
    card = JobCard(running())
    for n in range(20):
        card.receive({"type": "rows", "selection": {"query": str(n)}})
    assert len(card.feed) == 4


def test_ready_after_a_reload_gives_the_end_of_the_log_again(page: Page) -> None:
    job = running()
    card = JobCard(job)
    card.pull()
    page.messages.clear()
    card.receive({"type": "ready"})
    assert page.messages[-1]["rows"][0][2].endswith("loading 336,776 flights")


def test_stop_of_the_page_stops_the_job_and_is_acknowledged(page: Page) -> None:
    job = running()
    card = JobCard(job)
    card.receive({"type": "stop"})
    assert job.stops == 1
    assert page.messages[-1] == {"type": "stopping"}


@pytest.mark.parametrize(
    "content", [None, "stop", {}, {"type": "unknown"}, {"type": "detail", "index": "x"}, {"type": "rows", "start": "a"}]
)
def test_messages_that_make_no_sense_are_ignored(page: Page, content: Any) -> None:
    job = running()
    JobCard(job).receive(content)
    assert job.stops == 0


def test_the_download_is_the_whole_log_with_hosts_named_where_there_are_several(page: Page) -> None:
    job = FakeJob()
    job.measure(hosts=("algo-1", "algo-2"))
    job.write("é", host="algo-2")
    job.write(*(f"line {n}" for n in range(45_000)))
    JobCard(job).receive({"type": "file"})
    assert page.messages[-1] == {"type": "file", "start": 40_000, "last": True}
    text = b"".join(page.binary).decode()
    assert text.startswith("[algo-2] é\n[algo-1] line 0\n")
    assert text.count("\n") == 45_001


# the refreshing thread


class Counter:
    """A view that counts its refreshes."""

    def __init__(self, again: float | None = None, broken: bool = False) -> None:
        self.context = copy_context()
        self.times: list[float] = []
        self.again, self.broken = again, broken
        self.seen: list[str] = []

    def refresh(self) -> float | None:
        self.times.append(time.monotonic())
        self.seen.append(CELL.get())
        if self.broken:
            raise RuntimeError("broken view")
        return self.again


CELL: ContextVar[str] = ContextVar("CELL", default="")


def test_many_requests_are_one_refresh_per_interval_in_the_context_of_the_cell() -> None:
    CELL.set("the launching cell")
    view = Counter()
    CELL.set("a later cell")
    for _ in range(1000):
        refresh.request(view)
    until(lambda: view.times)
    for _ in range(1000):
        refresh.request(view)
    until(lambda: len(view.times) == 2)
    assert view.times[1] - view.times[0] >= refresh.INTERVAL * 0.99
    assert set(view.seen) == {"the launching cell"}


def test_a_broken_view_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    broken, good = Counter(broken=True), Counter(again=0.0)
    refresh.request(broken)
    refresh.request(good)
    until(lambda: len(good.times) >= 2)
    refresh.forget(good)
    assert "broken view" in caplog.text


def test_a_dropped_view_is_let_go_and_the_thread_is_one() -> None:
    views = [Counter() for _ in range(20)]
    for view in views:
        refresh.request(view)
    until(lambda: all(view.times for view in views))
    assert sum(thread.name == "nbprocess-views" for thread in threading.enumerate()) == 1


# the scripts


def test_the_joined_script_is_one_module_without_imports_and_without_a_name_twice() -> None:
    import re

    for entry in ("job.js", "browser.js"):
        text = script(entry)
        assert not re.search(r"^import ", text, re.MULTILINE)
        assert re.findall(r"^export .*", text, re.MULTILINE) == ["export default { render };"]
        names = re.findall(r"^(?:async )?(?:function|class|const|let) (\w+)", text, re.MULTILINE)
        assert len(names) == len(set(names)), sorted(name for name in names if names.count(name) > 1)


@pytest.mark.parametrize("entry", ["job.js", "browser.js"])
def test_a_widget_needs_nothing_from_the_server_of_its_page(entry: str) -> None:
    """VS Code and Colab have no labextension of ours: all code and style travels in the widget's model."""
    import re

    for way in (
        r"\bimport\s*\(",
        r"\bfrom\s+[\"']",
        r"\brequire\s*\(",
        r"importScripts",
        r"new Worker",
        r"<script",
        r"https?://",
    ):
        assert not re.search(way, re.sub(r"http://www\.w3\.org/2000/svg", "", script(entry))), way
    for sheet in STATIC.glob("*.css"):
        assert not re.search(r"@import|url\(", sheet.read_text(encoding="utf-8")), sheet.name


def test_script_and_style_are_in_the_state_of_the_model() -> None:
    card = JobCard(running())
    try:
        state = card.get_state()
    finally:
        card.close()
    assert state["_esm"] == script("job.js")
    assert ".nbp-card" in state["_css"]
    assert (state["_model_module"], state["_view_module"]) == ("anywidget", "anywidget")


def test_scripts_put_no_text_in_as_html() -> None:
    for path in STATIC.glob("*.js"):
        text = path.read_text(encoding="utf-8")
        for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert way not in text, f"{path.name} uses {way}"


# many jobs


def test_a_query_filters_searches_and_sorts() -> None:
    states = [job.state() for job in FakeSource(500).jobs]
    now = time.time()
    assert [s.name for s in select(states, Query(), now)] == [s.name for s in states]  # newest first
    failed = select(states, Query(status="Failed", notebook="flights.ipynb"), now)
    assert failed
    assert {(s.status, s.notebook) for s in failed} == {("Failed", "flights.ipynb")}
    assert select(states, Query(search="QUALITY 00001"), now) == [
        s for s in states if s.name == "nbprocess-quality-00001"
    ]
    costs = [s.cost for s in select(states, Query(sort="cost"), now)]
    assert costs == sorted(costs, reverse=True)
    assert all(now - s.created <= 86400 for s in select(states, Query(since=86400), now))


def test_a_query_of_the_page_takes_nothing_for_granted() -> None:
    assert Query.from_page({"search": 5, "sort": "__class__", "since": 60, "descending": "no", "x": 1}) == Query(
        since=60.0
    )
    assert Query.from_page(None) == Query()


def test_totals_count_what_runs_and_what_was_spent() -> None:
    now = 1_790_000_000.0
    states = [
        JobState("a", "local", "InProgress", "running", now - 60, cost=1.0, notebook="n.ipynb"),
        JobState("b", "local", "Completed", "done", now - 3 * 86400, cost=2.0, notebook="n.ipynb"),
        JobState("c", "local", "Completed", "done", now - 30 * 86400, cost=4.0),
    ]
    sums = total(states, now)
    assert (sums.jobs, sums.running, sums.today, sums.week, sums.notebooks) == (3, 1, 1.0, 3.0, {"n.ipynb": 3.0})


def test_a_refresh_reads_only_what_is_new_and_notices_the_end_of_a_job() -> None:
    source = FakeSource(1000)
    source.refresh()
    read: list[str] = []

    def listing():
        for job in source.jobs:
            read.append(job.name)
            yield job

    source._listing = listing
    source.jobs.insert(0, running(name="brand-new"))
    finish(source.jobs[1])
    assert source.refresh()
    assert len(read) < 100
    rows = source.page(Query(), 0, 5)
    assert (rows.total, rows.rows[0].name, rows.rows[1].status) == (1001, "brand-new", "Completed")
    assert len({s.name for s in source.page(Query(), 0, 2000).rows}) == 1001
    assert not ListedJobs(lambda: []).page(Query(), 0, 10).complete


def test_actions_of_a_job_that_is_gone_say_so() -> None:
    source = FakeSource(3)
    source.refresh()
    with pytest.raises(KeyError, match="no job nowhere any more"):
        source.act("stop", "nowhere")
    with pytest.raises(KeyError, match="explode is not possible here; there are: load"):
        source.act("explode", source.jobs[0].name)


def test_showing_a_failed_job_in_a_terminal_needs_no_kernel(capsys: pytest.CaptureFixture[str]) -> None:
    job = running()
    fail(job)
    show(job).close()
    assert "Failed" in capsys.readouterr().err
