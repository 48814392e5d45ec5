"""The job browser's source over real jobs: what a job shows of itself, its files, and what can be done with it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

import nbprocess
from nbprocess.browse import source
from nbprocess.errors import StoreError
from nbprocess.views.source import ListedJobs, Query, Section

CODE = """
import json, os
here = '/opt/ml/processing/output/made/'
open(here + 'table.csv', 'w').write('a,b\\n' + ''.join(f'{n},"x, {n}"\\n' for n in range(20_000)))
json.dump({'rate': 0.1}, open(here + 'params.json', 'w'))
open(here + 'model.bin', 'wb').write(b'\\0' * 100)
open(here + 'notes.txt', 'w').write('<b>text</b>')
os.makedirs(here + 'plots')
open(here + 'plots/a.svg', 'w').write('<svg xmlns="http://www.w3.org/2000/svg"/>')
import pandas
pandas.DataFrame({'n': range(1000)}).to_parquet(here + 'frame.parquet')
print('printed')
kept = [1, 2, *data]
kept
"""


@pytest.fixture(scope="module")
def jobs() -> ListedJobs:
    data = list(range(3))
    made = nbprocess.submit(
        CODE, {"__name__": "__main__", "data": data}, backend="local", name="shown", output=["made"]
    )
    assert made.wait(60)
    assert made.error() is None
    listed = source()
    listed.refresh()
    return listed


def sections(jobs: ListedJobs, name: str = "shown") -> dict[str, Section]:
    return {section.title: section for section in jobs.details(name)}


def test_a_job_shows_its_code_displays_files_plan_and_request(jobs: ListedJobs) -> None:
    found = sections(jobs)
    assert list(found) == ["Code", "Displays", "Outputs", "Plan", "Request", "Description"]
    assert found["Code"].content == CODE
    assert [(part["kind"], part["content"]) for part in found["Displays"].content] == [
        ("text", "printed\n"),
        ("text", "[1, 2, 0, 1, 2]"),
    ]
    assert ["made", "plots/a.svg"] in [row[:2] for row in found["Outputs"].content]
    titles, sent, *_ = found["Plan"].content
    assert titles[:3] == ["Sent", "As", "Size"]
    assert sent[0] == "data"
    assert json.loads(found["Request"].content)["ProcessingJobName"] == "shown"
    json.dumps([section.content for section in found.values()])  # a message to the page


@pytest.mark.parametrize(
    ("path", "kind", "shown", "note"),
    [
        ("table.csv", "table", ["0", "x, 0"], "The beginning; the file has"),
        ("frame.parquet", "table", ["0"], "The first 100 of 1,000 rows."),
        ("params.json", "json", '{\n "rate": 0.1\n}', ""),
        ("model.bin", "text", "A binary file of 100 B.", ""),
        ("notes.txt", "text", "<b>text</b>", ""),
    ],
)
def test_a_file_shows_its_beginning(jobs: ListedJobs, path: str, kind: str, shown: Any, note: str) -> None:
    found = jobs.preview("shown", "made", path)
    assert (found.kind, found.content[1] if kind == "table" else found.content) == (kind, shown)
    assert found.note.startswith(note) and bool(found.note) == bool(note)
    if kind == "table":
        assert len(found.content) == 101


def test_an_image_shows_itself_and_what_is_gone_is_named(jobs: ListedJobs) -> None:
    head, _, data = jobs.preview("shown", "made", "plots/a.svg").content.partition(",")
    assert head == "data:image/svg+xml;base64" and base64.b64decode(data).startswith(b"<svg")
    with pytest.raises(StoreError, match="made/nothing is not there"):
        jobs.preview("shown", "made", "nothing")
    with pytest.raises(KeyError, match="other: the job has no such output"):
        jobs.preview("shown", "other", "x")


def test_what_can_be_done_depends_on_the_job_and_a_deleted_one_is_away_at_once(
    jobs: ListedJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(jobs.actions("shown")) == ["load", "rerun", "copy", "delete"]  # here all machines are this one
    with pytest.raises(RuntimeError, match="there is none here"):
        jobs.act("load", "shown")
    assert jobs.act("copy", "shown").startswith("%%processing ")
    running = nbprocess.submit("import time\ntime.sleep(600)", {}, backend="local", name="still")
    jobs.refresh()
    assert list(jobs.actions("still")) == ["stop", "copy"]  # without a notebook there is nothing to attach to
    assert "is being stopped" in jobs.act("stop", "still")
    assert running.wait(60)
    jobs.refresh()
    with monkeypatch.context() as patch:  # an older boto3 knows no DeleteProcessingJob
        patch.setattr(type(running.backend), "delete", lambda self, name: None)
        assert "goes on listing the job" in jobs.act("delete", "still")
    jobs.refresh()
    assert jobs.act("delete", "still") == "still is deleted."
    assert jobs.page(Query(search="still"), 0, 5).total == 0


def test_a_job_that_was_cleaned_away_still_shows_its_description(jobs: ListedJobs, tmp_path: Path) -> None:
    gone = nbprocess.submit("1", {}, backend="local", name="cleaned")
    assert gone.wait(60) and gone.store is not None
    for key, _ in list(gone.store.list("jobs/cleaned/")):
        gone.store.delete(key)
    jobs.refresh()
    assert list(sections(jobs, "cleaned")) == ["Description"]
