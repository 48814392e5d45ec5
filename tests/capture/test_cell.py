"""Cells: syntax errors with the notebook's lines, and syntax that an older worker does not know."""

from __future__ import annotations

import sys

import pytest

from nbprocess.capture import absent_packages, check_python, make_cell
from nbprocess.errors import CaptureError


def test_a_syntax_error_has_the_line_of_the_notebooks_cell() -> None:
    with pytest.raises(SyntaxError) as caught:
        make_cell("x = 1\ny = (", filename="<cell 7>", first_line=2)
    assert (caught.value.lineno, caught.value.filename) == (3, "<cell 7>")


def test_top_level_await_is_no_syntax_error() -> None:
    assert make_cell("x = await f()\nasync for i in x: pass").code.startswith("x = await")


@pytest.mark.parametrize(
    ("code", "needed"),
    [
        ("match x:\n    case 1: pass", (3, 10)),
        pytest.param(
            "type X = int", (3, 12), marks=pytest.mark.skipif(sys.version_info < (3, 12), reason="needs the syntax")
        ),
        pytest.param(
            "def f[T](x): ...", (3, 12), marks=pytest.mark.skipif(sys.version_info < (3, 12), reason="needs the syntax")
        ),
        pytest.param(
            "f'{a['b']}'", (3, 12), marks=pytest.mark.skipif(sys.version_info < (3, 12), reason="needs the syntax")
        ),
        pytest.param(
            "try: f()\nexcept* E: g()",
            (3, 11),
            marks=pytest.mark.skipif(sys.version_info < (3, 11), reason="needs the syntax"),
        ),
    ],
)
def test_syntax_that_is_too_new_for_the_worker(code: str, needed: tuple[int, int]) -> None:
    cell = make_cell(code)
    check_python(cell, needed)
    with pytest.raises(CaptureError, match=rf"this cell needs Python {needed[0]}\.{needed[1]} syntax.*--image"):
        check_python(cell, (3, needed[1] - 1))


@pytest.mark.parametrize(
    "code",
    [
        "f'{a[\"b\"]}'",
        "f'{x:>{w}} it\\'s'",
        'f"""{a[\'b\']} "q" """',
        "x = [i for i in y]",
        "with (open(a) as b): pass",
        "f'a\\n{b}'",
    ],
)
def test_plain_syntax_runs_everywhere(code: str) -> None:
    check_python(make_cell(code), (3, 9))


def test_packages_that_the_worker_lacks() -> None:
    packages = {"numpy": "2.0", "scikit-learn": "1.5", "python-dateutil": "2", "Typing_Extensions": "4"}
    imports = ("numpy", "sklearn.svm", "os", "dateutil", "typing_extensions", "yaml", "no_such_module")
    assert absent_packages(imports, packages) == [("yaml", "pyyaml"), ("no_such_module", "no_such_module")]
