"""The S3 store against a loopback server, through both clients, and what it says when something goes wrong."""

from __future__ import annotations

import os

import pytest

from nbprocess.bundle.blobs import CHUNK, BlobReader, BlobWriter
from nbprocess.bundle.known import forget_listing
from nbprocess.bundle.stores import MissingKey, S3Store
from nbprocess.errors import IntegrityError, StoreError
from nbprocess.testing.s3 import Corrupt, Cut, Refuse, S3Server, self_signed

pytest.importorskip("boto3")
ACCOUNT = "123456789012"


@pytest.fixture(autouse=True)
def aws(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "KEY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SECRET")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


@pytest.fixture
def server(tmp_path):
    with S3Server(tmp_path / "s3", buckets=["data"], require_owner=True) as server:
        yield server


@pytest.fixture(params=["obstore", "boto3"])
def transfer(request):
    pytest.importorskip(request.param)
    return request.param


@pytest.fixture
def store(server, transfer):
    store = S3Store("data", "team/x", expected_owner=ACCOUNT, endpoint=server.endpoint, transfer=transfer)
    yield store
    forget_listing(store)


def test_the_calls_of_a_store(store, server, tmp_path):
    assert store.uri == "s3://data/team/x" and store.url("a/b") == "s3://data/team/x/a/b" and store.path("a") is None
    store.put("a/b", b"0123456789")
    assert server.path("data", "team/x/a/b").read_bytes() == b"0123456789"
    assert store.get("a/b") == b"0123456789"
    assert store.exists("a/b") and not store.exists("a/c")
    assert not store.put_new("a/b", b"other") and store.put_new("a/c", b"new")
    buffer = bytearray(4)
    assert store.read_into("a/b", buffer) == 4 and bytes(buffer) == b"0123"
    assert store.read_into("a/b", buffer, 8) == 2 and bytes(buffer[:2]) == b"89"
    assert sorted(store.list("a/")) == [("a/b", 10), ("a/c", 3)]
    assert sorted(store.list("a/c")) == [("a/c", 3)]
    store.delete("a/b")
    store.delete("a/b")
    assert not store.exists("a/b")
    with pytest.raises(MissingKey, match=r"s3://data/team/x/a/b is not in the store"):
        store.get("a/b")
    large = tmp_path / "large"
    large.write_bytes(os.urandom(20 * 1024 * 1024 + 3))
    store.put("large", large)
    assert store.get("large") == large.read_bytes()


def test_every_request_says_whose_bucket_it_expects(store, server):
    store.put("a", b"1")
    store.get("a")
    list(store.list())
    store.exists("a")
    store.delete("a")
    assert len(server.requests) >= 6
    for seen in server.requests:
        assert seen.headers["x-amz-expected-bucket-owner"] == ACCOUNT, seen
        assert "x-amz-expected-bucket-owner" in seen.headers["authorization"], "the header must be signed"


def test_a_listing_of_many_pages(store, server):
    server.page = 7
    for number in range(30):
        store.put(f"many/{number:02d}", b"x")
    assert [key for key, _ in sorted(store.list("many/"))] == [f"many/{n:02d}" for n in range(30)]


def test_blobs_go_and_come_and_are_not_sent_twice(store, server):
    data = os.urandom(5 * CHUNK + 9)
    with BlobWriter(store) as writer:
        blob = writer.put(data)
    assert writer.new_bytes == len(data)
    assert bytes(BlobReader(store).get(blob)) == data
    server.requests.clear()
    with BlobWriter(store) as writer:
        assert writer.put(data) == blob
    assert writer.new_bytes == 0 and server.requests == []


def test_what_another_kernel_sent_is_found_with_one_listing(store, server):
    data = os.urandom(5 * CHUNK)
    with BlobWriter(store) as writer:
        writer.put(data)
    forget_listing(store)
    server.requests.clear()
    with BlobWriter(store) as writer:
        writer.put(data)
    assert writer.new_bytes == 0
    assert [seen.method for seen in server.requests] == ["GET"]


@pytest.mark.parametrize("after", [0, 1000, CHUNK - 1])
def test_a_cut_connection_is_taken_up_again(store, server, after):
    data = os.urandom(2 * CHUNK)
    store.exists("x")
    server.fail("PUT", "blobs/", Cut(after), times=2)
    with BlobWriter(store) as writer:
        blob = writer.put(data)
    server.fail("GET", "blobs/", Cut(after), times=1)
    assert bytes(BlobReader(store).get(blob)) == data


