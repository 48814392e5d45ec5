"""``python -m nbprocess.testing.fidelity NOTEBOOK [--python PATH] [--mixed SEED] [--json FILE] [--timeout S]``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from . import cells
from .report import cell_text, summary, to_json
from .run import check


def main(arguments: list[str] | None = None) -> int:
    """Compare a notebook. Returns 0 when nothing differs, 1 when something does, 2 when it could not be compared."""
    parser = argparse.ArgumentParser(
        prog="python -m nbprocess.testing.fidelity",
        description="Run each cell of a notebook in place and offloaded, and print what differs.",
    )
    parser.add_argument("notebook", type=Path, help="an .ipynb file, or a .py file with '# %%%%' lines")
    parser.add_argument("--python", metavar="PATH", help="run the worker by this interpreter (a path, or 3.12)")
    parser.add_argument(
        "--mixed",
        metavar="SEED",
        type=int,
        help="offload about half of the cells, drawn by this seed; run the others in place",
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the whole report there")
    parser.add_argument("--timeout", metavar="S", type=float, default=120.0, help="seconds per cell (default 120)")
    parser.add_argument("--first", metavar="N", type=int, help="only the first N cells")
    parser.add_argument("--empty-folder", action="store_true", help="do not copy the notebook's folder")
    given = parser.parse_args(arguments)
    try:
        sources = cells.read(given.notebook)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    report = check(
        sources[: given.first],
        folder=None if given.empty_folder else given.notebook.resolve().parent,
        notebook=str(given.notebook),
        python=given.python,
        timeout=given.timeout,
        mixed=given.mixed,
        told=lambda cell: print(cell_text(cell), flush=True),
    )
    print(summary(report))
    if given.json is not None:
        given.json.write_text(json.dumps(to_json(report), indent=1))
    if report.broken:
        return 2
    return 1 if report.count("differs") else 0


if __name__ == "__main__":
    sys.exit(main())
