"""What a notebook keeps: executed by nbclient, as nbconvert and papermill do, in every form."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

REPOSITORY = Path(__file__).resolve().parent.parent.parent
CELLS = (
    "from tests.views.fake_job import *\nfrom nbprocess.views import show\njob = running()\nview = show(job)",
    "finish(job)\n"
    "import threading\n"
    "thread = threading.Thread(target=view.finish, args=([{'type': 'stream', 'name': 'stdout', 'text': 'printed there'}],))\n"
    "thread.start(); thread.join()",
)


@pytest.mark.parametrize(
    ("form", "before", "after"),
    [
        (
            "widget",
            {"text/plain", "text/html", "application/vnd.jupyter.widget-view+json"},
            {"text/plain", "text/html"},
        ),
        ("html", {"text/plain", "text/html"}, {"text/plain", "text/html"}),
        ("text", {"text/plain"}, {"text/plain"}),
    ],
)
def test_the_last_true_state_stays_under_its_own_cell(
    form: str, before: set[str], after: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NBPROCESS_VIEW", form)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")]))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    client = NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(REPOSITORY)}})
    with client.setup_kernel():
        client.execute_cell(notebook.cells[0], 0)
        (output,) = notebook.cells[0].outputs
        assert set(output.data) == before
        assert "Current state: %processing_attach" in output.data["text/plain"]
        client.execute_cell(notebook.cells[1], 1)
    (output,) = notebook.cells[0].outputs
    assert notebook.cells[1].outputs == []  # a background job updates its own cell, never another
    assert set(output.data) == after
    assert "Completed" in output.data["text/plain"]
    assert "did not come back" in output.data["text/plain"]
    assert output.data["text/plain"].endswith("printed there")


def test_the_job_browser_in_an_executed_notebook_is_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """As ``jupyter nbconvert --execute --to html`` makes it: a page that shows the jobs, not a blank widget."""
    from nbconvert import HTMLExporter

    monkeypatch.delenv("NBPROCESS_VIEW", raising=False)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")]))
    source = (
        "from tests.views.fake_source import FakeSource\nfrom nbprocess.views import browser\nbrowser(FakeSource(30))"
    )
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(text) for text in (source, "%load_ext nbprocess\n%processing_jobs")]
    )
    NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(REPOSITORY)}}).execute()
    listing, empty = (cell.outputs[-1].data for cell in notebook.cells)
    assert set(listing) == set(empty) == {"text/plain", "text/html"}
    assert "-00030" in listing["text/plain"]
    page, _ = HTMLExporter().from_notebook_node(notebook)
    assert "-00030" in page
    assert "widget-view+json" not in page
