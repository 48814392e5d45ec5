"""The log as a pane shows it, over the REST: rows of a search, one line in full, the whole as a file."""

from __future__ import annotations

import asyncio
import json
import time
from types import SimpleNamespace
from typing import Any

import pytest
from tornado.simple_httpclient import HTTPStreamClosedError

from nbprocess.server import board as boards
from nbprocess.server.board import KnownJobs
from nbprocess.state import LogEvent
from nbprocess.views import logfeed

from .conftest import FakeSource

TRACEBACK = [
    "Traceback (most recent call last):",
    '  File "cell.py", line 3, in <module>',
    "    fit(rate=0)",
    "ValueError: learning rate must be > 0",
]


def events(*lines: str, host: str = "algo-1") -> list[LogEvent]:
    return [LogEvent(n, 1_000.0 + n, text, "stdout", host) for n, text in enumerate(lines)]


async def rows(rest: Any, name: str, **query: str) -> dict[str, Any]:
    return json.loads((await rest("jobs", name, "log", "rows", params=query)).body)  # type: ignore[no-any-return]


async def test_tracebacks_are_folded_and_a_line_is_had_in_full(rest: Any, source: FakeSource) -> None:
    source.known["prepare-2"].lines = events("begun", *TRACEBACK, "x" * 5_000, *["end"] * 4)
    answer = await rows(rest, "prepare-2")
    assert [row[2][:10] for row in answer["rows"]] == ["begun", "Traceback ", "ValueError", "xxxxxxxxxx", *["end"] * 4]
    assert [row[6] for row in answer["rows"]] == [0, 2, 0, 0, 0, 0, 0, 0]  # lines folded under it
    assert [row[5] for row in answer["rows"][:3]] == [1, 3, 3]  # levels
    assert [len(answer["rows"][3][2]), answer["rows"][3][7]] == [2_000, 1]  # cut
    assert (answer["total"], answer["scanned"], answer["lines"], answer["complete"]) == (8, 10, 10, True)
    whole = json.loads((await rest("jobs", "prepare-2", "log", "lines", "1")).body)
    assert whole == {"type": "detail", "index": 1, "text": "\n".join(TRACEBACK)}
    long = json.loads((await rest("jobs", "prepare-2", "log", "lines", "5")).body)
    assert long["text"] == "x" * 5_000
    assert json.loads((await rest("jobs", "prepare-2", "log", "lines", "99")).body)["text"] == ""


async def test_a_search_a_level_and_a_host_choose_rows(rest: Any, source: FakeSource) -> None:
    job = source.known["prepare-2"]
    job.lines = [
        *events("epoch 1", "WARNING: slow & so on", *TRACEBACK),
        LogEvent(6, 9.0, "Epoch 2", "stderr", "algo-2"),
    ]
    found = await rows(rest, "prepare-2", query="EPOCH")
    assert [(row[0], row[2], row[3], row[4]) for row in found["rows"]] == [
        (0, "epoch 1", 0, "algo-1"),
        (6, "Epoch 2", 1, "algo-2"),
    ]
    assert found["selection"] == {"query": "EPOCH", "level": 0, "host": ""}
    assert [row[0] for row in (await rows(rest, "prepare-2", query=" & "))["rows"]] == [1]
    assert [row[0] for row in (await rows(rest, "prepare-2", level="2"))["rows"]] == [1, 2, 5]
    assert [row[0] for row in (await rows(rest, "prepare-2", host="algo-2"))["rows"]] == [6]
    assert (await rows(rest, "prepare-2", query="nothing like it"))["total"] == 0


async def test_rows_are_had_by_number_and_new_ones_from_where_one_is(rest: Any, source: FakeSource) -> None:
    job = source.known["train-1"]
    job.lines = events(*(f"line {n}" for n in range(3_000)))
    job._state["log_lines"] = 3_000
    answer = await rows(rest, "train-1", start="200", stop="400")
    assert (answer["start"], [row[0] for row in answer["rows"]]) == (200, list(range(200, 400)))
    assert len((await rows(rest, "train-1", start="0", stop="99999"))["rows"]) == logfeed.FETCH_ROWS
    tail = await rows(rest, "train-1")
    assert (tail["start"], len(tail["rows"]), tail["complete"]) == (2_500, 500, False)
    job.lines = events(*(f"line {n}" for n in range(3_002)))
    more = await rows(rest, "train-1", start="2999")
    assert (more["start"], [row[0] for row in more["rows"]], more["total"]) == (2_999, [2_999, 3_000, 3_001], 3_002)
    assert (await rows(rest, "train-1", start="5000"))["rows"] == []
    for query in ({"start": "-1"}, {"level": "many"}):
        assert (await rest("jobs", "train-1", "log", "rows", params=query)).code == 400


