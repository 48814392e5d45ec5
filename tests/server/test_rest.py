"""The REST as the sidebar and other programs use it."""

from __future__ import annotations

import asyncio
import json
import threading
from types import SimpleNamespace
from typing import Any

import pytest

import nbprocess
from nbprocess import backends
from nbprocess.catalog import Price
from nbprocess.errors import BackendError, StoreError
from nbprocess.server.board import KnownJobs
from nbprocess.server.displays import brief

from .conftest import FakeSource


async def test_jobs_are_listed_with_totals_and_problems(rest: Any, source: FakeSource) -> None:
    answer = json.loads((await rest("jobs")).body)
    assert [job["name"] for job in answer["jobs"]] == ["train-1", "prepare-2"]
    assert answer["totals"] == {"running": 1, "per_hour": 1.0, "today": 0.25}
    assert answer["problems"] == ["sagemaker: no credentials"]
    assert answer["jobs"][1]["terminal"] is True
    assert [(job["word"], job["tone"]) for job in answer["jobs"]] == [("Running", "busy"), ("Completed", "ok")]
    assert answer["jobs"][0]["attach"] == "%processing_attach train-1"


async def test_many_who_ask_at_once_share_one_listing(rest: Any, source: FakeSource) -> None:
    for _ in range(3):
        await rest("jobs")
    assert source.listings == 1
    await rest("jobs", params={"fresh": "1"})  # the Refresh button
    assert source.listings == 2
    await rest("jobs", "train-1", "stop", method="POST")
    answer = json.loads((await rest("jobs", params={"limit": "1"})).body)
    assert source.listings == 3  # an action is seen at once
    assert [job["status"] for job in answer["jobs"]] == ["Stopping"]


async def test_one_job_in_full(rest: Any) -> None:
    job = json.loads((await rest("jobs", "train-1")).body)
    assert job["code"] == "x = 1"
    assert job["events"][0]["text"] == "hello\n"
    assert job["outputs"] == {"report": "s3://nbprocess-local/report/"}
    assert job["describe"] == {"ProcessingJobName": "train-1"}


async def test_the_log_goes_on_where_it_was_left(rest: Any) -> None:
    first = json.loads((await rest("jobs", "prepare-2", "log", params={"limit": "7"})).body)
    assert [line["text"] for line in first["lines"]] == [f"line {n}" for n in range(7)]
    assert (first["cursor"], first["complete"]) == (7, False)
    rest_of_it = json.loads((await rest("jobs", "prepare-2", "log", params={"cursor": "7"})).body)
    assert [line["index"] for line in rest_of_it["lines"]] == [7, 8, 9]
    assert rest_of_it["complete"] is True
    running = json.loads((await rest("jobs", "train-1", "log", params={"cursor": "10"})).body)
    assert (running["lines"], running["cursor"], running["complete"]) == ([], 10, False)


def test_a_page_gets_the_end_of_what_was_printed_and_no_endless_displays() -> None:
    """A million lines of prints are in the log; the page's list of displays is no place for them."""
    events = [
        {"type": "display_data", "data": {"image/png": "A" * 900}, "metadata": {"image/png": {"width": 3}}},
        *({"type": "stream", "name": "stdout", "text": f"line {n}\n"} for n in range(50)),
        {"type": "clear_output", "wait": False},
        {"type": "execute_result", "data": {"text/plain": "42"}, "metadata": {}},
    ]
    assert brief(events, 10_000) == events
    into, out_of = ({"type": kind, "model_id": "1"} for kind in ("into_widget", "out_of_widget"))
    within = [into, {"type": "stream", "name": "stdout", "text": "gone"}, {"type": "clear_output"}, events[-1], out_of]
    assert brief([*events, *within], 10_000) == [*events, events[-1]]
    cut = brief(events, 100)
    assert [event["type"] for event in cut] == ["display_data", *["stream"] * 13, "clear_output", "execute_result"]
    assert cut[0]["data"] == {"text/plain": "A display of 917 characters is left out here; the results have it."}
    assert cut[1]["text"] == "… what was printed before is in the log\n 37\n"
    assert [event["text"] for event in cut[2:14]] == [f"line {n}\n" for n in range(38, 50)]
    assert cut[-1] == events[-1]