def test_a_busy_server_is_tried_again(store, server):
    store.exists("x")
    server.fail("*", "", Refuse(503, "SlowDown"), times=2)
    store.put("a", b"1")
    server.fail("*", "", Refuse(500, "InternalError"), times=2)
    assert store.get("a") == b"1"


def test_a_byte_that_was_changed_on_the_way_is_fetched_again(store, server):
    data = os.urandom(CHUNK)
    with BlobWriter(store) as writer:
        blob = writer.put(data)
    server.fail("GET", "blobs/", Corrupt(at=77), times=1)
    assert bytes(BlobReader(store).get(blob)) == data
    server.fail("GET", "blobs/", Corrupt(at=77), times=2)
    with pytest.raises(IntegrityError, match=f"s3://data/team/x/blobs/{blob['chunks'][0]} is damaged"):
        BlobReader(store).get(blob)


def test_a_byte_that_was_changed_on_the_way_there_is_sent_again(store, server):
    data = os.urandom(300_000)
    store.exists("x")
    server.fail("PUT", "blobs/", Corrupt(at=77), times=1)
    with BlobWriter(store) as writer:
        blob = writer.put(data)
    assert bytes(BlobReader(store).get(blob)) == data
    server.fail("PUT", "a", Corrupt(at=0), times=2)
    with pytest.raises(StoreError, match=r"Could not write s3://data/team/x/a: it was damaged on the way to S3, twice"):
        store.put("a", b"1")
    assert not server.path("data", "team/x/a").exists()


def test_a_bucket_of_another_account_is_refused(server, transfer):
    store = S3Store("data", expected_owner="999999999999", endpoint=server.endpoint, transfer=transfer)
    with pytest.raises(StoreError, match="bucket data does not belong to the account 999999999999, or this role lacks"):
        store.put("a", b"1")
    assert not server.path("data", "a").exists()


def test_no_such_bucket(server, transfer):
    store = S3Store("nothing", expected_owner=ACCOUNT, endpoint=server.endpoint, transfer=transfer)
    with pytest.raises(StoreError, match=r"there is no bucket nothing\. Create it, or name another one with --bucket"):
        store.put("a", b"1")


def test_a_bucket_in_another_region_is_found(server, transfer):
    server.region = "eu-west-1"
    store = S3Store("data", expected_owner=ACCOUNT, endpoint=server.endpoint, transfer=transfer)
    store.put("a", b"1")
    assert store.get("a") == b"1"


def test_credentials_that_expire_in_the_middle_are_taken_anew(server, transfer, monkeypatch):
    store = S3Store("data", expected_owner=ACCOUNT, endpoint=server.endpoint, transfer=transfer)
    store.put("a", b"1")
    server.access_keys = {"NEW"}
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "NEW")
    store.put("b", b"2")
    assert store.get("b") == b"2"


def test_credentials_that_stay_expired_say_so(server, transfer):
    store = S3Store("data", expected_owner=ACCOUNT, endpoint=server.endpoint, transfer=transfer)
    store.put("a", b"1")
    server.access_keys = set()
    with pytest.raises(StoreError, match=r"credentials have expired\. Log in again"):
        store.put("b", b"2")


def test_no_credentials_at_all(server, transfer, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    store = S3Store("data", expected_owner=ACCOUNT, endpoint=server.endpoint, transfer=transfer)
    with pytest.raises(StoreError, match=r"no AWS credentials were found.*--backend local"):
        store.put("a", b"1")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("RequestTimeTooSkewed", "the clock of this machine is wrong by minutes. Set the clock"),
        ("InvalidToken", "the AWS session token is not valid. Log in again"),
        ("KMS.DisabledException", r"the KMS key cannot be used \(KMS.DisabledException: .*\). Enable it"),
        ("Unheard", "Unheard: it says so$"),
    ],
)
def test_what_s3_refuses_is_explained(server, transfer, code, words):
    store = S3Store("data", expected_owner=ACCOUNT, endpoint=server.endpoint, transfer=transfer)
    store.exists("x")
    server.fail("PUT", "", Refuse(400, code, "it says so"))
    with pytest.raises(StoreError, match=f"^Could not write s3://data/a: {words}") as caught:
        store.put("a", b"1")
    assert "<" not in str(caught.value)


