"""What runs in the container: a parent that verifies, supervises and reports, and a child that runs the cell.

May import: the standard library and this package, by relative imports only (Python 3.9+), so that the same files work
at home as ``nbprocess.worker`` and inside ``worker.pyz``.
"""