async def test_stop(rest: Any, source: FakeSource) -> None:
    response = await rest("jobs", "train-1", "stop", method="POST")
    assert response.code == 202
    assert json.loads(response.body)["status"] == "Stopping"
    assert source.known["train-1"].stops == 1


async def test_only_an_ended_job_is_deleted(rest: Any, source: FakeSource) -> None:
    refused = await rest("jobs", "train-1", method="DELETE")
    assert refused.code == 409
    assert json.loads(refused.body) == {
        "error": "BackendError",
        "reason": "Job train-1 is InProgress: stop it first, then delete it.",
    }
    ended = source.known["prepare-2"]
    assert (await rest("jobs", "prepare-2", method="DELETE")).code == 204
    assert ended.deleted
    assert (await rest("jobs", "prepare-2")).code == 404


async def test_outputs_are_listed_and_read_by_range(rest: Any) -> None:
    listed = json.loads((await rest("jobs", "train-1", "outputs", "report")).body)
    assert listed == {
        "files": [{"path": "page.html", "size": 25}, {"path": "tables/a.csv", "size": 10}],
        "more": False,
    }
    part = await rest(
        "jobs", "train-1", "outputs", "report", "file", params={"path": "tables/a.csv", "start": "3", "size": "4"}
    )
    assert part.body == b"3456"
    assert part.headers["Content-Range"] == "bytes 3-6/10"
    past = await rest("jobs", "train-1", "outputs", "report", "file", params={"path": "tables/a.csv", "start": "99"})
    assert (past.body, past.headers["Content-Range"]) == (b"", "bytes */10")


async def test_what_a_cell_wrote_is_never_a_page_of_this_server(rest: Any) -> None:
    page = await rest("jobs", "train-1", "outputs", "report", "file", params={"path": "page.html"})
    assert page.headers["Content-Type"] == "application/octet-stream"
    assert page.headers["Content-Disposition"] == "attachment"
    assert page.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["../secret.txt", "/etc/passwd", "tables/../../secret.txt", "..", "", "a\\b", "a//b"])
async def test_no_path_outside_the_output(rest: Any, path: str) -> None:
    response = await rest("jobs", "train-1", "outputs", "report", "file", params={"path": path})
    assert response.code == 403
    assert json.loads(response.body)["error"] == "OutsideOutput"
    assert b"not yours" not in response.body


async def test_answers_are_limited(rest: Any, jp_serverapp: Any) -> None:
    jp_serverapp.web_app.settings["nbprocess_board"]._max_read = 5
    jp_serverapp.web_app.settings["nbprocess_board"]._max_log_lines = 2
    data = await rest("jobs", "train-1", "outputs", "report", "file", params={"path": "tables/a.csv", "size": "9999"})
    assert data.body == b"01234"
    log = json.loads((await rest("jobs", "train-1", "log", params={"limit": "9999"})).body)
    assert len(log["lines"]) == 2


@pytest.mark.parametrize(
    ("path", "code", "reason"),
    [
        (("jobs", "nobody"), 404, "There is no job named nobody."),
        (("jobs", "train-1", "outputs", "other"), 404, "Its outputs: report."),
        (("jobs", "a..b"), 404, "There is nothing at"),
        (("jobs", "-x"), 404, "There is nothing at"),
        (("elsewhere",), 404, "There is nothing at"),
    ],
)
async def test_errors_are_json_with_a_reason(rest: Any, path: tuple[str, ...], code: int, reason: str) -> None:
    response = await rest(*path)
    assert response.code == code
    assert reason in json.loads(response.body)["reason"]


@pytest.mark.parametrize("cursor", ["-1", "x", "1e3", "9" * 40])
async def test_a_bad_number_is_refused(rest: Any, cursor: str) -> None:
    response = await rest("jobs", "train-1", "log", params={"cursor": cursor})
    assert response.code == 400
    assert json.loads(response.body) == {
        "error": "Refused",
        "reason": f"cursor={cursor}: give a whole number of at least 0.",
    }


