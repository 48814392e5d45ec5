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
    kernel.ok("big = 'old'\ndef total():\n    return int(big.sum())")
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


def test_the_next_job_gets_it_without_its_coming_here(kernel: Kernel, made: str) -> None:
    plan = kernel.ok("%%processing --dry-run\ntotal()").stdout
    assert f"from job {made}, within the store" in plan and "sends     1 names" in plan
    ran = kernel.ok("%%processing\nshared = np.shares_memory(big, view)\nprint(total(), shared)")
    assert ran.stdout == "124999750000 True\n" and "Fetching" not in ran.stream("stderr")
    assert here(kernel) == "['small']"
    assert kernel.ok("print(int(big[7]))").stdout == "7\n"  # it waits as before, for who reads it here


def test_what_the_next_job_does_to_it_counts(kernel: Kernel, made: str) -> None:
    kernel.ok("%%processing --lazy 1MB\nbig[10] = -1\nlongest = len(big)")
    assert kernel.value("longest") == "500000"
    kernel.ok("big[0]")
    assert kernel.value("int(big[10]), int(view[0]), np.shares_memory(big, view)") == "(-1, -1, True)"
    kernel.ok("%%processing --lazy 1MB\nother = other + 1\ndel small")
    assert kernel.value("float(other[3])") == "2.0"


def test_what_the_next_job_deletes_is_gone(kernel: Kernel, made: str) -> None:
    kernel.ok("%%processing\nlast = int(big[-1])\ndel big")
    assert kernel.run("big").error == "NameError"
    assert kernel.value("last") == "499999"


def test_a_job_with_other_packages_gets_what_was_fetched(kernel: Kernel, made: str) -> None:
    ran = kernel.ok("%%processing --mirror\nlast = int(big[-1])")
    assert "Fetching big" in ran.stream("stderr") and kernel.value("last") == "499999"


def test_what_is_not_there_any_more_is_told_before_the_job_starts(kernel: Kernel) -> None:
    kernel.ok("%%processing --lazy 1MB --name lazy-lost\nimport numpy as np\nlost = np.arange(300_000) * 3")
    for path in (kernel.home / "buckets/nbprocess-local/jobs/lazy-lost/out/algo-1/blobs").iterdir():
        path.unlink()
    ran = kernel.run("%%processing --name lazy-reader\nprint(int(lost.sum()))")
    assert "lost of job lazy-lost cannot be given to this job" in str(ran.outputs)
    assert not (kernel.home / "instances/lazy-reader").exists()


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
