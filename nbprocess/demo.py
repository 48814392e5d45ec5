"""``make demo``: execute the quickstart notebook for real on the embedded backend, and say what happened and where.

Needs nbclient and the packages of the examples.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any


def main() -> int:
    """Run a notebook in a real kernel; exit status 1 when a cell failed."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("notebook", nargs="?", default="examples/quickstart.ipynb", type=Path)
    parser.add_argument("--out", default="out", type=Path, help="folder of the executed notebook (default: out)")
    arguments = parser.parse_args()
    os.environ.setdefault("NBPROCESS_BACKEND", "local")
    notebook = nbformat.read(arguments.notebook, as_version=4)  # type: ignore[no-untyped-call]
    client = NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(arguments.notebook.parent)}}
    )
    print(f"Running {arguments.notebook} in a real kernel, its offloaded cells on the embedded backend ...", flush=True)
    start = time.monotonic()
    failed = ""
    try:
        client.execute()
    except CellExecutionError as error:
        failed = str(error)
    arguments.out.mkdir(parents=True, exist_ok=True)
    target = arguments.out / arguments.notebook.name
    nbformat.write(notebook, target)  # type: ignore[no-untyped-call]
    page = target.with_suffix(".html")
    page.write_text(_html(notebook), encoding="utf-8")
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.source.startswith("%%processing"):
            for output in cell.outputs:
                text = output.get("text") or output.get("data", {}).get("text/plain", "")
                print("  " + text.rstrip().replace("\n", "\n  "))
    if failed:
        print(failed, file=sys.stderr)
        return 1
    print(f"\nDone in {time.monotonic() - start:.1f} s. Where to look:")
    print(f"  {page}   the executed notebook, as a page")
    print(f"  {target}  the same, to open in JupyterLab: .venv/bin/jupyter lab {target}")
    from .api import jobs

    job = jobs("local", limit=1)[0]
    print(f"  {job.state().links.get('Folder', '')}   the job's folder: request, bundle, log, results")
    print("  .venv/bin/nbprocess jobs   all jobs so far")
    return 0


def _html(notebook: Any) -> str:
    from nbconvert import HTMLExporter

    body, _ = HTMLExporter().from_notebook_node(notebook)  # type: ignore[no-untyped-call]
    return str(body)


if __name__ == "__main__":
    raise SystemExit(main())
