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
        ("%%processing --gpu T4 \\\n    --count 2 --max", ["--max-cost"]),
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


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("%%processing --max-", "cost 2\nx = 1", "--max-cost"),
        ("%%processing --gpu T4 --count 2\nx = 1", "", ""),  # the cell's own code
        ("%%processing --gpu T4 \\\n  --time", "out 2h", "--timeout"),
        ("%%processing --timeout ", "", "--timeout"),
        ("%processing_config --inst", "ance=ml.g4dn.xlarge", "4 vCPU, 16 GiB, 1 x T4"),
        ("%%processing --nothing", "-like-it", ""),
        ("len", "([])", "number of items"),  # what is not ours is IPython's
    ],
)
def test_a_tooltip_says_what_the_option_at_the_cursor_means(kernel: Kernel, before: str, after: str, says: str) -> None:
    reply = kernel.client.inspect(before + after, len(before), reply=True, timeout=30)["content"]
    assert reply["status"] == "ok"
    assert says in reply["data"].get("text/plain", "") and bool(says) == reply["found"]


def test_unloading_takes_everything_away(kernel: Kernel) -> None:
    kernel.ok("%unload_ext nbprocess")
    assert not any(match.strip() == "--backend" for match in matches(kernel, "%%processing --ba"))
    assert not kernel.client.inspect("%%processing --gpu", 17, reply=True, timeout=30)["content"]["found"]
    assert "not found" in str(kernel.run("%%processing\n1")).lower()
    kernel.ok("%load_ext nbprocess\n")
    assert kernel.ok("%%processing\n6 * 7").result == "42"
