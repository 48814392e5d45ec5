"""Does a notebook do the same when its cells are offloaded? ``python -m nbprocess.testing.fidelity NOTEBOOK``."""
