"""What a library writes into a file only, as bytes. May import: the standard library."""

from __future__ import annotations

import contextlib
import os
import tempfile
from typing import Any, Callable, Iterator


def saved(save: Callable[[str], Any]) -> bytes:
    """What ``save`` writes into the file whose path it gets."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "data.bin")
        save(path)
        with open(path, "rb") as file:
            return file.read()


@contextlib.contextmanager
def as_file(data: Any) -> Iterator[str]:
    """The path of a file with these bytes, while the block runs."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "data.bin")
        with open(path, "wb") as file:
            file.write(data)
        yield path
