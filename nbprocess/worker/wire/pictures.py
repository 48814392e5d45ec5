"""What draws on a picture of PIL (``ImageDraw.Draw(picture)``): it is made again for its picture, which keeps the
memory that it draws in when it is changed. And pictures that were read from a file, with what they know of it.

May import: the standard library; PIL by what the objects offer.
"""

from __future__ import annotations

from typing import Any, Dict, Tuple

_OF_PICTURE = ("_image", "im", "draw", "mode", "palette")
_PLAIN = (bool, int, float, str, bytes, tuple, list, dict, type(None))


def reduce_picture(obj: Any) -> Any:
    """The reduction of a picture from a file that was read, and of what draws on one; NotImplemented for all others."""
    if not (hasattr(type(obj), "_open") and hasattr(obj, "tile")):
        return reduce_draw(obj)
    make, arguments, state, *_ = obj.__reduce_ex__(5)
    # Pillow leaves out the number of frames and the like, without which `seek` and `tell` fail.
    held = vars(obj).items()
    known = {name: value for name, value in held if type(value) in _PLAIN or (name == "_fp" and value.closed)}
    return make, arguments, (known, state), None, None, set_picture


def set_picture(picture: Any, state: Tuple[Dict[str, Any], Any]) -> None:
    """The inverse of ``reduce_picture``."""
    vars(picture).update(state[0])
    picture.__setstate__(state[1])


def reduce_draw(obj: Any) -> Any:
    """The reduction of what draws on a picture; NotImplemented where that is another one by now, and for all else."""
    if type(obj).__name__ != "ImageDraw":
        return NotImplemented
    picture = getattr(obj, "_image", None)
    if picture is None or picture.im is not obj.im:
        return NotImplemented
    own = {name: value for name, value in vars(obj).items() if name not in _OF_PICTURE}
    return make_draw, (type(obj), picture, obj.mode), own


def make_draw(kind: Any, picture: Any, mode: str) -> Any:
    """What draws on a picture."""
    return kind(picture, mode)


def restate(picture: Any, state: Any) -> None:
    """Give a picture its state, in the memory that it has if that is of the same kind and size."""
    memory, before = getattr(picture, "im", None), (picture.mode, picture.size)
    picture.__setstate__(state)
    if memory is not None and (picture.mode, picture.size) == before and picture.mode not in ("P", "PA"):
        memory.paste(picture.im, (0, 0, *picture.size))
        picture.im = memory
