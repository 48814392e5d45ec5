"""Completion and help of the magic, asked as a front end asks: through the kernel."""

from __future__ import annotations

import pytest

from .live_kernel import Kernel


def matches(kernel: Kernel, text: str) -> list[str]:
    reply = kernel.client.complete(text, len(text), reply=True, timeout=30)
    return list(reply["content"]["matches"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%%processing --ba", ["--backend", "--background"]),
        ("%%processing --backend ", ["local", "sagemaker"]),
        ("%%processing --backend=s", ["--backend=sagemaker"]),
        ("%%processing --count 2 --max", ["--max-cost"]),
        ("%%processing --gpu T", ["T4"]),
        ("%processing_config --time", ["--timeout"]),
    ],
)
def test_options_and_values_are_offered(kernel: Kernel, text: str, expected: list[str]) -> None:
    found = matches(kernel, text)
    assert [match for match in found if match.strip() in expected] and len(found) == len(expected)


def test_other_lines_are_left_alone(kernel: Kernel) -> None:
    assert not any(match.startswith("--") for match in matches(kernel, "%%time --ba"))
    assert all(not match.startswith("--") for match in matches(kernel, "%%processing\nx = 1\nx --ba"))


def test_help_lists_the_options(kernel: Kernel) -> None:
    reply = kernel.client.inspect("%%processing", 12, reply=True, timeout=30)["content"]
    assert reply["found"] and "--max-cost" in reply["data"]["text/plain"]


def test_unloading_takes_everything_away(kernel: Kernel) -> None:
    kernel.ok("%unload_ext nbprocess")
    assert not any(match.strip() == "--backend" for match in matches(kernel, "%%processing --ba"))
    assert "not found" in str(kernel.run("%%processing\n1")).lower()
    kernel.ok("%load_ext nbprocess\n")
    assert kernel.ok("%%processing\n6 * 7").result == "42"
