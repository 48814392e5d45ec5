"""NumPy's random generators by name and state: NumPy 1 and 2 pickle them in ways that exclude each other.

May import: the standard library; NumPy inside the functions.
"""

from __future__ import annotations

from typing import Any, Dict, Tuple


def reduce_generator(obj: Any) -> Any:
    """The reduction of a Generator, RandomState, BitGenerator or SeedSequence of NumPy itself; else NotImplemented."""
    import numpy as np

    kind = type(obj)
    if getattr(np.random, kind.__name__, None) is not kind:
        return NotImplemented
    if obj is np.random.mtrand._rand:
        return global_random_state, ()
    if kind is np.random.Generator:
        return make_generator, ("Generator", obj.bit_generator)
    if kind is np.random.RandomState:
        return make_generator, ("RandomState", obj._bit_generator), obj.get_state(legacy=False), None, None, set_old
    if kind is np.random.SeedSequence:
        facts = (obj.entropy, obj.spawn_key, obj.pool_size, obj.n_children_spawned)
        return make_sequence, facts
    if isinstance(obj, np.random.BitGenerator):
        sequence = getattr(obj, "seed_seq", getattr(obj, "_seed_seq", None))
        return make_bits, (kind.__name__, sequence), obj.state, None, None, set_bits
    return NotImplemented


def global_random_state() -> Any:
    """NumPy's own global generator, which other objects may hold: never a copy."""
    import numpy as np

    return np.random.mtrand._rand


def make_generator(name: str, bits: Any) -> Any:
    """A Generator or RandomState over its bit generator, which others may share."""
    import numpy as np

    return getattr(np.random, name)(bits)


def make_sequence(entropy: Any, key: Tuple[int, ...], pool: int, children: int) -> Any:
    """A SeedSequence that spawns on where it was."""
    import numpy as np

    return np.random.SeedSequence(entropy, spawn_key=key, pool_size=pool, n_children_spawned=children)


def make_bits(name: str, sequence: Any) -> Any:
    """A bit generator with its seed sequence, where it has one that tells its entropy."""
    import numpy as np

    bits = getattr(np.random, name)(sequence)
    if sequence is None and hasattr(bits, "_legacy_seeding"):
        bits._legacy_seeding(0)  # as under a RandomState(0): without a seed sequence
    return bits


def set_bits(bits: Any, state: Dict[str, Any]) -> None:
    """Go on where the other end was."""
    bits.state = state


def set_old(generator: Any, state: Dict[str, Any]) -> None:
    """The same for a RandomState, with the normal number that it keeps for later."""
    generator.set_state(state)
