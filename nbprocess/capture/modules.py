"""Local modules: source outside of site-packages and the standard library, found transitively, to be sent as files.

May import: this room's ``folder``, ``ignore`` and ``model``, the worker's ``compiling``, the standard library.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import os
import site
import struct
import sys
import sysconfig
import types
from collections.abc import Collection, Iterable, Iterator, Mapping

from ..worker import compiling
from .folder import Found, TooBig, scan, secret_in_file
from .model import LocalFile

ELSEWHERE = "_modules"
"""Folder, next to the worker's copy of the notebook's folder, for modules that lie outside of it."""
_MAX_PACKAGE = 50 * 2**20
# This package's own parts are in the worker already; the others are the kernel's own.
_OWN = frozenset(
    {
        *("nbprocess", "__main__", "__mp_main__", "ipykernel_launcher", "sitecustomize", "usercustomize"),
        *("IPython", "ipykernel", "ipywidgets"),  # the kernel's own, wherever they are: the worker brings its shell
    }
)


@functools.lru_cache(maxsize=1)
def _library_folders() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    found = {paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib") if key in paths}
    found.update(getattr(site, "getsitepackages", list)())
    user = getattr(site, "getusersitepackages", None)
    if user is not None:
        found.add(user())
    found.add(os.path.dirname(os.__file__))
    return tuple(sorted({os.path.realpath(p) + os.sep for p in found} | {p + os.sep for p in found}))


def is_local(path: str) -> bool:
    """Whether a module's file lies outside of site-packages and the standard library."""
    if not path or path.startswith("<"):
        return False
    parts = path.split(os.sep)
    return (
        not path.startswith(_library_folders())
        and "site-packages" not in parts
        and "dist-packages" not in parts
        and not path.endswith((".zip", ".egg"))
    )


def _locations(name: str, loaded: Mapping[str, types.ModuleType], folder: str | None) -> list[str]:
    """Where a top-level module's file or package folders are; empty for built-in and frozen ones and when not found."""
    module = loaded.get(name)
    if module is not None:
        file = getattr(module, "__file__", None)
        path = getattr(module, "__path__", None)
        if path is not None:
            return [os.path.abspath(p) for p in path if isinstance(p, str)]
        return [os.path.abspath(file)] if isinstance(file, str) else []
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):  # broken finders and modules without a spec: not local source
        spec = None
    if spec is not None:
        if spec.submodule_search_locations is not None:
            return [os.path.abspath(p) for p in spec.submodule_search_locations]
        return [os.path.abspath(spec.origin)] if spec.has_location and spec.origin else []
    if folder:
        for candidate in (os.path.join(folder, name), os.path.join(folder, name + ".py")):
            if os.path.exists(candidate) and (
                candidate.endswith(".py") or os.path.exists(os.path.join(candidate, "__init__.py"))
            ):
                return [candidate]
    return []


_known_libraries: set[str] = set()


def is_missing(name: str) -> bool:
    """Whether a top-level module cannot be found here."""
    return name not in sys.builtin_module_names and name not in sys.modules and not _locations(name, {}, None)


def loaded_local(modules: Mapping[str, types.ModuleType]) -> Iterator[str]:
    """Top-level names of the loaded modules that are local source. Library modules are recognised once."""
    for name in list(modules):
        if "." in name or name in _known_libraries or name in _OWN:
            continue
        module = modules[name]
        if name in sys.stdlib_module_names or not isinstance(module, types.ModuleType):
            _known_libraries.add(name)
            continue
        paths = _locations(name, modules, None)
        if paths and all(is_local(p) for p in paths):
            yield name
        elif paths:
            _known_libraries.add(name)


@functools.lru_cache(maxsize=4096)
def _imports_of(path: str, mtime_ns: int, size: int) -> frozenset[str]:
    try:
        with open(path, "rb") as file:
            tree = compiling.parse(file.read())
    except (OSError, SyntaxError, ValueError):  # it fails where it is imported, as it does here
        return frozenset()
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found.add(node.module.partition(".")[0])
    return frozenset(found)


def local_modules(
    names: Iterable[str], *, folder: str | None, loaded: Mapping[str, types.ModuleType], also_loaded: bool = True
) -> tuple[Found, list[str], set[str]]:
    """Files of the local modules among ``names``, of what they import, and of what is loaded.

    Args:
        names: top-level modules that the code imports.
        folder: the notebook's folder; modules under it keep their place.
        loaded: ``sys.modules``.
        also_loaded: whether local modules that are loaded but not named travel too (values may come from them).

    Returns:
        Files with notices; folders for ``sys.path`` relative to the worker's notebook folder; the local names.
    """
    found = Found()
    syspath: dict[str, None] = {}
    local: set[str] = set()
    folder = os.path.abspath(folder) if folder else None
    queue = list(dict.fromkeys([*names, *(loaded_local(loaded) if also_loaded else ())]))
    seen: set[str] = set(_OWN)
    while queue:
        name = queue.pop(0)
        if name in seen or name in sys.stdlib_module_names:
            continue
        seen.add(name)
        paths = _locations(name, loaded, folder)
        if not paths or not all(is_local(p) for p in paths):
            continue
        local.add(name)
        for path in paths:
            for file in _take(name, path, folder, found, syspath):
                if file.endswith(".py"):
                    status = os.stat(file)
                    queue += sorted(_imports_of(file, status.st_mtime_ns, status.st_size))
    return found, list(syspath), local


