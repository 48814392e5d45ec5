"""A fresh virtual environment with what pip would install for some requirements, linked from the tests' own environment.

Links take seconds, downloads minutes. Only what is required, however indirectly, is there: a requirement that is not
declared is missed as on any other machine. May import: the standard library, packaging.
"""

from __future__ import annotations

import email
import os
import shutil
import sys
import venv
import zipfile
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def required(requirements: Iterable[str]) -> Iterator[Distribution]:
    """The installed packages that these requirements need, those that they need included; nbprocess itself left out."""
    todo, seen = [Requirement(text) for text in requirements], set()
    while todo:
        wish = todo.pop()
        for extra in ("", *wish.extras):
            key = (canonicalize_name(wish.name), extra)
            if key in seen or key[0] == "nbprocess":
                continue
            found = distribution(wish.name)
            if (key[0], "") not in seen:
                yield found
            seen |= {(key[0], ""), key}
            todo += [more for more in map(Requirement, found.requires or ()) if _holds(more, extra)]


def wheel_requirements(wheel: Path, extra: str) -> list[str]:
    """What a wheel requires with an extra."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        declared = email.message_from_bytes(archive.read(name)).get_all("Requires-Dist", [])
    return [str(text) for text in declared if any(_holds(Requirement(text), which) for which in ("", extra))]


def _holds(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def make(target: Path, requirements: Iterable[str]) -> None:
    """Make the environment ``target``."""
    venv.create(target, with_pip=False, symlinks=True)
    for found in required(requirements):
        for file in found.files or ():
            source = Path(os.path.normpath(found.locate_file(file)))
            place = target / source.relative_to(sys.prefix)
            if not source.exists() or place.exists():
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            if place.parent.name == "bin":
                text = source.read_bytes()  # a script names its interpreter
                place.write_bytes(text.replace(os.fsencode(f"{sys.prefix}/bin/"), os.fsencode(f"{target}/bin/")))
                shutil.copymode(source, place)
                continue
            try:
                os.link(source, place)
            except OSError:  # another file system
                shutil.copy2(source, place)
