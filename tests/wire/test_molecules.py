"""Molecules of RDKit: what its own pickling leaves out or rounds comes over, and the object stays the one that it is."""

from __future__ import annotations

from typing import Any

import pytest

from nbprocess.worker.wire.molecules import reduce_molecule

Chem: Any = pytest.importorskip("rdkit.Chem")


def _molecule() -> Any:
    molecule = Chem.MolFromSmiles("CCO")
    molecule.SetProp("name", "ethanol")
    molecule.GetAtomWithIdx(0).SetProp("note", "first")
    place = Chem.Conformer(3)
    place.SetAtomPosition(1, (0.1, 1 / 3, 2.0))
    molecule.AddConformer(place)
    molecule.noted = [1]
    return molecule


def test_properties_coordinates_and_attributes_come_over() -> None:
    molecule = _molecule()
    kind, arguments, state, _, _, set_state = reduce_molecule(molecule)
    other = kind(*arguments)
    set_state(other, state)
    assert type(other) is Chem.Mol and other.GetProp("name") == "ethanol" and other.noted == [1]
    assert other.GetAtomWithIdx(0).GetProp("note") == "first"
    assert tuple(other.GetConformer().GetAtomPosition(1)) == (0.1, 1 / 3, 2.0)


def test_one_that_is_here_takes_the_state_of_the_other() -> None:
    here, there = Chem.MolFromSmiles("C"), _molecule()
    held = [here]
    reduced = reduce_molecule(there)
    reduced[5](here, reduced[2])
    assert held[0].GetNumAtoms() == 3 and held[0].GetProp("name") == "ethanol"
    assert reduce_molecule(here.GetAtomWithIdx(0)) is NotImplemented
