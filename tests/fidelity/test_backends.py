"""Which of matplotlib's backends draws, where it was chosen beside the cell that draws: by an import, by a style."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbprocess.testing.fidelity import Comparison

CHOOSY = """
import matplotlib
matplotlib.use("agg")
import matplotlib.pyplot as plt

class Table:
    def draw(self):
        plt.figure()
        plt.plot([1, 2])
"""

NOTEBOOKS = {
    "by a module": [
        "from choosy import *\n%matplotlib inline\ntable = Table()",
        "table.draw()",
        "import choosy\nchoosy.Table().draw()",
    ],
    "without matplotlib": ["%matplotlib inline\nx = 1", "import matplotlib\nmatplotlib.rcParams['backend']"],
    "in a style": [
        "import matplotlib.pyplot as plt\nwith plt.style.context('ggplot'):\n    plt.plot([1, 2])\nplt.show()",
        "plt.isinteractive()",
    ],
}


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_the_backend_is_that_of_the_notebook(notebook: str, tmp_path: Path) -> None:
    (tmp_path / "choosy.py").write_text(CHOOSY)
    with Comparison(tmp_path, timeout=60) as comparison:
        for source in NOTEBOOKS[notebook]:
            cell = comparison.cell(source)
            assert cell.verdict == "identical", (source, cell.reason, cell.differences[:4])
