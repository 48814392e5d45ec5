"""Functions and classes of a cell of ``%%cython``, compiled by either end, at work at both."""

from __future__ import annotations

import importlib.machinery
import shutil
import sys

import pytest

from nbprocess.worker.wire import compiled

from ..live_kernel import Kernel

COMPILED = """
%%cython
def add(int n):
    cdef int i, s = 0
    for i in range(n): s += i
    return s
cdef class Pair:
    cdef public int a
    def __init__(self, a): self.a = a
    def twice(self): return 2 * self.a
"""


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_what_cython_compiled_in_a_job_is_at_work_here_and_in_the_next(kernel: Kernel) -> None:
    pytest.importorskip("Cython")
    kernel.ok("%load_ext Cython")
    kernel.ok("%%processing --backend local\n" + COMPILED.strip())
    assert kernel.ok("pair = Pair(4); first = add; print(add(10), pair.twice(), add.__name__)").stdout == "45 8 add\n"
    kernel.ok("%%processing --backend local\nboth = [pair, Pair(5)]; sums = [add(4), first is add, type(pair) is Pair]")
    told = kernel.ok("print(both[0] is pair, type(both[1]) is Pair, both[1].twice(), first is add, sums)").stdout
    assert told == "True True 10 True [6, True, True]\n"


def test_what_was_compiled_for_another_python_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.machinery, "EXTENSION_SUFFIXES", [".here.so"])
    with pytest.raises(ImportError, match=r"for another Python or machine \(\.there\.so, here \.here\.so\)\. Run that"):
        compiled.load("_cython_magic_x", ".there.so", b"")
    assert "_cython_magic_x" not in sys.modules


def test_a_file_that_cannot_be_loaded_leaves_no_module_behind() -> None:
    with pytest.raises(ImportError):
        compiled.load("_cython_magic_x", importlib.machinery.EXTENSION_SUFFIXES[0], b"no library")
    assert "_cython_magic_x" not in sys.modules
