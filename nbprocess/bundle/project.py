"""A script with its project and requirements, as the SDK's FrameworkProcessor packs them: archive and start script.

May import: the standard library.
"""

from __future__ import annotations

import gzip
import io
import shlex
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

_NEVER = frozenset({".git", "__pycache__", ".ipynb_checkpoints", ".venv", "node_modules", ".mypy_cache", ".ruff_cache"})


def pack(source: Path | Mapping[str, bytes], requirements: bytes | None = None) -> bytes:
    """``sourcedir.tar.gz``: the same bytes for the same content.

    Args:
        source: a folder, or names and contents. Version control, caches and environments stay out.
        requirements: the text of ``requirements.txt``; one that lies in the folder is replaced.
    """
    files: dict[str, tuple[bytes, int]] = {}
    if isinstance(source, Path):
        for path in sorted(source.rglob("*")):
            relative = path.relative_to(source)
            if path.is_file() and not _NEVER.intersection(relative.parts):
                files[relative.as_posix()] = (path.read_bytes(), path.stat().st_mode & 0o777)
    else:
        files = {name: (content, 0o644) for name, content in source.items()}
    if requirements is not None:
        files["requirements.txt"] = (requirements, 0o644)
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0, filename="") as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name in sorted(files):
            content, mode = files[name]
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), mode
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def start_script(command: Sequence[str], name: str) -> str:
    """``runproc.sh``: unpack, install, run. The script gets the signals of a stop, and its arguments as they are.

    Packages go into a folder of this job: on the local backend they do not touch the person's own environment.
    """
    return f"""#!/bin/bash
# Made by nbprocess, in the shape of the SageMaker SDK's FrameworkProcessor.
set -e
cd "${{NBPROCESS_ML_ROOT:-/opt/ml}}/processing/input/code/"
tar -xzf sourcedir.tar.gz
if [ -f requirements.txt ]; then
    packages="$PWD/.packages"
    python3 -m pip install --quiet --disable-pip-version-check --no-input --target "$packages" -r requirements.txt
    export PYTHONPATH="$packages${{PYTHONPATH:+:$PYTHONPATH}}"
fi
exec {shlex.join(command)} {shlex.quote(name)} "$@"
"""
