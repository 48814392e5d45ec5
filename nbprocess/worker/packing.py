"""Chunks that are shorter on a slow link: zlib, which every Python has; zstd where both ends have it.

Standard library only; ``zstandard`` where it is installed. The same code packs at one end and unpacks at the other.
What a digest names is the packed form, so nothing is unpacked before it was verified.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any

PAYS = 1.2
"""A chunk that does not get shorter by this factor is sent as it is."""

_SAMPLE = 32 * 1024
_LEVEL = 1  # the fastest: a higher one is slower than the links for which packing pays at all


class Damaged(ValueError):
    """Packed bytes do not give what they should."""


def codecs() -> tuple[str, ...]:
    """The codecs of this Python, best first."""
    found = []
    for name, probe in (("zstd", _zstd), ("zlib", _zlib)):
        try:
            probe()
        except ImportError:
            continue
        found.append(name)
    return tuple(found)


def choose(python: tuple[int, ...], packages: Any = ()) -> str:
    """The codec for an end of which its Python and (as far as they are known) its packages are told."""
    there = ("zstd", "zlib") if python >= (3, 14) or "zstandard" in packages else ("zlib",)
    return next((name for name in codecs() if name in there), "")


def pack(codec: str, data: memoryview) -> bytes | None:
    """``data`` packed, or None when a quick probe of it, or the whole, says that it does not pay."""
    compress = _compressor(codec)
    middle = len(data) // 2
    sample = bytes(data[:_SAMPLE]) + bytes(data[middle : middle + _SAMPLE])
    if len(compress(sample)) * PAYS > len(sample):
        return None
    packed = compress(data)
    return packed if len(packed) * PAYS <= len(data) else None


def unpack(codec: str, packed: Any, size: int) -> bytes:
    """The ``size`` bytes that were packed.

    Raises:
        Damaged: they are not that many, or not packed with this codec (or it is not known here).
    """
    try:
        data = _unpacked(codec, packed, size)
    except ImportError as error:
        raise Damaged(f"it is packed with {codec}, which this Python cannot read ({error})") from None
    except Exception as error:  # zlib.error and the like have no common base
        raise Damaged(f"it cannot be unpacked with {codec}: {error}") from None
    if len(data) != size:
        raise Damaged(f"unpacked with {codec} it does not have its {size} bytes")
    return data


def _unpacked(codec: str, packed: Any, size: int) -> bytes:
    # Never more than is asked for: a few packed bytes may stand for very many.
    if codec == "zlib":
        inflate = _zlib().decompressobj()
        data = inflate.decompress(packed, size + 1)
        if not inflate.eof or inflate.unused_data:
            raise ValueError("it is cut short, or longer than it should be")
        return data  # type: ignore[no-any-return]
    if codec == "zstd":
        module = _zstd()
        if hasattr(module, "frame_content_size"):  # zstandard
            if module.frame_content_size(packed) != size:
                raise ValueError("its header names another size")
            return module.ZstdDecompressor().decompress(packed)  # type: ignore[no-any-return]
        return module.ZstdDecompressor().decompress(packed, size + 1)  # type: ignore[no-any-return]
    raise ValueError(f"{codec!r} is no codec")


def _compressor(codec: str) -> Any:
    if codec == "zlib":
        compress = _zlib().compress
        return lambda data: compress(data, _LEVEL)
    module = _zstd()
    if hasattr(module, "frame_content_size"):
        return module.ZstdCompressor(level=_LEVEL).compress
    return lambda data: module.compress(data, _LEVEL)


def _zlib() -> Any:
    import zlib

    return zlib


def _zstd() -> Any:
    try:
        from compression import zstd  # type: ignore[import-not-found, unused-ignore]  # Python 3.14
    except ImportError:
        import zstandard as zstd  # type: ignore[import-not-found, no-redef, unused-ignore]
    return zstd
