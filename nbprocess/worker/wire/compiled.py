"""What ``%%cython`` made: functions and classes of a module that lies in a cache, not in a package. They bring its
compiled file along, which is loaded where Python and the platform are the same.

May import: the standard library.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import operator
import sys
import tempfile
from typing import Any

_PREFIX = "_cython_magic_"
"""How IPython's magic of Cython calls the modules that it makes; a hash of the cell follows."""
_kept: list = []  # type: ignore[type-arg]
"""Folders of files that were loaded here: they go with the process."""


class Module:
    """A compiled module on its way."""

    def __init__(self, name: str) -> None:
        with open(str(sys.modules[name].__file__), "rb") as file:
            self.name, self.data = name, file.read()

    def __reduce__(self) -> Any:
        return load, (self.name, importlib.machinery.EXTENSION_SUFFIXES[0], self.data)


def is_member(obj: Any) -> bool:
    """Whether it is a function or a class of such a module."""
    name = getattr(obj, "__module__", None)
    return (
        isinstance(name, str)
        and name.startswith(_PREFIX)
        and getattr(sys.modules.get(name), "__file__", None) is not None
    )


def reduce_member(pickler: Any, obj: Any) -> Any:
    """The reduction of such a function or class."""
    pickler.mark("pickle")
    name = obj.__module__
    if name not in pickler.compiled:
        pickler.compiled[name] = Module(name)
    return member, (pickler.compiled[name], getattr(obj, "__qualname__", obj.__name__))


def load(name: str, suffix: str, data: bytes) -> Any:
    """The module of that name, from its file where it is not here yet.

    Raises:
        ImportError: it was compiled for another Python or platform.
    """
    if name in sys.modules:
        return sys.modules[name]
    if suffix not in importlib.machinery.EXTENSION_SUFFIXES:
        here = importlib.machinery.EXTENSION_SUFFIXES[0]
        raise ImportError(
            f"%%cython compiled it for another Python or machine ({suffix}, here {here}). Run that cell here."
        )
    folder = tempfile.TemporaryDirectory(prefix="nbprocess-cython-")
    _kept.append(folder)
    path = f"{folder.name}/{name}{suffix}"
    with open(path, "wb") as file:
        file.write(data)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def member(module: Any, path: str) -> Any:
    """The inverse of ``reduce_member``."""
    return operator.attrgetter(path)(module)