def _take(name: str, path: str, folder: str | None, found: Found, syspath: dict[str, None]) -> list[str]:
    """Add a module file or a package folder; returns its files."""
    parent = os.path.dirname(path)
    # Where its parent lies: the notebook may stand in the very package that it imports.
    inside = folder is not None and (parent + os.sep).startswith(folder.rstrip(os.sep) + os.sep)
    base = os.path.relpath(parent, folder).replace(os.sep, "/") if inside and folder else ELSEWHERE
    syspath[base] = None
    if not os.path.isdir(path):
        if not os.path.isfile(path):
            return []
        files = [(path, os.path.getsize(path))]
    else:
        try:
            files = list(scan(path, max_bytes=_MAX_PACKAGE, rules=False))
        except TooBig:
            files = list(_sources(path))
            found.notices.append(
                f"the package {name} is over {_MAX_PACKAGE // 2**20} MB: only its {len(files)} Python files were sent. "
                f"--input NAME={path} makes all of it available."
            )
    taken: list[str] = []
    for file, size in files:
        secret = secret_in_file(file, size)
        if secret:
            found.notices.append(
                f"{file} of module {name} seems to hold a secret ({secret}); it is code that the cell needs "
                "and is sent."
            )
        relative = os.path.relpath(file, parent).replace(os.sep, "/")
        target = relative if base == "." else f"{base}/{relative}"
        found.files.setdefault(target, LocalFile(file, target, "module"))
        taken.append(file)
    if any(f.endswith((".so", ".pyd")) for f in taken):
        found.notices.append(
            f"the local module {name} has compiled parts, which only work where Python and platform are "
            "the same as here."
        )
    return taken


def _sources(path: str) -> Iterator[tuple[str, int]]:
    for parent, folders, files in os.walk(path):
        folders[:] = [f for f in folders if f != "__pycache__" and not f.startswith(".")]
        for file in files:
            if file.endswith(".py"):
                full = os.path.join(parent, file)
                yield full, os.path.getsize(full)


_PLAIN = (int, float, str, bool, type(None), list, dict, set, tuple)


def changed_state(module: types.ModuleType, constants: Collection[str]) -> list[str]:
    """Names of a local module whose plain values differ from the constants its source assigns.

    The worker imports the module anew, so that ``utils.DEBUG = True``, set in the notebook, is not there.
    """
    path = getattr(module, "__file__", None)
    if not isinstance(path, str) or not path.endswith(".py") or not os.path.isfile(path) or is_edited(module):
        return []
    assigned = _constants_of(path, os.stat(path).st_mtime_ns)
    changed: list[str] = []
    for name, value in assigned.items():
        if name in constants or not hasattr(module, name):
            continue
        now = vars(module).get(name)
        if type(now) in _PLAIN and (type(now), now) != (type(value), value):
            changed.append(name)
    return changed


_seen: dict[str, tuple[object, tuple[int, int]]] = {}
"""Module → its spec (a reload makes another one), and time and size of its source when a job first used it."""


def is_edited(module: types.ModuleType) -> bool:
    """Whether a module's source was changed since it was imported, as far as can be told: where Python writes no
    compiled file that says so, changes since a job first used the module count."""
    try:
        now = os.stat(str(getattr(module, "__file__", None)))  # one that a library put there by hand has none
    except OSError:
        return False
    compiled = _compiled_from(module)
    if compiled is not None:
        return compiled != (int(now.st_mtime) & 0xFFFFFFFF, now.st_size & 0xFFFFFFFF)
    mark = now.st_mtime_ns, now.st_size
    if _seen.get(module.__name__, (None,))[0] is not module.__spec__:
        _seen[module.__name__] = module.__spec__, mark
    return _seen[module.__name__][1] != mark


def _compiled_from(module: types.ModuleType) -> tuple[int, int] | None:
    """Time in seconds and size of the source that a module's compiled file was made from.

    They stand behind a magic number and flags, four bytes each (PEP 552; with flags there is a hash instead).
    """
    try:
        with open(str(getattr(module.__spec__, "cached", None)), "rb") as file:
            _, flags, seconds, size = struct.unpack("<4I", file.read(16))
    except (OSError, struct.error):
        return None
    return None if flags else (seconds, size)


def _stored(node: ast.AST) -> Iterator[str]:
    """The names that a module's own scope binds, once per place."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            continue
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child.id
        yield from _stored(child)


_EMPTY: dict[str, type] = {"list()": list, "dict()": dict, "set()": set}


@functools.lru_cache(maxsize=1024)
def _constants_of(path: str, mtime_ns: int) -> dict[str, object]:
    """Plain values that a module assigns once, at top level."""
    try:
        with open(path, "rb") as file:
            tree = compiling.parse(file.read())
    except (OSError, SyntaxError, ValueError):
        return {}
    found: dict[str, object] = {}
    stores: dict[str, int] = {}
    for name in _stored(tree):
        stores[name] = stores.get(name, 0) + 1
    for statement in tree.body:
        if not isinstance(statement, (ast.Assign, ast.AnnAssign)) or statement.value is None:
            continue
        try:
            value = ast.literal_eval(statement.value)
        except ValueError:  # no literal; `cache = dict()` is as good as one
            call = ast.unparse(statement.value) if isinstance(statement.value, ast.Call) else ""
            if call not in _EMPTY:
                continue
            value = _EMPTY[call]()
        for target in statement.targets if isinstance(statement, ast.Assign) else [statement.target]:
            if isinstance(target, ast.Name) and stores[target.id] == 1:
                found[target.id] = value
    return found
