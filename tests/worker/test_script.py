"""``cell.py``: readable, and runnable by hand with its inputs or as the plain cell."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from driver import job

from nbprocess.bundle.script import cell_script


def run(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=60)


def test_the_script_runs_from_the_bundle_with_its_inputs(tmp_path: Path) -> None:
    ready = job(tmp_path, "from __future__ import annotations\nprint(sum(numbers))", {"numbers": [1, 2, 3]})
    bundle = ready.ml / "processing/input/nbprocess"
    manifest = json.loads((bundle / "manifest.json").read_bytes())
    manifest["home"]["packages"] = {"numpy": "2.4.1"}
    manifest["tombstones"] = {"conn": "a connection\nimport os"}
    (bundle / "cell.py").write_text(text := cell_script(manifest))
    assert text.startswith("# /// script\n") and '#   "numpy==2.4.1",' in text and "job-1" in text
    ran = run(bundle / "cell.py")
    assert ran.stdout == "6\n", ran.stderr


def test_without_inputs_it_is_the_plain_cell(tmp_path: Path) -> None:
    manifest = {"job": "job-1", "home": {"python": [3, 12, 1]}, "cell": {"code": "print('plain')"}, "groups": []}
    (tmp_path / "cell.py").write_text(text := cell_script(manifest))
    assert "worker.pyz" not in text and run(tmp_path / "cell.py").stdout == "plain\n"
