"""Magics and prompts: what is refused before the start, and what is said."""

from __future__ import annotations

import re

import pytest

from nbprocess.capture import analyse, capture, magics, make_cell
from nbprocess.capture.cell import parse
from nbprocess.errors import CaptureError


def transformed(source: str) -> str:
    from IPython.core.inputtransformer2 import TransformerManager

    return TransformerManager().transform_cell(source)


def captured(source: str, **namespace: object):  # type: ignore[no-untyped-def]
    return capture(make_cell(source, transformed, first_line=2), namespace, modules={}, transform=transformed)


@pytest.mark.parametrize(
    "line",
    ["%debug", "%pdb on", "%load a.py", "%store -r", "%reset -f", "%edit", "%history", "%%processing\nx", "%recall"],
)
def test_magics_that_need_this_kernel_are_refused(line: str) -> None:
    with pytest.raises(CaptureError, match="cannot be used in an offloaded cell"):
        captured(line)


def test_an_unknown_magic_is_refused_and_named() -> None:
    with pytest.raises(CaptureError, match="magic %fancy is not loaded"):
        captured("x = 1\n%fancy stuff")
    with pytest.raises(CaptureError, match="magic %%fancy is not loaded"):
        captured("%%fancy\nstuff")


def test_a_magic_of_an_extension_that_the_cell_loads_is_allowed() -> None:
    found = captured("%load_ext fancy\n%fancy stuff")
    assert "fancy" in {m for m in found.imports} or found.imports == ()


def test_a_magic_that_only_this_kernel_knows_is_said() -> None:
    cell = make_cell("%mine x", transformed)
    found = capture(cell, {}, modules={}, known_magics={"mine"})
    assert any("%mine comes from an extension or from this notebook" in n for n in found.notices)


@pytest.mark.parametrize(
    ("source", "notice"),
    [
        ("%pip install x", "installed in the container only"),
        ("!pip install x", "installed in the container only"),
        ("%env A=1", "set in the container only"),
    ],
)
def test_effects_that_stay_in_the_container_are_said(source: str, notice: str) -> None:
    assert any(notice in n for n in captured(source).notices)


@pytest.mark.parametrize(
    "source",
    [
        "%matplotlib inline",
        "%matplotlib widget",
        "%time 1",
        "!ls",
        "%%bash\nls",
        "%%html\n<b>",
        "%pdb off",
        "%config A.b = 1",
    ],
)
def test_common_magics_pass_without_a_word(source: str) -> None:
    assert captured(source).notices == ()


@pytest.mark.parametrize(
    "source",
    [
        "x = input('?')",
        "breakpoint()",
        "import getpass\np = getpass.getpass()",
        "%time x = input()",
        "%%time\nx = input()",
    ],
)
def test_a_cell_that_asks_is_refused(source: str) -> None:
    with pytest.raises(
        CaptureError, match=r"a remote cell cannot ask for input; ask in a local cell and use the variable"
    ):
        captured(source)


def test_the_line_of_a_refusal_is_that_of_the_notebooks_cell() -> None:
    with pytest.raises(CaptureError, match=r"input\(\) on line 4"):
        captured("x = 1\ny = 2\nz = input()")


def test_a_function_that_asks_is_only_said() -> None:
    assert any("input() fails if it is called" in n for n in captured("def f():\n    return input()").notices)


def test_a_users_own_input_is_no_prompt() -> None:
    assert captured("def input(x):\n    return x\ny = input(1)").notices == ()


@pytest.mark.parametrize(
    ("source", "needs", "binds"),
    [
        ("%time x = f(y)", {"f", "y"}, ("x",)),
        ("%%time\n!ls {d}\n%timeit f(y)\nx = y", {"f", "y", "d"}, ("x",)),
        ("%%capture out\nx = y", {"y"}, ("out", "x")),
        ("files = !ls $d", {"d"}, ("files",)),
        ("x = %timeit -o f(y)", {"f", "y"}, ("x",)),
        ("y?", {"y"}, ()),
        ("f(y);", {"f", "y"}, ()),
    ],
)
def test_names_in_magics(source: str, needs: set[str], binds: tuple[str, ...]) -> None:
    found = captured(source, f=[1], y=[2], d="d", other=3)
    assert {n.name for n in found.needs} == needs and found.binds == binds


@pytest.mark.parametrize(
    "body",
    ["x = 1\n%time y\n!ls\nz = !ls {a}\nw = %pwd\n  !indented", "%%capture o\nx = 1\n!ls", "x = a % b\ny != 3\n"],
)
def test_the_own_transform_gives_what_ipythons_gives(body: str) -> None:
    ours, theirs = magics.plain(body), transformed(body)
    assert [line.strip() for line in ours.splitlines()] == [
        line.strip() for line in theirs.splitlines()
    ] or "indented" in body


class TensorOfAGraph:
    """As much of a tensor of PyTorch as tells that it was computed."""

    grad_fn = object()


def test_backward_through_what_an_earlier_cell_computed_is_refused() -> None:
    loss = TensorOfAGraph()
    with pytest.raises(CaptureError, match=r"loss.backward\(\) on line 3: `loss` was computed by .* in one cell"):
        captured("x = 1\nloss.backward()", loss=loss)
    for fine in ("loss = f(1)\nloss.backward()", "if x: loss = f(1)\nloss.backward()", "def g(): loss.backward()"):
        captured(fine, loss=loss, f=abs, x=1)


def test_the_help_of_a_magic_is_about_that_magic() -> None:
    for text, meant in (("%mine?", ("line", "mine")), ("%%mine\nx", ("cell", "mine")), ("x?", ("line", "pinfo"))):
        (magic,) = analyse(parse(make_cell(text, transformed))).notes.magics
        assert magics.asked_about(magic) == meant


@pytest.mark.parametrize(("line", "sent"), [("-v -iv", True), ("--iversions", True), ("-n -u", False)])
def test_what_shows_the_versions_of_all_modules_has_them(line: str, sent: bool) -> None:
    namespace = {"re": re, "other": 1}
    found = capture(make_cell(f"%watermark {line}", transformed), namespace, modules={}, known_magics={"watermark"})
    assert [need.name for need in found.needs] == (["re"] if sent else [])