async def test_a_search_of_a_long_log_is_answered_in_parts(
    rest: Any, source: FakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No answer takes long: it says how far the search is, and the page asks again."""
    monkeypatch.setattr(boards, "SEARCH_SECONDS", 0.0)
    job = source.known["prepare-2"]
    lines = 2 * logfeed.Rows.scan.__defaults__[0] + 1  # type: ignore[index]
    job.lines = events(*(f"line {n}" for n in range(lines)))
    job._state["log_lines"] = lines
    first = await rows(rest, "prepare-2", query=f"line {lines - 1}")
    assert (first["total"], first["complete"]) == (0, False)
    assert first["scanned"] < lines
    again = await rows(rest, "prepare-2", query=f"line {lines - 1}")
    assert [row[0] for row in again["rows"]] == [lines - 1]
    assert again["complete"] is True


async def test_the_whole_log_is_a_file(rest: Any, source: FakeSource) -> None:
    job = source.known["prepare-2"]
    job.lines = events("<script>alert(1)</script>", "\x1b[31mred\x1b[0m é", *(f"line {n}" for n in range(25_000)))
    response = await rest("jobs", "prepare-2", "log", "file")
    assert response.code == 200
    assert response.body.decode() == "".join(f"{event.text}\n" for event in job.lines)
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Disposition"] == 'attachment; filename="prepare-2.log"'
    assert (await rest("jobs", "no-such-job", "log", "file")).code == 404


async def test_a_file_that_breaks_off_does_not_pass_for_the_whole(
    rest: Any, source: FakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = source.known["prepare-2"]
    job.lines = events(*(f"line {n}" for n in range(logfeed.FILE_PART + 1)))
    read = job.log

    def torn(start: int = 0, stop: int | None = None) -> list[LogEvent]:
        if start:
            raise OSError("the disk is gone")
        return read(start, stop)

    monkeypatch.setattr(job, "log", torn)
    with pytest.raises(HTTPStreamClosedError):
        await rest("jobs", "prepare-2", "log", "file")
    assert (await rest("jobs")).code == 200


class Growing:
    """A job of which each look reads at most 10,000 further lines, as ``nbprocess.job.Job`` does."""

    def __init__(self, lines: int, poll: float) -> None:
        self.name, self.lines, self.poll_seconds = "growing", lines, (poll, 1.0)
        self.read = self.looks = 0

    def refresh(self) -> None:
        self.looks += 1
        self.read = min(self.lines, self.read + 10_000)

    def finished(self) -> bool:
        return False

    def state(self) -> Any:
        return SimpleNamespace(log_lines=self.read)


@pytest.mark.parametrize("lines, looks", [(10, 1), (95_000, 11)])
def test_after_a_restart_of_the_server_a_long_log_is_caught_up(
    monkeypatch: pytest.MonkeyPatch, lines: int, looks: int
) -> None:
    job = Growing(lines, poll=3600)

    def attach(name: str, backend: str | None = None) -> Any:
        job.refresh()
        return job

    monkeypatch.setattr("nbprocess.api.attach", attach)
    jobs = KnownJobs()
    assert jobs.find("growing") is job  # type: ignore[comparison-overlap]
    assert (job.read, job.looks) == (lines, looks)


async def test_a_backend_is_asked_no_more_often_than_it_wants(monkeypatch: pytest.MonkeyPatch) -> None:
    job = Growing(10, poll=3600)
    monkeypatch.setattr("nbprocess.api.attach", lambda name, backend=None: job)
    jobs = KnownJobs()
    jobs.find("growing")
    await asyncio.gather(*(asyncio.to_thread(jobs.find, "growing") for _ in range(20)))
    assert job.looks == 1
    jobs._looked["growing"] = time.monotonic() - 3601
    jobs.find("growing")
    assert job.looks == 2
