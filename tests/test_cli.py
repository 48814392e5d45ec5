"""The command line: the same jobs, from a terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

import nbprocess
from nbprocess.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture()
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main(["--backend", "local", *words])
        out, err = capsys.readouterr()
        return status, out, err

    return call


@pytest.fixture(scope="module")
def job() -> nbprocess.Job:
    made = nbprocess.submit("kept = [1, 2]\nprint('a line')", {"__name__": "__main__"}, backend="local", name="cli-job")
    made.wait(60)
    return made


def test_jobs_are_listed_as_a_table_and_as_json(run: Run, job: nbprocess.Job) -> None:
    status, out, _ = run("jobs")
    assert status == 0 and "cli-job" in out and "Completed" in out
    listed = json.loads(run("jobs", "--json")[1])
    assert next(item for item in listed if item["name"] == "cli-job")["status"] == "Completed"


def test_the_list_is_filtered_as_in_the_job_browser_and_says_what_it_cost(run: Run, job: nbprocess.Job) -> None:
    out = run("jobs", "cli", "job", "--status", "Completed", "--since", "1h")[1].splitlines()
    assert out[0].split()[:4] == ["name", "status", "where", "machine"]
    assert out[1].startswith("cli-job  Completed  local") and "this machine" in out[1]
    assert out[2:] == ["1 job listed: 0 running, $0 in all, $0 of it today (UTC)"]
    assert run("jobs", "no", "such")[1] == "No jobs.\n"
    assert run("jobs", "--notebook", "other.ipynb", "--json")[1] == "[]\n"
    with pytest.raises(SystemExit):
        run("jobs", "--since", "week")


def test_a_terminal_gets_the_list_in_colours_with_the_same_content(
    run: Run, job: nbprocess.Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = run("jobs", "cli-job")[1]
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    for name, value in {"COLUMNS": "200", "TERM": "xterm-256color", "FORCE_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    coloured = run("jobs", "cli-job")[1]
    assert "\x1b[32mCompleted" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured).split() == plain.split()


def test_the_log_is_printed(run: Run, job: nbprocess.Job) -> None:
    assert run("logs", "cli-job")[1] == "a line\n"


def test_attach_says_what_came_back(run: Run, job: nbprocess.Job) -> None:
    status, out, _ = run("attach", "cli-job")
    assert status == 0 and "a line" in out and "kept" in out and "2 items" in out


def test_stop_ends_a_running_job(run: Run) -> None:
    nbprocess.submit("import time\ntime.sleep(600)", {"__name__": "__main__"}, backend="local", name="cli-stop")
    assert run("stop", "cli-stop") == (0, "cli-stop: Stopped\n", "")


def test_delete_and_clean(run: Run, job: nbprocess.Job) -> None:
    made = nbprocess.submit("1", {"__name__": "__main__"}, backend="local", name="cli-delete")
    made.wait(60)
    assert run("delete", "cli-delete")[0] == 0
    assert "no job named cli-delete" in run("logs", "cli-delete")[2]
    assert run("clean", "--dry-run")[0] == 0
    assert run("logs", "cli-job")[1] == "a line\n", "a dry run removes nothing"


def test_clean_keeps_no_more_than_is_asked_for(run: Run, job: nbprocess.Job) -> None:
    with pytest.raises(SystemExit):
        run("clean", "--max-size", "lots")
    assert run("logs", "cli-job")[0] == 0
    assert run("clean", "--older-than", "3650", "--max-size", "1GB")[0] == 0
    assert run("logs", "cli-job")[0] == 0, "there is less than that"
    status, out, _ = run("clean", "--older-than", "3650", "--max-size", "0")
    assert status == 0 and "removed" in out and "cli-job" not in run("jobs")[1]
    assert "no job named cli-job" in run("logs", "cli-job")[2], "its record is gone too"


def test_attach_says_when_the_results_of_a_completed_job_are_gone(run: Run) -> None:
    made = nbprocess.submit("kept = 1", {"__name__": "__main__"}, backend="local", name="cli-gone-" + "x" * 40)
    assert made.wait(60) and made.store is not None
    made.store.delete(f"jobs/{made.name}/out/algo-1/outcome.json")
    status, out, err = run("attach", made.name)
    assert status == 1 and out.startswith("Completed") and "outcome.json is not in the store" in err
    head, row, _ = run("jobs", "--limit", "1")[1].splitlines()
    assert head.index("where") == row.index(" local ") + 1, "a long name leaves the columns where they are"


def test_mistakes_are_one_line(run: Run) -> None:
    status, out, err = run("logs", "not-there")
    assert status == 1 and not out and err.startswith("nbprocess: There is no job named not-there")


def test_the_policy_names_the_bucket(run: Run) -> None:
    printed = json.loads(run("policy", "--bucket", "mine")[1])
    assert "arn:aws:s3:::mine/nbprocess/*" in json.dumps(printed["role"])


def test_the_lifecycle_rule_expires_jobs_and_leaves_values(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "--lifecycle", "30", "--bucket", "mine"]) == 0
    shown = capsys.readouterr()
    rules = json.loads(shown.out)["Rules"]
    assert [rule["Filter"]["Prefix"] for rule in rules if "Expiration" in rule] == ["nbprocess/jobs/"]
    assert rules[0]["Expiration"]["Days"] == 30 and "--bucket mine" in shown.err
    assert main(["policy", "--lifecycle", "0"]) == 1
    assert "--lifecycle 0" in capsys.readouterr().err
