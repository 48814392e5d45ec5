"""Large results stay in the store until a cell reads their names, and are real objects then."""

from __future__ import annotations

import pytest

from .live_kernel import Kernel

MAKE = """%%processing --lazy 1MB --name {name}
import numpy as np
big = np.arange(500_000, dtype="int64")
view = big[10:20]
small = 7
other = np.ones(400_000)
"""


@pytest.fixture
def made(kernel: Kernel, request: pytest.FixtureRequest) -> str:
    kernel.ok("big = 'old'")
    name = "lazy-" + "".join(c for c in request.node.originalname.replace("_", "-") if c.isalnum() or c == "-")[:50]
    ran = kernel.ok(MAKE.format(name=name.rstrip("-")))
    assert "fetched when read" in str(ran.outputs)
    return name.rstrip("-")


def here(kernel: Kernel) -> str:
    """Asked beside the cells: one that looks at the whole namespace would fetch them."""
    asked = "sorted({'big', 'other', 'view', 'small'} & set(get_ipython().user_ns))"
    number = kernel.client.execute("", silent=True, user_expressions={"here": asked})
    while True:
        reply = kernel.client.get_shell_msg(timeout=60)
        if reply["parent_header"].get("msg_id") == number:
            return str(reply["content"]["user_expressions"]["here"]["data"]["text/plain"])


def test_the_next_reader_gets_the_object_and_what_shares_it(kernel: Kernel, made: str) -> None:
    assert here(kernel) == "['small']"
    assert kernel.ok("small + 1").result == "8"
    assert here(kernel) == "['small']"
    ran = kernel.ok("print(int(big.sum()))")
    assert ran.stdout == "124999750000\n" and "Fetching big" in ran.stream("stderr")
    assert here(kernel) == "['big', 'small', 'view']"
    assert kernel.value("np.shares_memory(big, view), bool(other.sum() == 400_000), type(other).__name__") == (
        "(True, True, 'ndarray')"
    )
    assert "Fetching" not in str(kernel.ok("big[0]").outputs)


def test_a_function_that_reads_it_fetches_it_too(kernel: Kernel, made: str) -> None:
    kernel.ok("def total():\n    return int(big.sum())")
    assert kernel.ok("total()").result == "124999750000"


def test_a_new_value_of_the_name_is_kept(kernel: Kernel, made: str) -> None:
    kernel.ok("big = 'mine'")
    ran = kernel.ok("print(big)")
    assert ran.stdout == "mine\n" and "Fetching" not in ran.stream("stderr")


def test_it_can_be_sent_on_and_deleted(kernel: Kernel, made: str) -> None:
    kernel.ok("%%processing\nsent_on = int(big[-1])")
    assert kernel.value("sent_on") == "499999"
    kernel.ok("del other")
    assert kernel.run("other").error == "NameError"


def test_attached_and_loaded_by_hand_it_is_all_there(kernel: Kernel, made: str) -> None:
    kernel.ok(f"import nbprocess\nagain = nbprocess.attach('{made}')\nagain.load({{}})")
    assert kernel.value("int(again.values['big'].sum())") == "124999750000"


def test_a_value_that_was_damaged_meanwhile_is_not_used(kernel: Kernel, made: str) -> None:
    folder = kernel.home / "buckets/nbprocess-local/jobs" / made / "out/algo-1/blobs"
    for path in folder.iterdir():
        if path.stat().st_size > 1_000_000:
            content = bytearray(path.read_bytes())
            content[1000] ^= 1
            path.chmod(0o600)
            path.unlink()
            path.write_bytes(bytes(content))
    ran = kernel.run("big")
    assert ran.error == "NameError" and "could not be fetched" in ran.stream("stderr")
    assert "Nothing of it was used" in ran.stream("stderr")


def test_fetching_one_name_leaves_what_was_done_to_the_others(kernel: Kernel, made: str) -> None:
    kernel.ok("small = 'changed here'\nview = 'changed too'")
    kernel.ok("big[0]")
    assert kernel.value("small, view, int(big[3])") == "('changed here', 'changed too', 3)"


def test_a_later_job_of_the_same_name_counts(kernel: Kernel, made: str) -> None:
    kernel.ok("%%processing --lazy 1MB\nbig = np.zeros(300_000)")
    assert kernel.ok("len(big)").result == "300000"
