"""Formulas are shown as the notebook has chosen by SymPy's ``init_printing``, wherever that was called."""

from __future__ import annotations

import os
from pathlib import Path

from nbprocess.testing.fidelity import Comparison

from ..overlays import overlay

CELLS = [
    "import sympy as sym\nx, y = sym.symbols('x y')\nx**2/y",
    "sym.init_printing(use_latex='mathjax', order='grlex')",
    "sym.sqrt(x**2 + y + x), [x, 2*y]",
    "f = sym.Function('f', real=True)\nequation = sym.Eq(sym.Derivative(f(x), x), f(x))",
    "equation.has(f), f(x).is_real\nequation",
    "sorted([2, 1.5])",
]


def test_formulas_are_shown_alike(tmp_path: Path) -> None:
    packages = tmp_path / "site-packages"  # by this name it is an installed library, not code of the notebook
    packages.symlink_to(overlay(["sympy==1.14.0"], ["mpmath==1.3.0"]))
    paths = os.pathsep.join([str(packages), str(Path(__file__).parents[2])])
    folder = tmp_path / "notebook"
    folder.mkdir()
    with Comparison(folder, timeout=60, environment={"PYTHONPATH": paths}) as comparison:
        found = [comparison.cell(source) for source in CELLS]
    wrong = [
        (result.source, result.verdict, result.differences[:3]) for result in found if result.verdict != "identical"
    ]
    assert not wrong
