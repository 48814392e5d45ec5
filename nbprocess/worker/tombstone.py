"""A name whose value could not be brought here: any use of it says why. Standard library only."""

from __future__ import annotations

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any


class MissingValue(RuntimeError):
    """The cell used a variable that could not be sent."""


class Tombstone:
    """Stands for a value. Only its representation can be had; every other use raises MissingValue."""

    __slots__ = ("_name", "_reason", "_said")

    def __init__(self, name: str, reason: str, said: str = "not available in this job") -> None:
        object.__setattr__(self, "_name", name)
        object.__setattr__(self, "_reason", reason)
        object.__setattr__(self, "_said", said)

    def __repr__(self) -> str:
        return f"<{_told(self, '')}>"

    def __getattribute__(self, key: str) -> object:
        if key in ("__class__", "__repr__", "__doc__", "__reduce_ex__"):
            return object.__getattribute__(self, key)
        if key.startswith("_repr_") or key.startswith("_ipython_"):
            raise AttributeError(key)  # a display hook asks; repr answers
        raise _missing(self)

    def __setattr__(self, key: str, value: object) -> None:
        raise _missing(self)


def _told(stone: Tombstone, verb: str = "is ") -> str:
    name, reason, said = (object.__getattribute__(stone, key) for key in Tombstone.__slots__)
    return f"{name} {verb}{said}: {reason}" if verb else f"{name}: {said}: {reason}"


def why(stone: Tombstone) -> str:
    """What any use of it says."""
    return _told(stone)


def _missing(stone: Tombstone) -> MissingValue:
    return MissingValue(_told(stone))


def _raise(self: Tombstone, *args: Any, **kwargs: Any) -> Any:
    raise _missing(self)


_OPERATIONS = (
    "call len iter next getitem setitem delitem contains bool int float index complex hash enter exit await "
    "eq ne lt le gt ge add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv mod rmod pow rpow matmul rmatmul "
    "and rand or ror xor rxor lshift rshift neg pos abs invert round iadd isub imul array reversed"
)
for _name in _OPERATIONS.split():
    setattr(Tombstone, f"__{_name}__", _raise)