async def test_a_fault_of_the_store_and_one_of_ours(rest: Any, source: FakeSource) -> None:
    source.failure = StoreError("s3://bucket: access denied. Ask for s3:GetObject.")
    response = await rest("jobs")
    assert response.code == 502
    assert json.loads(response.body)["reason"] == "s3://bucket: access denied. Ask for s3:GetObject."
    source.failure = ZeroDivisionError("value with a secret")
    response = await rest("jobs")
    assert response.code == 500
    assert "the server's log has the details" in json.loads(response.body)["reason"]
    assert b"secret" not in response.body


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ("jobs",)),
        ("GET", ("jobs", "train-1")),
        ("GET", ("jobs", "train-1", "log")),
        ("GET", ("jobs", "train-1", "log", "rows")),
        ("GET", ("jobs", "train-1", "log", "lines", "0")),
        ("GET", ("jobs", "train-1", "log", "file")),
        ("POST", ("jobs", "train-1", "stop")),
        ("POST", ("jobs", "train-1", "rerun")),
        ("DELETE", ("jobs", "train-1")),
        ("GET", ("jobs", "train-1", "outputs", "report", "file")),
        ("GET", ("catalogue",)),
        ("GET", ("options",)),
        ("GET", ("nothing", "here")),
    ],
)
async def test_a_wrong_token_is_refused(rest: Any, source: FakeSource, method: str, path: tuple[str, ...]) -> None:
    response = await rest(*path, method=method, headers={"Authorization": "token wrong"})
    assert response.code == 403
    assert source.known["train-1"].stops == 0


async def test_a_page_of_another_site_cannot_stop_a_job(
    rest: Any, source: FakeSource, jp_serverapp: Any, http_server_client: Any, jp_base_url: str
) -> None:
    """The browser of a person who is logged in sends the cookie, but another site cannot read the XSRF token."""
    login = await http_server_client.fetch(
        f"{jp_base_url}?token={jp_serverapp.identity_provider.token}", raise_error=False, follow_redirects=False
    )
    cookies = "; ".join(value.split(";")[0] for value in login.headers.get_list("Set-Cookie"))
    assert cookies
    path = f"{jp_base_url}nbprocess/api/jobs/train-1"
    assert (await http_server_client.fetch(path, headers={"Cookie": cookies})).code == 200
    response = await http_server_client.fetch(
        f"{path}/stop", method="POST", body="", headers={"Cookie": cookies}, raise_error=False
    )
    assert response.code == 403
    assert "_xsrf" in json.loads(response.body)["reason"]
    assert source.known["train-1"].stops == 0


async def test_a_user_without_permission_is_refused(
    rest: Any, source: FakeSource, jp_serverapp: Any, monkeypatch: Any
) -> None:
    asked = []

    def nobody(handler: Any, user: Any, action: str, resource: str) -> bool:
        asked.append((action, resource))
        return False

    monkeypatch.setattr(jp_serverapp.authorizer, "is_authorized", nobody)
    assert (await rest("jobs", "train-1", "stop", method="POST")).code == 403
    assert (await rest("jobs")).code == 403
    assert asked == [("write", "nbprocess"), ("read", "nbprocess")]
    assert source.known["train-1"].stops == 0


async def test_a_call_that_blocks_does_not_block_the_server(rest: Any, source: FakeSource, jp_fetch: Any) -> None:
    release, entered = threading.Event(), threading.Event()
    newest = source.newest

    def slow(limit: int) -> Any:
        entered.set()
        assert release.wait(60)
        return newest(limit)

    source.newest = slow  # type: ignore[method-assign]
    listing = asyncio.ensure_future(rest("jobs"))
    while not entered.is_set():
        await asyncio.sleep(0.01)
    assert (await jp_fetch("api", "status")).code == 200
    release.set()
    assert (await listing).code == 200


async def test_options_are_those_of_the_magic(rest: Any) -> None:
    from nbprocess.options import TABLE

    answer = json.loads((await rest("options")).body)
    assert [row["name"] for row in answer["options"]] == list(TABLE)
    assert answer["default_backend"] == "local"


async def test_the_catalogue_says_what_a_machine_has(rest: Any) -> None:
    answer = json.loads((await rest("catalogue", params={"backend": "local"})).body)
    rows = {row["name"]: row for row in answer["instances"]}
    machine = rows["ml.g4dn.xlarge"]
    assert (machine["vcpus"], machine["memory"], machine["gpu"]) == (4, 16 * 2**30, "T4")
    assert rows["ml.g4dn.12xlarge"]["gpu"] == "4 × T4"
    assert machine["quota"] is None  # this machine knows no account
    assert "T4" in answer["gpus"]


