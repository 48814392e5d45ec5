"""The example notebooks run from top to bottom, unchanged, over the wire by AWS_ENDPOINT_URL alone.

That they run on this machine is tested as a visitor of Binder sees it: ``tests/packaging/test_binder.py``.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nbprocess.testing.aws import emulator

from ..live_kernel import Kernel, Ran
from ..packaging.test_binder import SAYS

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
NOTEBOOKS = ("quickstart", "data_preparation", "model_evaluation")


def run(notebook: str, kernel: Kernel) -> list[Ran]:
    cells = json.loads((EXAMPLES / f"{notebook}.ipynb").read_text())["cells"]
    assert cells[0]["cell_type"] == "markdown" and "You will learn" in "".join(cells[0]["source"])
    return [kernel.ok("".join(cell["source"]), timeout=240) for cell in cells if cell["cell_type"] == "code"]


def shown(ran: list[Ran]) -> str:
    return "\n".join(str(output) for cell in ran for output in cell.outputs)


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_over_the_wire(notebook: str, tmp_path: Path, _own_home: Path) -> None:
    with emulator() as aws:
        environment = {**aws.environment, "NBPROCESS_BACKEND": "sagemaker"}
        with Kernel(tmp_path, _own_home / "examples-aws", environment) as kernel:
            assert SAYS[notebook] in shown(run(notebook, kernel))
        done = aws.client("sagemaker").list_processing_jobs()["ProcessingJobSummaries"]
        assert {job["ProcessingJobStatus"] for job in done} == {"Completed"}
