"""The secret guard: what is held back, and what is not mistaken for a secret."""

from __future__ import annotations

import collections
import os
import types

import pytest

from nbprocess.capture import secrets
from nbprocess.errors import CaptureError

from .notebook import Notebook

# Put together here, so that scanners of this repository's text find nothing.
SECRET_VALUES = [
    "AKIA" + "IOSFODNN7ABCDEFG",
    "aws_secret_access_key = " + "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzzzzzKEY",
    "ghp_" + "a1B2" * 9,
    "github_pat_" + "a1B2" * 15,
    "glpat-" + "a1B2c3D4e5F6g7H8i9J0",
    "xoxb-" + "123456789012-abcdefghijkl",
    "sk-" + "proj-" + "a1B2" * 10,
    "hf_" + "a1B2" * 9,
    "AIza" + "a1B2c3D4e5" * 3 + "a1B2c",
    "eyJhbGciOiJI." + "eyJzdWIiOiIx." + "SflKxwRJSMeKKF2QT4",
    "-----BEGIN " + "RSA PRIVATE KEY-----\nMIIE",
    "postgresql://joe:" + "hunter22@db.internal:5432/prod",
    "Server=db;User Id=joe;Password=" + "hunter22;",
    "https://api.example.org/v1?units=metric&" + "api_key=a1B2c3D4e5F6g7H8",
    "Bearer " + "a1B2c3D4e5F6g7H8",
    "DefaultEndpointsProtocol=https;AccountName=x;AccountKey=" + "a1B2" * 20 + "==",
]


@pytest.mark.parametrize("value", SECRET_VALUES, ids=[v[:8] for v in SECRET_VALUES])
def test_a_secret_is_recognised_by_its_value(value: str) -> None:
    assert secrets.in_value("anything", value)
    assert secrets.in_value("anything", value.encode())
    assert secrets.in_value("config", {"db": {"x": value}})


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "db_password",
        "API_KEY",
        "auth_token",
        "client_secret",
        "conn_str",
        "aws_secret_key",
        "hf_token",
        "mypasswd",
    ],
)
def test_a_secret_is_recognised_by_its_name(name: str) -> None:
    assert secrets.in_value(name, "Tr0ub4dor&3")
    assert secrets.in_value("settings", {name: "Tr0ub4dor&3"})
    assert secrets.in_value("obj", types.SimpleNamespace(**{name: "Tr0ub4dor&3"}))
    assert secrets.in_value("row", collections.namedtuple("Row", ["user", name])("joe", "Tr0ub4dor&3"))


def test_a_pair_of_user_and_password() -> None:
    assert secrets.in_value("auth", ("joe", "Tr0ub4dor&3")) and secrets.in_value(
        "job", {"auth": ("joe", "Tr0ub4dor&3")}
    )
    assert not secrets.in_value("axes", ("longitude", "latitude")) and not secrets.in_value("auth", ("joe", 3.14))


HARMLESS = [
    ("password", ""),
    ("password", "your password here"),
    ("api_key", "<API_KEY>"),
    ("token", "hello there my friend"),
    ("pad_token", "[PADDING]"),
    ("eos_token", "</sentence>"),
    ("_determ_token", "5f2a8b0c9d1e4f607182930a4b5c6d7e"),
    ("tokens", "a b c d e f"),
    ("secret", "******"),
    ("password_column", "passwords_2020"),
    ("key", "department_name"),
    ("sort_key", "salary_2020"),
    ("primary_key", "employee_id"),
    ("public_key", "ssh-rsa AAAAB3"),
    ("token_path", "/home/me/.cache/token"),
    ("url", "https://example.com/a:b/c@d"),
    ("url", "https://user:{password}@example.com"),
    ("url", "postgresql://localhost:5432/db"),
    ("text", "the sk-learn package and its risk-adjusted returns are disk-based"),
    ("hash", "d41d8cd98f00b204e9800998ecf8427e"),
    ("sha", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("uuid", "123e4567-e89b-12d3-a456-426614174000"),
    ("dna", "ACGTACGTACGTACGTACGTACGTACGTACGTACGTACGT"),
    ("author", "Joe <joe@example.com>"),
    ("api_key", None),
    ("password", 12345678),
    ("passengers", "1st class only"),
    ("compass", "north-by-northwest"),
    ("bypass", "the old road"),
    ("tokenizer", "bert-base-uncased"),
    ("n_tokens", "1000000"),
    ("credentials", {"user": "joe"}),
    ("secretary", "Mrs. Robinson"),
]


@pytest.mark.parametrize(("name", "value"), HARMLESS, ids=[f"{n}={v}"[:40] for n, v in HARMLESS])
def test_harmless_values_are_not_held_back(name: str, value: object) -> None:
    assert secrets.in_value(name, value) == ""


def test_a_secret_that_the_cell_reads_is_refused_with_the_way_out() -> None:
    book = Notebook(f"db_url = {SECRET_VALUES[11]!r}")
    with pytest.raises(CaptureError, match=r"`db_url` looks like it holds a secret \(URL with credentials\)") as caught:
        book.capture("connect(db_url)")
    assert "--send db_url" in str(caught.value) and "hunter22" not in str(caught.value)


def test_send_sends_it_anyway() -> None:
    assert Notebook(f"db_url = {SECRET_VALUES[11]!r}").needs("db_url", send=("db_url",)) == {"db_url": "must"}


def test_a_secret_that_may_be_read_is_left_out_and_said() -> None:
    found = Notebook("password = 'Tr0ub4dor&3'\ndef f():\n    return password").capture("f()")
    assert [n.name for n in found.needs] == ["f"]
    assert "--send password" in found.withheld["password"] and found.withheld["password"] in found.notices


def test_a_secret_in_the_cells_text_is_said() -> None:
    found = Notebook().capture("api_key = 'Tr0ub4dor&3'")
    assert any("the cell's text seems to hold a secret" in n and "Tr0ub" not in n for n in found.notices)


def test_the_environment_is_held_back_by_its_type() -> None:
    book = Notebook("import os\nenv = os.environ")
    assert book.namespace["env"] is os.environ
    with pytest.raises(CaptureError, match="environment variables"):
        book.capture("print(env)")


def test_sessions_with_keys_are_held_back_by_their_type() -> None:
    book = Notebook(
        "import boto3\nsession = boto3.Session(aws_access_key_id='a', aws_secret_access_key='b', region_name='eu-west-1')"
    )
    with pytest.raises(CaptureError, match="boto3 session"):
        book.capture("session.client('s3')")


def test_a_long_text_is_not_scanned() -> None:
    assert secrets.in_value("text", "x" * 70_000 + SECRET_VALUES[0]) == ""


def test_values_of_types_without_a_module_are_looked_at_too() -> None:
    nowhere = type("Nowhere", (), {})
    nowhere.__module__ = None  # type: ignore[assignment]  # some C types and generated ones have none
    value = nowhere()
    assert secrets.in_value("x", value) == ""
    value.password = SECRET_VALUES[0]
    assert secrets.in_value("x", value)
