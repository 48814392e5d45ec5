"""The forms without a browser: text, static HTML, tables; what the page gets; hostile names and lines."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from nbprocess.state import Progress, Transfer, Variable
from nbprocess.views import html, table, text, words
from nbprocess.views.lines import Rows, Selection, detail, level
from nbprocess.views.outputs import outputs_html, outputs_text
from nbprocess.views.snapshot import POINTS, snapshot
from tests.views.fake_job import TRACEBACK, FakeJob, fail, finish, running, stopped

HOSTILE = '<img src=x onerror="alert(1)"> & \x1b[31mred\x1b[0m \x07\u202egnp'


def tags(markup: str) -> set[str]:
    found: set[str] = set()

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.add(tag)
            found.update(f"@{name}" for name, _ in attrs)

    Reader().feed(markup)
    return found


def test_importing_the_views_imports_nothing_heavy() -> None:
    code = (
        "import sys, nbprocess.views\n"
        "heavy = {'anywidget', 'ipywidgets', 'traitlets', 'IPython', 'zmq', 'pandas', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0.0 s"),
        (0.44, "0.4 s"),
        (12, "12 s"),
        (59.6, "1:00"),
        (187, "3:07"),
        (3753, "1:02:33"),
        (184200, "2 d 03:10"),
    ],
)
def test_durations(seconds: float, shown: str) -> None:
    assert words.duration(seconds) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1536, "1.5 KiB"),
        (1024**2 - 1, "1.0 MiB"),
        (150 * 1024**2, "150 MiB"),
        (3 * 1024**4, "3.0 TiB"),
    ],
)
def test_sizes(count: int, shown: str) -> None:
    assert words.size(count) == shown


def test_the_line_of_a_running_job_names_phase_progress_machine_and_cost() -> None:
    state = running().state()
    line = text.line(state, time.time())
    assert "Running" in line
    assert "45% epochs 9/20 it" in line
    assert "ml.g4dn.xlarge · eu-west-1" in line
    assert "$0.05 so far, at most $0.74" in line


def test_a_transfer_goes_before_the_progress_of_the_cell() -> None:
    job = running()
    job.change(transfer=Transfer("down", 5 * 2**20, 20 * 2**20, 2**20, "model"))
    assert words.fraction(job.state()) == 0.25
    assert "25% fetching model 5.0 MiB of 20.0 MiB · 1.0 MiB/s" in text.line(job.state(), time.time())


def test_the_text_of_an_unfinished_job_says_as_of_when_it_is_true() -> None:
    state = running().state()
    shown = text.summary(state, 1_790_000_000)
    assert "As of 2026-09-21" in shown
    assert f"%processing_attach {state.name}" in shown


def test_the_text_of_a_finished_job_names_what_came_back_and_what_did_not() -> None:
    job = running()
    finish(job)
    shown = text.summary(job.state())
    assert re.search(r"flights +DataFrame +336,776 × 24 +70\.6 MiB +updated in place", shown)
    assert "did not come back: a sqlite3.Connection cannot be sent" in shown
    assert "Peak memory: 7.0 GiB of 16.0 GiB" in shown
    assert "$0.06" in shown
    assert "As of" not in shown


@pytest.mark.parametrize(("end", "word"), [(finish, "Completed"), (fail, "Failed"), (stopped, "Stopped")])
def test_the_static_card_has_the_last_state_as_a_word(end, word: str) -> None:
    job = running()
    end(job)
    shown = html.card(job.state(), time.time(), job.log())
    assert f'<strong style="color:{html.TONES[words.status_tone(job.state())]}">{word}</strong>' in shown.replace(
        "&quot;", '"'
    )
    assert "script" not in tags(shown)
    assert f"%processing_logs {job.name}" in shown


def test_hostile_text_stays_text_in_every_form() -> None:
    job = running(headline=HOSTILE, name=HOSTILE)
    job.write(HOSTILE)
    job.change(failure=HOSTILE + "!", notices=(HOSTILE,), links={HOSTILE: "javascript:alert(1)"}, notebook=HOSTILE)
    job.change(variables=tuple(replace(v, name=HOSTILE, reason=HOSTILE) for v in fake_results()))
    card = html.card(job.state(), time.time(), job.log())
    assert "img" not in tags(card)
    assert "@onerror" not in tags(card)
    assert "javascript" not in "".join(re.findall(r'href="([^"]*)', card))
    listing = table([job.state()])
    assert "img" not in tags(listing._repr_html_())
    for shown in (text.summary(job.state(), time.time()), str(listing), card):
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", shown)


def test_what_the_headline_says_of_a_failure_is_not_said_twice() -> None:
    job = running()
    job.end("Failed", "Failed after 12 s: ValueError: no rate", failure="ValueError: no rate")
    assert text.summary(job.state()).count("no rate") == html.card(job.state(), 0).count("no rate") == 1
    assert snapshot(job.state())["failure"] == ""
    job.change(failure="ValueError: no rate\nGive one with --rate.")
    assert "Reason: Give one with --rate." in text.summary(job.state())


def test_a_place_in_ones_home_is_shown_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    job = running()
    job.change(links={"Log": "/home/ada/jobs/x/log.jsonl", "Folder": "/home/adam/x"})
    for shown in (text.summary(job.state(), 0), html.card(job.state(), 0)):
        assert "~/jobs/x/log.jsonl" in shown
        assert "/home/adam/x" in shown
        assert "/home/ada/" not in shown


def test_modules_that_the_cell_imported_are_a_quiet_line() -> None:
    job = running()
    job.end(
        "Completed",
        "",
        variables=(Variable("np", "loaded", "module", "", 53), Variable("kept", "unchanged"), *fake_results()),
    )
    shown = text.summary(job.state())
    assert "sent and not changed: kept · imported: np" in shown
    assert "sent and not changed: kept · imported: np" in html.card(job.state(), 0)
    assert [v["name"] for v in snapshot(job.state())["variables"]] == ["model", "scores", "flights", "connection"]


def test_no_amount_is_taken_for_a_formula() -> None:
    """JupyterLab typesets what stands between two dollar signs, unless an element ends between them."""
    card = html.card(running(headline=r"\(x\) for $5 and $6").state(), 0)
    outside = re.sub(r"<(pre|code)\b.*?</\1>|<span>[$\\]</span>|<[^>]*>", "", card, flags=re.DOTALL)
    assert "0.05 so far, at most 0.74" in outside
    assert not re.search(r"[$\\]", outside)


def test_a_local_job_runs_on_this_machine_and_one_without_a_price_says_so() -> None:
    local = FakeJob(backend="local", cost=None, cost_max=None)
    assert text.line(local.state(), 0).endswith("this machine · no cost")
    unpriced = FakeJob(cost=None, cost_max=None, price_note="price unknown")
    assert text.line(unpriced.state(), 0).endswith("ml.g4dn.xlarge · eu-west-1 · price unknown")
    listed = FakeJob(instance_type="", phase="waiting")
    assert words.status_word(listed.state()) == "In progress"  # more a listing does not tell


def fake_results():
    from tests.views.fake_job import RESULTS

    return RESULTS


def test_a_static_card_keeps_a_bounded_tail_of_the_log() -> None:
    job = running()
    job.write(*(f"line {n} " + "x" * 300 for n in range(5000)))
    shown = html.card(job.state(), time.time(), job.log()[-html.TAIL_LINES :])
    assert len(shown) < html.TAIL_CHARACTERS * 2
    assert "line 4999" in shown
    assert re.search(r"Log: 5,007 lines \(the last \d+ here\)", shown)


def test_a_table_of_jobs_lines_up_and_leaves_empty_columns_out() -> None:
    done = FakeJob("a-job")
    finish(done)
    lines = str(table([done.state(), running().state()])).splitlines()
    assert lines[0].split() == ["name", "status", "where", "machine", "created", "time", "cost"]
    assert lines[1].startswith("a-job ")
    assert len({line.index("sagemaker") for line in lines[1:]}) == 1
    assert str(table([])) == "No jobs."


def test_the_page_gets_plain_json_without_the_line_count_and_thin_curves() -> None:
    job = running()
    job.measure(points=1000, hosts=("algo-1", "algo-2"))
    page = json.loads(json.dumps(snapshot(job.state())))
    assert page["word"] == "Running"
    assert page["fraction"] == 0.45
    assert "log_lines" not in page  # it would send the whole state anew with each line
    assert len(page["usage"]["algo-2"]) <= POINTS
    assert page["usage"]["algo-1"][-1][0] == max(s.time for s in job.state().usage)


def test_outputs_of_a_background_job_are_merged_as_a_notebook_would() -> None:
    events = [
        {"type": "stream", "name": "stdout", "text": "gone\n"},
        {"type": "clear_output", "wait": False},
        {"type": "stream", "name": "stdout", "text": "a<b\n"},
        {"type": "stream", "name": "stdout", "text": "c\n"},
        {"type": "into_widget", "model_id": "1"},
        {"type": "stream", "name": "stdout", "text": "cleared within\n"},
        {"type": "clear_output", "wait": True},
        {"type": "out_of_widget", "model_id": "1"},
        {"type": "display_data", "data": {"text/plain": "old"}, "metadata": {}, "display_id": "d"},
        {"type": "update_display_data", "data": {"text/plain": "new"}, "metadata": {}, "display_id": "d"},
        {"type": "execute_result", "data": {"image/png": "iVBO\nRw0=", "text/plain": "<Figure>"}, "metadata": {}},
    ]
    shown = outputs_html(events)
    assert "gone" not in shown and "cleared" not in shown
    assert "a&lt;b\nc\n" in shown
    assert "old" not in shown
    assert 'src="data:image/png;base64,iVBORw0="' in shown
    assert outputs_text(events) == "\na<b\nc\nnew\n<Figure>"


# which rows of a log a page shows


def test_levels_are_found_by_the_words_of_logging() -> None:
    lines = ["DEBUG x", "epoch 1", "WARNING: rows dropped", "UserWarning: no", "ValueError: x", "terrors of the sea"]
    assert [level(line) for line in lines] == [0, 1, 2, 2, 3, 1]


def test_a_traceback_is_one_folded_row_and_its_whole_text_can_be_had() -> None:
    job = FakeJob()
    job.write("before", *TRACEBACK, "after")
    rows = Rows(job)
    rows.scan()
    shown = rows.fetch(0, 10)
    assert [row[2] for row in shown] == ["before", TRACEBACK[0], TRACEBACK[-1], "after"]
    assert shown[1][6] == len(TRACEBACK) - 2
    assert detail(job, 1) == "\n".join(TRACEBACK)


def test_two_hosts_print_tracebacks_at_once_and_both_fold() -> None:
    job = FakeJob()
    for line in TRACEBACK:
        job.write(line, host="algo-1")
        job.write(line, host="algo-2")
    rows = Rows(job)
    rows.scan()
    assert [(row[4], row[6]) for row in rows.fetch(0, 10)] == [
        ("algo-1", 4),
        ("algo-2", 4),
        ("algo-1", 0),
        ("algo-2", 0),
    ]
    assert detail(job, 1) == "\n".join(TRACEBACK)


def test_a_search_finds_every_line_also_those_that_come_later_and_those_in_tracebacks() -> None:
    job = FakeJob()
    job.write(*(f"step {n}" for n in range(1000)))
    rows = Rows(job, Selection(query="STEP 99"))
    assert not rows.scan()
    assert [row[2] for row in rows.fetch(0, 100)] == ["step 99", *(f"step {n}" for n in range(990, 1000))]
    job.write("step 99 again", *TRACEBACK)
    rows.scan()
    assert len(rows) == 12
    train = Rows(job, Selection(query="in train"))
    train.scan()
    assert len(train) == 1


def test_long_lines_are_cut_for_the_page_and_whole_on_demand() -> None:
    job = FakeJob()
    job.write("y" * 10_000)
    rows = Rows(job)
    rows.scan()
    (row,) = rows.fetch(0, 1)
    assert len(row[2]) == 2000
    assert row[7] == 1
    assert len(detail(job, 0)) == 10_000


def test_a_selection_from_the_page_takes_nothing_for_granted() -> None:
    assert Selection.from_page({"query": None, "level": "3", "host": 5}) == Selection("", 0, "5")
    assert Selection.from_page("x") == Selection()
    assert Selection.from_page({"level": 99}) == Selection()


def test_progress_without_a_total_shows_no_percentage() -> None:
    job = running()
    job.change(progress=Progress(1234, None, "rows", "row", 55))
    assert words.fraction(job.state()) is None
    assert words.progress(job.state().progress) == "rows 1,234 row · 55 row/s"