async def test_the_catalogue_has_prices_and_quotas_where_the_backend_can_tell(rest: Any, monkeypatch: Any) -> None:
    asked = []

    def quotas() -> dict[str, float]:
        asked.append("quotas")
        return {"ml.m5.large": 4, "ml.g4dn.xlarge": 0}

    prices = {"ml.c5.xlarge": Price(0.2345, "2026-11-01", "AWS Price List")}
    account = SimpleNamespace(name="sagemaker", region="us-east-1", quotas=quotas, prices=lambda: prices)
    monkeypatch.setattr(backends, "get", {"sagemaker": account}.__getitem__)
    for _ in range(2):
        answer = json.loads((await rest("catalogue", params={"backend": "sagemaker"})).body)
    rows = {row["name"]: row for row in answer["instances"]}
    assert (answer["region"], rows["ml.m5.large"]["quota"], rows["ml.g4dn.xlarge"]["quota"]) == ("us-east-1", 4, 0)
    assert rows["ml.c5.xlarge"]["quota"] is None
    assert (rows["ml.c5.xlarge"]["price"], rows["ml.c5.xlarge"]["as_of"]) == (0.2345, "2026-11-01")
    assert rows["ml.m5.large"]["price"]  # not in that list: from the table that ships
    assert asked == ["quotas"]  # an account is asked once for a while


async def test_an_account_that_cannot_be_asked_leaves_the_catalogue(rest: Any, monkeypatch: Any) -> None:
    def denied() -> dict[str, float]:
        raise BackendError("servicequotas:ListServiceQuotas is not allowed")

    prices = {"ml.c5.xlarge": Price(0.2345, "2026-11-01", "AWS Price List")}
    account = SimpleNamespace(name="sagemaker", region="us-east-1", prices=lambda: prices, quotas=denied)
    monkeypatch.setattr(backends, "get", lambda name: account)
    response = await rest("catalogue", params={"backend": "sagemaker"})
    assert response.code == 200
    answer = json.loads(response.body)
    assert answer["instances"][0]["quota"] is None
    assert {row["price"] for row in answer["instances"] if row["name"] == "ml.c5.xlarge"} == {0.2345}
    assert answer["problem"] == "servicequotas:ListServiceQuotas is not allowed"


async def test_an_unknown_backend_has_no_catalogue(rest: Any) -> None:
    response = await rest("catalogue", params={"backend": "moon"})
    assert response.code == 400
    assert "moon" in json.loads(response.body)["reason"]


async def test_a_job_is_run_again_without_a_kernel(
    rest: Any, jp_serverapp: Any, source: FakeSource, jp_asyncio_loop: Any
) -> None:
    """A real job of the embedded backend, and the whole REST over it: run, run again, log, delete."""
    jp_serverapp.web_app.settings["nbprocess_board"]._source = KnownJobs()
    code = "import os\nprint('ran as', os.environ.get('NBPROCESS_JOB', 'a job'))\nvalue = 6 * 7"
    first = await asyncio.to_thread(
        lambda: nbprocess.submit(code, {}, backend="local", name="rest-rerun", timeout="5m").name
    )

    async def ended(name: str) -> dict[str, Any]:
        for _ in range(600):
            job: dict[str, Any] = json.loads((await rest("jobs", name)).body)
            if job["terminal"]:
                return job
            await asyncio.sleep(0.1)
        raise AssertionError(f"{name} did not end")

    assert (await ended(first))["status"] == "Completed"
    response = await rest("jobs", first, "rerun", method="POST")
    assert response.code == 201
    again = json.loads(response.body)
    assert again["name"] != first
    done = await ended(again["name"])
    assert (done["status"], done["code"]) == ("Completed", code)
    listed = json.loads((await rest("jobs")).body)["jobs"]
    assert {first, again["name"]} <= {job["name"] for job in listed}
    log = json.loads((await rest("jobs", again["name"], "log")).body)
    assert any("ran as" in line["text"] for line in log["lines"])
    assert (await rest("jobs", again["name"], method="DELETE")).code == 204
    assert (await rest("jobs", again["name"])).code == 404
