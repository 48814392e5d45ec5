"""CloudWatch's log of a job: all streams of all hosts, by GetLogEvents, which loses nothing.

May import: ``base``, the standard library.
"""

from __future__ import annotations

from typing import Any

from ..base import LogLine, LogPage

GROUP = "/aws/sagemaker/ProcessingJobs"


def read(client: Any, job: str, cursor: Any, limit: int) -> LogPage:
    """New lines of all streams after ``cursor`` (stream → forward token), merged by time.

    Streams are listed anew each time: hosts that start late are found. Group and streams exist only once something was
    written.
    """
    tokens: dict[str, str] = dict(cursor or {})
    lines: list[LogLine] = []
    for stream in _streams(client, job):
        room = limit - len(lines)
        if room <= 0:
            break
        host = stream.split("/", 1)[1].rsplit("-", 1)[0]
        while room > 0:
            token = {"nextToken": tokens[stream]} if stream in tokens else {}
            answer = client.get_log_events(
                logGroupName=GROUP, logStreamName=stream, limit=min(room, 10_000), startFromHead=True, **token
            )
            events = answer["events"]
            same = tokens.get(stream) == answer["nextForwardToken"]
            tokens[stream] = answer["nextForwardToken"]
            lines += [LogLine(event["timestamp"] / 1000, event["message"], "stdout", host) for event in events]
            room = limit - len(lines)
            if same:  # an empty page with another token is not the end: API reference, GetLogEvents
                break
    lines.sort(key=lambda line: line.time)
    return LogPage(tuple(lines), tokens)


def _streams(client: Any, job: str) -> list[str]:
    from botocore.exceptions import ClientError

    names: list[str] = []
    token: dict[str, str] = {}
    while True:
        try:
            answer = client.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{job}/", **token)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return []
            raise
        names += [item["logStreamName"] for item in answer["logStreams"]]
        if not answer.get("nextToken"):
            return sorted(names)
        token = {"nextToken": answer["nextToken"]}
