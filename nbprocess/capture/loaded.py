"""What this kernel has imported, as far as it counts for the imports of a job.

May import: ``worker.draws``, the standard library.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from ..worker.draws import may_draw

_looked_at: dict[str, bool] = {}
"""Module → whether it may draw; a kernel has thousands, and each cell asks."""
_packages: dict[str, None] = {}
_in_jobs: set[str] = set()
"""Packages that jobs of this kernel imported, which need not be loaded here: in place they would be."""
_drew_in_jobs: set[str] = set()


def _look() -> None:
    for name in sys.modules.keys() - _looked_at.keys():
        _looked_at[name] = may_draw(name)
        _packages[name.partition(".")[0]] = None


def note_of_job(packages: Iterable[str], drew: Iterable[str]) -> None:
    """A job has imported these packages, and these modules that may draw."""
    _in_jobs.update(packages)
    _drew_in_jobs.update(drew)


def that_may_draw() -> list[str]:
    """The modules, loaded here or by a job, that have Python's generator at hand: importing them may have drawn."""
    _look()
    return sorted(_drew_in_jobs.union(name for name, may in _looked_at.items() if may and name in sys.modules))


def packages() -> list[str]:
    """The packages and modules at the top that are loaded, here or by a job, but for those of Python itself."""
    _look()
    return sorted(_in_jobs.union(_packages).difference(sys.stdlib_module_names, ("__main__",)))
