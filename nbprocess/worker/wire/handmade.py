"""Modules that no import statement finds: made by a call (``types.ModuleType``), or loaded from a file by hand. They
travel with what is in them; those of a file run again at the other end, from the text that the file has.

May import: the standard library, this folder.
"""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import io
import os
import sys
import types
from typing import Any, Dict, Optional, Tuple

from .refuse import Refused

_verdicts: Dict[Tuple[str, Optional[str], bool], bool] = {}


def is_by_hand(names: Dict[str, Any]) -> bool:
    """Whether no import statement finds the module with these contents."""
    name, file = names.get("__name__"), names.get("__file__")
    if not isinstance(name, str) or name == "__main__":
        return False
    if place_of(names) is not None:
        return False
    key = name, file if isinstance(file, str) else None, name in sys.modules
    if key not in _verdicts:
        _verdicts[key] = not _is_importable(*key[:2])
    return _verdicts[key]


def place_of(names: Dict[str, Any]) -> Optional[Tuple[str, str]]:
    """Package and attribute of a part of a compiled library, which no import statement finds (``from tokenizers import
    trainers``): what is in it tells the package."""
    last = names["__name__"].rpartition(".")[2]
    if "__file__" in names or names["__name__"] in sys.modules:
        return None
    roots = {str(getattr(held, "__module__", None)).partition(".")[0] for held in names.values()}
    for root in sorted(roots - {"__main__", "builtins"}):
        part = vars(sys.modules[root]).get(last) if root in sys.modules else None
        if isinstance(part, types.ModuleType) and vars(part) is names:
            return root, last
    return None


def _is_importable(name: str, file: Optional[str]) -> bool:
    last = name.rpartition(".")[2]
    if name.partition(".")[0] in getattr(sys, "stdlib_module_names", ()):
        return True
    if file is not None and ("site-packages" in file or "dist-packages" in file):
        return True
    if file is not None and file.endswith(".py"):
        folder, stem = os.path.split(file[: -len(".py")])
        if (os.path.basename(folder) if stem == "__init__" else stem) != last:
            return False
    try:
        # A package may put modules below itself into ``sys.modules`` that no file has (six.moves).
        return (name in sys.modules and "." in name) or importlib.util.find_spec(name) is not None
    except ImportError:  # no such package
        return False
    except ValueError:  # one without a spec: with a file it is a package that replaces itself while it is imported
        return file is not None


def reduce_module(module: types.ModuleType) -> Any:
    """The reduction of a module for which ``is_by_hand`` holds.

    Raises:
        Refused: its file is gone.
    """
    names = vars(module)
    file = names.get("__file__")
    text = path = None
    if isinstance(file, str):
        try:
            with open(file, encoding="utf-8") as opened:
                text = opened.read()
        except (OSError, ValueError):
            raise Refused(
                f"it was loaded from {file}, which cannot be read any more. Make it inside the cell."
            ) from None
        path = os.path.relpath(file)
        path = os.path.basename(file) if path.split(os.sep)[0] == os.pardir else path
    known = sys.modules.get(module.__name__) is module
    return make_module, (module.__name__, module.__doc__, text, path, known), contents(module), None, None, set_contents


def make_module(
    name: str, doc: Optional[str], text: Optional[str], path: Optional[str], known: bool
) -> types.ModuleType:
    """A module of that name; the code of its file runs, silently: it did so before."""
    if known and name in sys.modules:  # another stream brought it
        return sys.modules[name]
    if text is None or path is None:
        module = types.ModuleType(name, doc)
    else:
        spec: Any = importlib.util.spec_from_file_location(name, os.path.abspath(path))
        module = importlib.util.module_from_spec(spec)
    if known:
        sys.modules[name] = module
    if text is not None:
        quiet = contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO())
        with quiet[0], quiet[1]:
            exec(compile(text, str(module.__file__), "exec", dont_inherit=True), vars(module))
    return module


def contents(module: types.ModuleType) -> Dict[str, Any]:
    """What is in a module beside the functions and classes of its own file."""
    names = vars(module)
    return {name: value for name, value in names.items() if not name.startswith("__") and not _is_of(value, names)}


def _is_of(value: Any, names: Dict[str, Any]) -> bool:
    if isinstance(value, types.FunctionType):
        return value.__globals__ is names and "__file__" in names
    return isinstance(value, type) and value.__module__ == names.get("__name__") and "__file__" in names


def set_contents(module: types.ModuleType, state: Dict[str, Any]) -> None:
    """Give a module what the one at the other end has in it."""
    for name in contents(module).keys() - state.keys():
        delattr(module, name)
    vars(module).update(state)


def reduce_member(obj: Any) -> Any:
    """The reduction of a function or class of such a module's file, by its name in there; NotImplemented for others."""
    names = _names_of(obj)
    if names is None or "__file__" not in names or not is_by_hand(names):
        return NotImplemented
    found = [part for part in gc.get_referrers(names) if type(part) is types.ModuleType and vars(part) is names]
    path = obj.__qualname__.split(".")
    if not found or "<locals>" in path or _at(found[0], path) is not obj:
        return NotImplemented
    return find_member, (found[0], path)


def _names_of(obj: Any) -> Optional[Dict[str, Any]]:
    if isinstance(obj, types.FunctionType):
        return obj.__globals__
    if obj.__module__ in ("__main__", "builtins", None):
        return None
    module = sys.modules.get(obj.__module__)
    if module is not None:
        return vars(module)
    inside = [getattr(value, "__func__", value) for value in vars(obj).values()]
    return next(
        (f.__globals__ for f in inside if isinstance(f, types.FunctionType) and f.__module__ == obj.__module__), None
    )


def _at(module: Any, path: Any) -> Any:
    found: Any = module
    for part in path:
        found = getattr(found, part, None)
    return found


def find_member(module: types.ModuleType, path: Any) -> Any:
    """The function or class that a module has by that name."""
    return _at(module, path)
