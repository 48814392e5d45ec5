"""CloudWatch's log of a job: every line of every host once, in order, also of hosts that come late."""

from __future__ import annotations

from typing import Any

from nbprocess.backends.base import LogLine
from nbprocess.backends.sagemaker import logs
from nbprocess.logbook import Logbook


class CloudWatch:
    """Streams of events with GetLogEvents' tokens: pages of what is asked for, the same token at the end."""

    def __init__(self, page: int = 10_000) -> None:
        self.streams: dict[str, list[tuple[int, str]]] = {}
        self.page = page
        self.calls = 0

    def describe_log_streams(self, **asked: Any) -> dict[str, Any]:
        self.calls += 1
        names = sorted(name for name in self.streams if name.startswith(asked["logStreamNamePrefix"]))
        if not self.streams:
            from botocore.exceptions import ClientError

            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "DescribeLogStreams")
        start = int(asked.get("nextToken", 0))
        more = {"nextToken": str(start + 50)} if start + 50 < len(names) else {}
        return {"logStreams": [{"logStreamName": name} for name in names[start : start + 50]], **more}

    def get_log_events(self, **asked: Any) -> dict[str, Any]:
        self.calls += 1
        assert asked["startFromHead"] is True and asked["limit"] <= 10_000
        events = self.streams[asked["logStreamName"]]
        start = int(asked.get("nextToken", "f/0")[2:])
        part = events[start : start + min(self.page, asked["limit"])]
        return {
            "events": [{"timestamp": moment, "message": text} for moment, text in part],
            "nextForwardToken": f"f/{start + len(part)}",
        }


def texts(lines: tuple[LogLine, ...]) -> list[str]:
    return [line.text for line in lines]


def test_before_anything_is_written_there_is_nothing() -> None:
    page = logs.read(CloudWatch(), "job", None, 100)
    assert page.lines == () and logs.read(CloudWatch(), "job", page.cursor, 100).lines == ()


def test_hosts_are_merged_by_time_and_only_this_job_s() -> None:
    client = CloudWatch()
    client.streams = {
        "job/algo-1-17": [(1000, "a"), (3000, "c")],
        "job/algo-2-17": [(2000, "b"), (4000, "d")],
        "job-2/algo-1-17": [(1500, "another job's")],
    }
    page = logs.read(client, "job", None, 100)
    assert [(line.time, line.host, line.text) for line in page.lines] == [
        (1.0, "algo-1", "a"),
        (2.0, "algo-2", "b"),
        (3.0, "algo-1", "c"),
        (4.0, "algo-2", "d"),
    ]
    assert logs.read(client, "job", page.cursor, 100).lines == ()


def test_a_stream_that_comes_late_is_read_from_its_first_line() -> None:
    client = CloudWatch()
    client.streams["job/algo-1-17"] = [(1000, "one")]
    page = logs.read(client, "job", None, 100)
    client.streams["job/algo-2-19"] = [(500, "early on the clock, late to come")]
    client.streams["job/algo-1-17"].append((2000, "two"))
    page = logs.read(client, "job", page.cursor, 100)
    assert sorted(texts(page.lines)) == ["early on the clock, late to come", "two"]
    assert {line.host for line in page.lines} == {"algo-1", "algo-2"}


def test_sixty_hosts_are_all_listed() -> None:
    client = CloudWatch()
    client.streams = {f"job/algo-{n}-17": [(n, f"host {n}")] for n in range(1, 61)}
    assert texts(logs.read(client, "job", None, 10_000).lines) == [f"host {n}" for n in range(1, 61)]


def test_nothing_is_lost_or_said_twice_whatever_the_pages() -> None:
    """Small pages of the service, small limits of ours, lines that come between: each line exactly once."""
    client = CloudWatch(page=7)
    said = {f"job/algo-{n}-17": [f"{n}:{i}" for i in range(100 * n)] for n in (1, 2, 3)}
    client.streams = {name: [] for name in said}
    found: list[str] = []
    cursor = None
    for step in range(40):
        for name, lines in said.items():
            client.streams[name] = [(i, text) for i, text in enumerate(lines[: (step + 1) * 10])]
        page = logs.read(client, "job", cursor, 13)
        assert len(page.lines) <= 13
        cursor = page.cursor
        found += texts(page.lines)
    while (page := logs.read(client, "job", cursor, 13)).lines:
        cursor = page.cursor
        found += texts(page.lines)
    assert sorted(found) == sorted(text for lines in said.values() for text in lines)
    for n in (1, 2, 3):
        assert [text for text in found if text.startswith(f"{n}:")] == said[f"job/algo-{n}-17"], "in order"


def test_a_page_that_an_ended_stream_leaves_empty_is_not_the_end() -> None:
    """GetLogEvents may give no events and another token: only the same token is the end."""

    class Gaps(CloudWatch):
        def get_log_events(self, **asked: Any) -> dict[str, Any]:
            token = asked.get("nextToken")
            if token is None:
                return {"events": [], "nextForwardToken": "gap"}
            return super().get_log_events(**{**asked, "nextToken": "f/0"} if token == "gap" else asked)

    client = Gaps()
    client.streams["job/algo-1-17"] = [(1000, "after the gap")]
    assert texts(logs.read(client, "job", None, 100).lines) == ["after the gap"]


def test_the_logbook_reads_old_lines_again_and_hides_markers() -> None:
    client = CloudWatch()
    client.streams["job/algo-1-17"] = [(i, f"line {i}") for i in range(25_000)]
    client.streams["job/algo-1-17"].insert(5, (5, '\x1enbprocess {"phase": "running"}'))

    class Backend:
        def logs(self, name: str, cursor: Any = None, limit: int = 10_000) -> Any:
            return logs.read(client, name, cursor, limit)

    book = Logbook("job", Backend())  # type: ignore[arg-type]
    markers = []
    while True:
        markers += book.pull()
        if not book.more:
            break
    assert len(book) == 25_000 and [marker["phase"] for marker in markers] == ["running"]
    assert [event.text for event in book.read(0, 3)] == ["line 0", "line 1", "line 2"]
    assert [event.text for event in book.read(24_999)] == ["line 24999"]
