"""What can go wrong on the way to the loopback S3 server, and what a request looked like.

May import: the standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Cut:
    """Close the connection after so many bytes of the body, whichever way it goes; 0: before any answer."""

    after: int = 0


@dataclass(frozen=True)
class Refuse:
    """Answer with an error."""

    status: int = 503
    code: str = "SlowDown"
    message: str = "Please reduce your request rate."


@dataclass(frozen=True)
class Corrupt:
    """Flip the lowest bit of one byte of the body on its way to the client (GET), or to the store (PUT), which refuses
    it, as S3 does, where the client names a checksum."""

    at: int = 0


@dataclass(frozen=True)
class Slow:
    """Wait before the answer."""

    seconds: float = 0.1


Fault = Cut | Refuse | Corrupt | Slow


@dataclass(frozen=True)
class Seen:
    """One request as it came."""

    method: str
    bucket: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
