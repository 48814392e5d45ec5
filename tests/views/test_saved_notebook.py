"""What a notebook keeps: executed by nbclient, as nbconvert and papermill do, in every form."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

REPOSITORY = Path(__file__).resolve().parent.parent.parent
SHOW = (
    "import os\nos.environ['NBPROCESS_VIEW'] = {form!r}\n"
    "from tests.views.fake_job import *\nfrom nbprocess.views import show\njob = running()\nview = show(job)"
)
FINISH = (
    "finish(job)\n"
    "import threading\n"
    "thread = threading.Thread(target=view.finish, args=([{'type': 'stream', 'name': 'stdout', 'text': 'printed there'}],))\n"
    "thread.start(); thread.join()"
)
BROWSE = (
    "os.environ.pop('NBPROCESS_VIEW', None)\n"
    "from tests.views.fake_source import FakeSource\nfrom nbprocess.views import browser\nbrowser(FakeSource(30))"
)


class Executed:
    """One kernel for all cells, each executed by nbclient."""

    def __init__(self, client: NotebookClient) -> None:
        self.notebook, self._client = client.nb, client

    def run(self, source: str) -> Any:
        cell = nbformat.v4.new_code_cell(source)
        self.notebook.cells.append(cell)
        self._client.execute_cell(cell, len(self.notebook.cells) - 1)
        return cell


@pytest.fixture(scope="module")
def executed() -> Iterator[Executed]:
    notebook = nbformat.v4.new_notebook()
    client = NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(REPOSITORY)}})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")]))
        patch.delenv("JPY_SESSION_NAME", raising=False)  # JupyterLab's, where the tests run in one of its terminals
        with client.setup_kernel():
            yield Executed(client)


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
    executed: Executed, form: str, before: set[str], after: set[str]
) -> None:
    shown = executed.run(SHOW.format(form=form))
    (output,) = shown.outputs
    assert set(output.data) == before
    assert "Current state: %processing_attach" in output.data["text/plain"]
    finishing = executed.run(FINISH)
    (output,) = shown.outputs
    assert finishing.outputs == []  # a background job updates its own cell, never another
    assert set(output.data) == after
    assert "Completed" in output.data["text/plain"]
    assert "did not come back" in output.data["text/plain"]
    assert output.data["text/plain"].endswith("printed there")


def test_the_job_browser_in_an_executed_notebook_is_the_table(executed: Executed) -> None:
    """As ``jupyter nbconvert --execute --to html`` makes it: a page that shows the jobs, not a blank widget."""
    from nbconvert import HTMLExporter

    listing = executed.run("import os\n" + BROWSE)
    own = executed.run("%load_ext nbprocess\n%processing_jobs")
    for cell in (listing, own):
        assert set(cell.outputs[-1].data) == {"text/plain", "text/html"}
    assert "-00030" in listing.outputs[-1].data["text/plain"]
    assert re.search(
        r"\n3 running · \$[\d.]+ today · \$[\d.]+ this week · 30 jobs$", listing.outputs[-1].data["text/plain"]
    )
    notebook = nbformat.v4.new_notebook(cells=[listing, own])
    page, _ = HTMLExporter().from_notebook_node(notebook)
    assert "-00030" in page
    assert "widget-view+json" not in page
