"""Compares a notebook's cells as they run in place with the same cells offloaded, in real kernels.

``python -m nbprocess.testing.fidelity NOTEBOOK`` for people, ``check`` and ``Comparison`` for tests. Needs
``jupyter_client`` and ``ipykernel``.
"""

from .cells import from_script, read
from .compare import Difference
from .run import CellResult, Comparison, Report, check

__all__ = ["CellResult", "Comparison", "Difference", "Report", "check", "from_script", "read"]
