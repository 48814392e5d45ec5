"""The rows of the capture table: cells that run in place and offloaded in real kernels, compared by the tool itself.

``rows/*.py`` hold them, a theme each. A cell whose title ends with ``; refused`` must be refused, or its result must
be replaced by an object that says why; every other cell must be identical.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nbprocess.backends.local.images import available
from nbprocess.testing.fidelity import Comparison, check

ROWS = Path(__file__).parent / "rows"
THEMES = sorted(path.stem for path in ROWS.glob("*.py"))


def cells(theme: str) -> list[tuple[str, str, str]]:
    """Title, expected verdict and source of each cell."""
    parts = re.split(r"^# %%(.*)\n", "\n" + (ROWS / f"{theme}.py").read_text(), flags=re.M)[1:]
    found = []
    for title, source in zip(parts[::2], parts[1::2], strict=True):
        name, _, expected = title.strip().partition(";")
        if expected.strip() not in ("refused", "not runnable"):
            name, expected = title.strip(), "identical"
        found.append((name, expected.strip(), source.strip("\n")))
    return found


PACKAGES = ("IPython", "numpy", "pandas", "sklearn", "matplotlib")


def other_pythons() -> list[str]:
    """Interpreters named by NBPROCESS_OTHER_PYTHON, or found on this machine: one older and one newer than this."""
    named = os.environ.get("NBPROCESS_OTHER_PYTHON", "")
    if named:
        return named.split(os.pathsep)
    minors = (sys.version_info[1] - 1, sys.version_info[1] + 1)
    known = {minor: available().get(f"local/python:3.{minor}", "") for minor in minors}
    return [path or f"python3.{minor}" for minor, path in known.items()]


@pytest.mark.parametrize("python", other_pythons())
def test_under_another_python(python: str, tmp_path: Path) -> None:
    """At least 97 of 100 cells are identical under the next version; what is not is a difference of the versions."""
    if not os.path.exists(python):
        pytest.skip(f"{python} is not on this machine; NBPROCESS_OTHER_PYTHON names others")
    probe = subprocess.run([python, "-c", f"import {', '.join(PACKAGES)}"], capture_output=True, text=True)
    if probe.returncode:
        pytest.skip(f"{python} lacks packages ({probe.stderr.strip()[-60:]}); NBPROCESS_OTHER_PYTHON names others")
    sources = [source for theme in ("names", "sharing") for _, _, source in cells(theme)]
    report = check(sources, folder=tmp_path, python=python, timeout=60)
    assert not report.broken
    differing = [(cell.source, cell.differences[:3]) for cell in report.cells if cell.verdict == "differs"]
    assert report.count("identical") >= 0.97 * report.runnable, differing


@pytest.mark.parametrize("theme", THEMES)
def test_in_place_and_offloaded_are_alike(theme: str, tmp_path: Path) -> None:
    wrong = []
    with Comparison(tmp_path, timeout=60) as comparison:
        for name, expected, source in cells(theme):
            result = comparison.cell(source)
            if result.verdict not in (expected, "home"):
                details = [f"    {d.where}: {d.in_place!r:.200} | {d.offloaded!r:.200}" for d in result.differences[:6]]
                wrong.append("\n".join([f"{name}: {result.verdict} {result.reason}", source, *details]))
    assert not wrong, "\n\n".join(wrong)
