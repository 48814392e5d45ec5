"""Notebooks written by chance, whose cells run in place or offloaded by chance, hold what they hold when all run in place."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from . import programs

SEEDS = range(12)
_TOLD_APART = [("import os", False), ("here = os.getcwd()", True)]
"""The current directory has another path there."""


def test_cells_in_place_and_offloaded_by_chance_are_as_all_in_place(tmp_path: Path) -> None:
    written = [programs.program(seed) for seed in SEEDS]
    command = [sys.executable, str(Path(__file__).with_name("mixed.py"))]
    given = json.dumps([_TOLD_APART, *written])
    ran = subprocess.run(command, input=given, capture_output=True, text=True, timeout=600, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    told_apart, *differing = json.loads(ran.stdout.splitlines()[-1])
    assert told_apart and told_apart[0].startswith("cell 1: here: ")
    for seed, cells, found in zip(SEEDS, written, differing, strict=True):
        text = "\n".join(f"# %%{'' if away else ' in place'}\n{source}" for source, away in cells[1:])
        assert not found, f"seed {seed}:\n" + "\n".join(found) + f"\n{text}"
