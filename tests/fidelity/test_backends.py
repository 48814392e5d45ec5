"""What matplotlib keeps for the process beside its settings: which backend draws, how curved the sides of bars are."""

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

_STYLE = "import matplotlib.pyplot as plt\nwith plt.style.context('ggplot'):\n    plt.plot([1, 2])\nplt.show()"
NOTEBOOKS = {
    "by a module": [
        "from choosy import *\n%matplotlib inline\ntable = Table()",
        "table.draw()",
        "import choosy\nchoosy.Table().draw()",
    ],
    "by its name": [
        "%matplotlib inline\nx = 1",
        "import matplotlib\nmatplotlib.rcParams['backend']",
        "from pylab import *",
    ],
    "in a style, and bars that are curved": [  # all rectangles have one path, on which `bar` sets how it is drawn
        _STYLE,
        "plt.isinteractive()",
        "wheel = plt.subplot(projection='polar')\nwheel.bar([0, 2, 4], [1, 2, 3]);",
        "wheel.figure",
    ],
}


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_what_matplotlib_keeps_is_as_in_the_notebook(notebook: str, tmp_path: Path) -> None:
    (tmp_path / "choosy.py").write_text(CHOOSY)
    with Comparison(tmp_path, timeout=60) as comparison:
        for source in NOTEBOOKS[notebook]:
            cell = comparison.cell(source)
            assert cell.verdict == "identical", (source, cell.reason, cell.differences[:4])
