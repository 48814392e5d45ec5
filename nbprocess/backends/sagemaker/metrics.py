"""What the machines of a job use, as CloudWatch has it: one sample a minute and host.

May import: ``catalog``, ``state``, the standard library; the client comes in as an object.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from ...state import Usage

NAMESPACE = "/aws/sagemaker/ProcessingJobs"
PERIOD = 60
"""Seconds between two samples: SageMaker sends no more."""

_NAMES = {
    "cpu": "CPUUtilization",
    "memory": "MemoryUtilization",
    "disk": "DiskUtilization",
    "gpu": "GPUUtilization",
    "gpu_memory": "GPUMemoryUtilization",
}
_QUERIES = 500  # GetMetricData takes no more in one call


def read(client: Any, describe: Mapping[str, Any], since: float, until: float) -> list[Usage]:
    """Samples of all hosts of a job, oldest first.

    Args:
        client: boto3's ``cloudwatch``.
        describe: the DescribeProcessingJob response: the machine's size turns percent into bytes.
        since: only samples of minutes that began after it, in POSIX seconds.
        until: the end of the span, in POSIX seconds.
    """
    cluster = describe.get("ProcessingResources", {}).get("ClusterConfig", {})
    count = int(cluster.get("SelectedInstanceCount") or cluster.get("InstanceCount") or 1)
    sizes = _sizes(cluster)
    hosts = [f"algo-{number + 1}" for number in range(count)]
    asked = [(host, field) for host in hosts for field in _NAMES if field in sizes]
    found: dict[tuple[float, str], dict[str, float]] = {}
    for start in range(0, len(asked), _QUERIES):
        queries = [
            _query(f"{describe['ProcessingJobName']}/{host}", field, start + number)
            for number, (host, field) in enumerate(asked[start : start + _QUERIES])
        ]
        for label, moment, value in _points(client, queries, since, until):
            host, field = asked[label]
            if moment > since:
                found.setdefault((moment, host), {})[field] = value
    return [_usage(moment, host, values, sizes) for (moment, host), values in sorted(found.items(), key=_in_order)]


def _query(dimension: str, field: str, number: int) -> dict[str, Any]:
    metric = {
        "Namespace": NAMESPACE,
        "MetricName": _NAMES[field],
        "Dimensions": [{"Name": "Host", "Value": dimension}],
    }
    return {"Id": f"q{number}", "MetricStat": {"Metric": metric, "Period": PERIOD, "Stat": "Average"}}


def _points(
    client: Any, queries: list[dict[str, Any]], since: float, until: float
) -> Iterator[tuple[int, float, float]]:
    """Number of the query, time and value of each data point, page by page."""
    asked = {
        "MetricDataQueries": queries,
        # A minute's point has the time at which it began; one that is not whole yet is left for later.
        "StartTime": datetime.fromtimestamp(since - since % PERIOD, timezone.utc),
        "EndTime": datetime.fromtimestamp(until, timezone.utc),
        "ScanBy": "TimestampAscending",
    }
    while True:
        answer = client.get_metric_data(**asked)
        for result in answer["MetricDataResults"]:
            for moment, value in zip(result["Timestamps"], result["Values"], strict=True):
                yield int(result["Id"][1:]), moment.timestamp(), value
        if not answer.get("NextToken"):
            return
        asked["NextToken"] = answer["NextToken"]


def _sizes(cluster: Mapping[str, Any]) -> dict[str, int]:
    """What 100 percent of a field is in bytes; 0 where it is a percentage in the views too. No field: not asked for."""
    from ...catalog import find

    given = str(cluster.get("SelectedInstanceType") or cluster.get("InstanceType") or "")
    if not given:
        kinds = [str(item.get("InstanceType")) for item in cluster.get("InstancePreferences") or ()]
        given = kinds[0] if len(kinds) == 1 else ""
    kind = find(given)
    sizes = {"cpu": 0, "disk": int(cluster.get("VolumeSizeInGB") or 0) * 10**9 or 0}
    if kind is None:  # a type that this catalogue lacks: percent of what is unknown
        return {**sizes, **({"gpu": 0} if re.match(r"ml[.](g|p)\d", given) else {})}
    sizes["memory"] = kind.memory
    if kind.gpus:
        sizes |= {"gpu": 0, "gpu_memory": kind.gpu_memory}
    return sizes


def _usage(moment: float, host: str, values: Mapping[str, float], sizes: Mapping[str, int]) -> Usage:
    def amount(field: str) -> int | None:
        size = sizes.get(field, 0)
        return round(values[field] / 100 * size) if field in values and size else None

    return Usage(
        time=moment,
        cpu=values.get("cpu"),
        memory=amount("memory"),
        memory_total=sizes.get("memory") or None,
        disk=amount("disk"),
        gpu=values.get("gpu"),
        gpu_memory=amount("gpu_memory"),
        host=host,
    )


def _in_order(item: tuple[tuple[float, str], Any]) -> tuple[float, int, str]:
    (moment, host), _ = item
    return moment, len(host), host