def test_an_s3_that_is_away_or_busy_is_called_so(server, transfer, monkeypatch):
    monkeypatch.setattr("nbprocess.bundle.stores.s3.ATTEMPTS", 2)
    store = S3Store("data", expected_owner=ACCOUNT, endpoint=server.endpoint, transfer=transfer)
    store.exists("x")
    server.fail("PUT", "", Refuse(503, "SlowDown", "less, please"), times=2)
    with pytest.raises(
        StoreError, match=r"S3 is busy and kept saying so \(SlowDown: less, please\)\. Run the cell again"
    ):
        store.put("a", b"1")
    away = S3Store("data", expected_owner=ACCOUNT, endpoint="http://127.0.0.1:9", transfer=transfer)
    with pytest.raises(StoreError, match=r"S3 cannot be reached .*Look at the network, the proxy"):
        away.put("a", b"1")


def test_a_kms_key_goes_with_every_write(server, transfer):
    store = S3Store("data", expected_owner=ACCOUNT, kms_key="alias/mine", endpoint=server.endpoint, transfer=transfer)
    store.put("a", b"1")
    store.put_new("b", b"1")
    for seen in server.requests:
        if seen.method == "PUT":
            assert seen.headers["x-amz-server-side-encryption"] == "aws:kms"
            assert seen.headers["x-amz-server-side-encryption-aws-kms-key-id"] == "alias/mine"


def test_tls_with_a_ca_bundle_of_ones_own(tmp_path, transfer, monkeypatch):
    certificate, key = self_signed(tmp_path)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    with S3Server(tmp_path / "s3", buckets=["data"], tls=(certificate, key)) as server:
        store = S3Store("data", expected_owner=ACCOUNT, endpoint=server.endpoint, transfer=transfer)
        store.put("a", b"1" * 100000)
        assert store.get("a") == b"1" * 100000


def test_what_boto3_sends_through_a_proxy_goes_through_it(server, transfer, monkeypatch):
    monkeypatch.setenv("http_proxy", server.endpoint)  # which takes whole URLs, as a proxy does
    store = S3Store("data", expected_owner=ACCOUNT, endpoint="http://s3.nowhere.test", transfer=transfer)
    data = os.urandom(CHUNK + 5)
    with BlobWriter(store) as writer:
        blob = writer.put(data)
    assert bytes(BlobReader(store).get(blob)) == data and store.exists(f"blobs/{blob['chunks'][0]}")
    assert all(seen.headers["host"] == "s3.nowhere.test" for seen in server.requests)
    monkeypatch.setenv("no_proxy", "s3.nowhere.test")
    with pytest.raises(StoreError, match=r"S3 cannot be reached .*the proxy \(HTTPS_PROXY\)"):
        S3Store("data", expected_owner=ACCOUNT, endpoint="http://s3.nowhere.test", transfer=transfer).get("a")


def test_the_endpoint_is_the_one_that_boto3_is_configured_with(server, transfer, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.endpoint)
    store = S3Store("data", expected_owner=ACCOUNT, transfer=transfer)
    store.put("a", b"1")
    assert server.path("data", "a").read_bytes() == b"1"


def test_credentials_that_expire_between_two_chunks_are_taken_anew(store, server, monkeypatch):
    data = os.urandom(12 * CHUNK)
    store.exists("x")
    put = store.put

    def expire(key, piece):
        if server.access_keys is None:
            monkeypatch.setenv("AWS_ACCESS_KEY_ID", "NEW")
            server.access_keys = {"NEW"}
        put(key, piece)

    monkeypatch.setattr(store, "put", expire)
    with BlobWriter(store) as writer:
        blob = writer.put(data)
    assert any("Credential=KEY/" in seen.headers["authorization"] for seen in server.requests)
    server.access_keys = {"NEWER"}
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "NEWER")
    assert bytes(BlobReader(store).get(blob)) == data


@pytest.mark.parametrize("limit", [1 << 30, 3])
def test_a_copy_is_made_by_s3_itself(store, server, monkeypatch, limit):
    monkeypatch.setattr("nbprocess.bundle.stores.transfer._WHOLE_COPY", limit)
    store.put("jobs/a/inputs/x y.txt", b"content")
    before = server.count("GET", "")
    store.copy("jobs/a/inputs/x y.txt", "jobs/b/inputs/x y.txt")
    store.delete("jobs/a/inputs/x y.txt")
    assert server.count("GET", "") == before, "nothing passes through here"
    assert store.get("jobs/b/inputs/x y.txt") == b"content"
    with pytest.raises(MissingKey):
        store.copy("jobs/none", "jobs/b/none")
