"""``cell.py``: what a job will run, readable, with its origin, and runnable by hand.

May import: the standard library.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_LOADER = '''
def _load_inputs():
    """Bind the cell's inputs, where this file lies in the job's bundle beside worker.pyz and manifest.json."""
    import os
    import sys

    bundle = os.path.dirname(os.path.abspath(__file__))
    if not os.path.exists(os.path.join(bundle, "worker.pyz")):
        return
    sys.path.insert(0, os.path.join(bundle, "worker.pyz"))
    from nbprocess.worker.byhand import inputs

    # Verified against the manifest; the manifest itself is trusted as it lies here: no request pins it now.
    inputs(bundle, globals())


_load_inputs()
'''


def cell_script(manifest: Mapping[str, Any]) -> str:
    """The text of ``cell.py`` for a job.

    Args:
        manifest: the job's manifest (its ``home``, ``cell``, ``groups``, ``imports`` are used).

    Returns:
        Python source with a PEP 723 header. From the folder of the bundle, with the blobs beside it, ``python cell.py``
        loads the inputs first; elsewhere it is the plain cell.
    """
    cell, home = manifest["cell"], manifest.get("home") or {}
    packages = dict(home.get("packages") or {})
    version = ".".join(str(part) for part in (home.get("python") or [3, 9])[:2])
    wanted = sorted(f"{name}=={found}" for name, found in packages.items() if found and _is_version(found))
    lines = ["# /// script", f'# requires-python = ">={version}"', "# dependencies = ["]
    lines += [f'#   "{requirement}",' for requirement in wanted]
    lines += ["# ]", "# ///", "#"]
    lines.append(
        _comment(f"The cell of job {manifest.get('job')}, as nbprocess sent it (execution {_count(manifest)}).")
    )
    lines.append(_comment(f"Written for Python {version}. Inputs: {_inputs(manifest)}."))
    for name, reason in (manifest.get("tombstones") or {}).items():
        lines.append(_comment(f"Not sent: {name}: {reason}"))
    for file in manifest.get("files") or ():
        lines.append(_comment(f"File beside it: {file['path']} ({file['blob']['size']} bytes)"))
    future, code = _split_future(cell["code"])
    body = "\n".join(lines) + "\n" + future
    if _groups(manifest):
        body += _LOADER
    return f"{body}\n# --- the cell ---\n{code.rstrip()}\n"


def _count(manifest: Mapping[str, Any]) -> str:
    return str(manifest.get("execution_count") or "-")


def _groups(manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*(manifest.get("groups") or ()), *(manifest.get("handed") or ())]


def _inputs(manifest: Mapping[str, Any]) -> str:
    names = [name for group in _groups(manifest) for name in group["names"]]
    return ", ".join(sorted(names)) or "none"


def _comment(text: str) -> str:
    return "# " + " ".join(str(text).split())  # a line break in a reason must not become code


def _is_version(text: str) -> bool:
    return re.fullmatch(r"[0-9][0-9A-Za-z.+!_-]*", text) is not None


def _split_future(code: str) -> tuple[str, str]:
    """``from __future__`` lines must stay first in the file, before the loader."""
    lines = code.splitlines(keepends=True)
    future = [line for line in lines if line.startswith("from __future__ import")]
    return "".join(future), "".join(line for line in lines if line not in future)
