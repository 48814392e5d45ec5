"""The reader of its own connections: signed as boto3 signs, whole after any cut, and refused in S3's words."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading

import pytest

from nbprocess.bundle.stores import direct
from nbprocess.bundle.stores.direct import DirectReader, Keys, Refused, Unsupported
from nbprocess.testing.s3 import Cut, Refuse, S3Server, self_signed
from nbprocess.worker import s3read

ACCOUNT = "123456789012"
OWNER = {"x-amz-expected-bucket-owner": ACCOUNT}
SIZE = 300_000
DATA = os.urandom(SIZE)


@pytest.fixture
def server(tmp_path):
    with S3Server(tmp_path / "s3", buckets=["data"], require_owner=True) as server:
        server.path("data", "key").write_bytes(DATA)
        yield server


def reader(server, context=None, token=""):
    return DirectReader(f"{server.endpoint}/data/", "us-east-1", lambda: Keys("KEY", "SECRET", token), OWNER, context)


def read(source, size=SIZE, offset=0, name="key"):
    buffer = bytearray(size)
    count = source.read_into(name, memoryview(buffer), offset)
    return bytes(buffer[:count])


@pytest.mark.parametrize("token", ["", "a/token+of=sts"])
@pytest.mark.parametrize("name", ["key", "jobs/a b/ü~(1)&+=.json"])
def test_the_signature_is_the_one_that_botocore_makes(server, token, name):
    pytest.importorskip("botocore")
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    server.path("data", name).parent.mkdir(parents=True, exist_ok=True)
    server.path("data", name).write_bytes(DATA)
    assert read(reader(server, token=token), 10, 5, name) == DATA[5:15]
    sent = server.requests[-1].headers
    url = f"{server.endpoint}/data/{direct.quote(name, safe='/~')}"
    request = AWSRequest("GET", url, headers={"range": "bytes=5-14", **OWNER})
    auth = S3SigV4Auth(Credentials("KEY", "SECRET", token or None), "s3", "us-east-1")
    request.context["timestamp"] = sent["x-amz-date"]
    request.headers["X-Amz-Date"] = sent["x-amz-date"]
    request.headers["X-Amz-Content-SHA256"] = sent["x-amz-content-sha256"]
    if token:
        request.headers["X-Amz-Security-Token"] = token
    signature = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    assert sent["authorization"].endswith(f"Signature={signature}")


@pytest.mark.parametrize("after", [1, 2, 4095, 4096, 70_000, 150_000, len(DATA) - 1])
def test_a_connection_that_is_cut_at_any_byte_is_taken_up_there(server, after):
    source = reader(server)
    server.fail("GET", "key", Cut(after))
    assert read(source) == DATA
    assert server.requests[-1].headers["range"] == f"bytes={after}-{len(DATA) - 1}"


def test_many_cuts_are_gone_on_from_as_long_as_there_is_progress(server):
    server.fail("GET", "key", Cut(70_000), times=4)
    assert read(reader(server)) == DATA
    assert len(server.requests) == 5


def test_cuts_without_progress_are_given_up(server, monkeypatch):
    monkeypatch.setattr(s3read, "_pause", lambda tries: None)
    server.fail("GET", "key", Cut(0), times=100)
    with pytest.raises(OSError):
        read(reader(server))
    server.forget()
    server.fail("GET", "key", Cut(10), times=100)
    with pytest.raises(OSError, match="broke 5 times"):
        read(reader(server))


def test_a_connection_that_the_server_closed_meanwhile_is_made_anew(server):
    source = reader(server)
    assert read(source) == DATA
    for connection in source._idle:
        connection._socket.shutdown(socket.SHUT_RDWR)
    assert read(source) == DATA


def test_a_connection_is_used_again(server, monkeypatch):
    made = []
    monkeypatch.setattr(s3read.socket, "create_connection", _noted(s3read.socket.create_connection, made))
    source = reader(server)
    for offset in range(5):
        assert read(source, 100, offset) == DATA[offset : offset + 100]
    assert len(made) == 1


def _noted(function, calls):
    def call(*args, **kwargs):
        calls.append(args)
        return function(*args, **kwargs)

    return call


def test_the_end_of_an_object(server):
    source = reader(server)
    assert read(source, 100, len(DATA) - 30) == DATA[-30:]
    assert read(source, 100, len(DATA)) == b""
    assert read(source, len(DATA) + 10) == DATA


def test_refusals_have_the_words_of_s3(server, monkeypatch):
    monkeypatch.setattr(s3read, "_pause", lambda tries: None)
    with pytest.raises(Refused, match="NoSuchKey") as refused:
        read(reader(server), name="nothing")
    assert refused.value.code == "NoSuchKey" and refused.value.status == 404
    server.fail("GET", "key", Refuse(403, "AccessDenied", "Not yours."))
    with pytest.raises(Refused, match=r"AccessDenied \(HTTP 403\): Not yours\."):
        read(reader(server))
    server.fail("GET", "key", Refuse(503, "SlowDown"), times=3)
    assert read(reader(server)) == DATA
    server.fail("GET", "key", Refuse(503, "SlowDown"), times=100)
    with pytest.raises(Refused, match="SlowDown"):
        read(reader(server))


def test_tls_and_a_certificate_that_is_not_trusted(tmp_path):
    certificate, key = self_signed(tmp_path)
    with S3Server(tmp_path / "s3", buckets=["data"], tls=(certificate, key)) as server:
        server.path("data", "key").write_bytes(DATA)
        source = reader(server, ssl.create_default_context(cafile=str(certificate)))
        server.fail("GET", "key", Cut(123_456))
        assert read(source) == DATA
        with pytest.raises(ssl.SSLCertVerificationError):
            read(reader(server, ssl.create_default_context()))


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"220 an SMTP server\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-Long: a\r\n" * 10_000,
    ],
)
def test_an_answer_in_another_manner_is_left_to_another_client(answer):
    listener = socket.create_server(("127.0.0.1", 0))

    def answers():
        connection, _ = listener.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(answer)
            with contextlib.suppress(ConnectionResetError):
                connection.recv(1)

    thread = threading.Thread(target=answers)
    thread.start()
    source = DirectReader(
        f"http://127.0.0.1:{listener.getsockname()[1]}/data/", "us-east-1", lambda: Keys("K", "S", ""), {}, None
    )
    with pytest.raises(Unsupported):
        read(source)
    thread.join()
    listener.close()


def test_an_error_that_comes_in_chunks_is_read(server):
    text = b"<Error><Code>AccessDenied</Code><Message>No</Message></Error>"
    answer = b"HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(text), text)
    listener = socket.create_server(("127.0.0.1", 0))

    def answers():
        connection, _ = listener.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(answer)

    thread = threading.Thread(target=answers)
    thread.start()
    source = DirectReader(
        f"http://127.0.0.1:{listener.getsockname()[1]}/data/", "us-east-1", lambda: Keys("K", "S", ""), {}, None
    )
    with pytest.raises(Refused, match="AccessDenied"):
        read(source)
    thread.join()
    listener.close()
