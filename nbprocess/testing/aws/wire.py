"""The wire formats of AWS beside JSON: forms with XML answers ("query") and CBOR ("rpc-v2-cbor").

May import: the standard library. What a boto3 speaks with a service depends on its version: CloudWatch is asked
by form with boto3 1.37, by JSON or CBOR with newer ones.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any
from xml.sax.saxutils import escape

TIMES = frozenset({"StartTime", "EndTime", "Timestamps"})
"""Members that are times: seconds in JSON, a tagged number in CBOR, text in XML."""


def from_form(form: Mapping[str, list[str]]) -> dict[str, Any]:
    """``{"A.member.1.B": ["x"]}`` → ``{"A": [{"B": "x"}]}``; times as POSIX seconds."""
    tree: dict[str, Any] = {}
    for name, (value, *_) in form.items():
        *path, last = name.split(".")
        node = tree
        for part in path:
            node = node.setdefault(part, {})
        node[last] = datetime.fromisoformat(re.sub("Z$", "+00:00", value)).timestamp() if last in TIMES else value
    found: dict[str, Any] = _lists(tree)
    return found


def _lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if set(node) == {"member"}:
        return [_lists(node["member"][key]) for key in sorted(node["member"], key=int)]
    return {key: _lists(value) for key, value in node.items()}


def to_xml(value: Any, name: str = "") -> str:
    """The inside of an XML answer; lists as ``<member>`` elements."""
    if isinstance(value, Mapping):
        return "".join(f"<{key}>{to_xml(item, key)}</{key}>" for key, item in value.items())
    if isinstance(value, list):
        return "".join(f"<member>{to_xml(item, name)}</member>" for item in value)
    if name in TIMES:
        return datetime.fromtimestamp(value, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return escape(str(value))


def from_cbor(data: bytes) -> Any:
    """The value that ``data`` is; tags (times) are left away. Raises ValueError."""
    value, end = _decode(data, 0)
    if end != len(data):
        raise ValueError(f"{len(data) - end} bytes after the value")
    return value


def _decode(data: bytes, at: int) -> tuple[Any, int]:
    major, info = data[at] >> 5, data[at] & 31
    at += 1
    if major == 7:
        if info in (20, 21, 22, 23):
            return {20: False, 21: True}.get(info), at
        size, kind = {25: (2, ">e"), 26: (4, ">f"), 27: (8, ">d")}[info]
        return struct.unpack_from(kind, data, at)[0], at + size
    if info == 31:
        return _open(data, at, major)
    if info < 24:
        number = info
    else:
        size = 1 << (info - 24)
        number, at = int.from_bytes(data[at : at + size], "big"), at + size
    if major == 0:
        return number, at
    if major == 1:
        return -1 - number, at
    if major in (2, 3):
        part = data[at : at + number]
        return (part if major == 2 else part.decode()), at + number
    if major == 6:
        return _decode(data, at)
    items = []
    for _ in range(number * (2 if major == 5 else 1)):
        item, at = _decode(data, at)
        items.append(item)
    return (dict(zip(items[::2], items[1::2], strict=True)) if major == 5 else items), at


def _open(data: bytes, at: int, major: int) -> tuple[Any, int]:
    """A value of indefinite length: up to the byte 0xFF."""
    items = []
    while data[at] != 0xFF:
        item, at = _decode(data, at)
        items.append(item)
    if major == 5:
        return dict(zip(items[::2], items[1::2], strict=True)), at + 1
    return (items if major == 4 else (b"" if major == 2 else "").join(items)), at + 1


def to_cbor(value: Any, name: str = "") -> bytes:
    """Bytes of a value of dicts, lists, text, numbers; times get their tag."""
    if isinstance(value, Mapping):
        return _head(5, len(value)) + b"".join(to_cbor(key) + to_cbor(item, key) for key, item in value.items())
    if isinstance(value, list):
        return _head(4, len(value)) + b"".join(to_cbor(item, name) for item in value)
    if isinstance(value, str):
        text = value.encode()
        return _head(3, len(text)) + text
    if value is None or isinstance(value, bool):
        return {None: b"\xf6", True: b"\xf5", False: b"\xf4"}[value]
    if name in TIMES:
        return b"\xc1" + b"\xfb" + struct.pack(">d", float(value))
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    return b"\xfb" + struct.pack(">d", value)


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << (8 * size):
            return bytes([major << 5 | info]) + number.to_bytes(size, "big")
    raise ValueError(f"{number} does not fit in 64 bits")
