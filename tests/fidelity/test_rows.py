"""The rows of the capture table: cells that run in place and offloaded in real kernels, compared by the tool itself.

``rows/*.py`` hold them, a theme each. A cell whose title ends with ``; refused`` must be refused, or its result must
be replaced by an object that says why; one that ends with ``; in place`` is run in place everywhere, as other cells of a
notebook are; every cell must be identical but for the refused ones.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nbprocess.testing.fidelity import Comparison, check

from ..overlays import other_python

ROWS = Path(__file__).parent / "rows"
THEMES = sorted(path.stem for path in ROWS.glob("*.py"))


def cells(theme: str) -> list[tuple[str, str, str]]:
    """Title, expected verdict and source of each cell."""
    parts = re.split(r"^# %%(.*)\n", "\n" + (ROWS / f"{theme}.py").read_text(), flags=re.M)[1:]
    found = []
    for title, source in zip(parts[::2], parts[1::2], strict=True):
        name, _, expected = title.strip().partition(";")
        if expected.strip() not in ("refused", "not runnable", "in place"):
            name, expected = title.strip(), "identical"
        found.append((name, expected.strip(), source.strip("\n")))
    return found


@pytest.mark.parametrize("which", ["older", "newer"])
def test_under_another_python(which: str, tmp_path: Path) -> None:
    """At least 97 of 100 cells are identical under another version; what is not is a difference of the versions."""
    python = other_python(which)
    sources = [source for _, _, source in cells("names")]
    if which == "older":  # frames made there are those of pandas 2: that they cross is a test of the wire
        sources = [source for source in sources if "pandas" not in source and "frame" not in source]
    report = check(sources, folder=tmp_path, python=python, timeout=60)
    assert not report.broken
    differing = [(cell.source, cell.differences[:3]) for cell in report.cells if cell.verdict == "differs"]
    assert report.count("identical") >= 0.97 * report.runnable, differing
    assert report.runnable > len(report.cells) / 2, [(cell.source, cell.reason) for cell in report.cells]


@pytest.mark.parametrize("theme", THEMES)
def test_in_place_and_offloaded_are_alike(theme: str, tmp_path: Path) -> None:
    wrong = []
    with Comparison(tmp_path, timeout=60) as comparison:
        for name, expected, source in cells(theme):
            result = comparison.cell(source, offload=expected != "in place")
            if result.verdict not in (expected.replace("in place", "identical"), "home"):
                details = [f"    {d.where}: {d.in_place!r:.200} | {d.offloaded!r:.200}" for d in result.differences[:6]]
                wrong.append("\n".join([f"{name}: {result.verdict} {result.reason}", source, *details]))
    assert not wrong, "\n\n".join(wrong)
