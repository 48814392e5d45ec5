"""Reads what came back: outcomes pinned by ExitMessage, events pinned by the outcome, values by their digests.

May import: ``nbprocess.errors``, the rest of this folder, the standard library.

Nothing is parsed before its digest was compared: who can write the results' folder cannot make the kernel run anything.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import IntegrityError
from .blobs import BlobReader, Progress, check_blob
from .stores import MissingKey, Store

FORMAT = 1

_LINE = re.compile(r"(?P<host>[A-Za-z0-9._-]{1,64}) (?P<digest>[0-9a-f]{64}) (?P<state>[a-z]+)\Z")


@dataclass(frozen=True)
class Outcome:
    """What one host said about its run, verified.

    ``data`` is the whole of ``outcome.json``; ``state`` is its ``completed``, ``failed``, ``stopped`` or ``killed``.
    """

    host: str
    state: str
    data: Mapping[str, Any]
    store: Store
    job: str

    @property
    def prefix(self) -> str:
        """The folder of this host's results in the store."""
        return f"jobs/{self.job}/out/{self.host}"

    def reader(self, *, progress: Progress | None = None) -> BlobReader:
        """Reads the values of this outcome: its ``get`` is what ``wire.load`` takes."""
        return BlobReader(self.store, f"{self.prefix}/blobs", progress=progress)

    def events(self) -> list[dict[str, Any]]:
        """Prints and displays in the order in which the cell made them.

        Raises:
            IntegrityError: they are not the ones that the outcome pins.
        """
        pin = self.data.get("events") or {}
        if not pin.get("size"):
            return []
        key = f"{self.prefix}/events.jsonl"
        try:
            data = self.store.get(key)
        except MissingKey as error:
            raise IntegrityError(f"{error} The outcome of {self.host} says that it has {pin['size']} bytes.") from error
        # A host that was killed may have written more lines after its outcome: those are not pinned and not used.
        data = data[: pin["size"]]
        _compare(self.store.url(key), pin["sha256"], data)
        return [json.loads(line) for line in data.splitlines() if line.strip()]


def parse_exit_message(message: str | None) -> dict[str, tuple[str, str]]:
    """Host → (SHA-256 of its outcome, state), from ``ExitMessage``. Lines that are none of ours are left out.

    SageMaker cuts the message at 1 KB, so the last line may be torn: it is left out too.
    """
    pins: dict[str, tuple[str, str]] = {}
    for line in (message or "").splitlines():
        match = _LINE.match(line.strip())
        if match is None:
            continue
        host, pin = match["host"], (match["digest"], match["state"])
        if pins.setdefault(host, pin) != pin:
            raise IntegrityError(f"ExitMessage names two different outcomes for {host}: {pins[host][0]} and {pin[0]}.")
    return pins


def read_outcome(store: Store, job: str, exit_message: str | None) -> dict[str, Outcome]:
    """The outcomes of all hosts that ``exit_message`` pins, by host, verified before they are parsed.

    Raises:
        MissingKey: an outcome is pinned but not (or not yet) in the store.
        IntegrityError: an outcome is not the one that was pinned, or is malformed.
    """
    return {host: _read_one(store, job, host, pin) for host, (pin, _) in parse_exit_message(exit_message).items()}


def _read_one(store: Store, job: str, host: str, pin: str) -> Outcome:
    key = f"jobs/{job}/out/{host}/outcome.json"
    try:
        data = store.get(key)
    except MissingKey as error:
        raise MissingKey(
            f"{store.url(key)} is not in the store, although the job says that it wrote it (SHA-256 {pin}). "
            "The upload of the results failed, or somebody deleted them. What the cell raised stands in the log then: "
            f"%processing_logs {job}."
        ) from error
    _compare(store.url(key), pin, data)
    try:
        outcome = json.loads(data)
        if outcome["format"] != FORMAT:
            raise IntegrityError(f"{store.url(key)} has format {outcome['format']!r}; this nbprocess reads {FORMAT}.")
        if outcome["job"] != job or outcome["host"] != host:
            raise IntegrityError(f"{store.url(key)} is the outcome of {outcome['job']} on {outcome['host']}.")
        for group in outcome["groups"]:
            for blob in [group["stream"], *group["buffers"]]:
                check_blob(blob)
        return Outcome(host, outcome["state"], outcome, store, job)
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"{store.url(key)} is malformed: {type(error).__name__}: {error}.") from error


def _compare(url: str, expected: str, data: bytes) -> None:
    found = hashlib.sha256(data).hexdigest()
    if found != expected:
        raise IntegrityError(
            f"{url} was changed after the job wrote it, or is damaged: expected the SHA-256 {expected}, found {found}. "
            "Nothing of it was used. Run the cell again; if it happens again, look who can write to that place."
        )
