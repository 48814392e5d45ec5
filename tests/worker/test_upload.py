"""The worker's own upload: signed as AWS's SDK signs, with the credentials that the container has."""

from __future__ import annotations

import datetime
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from nbprocess.testing.s3 import Refuse, S3Server
from nbprocess.worker import upload

KEYS = {"key": "AKIDEXAMPLE", "secret": "wJalrXUtnFEMI/K7MDENG", "token": "the token"}


@pytest.mark.parametrize(
    "place",
    [
        {"region": "us-east-1"},
        {"region": "cn-north-1", "owner": "123456789012", "kms_key": "arn:aws-cn:kms:cn-north-1:123456789012:key/1"},
    ],
)
@pytest.mark.parametrize("token", ["", "the token"])
def test_the_signature_is_that_of_the_sdk(place: dict[str, str], token: str) -> None:
    now = datetime.datetime(2026, 11, 26, 12, 0, 5, tzinfo=datetime.timezone.utc)
    target = "/bucket/nbprocess/jobs/a%20b/out/algo-1/outcome.json"
    host, digest = f"s3.{place['region']}.amazonaws.com", "e3" * 32
    headers = upload.signed("PUT", host, target, digest, place, {**KEYS, "token": token}, now)
    mine = headers.pop("authorization")
    request = AWSRequest("PUT", f"https://{host}{target}", headers={k: v for k, v in headers.items() if k != "host"})
    request.context["timestamp"] = headers["x-amz-date"]
    signer: Any = S3SigV4Auth(Credentials(KEYS["key"], KEYS["secret"], token or None), "s3", place["region"])
    theirs = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    assert mine.endswith(f"Signature={theirs}")
    assert f"Credential={KEYS['key']}/20261126/{place['region']}/s3/aws4_request" in mine


@pytest.fixture
def platform() -> Iterator[str]:
    """Gives a container its credentials where its authorization token is the right one."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            allowed = self.headers.get("Authorization") == "mine"
            body = json.dumps({"AccessKeyId": "a", "SecretAccessKey": "b", "Token": "c"}).encode()
            self.send_response(200 if allowed else 403)
            self.end_headers()
            self.wfile.write(body if allowed else b"no")

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/role"
        server.shutdown()


def test_credentials_are_those_of_the_container(platform: str) -> None:
    assert upload.credentials({}) is None
    environ = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": platform, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "mine"}
    assert upload.credentials(environ) == {"key": "a", "secret": "b", "token": "c"}
    with pytest.raises(upload.Impossible, match=r"credentials cannot be had: .*403"):
        upload.credentials({"AWS_CONTAINER_CREDENTIALS_FULL_URI": platform})


def test_what_pins_the_rest_goes_last_and_a_fault_is_tried_again(
    platform: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", platform)
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "mine")
    out = tmp_path / "out"
    (out / "blobs").mkdir(parents=True)
    for name in ("outcome.json", "events.jsonl", "blobs/" + "a" * 64, ".half.tmp"):
        (out / name).write_text(name)
    with S3Server(tmp_path / "buckets", buckets=["b"], account="123456789012") as server:
        place = {"endpoint": server.endpoint, "region": server.region, "bucket": "b", "prefix": "jobs/x/out/"}
        place["owner"] = "123456789012"
        server.fail("PUT", "events.jsonl", Refuse(), 1)
        assert upload.send(str(out), "algo-1", place, 30.0)
        put = [seen.key.removeprefix("jobs/x/out/algo-1/") for seen in server.requests if seen.method == "PUT"]
        assert sorted(put[:-1]) == ["blobs/" + "a" * 64, "events.jsonl", "events.jsonl"] and put[-1] == "outcome.json"
        assert (server.root / "b/jobs/x/out/algo-1/events.jsonl").read_text() == "events.jsonl"
        with pytest.raises(upload.Impossible, match=r"S3 refused \(HTTP 403\): .*AccessDenied"):
            upload.send(str(out), "algo-1", {**place, "owner": "999999999999"}, 30.0)
        with pytest.raises(upload.Impossible, match="it takes too long"):
            upload.send(str(out), "algo-1", place, 0.0)
    with pytest.raises(upload.Impossible, match="b cannot be written to"):
        upload.send(str(out), "algo-1", {**place, "endpoint": "http://127.0.0.1:9"}, 30.0)
