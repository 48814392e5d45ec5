"""``events.jsonl``: what the cell printed and displayed, in order. Standard library only."""

from __future__ import annotations

import codecs
import hashlib
import json
import os
import time

_MERGE = 64 * 1024  # characters of one stream event
_PAUSE = 0.5  # seconds after which a new stream event begins


class EventFile:
    """Collects events into a file; neighbouring text of one stream becomes one event."""

    def __init__(self, path: str) -> None:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self._path = path
        self._temporary = os.path.dirname(path) + "/." + os.path.basename(path) + ".tmp"
        self._file = open(self._temporary, "wb")
        self._digest = hashlib.sha256()
        self._size = 0
        self._count = 0
        self._stream = ""
        self._texts: list[str] = []
        self._length = 0
        self._time = 0.0
        make = codecs.getincrementaldecoder("utf-8")
        # A character may be split between two reads, so each stream keeps its own decoder.
        self._decoders = {"stdout": make("replace"), "stderr": make("replace")}

    def stream(self, name: str, data: bytes) -> None:
        """Bytes that the cell wrote to ``stdout`` or ``stderr``."""
        self._text(name, self._decoders[name].decode(data))

    def add(self, event: dict[str, object]) -> None:
        """A display, a result, or another event that is a JSON object."""
        self._flush()
        self._write({**event, "time": time.time()})

    def close(self) -> dict[str, object]:
        """End the file and give it its name. Returns its digest, size and number of events for the outcome."""
        for name, decoder in self._decoders.items():
            self._text(name, decoder.decode(b"", True))
        self._flush()
        self._file.close()
        os.replace(self._temporary, self._path)
        return {"sha256": self._digest.hexdigest(), "size": self._size, "count": self._count}

    def _text(self, name: str, text: str) -> None:
        if not text:
            return
        now = time.time()
        if self._texts and (name != self._stream or self._length > _MERGE or now - self._time > _PAUSE):
            self._flush()
        if not self._texts:
            self._stream, self._time = name, now
        self._texts.append(text)
        self._length += len(text)

    def _flush(self) -> None:
        if self._texts:
            text = "".join(self._texts)
            self._texts.clear()
            self._length = 0
            self._write({"type": "stream", "name": self._stream, "text": text, "time": self._time})

    def _write(self, event: dict[str, object]) -> None:
        line = json.dumps(event, separators=(",", ":")).encode() + b"\n"
        self._file.write(line)
        self._digest.update(line)
        self._size += len(line)
        self._count += 1
