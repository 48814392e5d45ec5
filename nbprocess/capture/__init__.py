"""Capture: which names a cell reads and binds, and which source, modules and files they need.

May import: ``errors``, ``nbprocess.worker.ambient``, the standard library. Knows nothing of IPython.
"""

from .assemble import capture
from .cell import check_python, make_cell
from .freshness import reads
from .inplace import changed_in_place
from .model import Capture, Cell, LocalFile, Need
from .packages import absent_packages, differing_packages
from .resolve import unseen
from .scope import analyse

__all__ = [
    "Capture",
    "Cell",
    "LocalFile",
    "Need",
    "absent_packages",
    "analyse",
    "capture",
    "changed_in_place",
    "check_python",
    "differing_packages",
    "make_cell",
    "reads",
    "unseen",
]
