"""The way in: ``python3 -c ONE_LINER WORKER_SHA256 MANIFEST_SHA256``, or ``run`` in a process that was forked for it.

May import: this package and the standard library.
"""

from __future__ import annotations

import os
import sys


def run(argv: list[str], environ: dict[str, str] | None = None) -> int:
    """Run one job in this process.

    Args:
        argv: the SHA-256 of ``worker.pyz`` (checked before this code was imported) and that of ``manifest.json``.
        environ: the environment of the job; None keeps this process's own.

    Returns:
        The exit code: 0 when the cell completed, that of the cell otherwise, as a shell would give it.
    """
    if environ is not None:
        os.environ.clear()
        os.environ.update(environ)
    if len(argv) != 2:
        os.write(2, b"nbprocess: usage: python3 -c ONE_LINER WORKER_SHA256 MANIFEST_SHA256\n")
        return 2
    from .parent import work

    return work(argv[1])


def main() -> None:
    """Run with the process's own arguments and exit with the code of the job."""
    code = run(sys.argv[1:])
    # The results are on disk; nothing of this process is needed any more, and tearing it down only costs time.
    os._exit(code)


if __name__ == "__main__":
    main()
