"""How a job lives and ends: exit codes, messages, stop, timeout, queue, and supervisors that die."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from nbprocess.backends.local import launcher, record
from nbprocess.backends.local.logfile import MAX_EVENT
from nbprocess.backends.local.record import Record
from nbprocess.backends.local.supervisor import start_fresh
from nbprocess.errors import JobNameInUse, JobNotFound

from .conftest import Local, s3_outputs

TRAP = (
    "import signal,sys,time\n"
    "def bye(*a): open('/opt/ml/output/message','w').write('saved');sys.exit(0)\n"
    "signal.signal(15,bye);print('up',flush=True)\nwhile True: time.sleep(1)"
)
DEAF = "import signal,time;signal.signal(15,signal.SIG_IGN);print('up',flush=True);time.sleep(1000)"
MESSAGE = "import os;os.makedirs('/opt/ml/output',exist_ok=True);open('/opt/ml/output/message','wb').write({!r})"


def job_processes(name: str) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if f"{os.environ['NBPROCESS_HOME']}/instances/{name}/ml/" in (entry / "mountinfo").read_text():
                    found.append((entry / "cmdline").read_text())
            except OSError:
                continue
    return found


def test_completed_with_times_and_message(local: Local) -> None:
    done = local.run(MESSAGE.format(b"x" * 2000))
    assert done["ProcessingJobStatus"] == "Completed" and done["ExitMessage"] == "x" * 1024
    times = [done[k] for k in ("CreationTime", "ProcessingStartTime", "ProcessingEndTime")]
    assert all(isinstance(t, datetime) and t.tzinfo for t in times) and times == sorted(times)


def test_a_message_that_is_not_utf8_fails_the_job(local: Local) -> None:
    done = local.run(MESSAGE.format(b"\xff\xfe"))
    assert done["ProcessingJobStatus"] == "Failed" and done["FailureReason"].startswith("ClientError")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise SystemExit(7)", "exit code: 7"),
        ("import os;os.kill(os.getpid(),9)", "exit code: 137"),
    ],
)
def test_failures_have_a_reason(local: Local, code: str, reason: str) -> None:
    done = local.run(code)
    assert done["ProcessingJobStatus"] == "Failed" and reason in done["FailureReason"]


def test_a_command_that_is_not_there(local: Local) -> None:
    done = local.run(["no-such-command"])
    assert "exit code: 127" in done["FailureReason"] and "no-such-command" in local.text("job-1")


def test_stop_is_a_signal_that_can_be_handled(local: Local) -> None:
    name = local.start(TRAP)
    local.says(name, "up")
    local.backend.stop(name)
    assert local.backend.describe(name)["ProcessingJobStatus"] in ("Stopping", "Stopped")
    done = local.end(name)
    assert (done["ProcessingJobStatus"], done["ExitMessage"]) == ("Stopped", "saved")
    local.backend.stop(name)


def test_a_job_that_ignores_the_signal_is_killed_with_all_its_children(
    local: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NBPROCESS_STOP_GRACE", "0.3")
    name = local.start("import subprocess;subprocess.Popen(['setsid','sleep','1000']);" + DEAF)
    local.says(name, "up")
    assert len(job_processes(name)) >= 2, "the processes of a running job are found"
    local.backend.stop(name)
    assert local.end(name)["ProcessingJobStatus"] == "Stopped"
    assert job_processes(name) == []


def test_the_maximum_runtime_stops_the_job(local: Local) -> None:
    done = local.run("import time;time.sleep(1000)", StoppingCondition={"MaxRuntimeInSeconds": 1})
    assert done["ProcessingJobStatus"] == "Stopped" and "FailureReason" not in done


def test_daemons_of_a_job_end_with_it(local: Local) -> None:
    done = local.run("import subprocess;subprocess.Popen(['setsid','sleep','1000'])")
    assert done["ProcessingJobStatus"] == "Completed"
    assert job_processes("job-1") == []


def test_when_one_host_fails_the_others_are_stopped(local: Local) -> None:
    code = (
        "import json,sys,time;h=json.load(open('/opt/ml/config/resourceconfig.json'))['current_host'];"
        "sys.exit(4) if h=='algo-2' else time.sleep(1000)"
    )
    cluster = {"InstanceCount": 2, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30}
    assert local.run(code, ProcessingResources={"ClusterConfig": cluster})["ProcessingJobStatus"] == "Failed"


def test_a_name_in_use(local: Local) -> None:
    request = local.request("pass")
    local.backend.launch(request)
    with pytest.raises(JobNameInUse, match="job-1"):
        local.backend.launch(request)
    local.end("job-1")
    local.backend.delete("job-1")
    with pytest.raises(JobNotFound):
        local.backend.describe("job-1")
    local.backend.launch(request)
    assert local.end("job-1")["ProcessingJobStatus"] == "Completed"


def test_a_job_runs_once_though_the_fork_server_has_gone_on_before_it_is_asked_for_an_answer(
    local: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    local.run("pass")
    send = socket.send_fds

    def slowly(connection: socket.socket, *arguments: Any) -> int:
        sent = send(connection, *arguments)
        closed = select.poll()
        closed.register(connection, select.POLLRDHUP)
        closed.poll(20_000)  # its answer is there, and it has closed the connection
        return sent

    deadline = time.monotonic() + 60
    while not launcher._send(str(launcher.socket_path()), {"preload": []}, None):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    monkeypatch.setattr(socket, "send_fds", slowly)
    monkeypatch.setattr(launcher, "start_fresh", lambda *_: pytest.fail("it is started once more"))
    local.run("print('ran')")
    assert local.text("job-2") == "ran"


def test_two_supervisors_of_a_job_run_it_once(local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    def twice(spec: dict[str, Any], lock: int, *_: Any) -> None:
        start_fresh(spec, lock)
        start_fresh(spec, lock)

    monkeypatch.setattr(launcher, "launch", twice)
    local.run("print('ran')")
    deadline = time.monotonic() + 60
    while Record(local.backend.base / "instances", "job-1").alive():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert local.text("job-1") == "ran"


def test_more_jobs_than_slots_wait_in_order(local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBPROCESS_LOCAL_SLOTS", "1")
    first = local.start(TRAP)
    local.says(first, "up")
    others = [local.start("pass") for _ in range(3)]
    queue = local.backend.base / "slots/queue"
    deadline = time.monotonic() + 60
    while not queue.is_dir() or len(list(queue.iterdir())) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    gone = local.start("pass")
    local.backend.stop(gone)
    assert "ProcessingStartTime" not in local.end(gone)
    assert all("ProcessingStartTime" not in local.backend.describe(n) for n in others)
    local.backend.stop(first)
    starts = [local.end(name)["ProcessingStartTime"] for name in others]
    assert starts == sorted(starts)


def test_a_supervisor_that_was_killed_is_a_failure_and_leaves_nothing(local: Local) -> None:
    name = local.start("import subprocess;subprocess.Popen(['setsid','sleep','1000']);" + DEAF)
    local.says(name, "up")
    path = local.backend._record(name).path + "/log.jsonl"
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and entry.name != str(os.getpid()):
            try:
                holds = any(os.readlink(fd) == path for fd in (entry / "fd").iterdir())
            except OSError:
                continue
            if holds:
                os.kill(int(entry.name), signal.SIGKILL)
    done = local.end(name)
    assert done["ProcessingJobStatus"] == "Failed" and "supervised" in done["FailureReason"]
    assert job_processes(name) == []


def test_a_job_outlives_the_process_that_started_it(local: Local) -> None:
    code = (
        "import sys,json,os;from nbprocess.backends.local import Backend;"
        "Backend().launch(json.loads(sys.argv[1]));os.kill(os.getpid(),9)"
    )
    import json

    request = local.request("import time;time.sleep(0.5);print('done')")
    subprocess.run([sys.executable, "-c", code, json.dumps(request)], check=False)
    assert local.end("job-1")["ProcessingJobStatus"] == "Completed" and local.text("job-1") == "done"


def test_every_line_is_in_the_log(local: Local) -> None:
    local.run("for i in range(100000): print(i)")
    cursor, seen = None, []
    while (page := local.backend.logs("job-1", cursor, 7777)).lines:
        seen += [line.text for line in page.lines]
        cursor = page.cursor
    assert seen == [str(i) for i in range(100000)]


def test_long_lines_bytes_and_the_last_line(local: Local) -> None:
    local.run(
        "import os,sys;w=sys.stdout.buffer;w.write(b'a'*600000+b'\\n\\xff\\x00\\n\\n');w.flush();os.write(2,'é'.encode())"
    )
    lines = local.backend.logs("job-1").lines
    out = [line.text for line in lines if line.stream == "stdout"]
    assert "".join(out[:3]) == "a" * 600000 and max(map(len, out)) <= MAX_EVENT
    assert out[3:] == ["\ufffd\x00", ""]
    assert [line.text for line in lines if line.stream == "stderr"] == ["é"]


def test_continuous_outputs_are_there_while_the_job_runs(local: Local) -> None:
    code = "open('/opt/ml/processing/output/out/f','w').write('1');open('/opt/ml/processing/output/out/g.tmp','w');"
    name = local.start(code + TRAP, ProcessingOutputConfig=s3_outputs("s3://res/o", "Continuous"))
    local.until(name, lambda d: local.output("res"))
    assert local.output("res") == {"o/f": "1"}
    local.backend.stop(name)
    local.end(name)
    assert local.output("res") == {"o/f": "1", "o/g.tmp": ""}


def test_a_full_disk_is_a_failure_with_a_reason(local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    limited = "import resource;resource.setrlimit(resource.RLIMIT_FSIZE,(50000,50000))"
    # A limit on file sizes (EFBIG) stands in for the full disk: it meets the supervisor's log in the same way.
    monkeypatch.setattr("nbprocess.backends.local.supervisor._START", limited + ";" + _start())
    monkeypatch.setenv("NBPROCESS_FORKSERVER", "0")
    done = local.run("while True: print('x'*1000)")
    assert done["ProcessingJobStatus"] == "Failed" and "File too large" in done["FailureReason"]


def _start() -> str:
    from nbprocess.backends.local import supervisor

    return supervisor._START


def test_list_filters(local: Local) -> None:
    for _ in range(3):
        local.run("pass")
    names = [job["ProcessingJobName"] for job in local.backend.jobs()]
    assert names == ["job-3", "job-2", "job-1"]
    first = local.backend.describe("job-1")["CreationTime"]
    assert [j["ProcessingJobName"] for j in local.backend.jobs(CreationTimeAfter=first, MaxResults=1)] == ["job-3"]
    assert not list(local.backend.jobs(StatusEquals="Failed")) and len(list(local.backend.jobs(NameContains="2"))) == 1
    ended = record.Record(local.backend.base / "instances", "job-3")
    ended.write({**ended.read(), "ProcessingJobStatus": "Failed"})
    assert [job["ProcessingJobName"] for job in local.backend.jobs(StatusEquals="Failed")] == ["job-3"]  # read anew
    local.backend.delete("job-2")
    assert [job["ProcessingJobName"] for job in local.backend.jobs()] == ["job-3", "job-1"]


def test_a_record_is_whole_or_not_there(tmp_path: Path) -> None:
    made = record.Record(tmp_path, "a")
    os.close(made.create({"ProcessingJobStatus": "InProgress"}))
    assert sorted(os.listdir(tmp_path)) == ["a"]
    assert made.settle()["ProcessingJobStatus"] == "Failed"


def test_a_job_of_the_same_name_in_another_home_is_left_alone(local: Local, tmp_path: Path) -> None:
    name = local.start("print('up',flush=True);import time;time.sleep(3);print('done')")
    local.says(name, "up")
    record.kill_survivors(str(tmp_path / "instances" / name))
    assert local.end(name)["ProcessingJobStatus"] == "Completed"
