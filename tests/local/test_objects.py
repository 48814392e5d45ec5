"""The local object store keeps what is in it, whatever is brought in over it."""

from __future__ import annotations

import os
from pathlib import Path

from nbprocess.backends.local.objects import copy


def test_a_copy_never_writes_through_a_link(tmp_path: Path) -> None:
    stored, target, other = tmp_path / "stored", tmp_path / "target", tmp_path / "other"
    stored.write_text("kept")
    other.write_text("new")
    os.link(stored, target)
    copy(str(other), str(target))
    assert stored.read_text() == "kept" and target.read_text() == "new"
    os.unlink(target)
    os.link(stored, target)
    copy(str(stored), str(target))
    assert stored.read_text() == "kept" and target.read_text() == "kept"
