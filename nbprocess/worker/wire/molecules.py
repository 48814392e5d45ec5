"""Molecules and reactions of RDKit: with their properties, and coordinates as they are. RDKit's own pickling leaves
out the first and rounds the second to single precision.

Source: https://rdkit.org/docs/source/rdkit.Chem.PropertyMol.html, ``RDKit::PicklerOps::PropertyPickleOptions``.
May import: the standard library.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from typing import Any, Dict, Optional, Tuple

_MODULES = ("rdkit.Chem.rdchem", "rdkit.Chem.rdChemReactions")
_TOOLS = "rdkit.Chem.PandasTools"
"""Makes molecules comparable and frames show them as pictures, by being imported."""


def reduce_molecule(obj: Any) -> Any:
    """The reduction of a molecule or a reaction; NotImplemented for all else of RDKit."""
    kind = type(obj)
    if kind.__module__ not in _MODULES or not hasattr(obj, "ToBinary"):
        return NotImplemented
    options: Any = sys.modules["rdkit.Chem.rdchem"].PropertyPickleOptions
    binary = obj.ToBinary(int(options.AllProps) | int(options.CoordsAsDouble))
    tools = _TOOLS if _TOOLS in sys.modules else None
    return kind, (), (binary, dict(vars(obj)), tools), None, None, set_molecule


def set_molecule(obj: Any, state: Tuple[bytes, Dict[str, Any], Optional[str]]) -> None:
    """Give a molecule what the one at the other end holds; it stays the object that it is."""
    binary, attributes, tools = state
    if tools is not None:
        with contextlib.suppress(ImportError):  # an image without pandas
            importlib.import_module(tools)
    obj.__init__(binary)
    vars(obj).clear()
    vars(obj).update(attributes)
