"""The worker in a process that was forked from a warm one, libraries imported already."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from driver import job

SERVER = """
import logging, os, sys
logging.getLogger("library").addHandler(logging.StreamHandler())
import IPython, matplotlib.pyplot, pandas
sys.path.insert(0, sys.argv[1])
from nbprocess.worker.__main__ import run
for root, *digests in zip(*[iter(sys.argv[2:])] * 3):
    pid = os.fork()
    if not pid:
        os._exit(run(digests, {**os.environ, "NBPROCESS_ML_ROOT": root}))
    _, status = os.waitpid(pid, 0)
    print("code", os.waitstatus_to_exitcode(status))
"""


def test_two_jobs_from_one_warm_process(tmp_path: Path) -> None:
    code = """
from IPython.display import publish_display_data
publish_display_data({"text/plain": "by a library"})  # which asks for the shell, not whether there is one
import logging, sys, matplotlib.pyplot as plt, pandas as pd
assert logging.getLogger("library").handlers[0].stream is sys.stderr
plt.plot([1, 2])
plt.show()
pd.DataFrame({'a': [x]})"""
    jobs = [job(tmp_path / name, code, {"x": 5}, save=[]) for name in ("one", "two")]
    arguments = [part for ready in jobs for part in (str(ready.ml), ready.worker_sha, ready.manifest_sha)]
    worker = jobs[0].ml / "processing/input/nbprocess/worker.pyz"
    environ = {k: v for k, v in os.environ.items() if k not in ("MPLBACKEND", "PYTHONPATH")}
    done = subprocess.run(
        [sys.executable, "-c", SERVER, worker, *arguments], capture_output=True, text=True, timeout=120, env=environ
    )
    assert done.stdout.split("\n").count("code 0") == 2, done.stderr
    for ready in jobs:
        out = ready.ml / "processing/output/nbprocess/algo-7"
        published, figure, frame = [json.loads(line) for line in (out / "events.jsonl").read_text().splitlines()]
        assert published["data"] == {"text/plain": "by a library"}
        assert "image/png" in figure["data"] and "<table" in frame["data"]["text/html"]
