"""What a statement's calls may change in libraries: found by the code of the functions that they run.

The functions that a call runs in its library are followed. Places, a module and a dotted path, are what their code
binds, the containers and objects that it names, and parts of those. Nothing of the library's runs for it. What C code
uses, and what a call leads to in other libraries, is not seen; of compiled functions it is taken to be all that their
module holds.

May import: ``compiling``, the standard library.
"""

from __future__ import annotations

import ast
import builtins
import collections
import contextlib
import opcode
import sys
import threading
import types

from .compiling import path_of

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

_ELSEWHERE = frozenset(
    {
        *("IPython", "ipykernel", "ipywidgets", "traitlets", "nbprocess", "comm", "zmq", "tornado", "anywidget"),
        *("cloudpickle", "matplotlib", "mpl_toolkits", "numpy", "pandas", "torch", "tensorflow", "keras", "jax"),
        *("jaxlib", "dask", "distributed", "ray", "pyspark", "py4j", "boto3", "botocore", "s3transfer", "sagemaker"),
        *("tqdm", "psutil", "concurrent", "pip", "setuptools", "joblib", "holoviews", "panel", "param", "bokeh"),
        "ipympl",
    }
)
"""Libraries that other modules see to, and those that keep what belongs to their process: sessions, pools, devices."""
_STANDARD = frozenset({"email", "gettext", "mimetypes", "urllib", "webbrowser"})
"""Of Python's own library, what is looked at: the rest is seen to elsewhere, or each process has its own."""
_FUNCTIONS = 80
"""So many functions are followed from a call."""
SCALARS = (bool, int, float, complex, str, bytes, type(None))
CONTAINERS = (list, dict, set, frozenset, tuple, collections.deque)
MISSING = object()
_STORE_GLOBAL, _EXTENDED_ARG = opcode.opmap["STORE_GLOBAL"], opcode.opmap["EXTENDED_ARG"]
_CLASS = "class "
"""How a name begins that is given to a call; it counts where it is that of a library's class."""


def calls(node: ast.AST) -> tuple[str, ...]:
    """What a statement calls for its effect, as dotted names: what stands alone (``lib.use("x")``), is thrown away
    (``_ = lib.use("x")``), or decorates. Not what functions and classes do later that it defines."""
    found = []
    left = [node]
    while left:
        at = left.pop()
        if isinstance(at, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found += [path_of(one.func if isinstance(one, ast.Call) else one) for one in at.decorator_list]
            continue
        thrown = isinstance(at, ast.Assign) and all(isinstance(t, ast.Name) and t.id == "_" for t in at.targets)
        if (isinstance(at, ast.Expr) or thrown) and isinstance(at.value, ast.Call):  # type: ignore[attr-defined]
            call: Any = at.value  # type: ignore[attr-defined]
            name = path_of(call.func)
            if name and not hasattr(builtins, name):
                given = [*call.args, *(keyword.value for keyword in call.keywords)]
                found += [name, *(_CLASS + path_of(one) for one in given if path_of(one))]
        if isinstance(at, (ast.If, ast.For, ast.While, ast.With, ast.Try)):
            left.extend(ast.iter_child_nodes(at))
        elif isinstance(at, ast.excepthandler):
            left.extend(at.body)  # type: ignore[attr-defined]
    return tuple(dict.fromkeys(name for name in found if name))


def places(name: str, namespace: Mapping[str, Any]) -> dict[tuple[str, str], None]:
    """What a call may change, as places (module, dotted path).

    Args:
        name: as ``calls`` gives it. namespace: the notebook's.
    """
    root, *rest = name.removeprefix(_CLASS).split(".")
    value = namespace.get(root, MISSING)
    if isinstance(value, types.ModuleType):
        place = (value.__name__, "") if sys.modules.get(value.__name__) is value else None
    elif isinstance(value, (type, types.FunctionType)):
        place = _by_name(value)
    else:
        place = _offered(value, root)
    owner, owner_place = None, None
    for part in rest:
        if place is None or not counts(place[0]):
            return {}
        owner, owner_place = value, place
        value, place = _inner(value, place, part)
    found: dict[tuple[str, str], None] = {}
    if name.startswith(_CLASS):
        if isinstance(value, type) and place is not None and place[0] != "__main__" and counts(place[0]):
            _use(place[0], value.__name__, value, _All(), [], found)
        return found
    if owner_place is not None and isinstance(owner, (list, dict, set, collections.deque)):
        return {owner_place: None}
    if isinstance(owner, types.ModuleType) or owner is None:
        owner, owner_place = None, None
    if value is MISSING or (value is None and not rest):
        return {}
    _follow(value, owner, owner_place, found)
    return {at: None for at in found if at[0] != "__main__"}


def counts(module: str) -> bool:
    """Whether what a module keeps is looked at."""
    root = module.partition(".")[0]
    standard = getattr(sys, "stdlib_module_names", ())  # of Python 3.10
    return root == "__main__" or (root not in _ELSEWHERE and (root not in standard or root in _STANDARD))


def _by_name(value: Any) -> tuple[str, str] | None:
    """Where a class or function stands, if it is there by its own name."""
    module, path = getattr(value, "__module__", None) or "", getattr(value, "__qualname__", "")
    if module == "__main__":
        return (module, path)
    return (module, path) if value_at((module, path)) is value else None


def _offered(value: Any, name: str = "") -> tuple[str, str] | None:
    """Where an object of a library stands that was imported from it by its name, or, where none is given, by any."""
    root = root_of(type(value))
    if not root or root in ("builtins", "__main__") or not counts(root):
        return None
    for module in [module for known, module in list(sys.modules.items()) if known.partition(".")[0] == root]:
        held = getattr(module, "__dict__", {})
        found = name if name else next((other for other, one in list(held.items()) if one is value), "")
        if found and held.get(found) is value:
            return module.__name__, found
    return None


def _inner(value: Any, place: tuple[str, str], part: str) -> tuple[Any, tuple[str, str] | None]:
    """An attribute, without running code of the library's; and its place, where the other end finds it, too."""
    if isinstance(value, types.ModuleType):
        inner = vars(value).get(part, MISSING)
        if inner is MISSING:
            inner = sys.modules.get(f"{value.__name__}.{part}", MISSING)
        if isinstance(inner, types.ModuleType):
            return inner, (inner.__name__, "") if sys.modules.get(inner.__name__) is inner else None
        if isinstance(inner, (type, types.FunctionType)):
            return inner, _by_name(inner) or (place[0], part)
        return inner, (place[0], part)
    path = f"{place[1]}.{part}"
    if isinstance(value, type):
        for cls in value.__mro__:
            if part in vars(cls):
                inner = vars(cls)[part]
                return getattr(inner, "__func__", inner), (place[0], path)
        return MISSING, None
    own = attributes(value)
    if part in own:
        return own[part], (place[0], path)
    inner, _ = _inner(type(value), place, part)
    return inner, (place[0], path)


def value_at(place: tuple[str, str]) -> Any:
    """What is there; ``MISSING`` where there is nothing."""
    value: Any = sys.modules.get(place[0], MISSING)
    for part in place[1].split(".") if place[1] else ():
        if isinstance(value, type):
            value = next((vars(cls)[part] for cls in value.__mro__ if part in vars(cls)), MISSING)
        else:
            value = attributes(value).get(part, MISSING)
        if value is MISSING:
            break
    return value


def attributes(value: Any) -> dict[str, Any]:
    """Those of an object's own, without running code of the library's."""
    found = getattr(value, "__dict__", None)
    found = dict(found) if isinstance(found, (dict, types.MappingProxyType)) else {}
    for cls in type(value).__mro__ if not isinstance(value, (type, types.ModuleType)) else ():
        for name, member in vars(cls).items():
            if isinstance(member, types.MemberDescriptorType) and type(value).__module__ != "builtins":
                with contextlib.suppress(AttributeError):  # it is not set
                    found[name] = member.__get__(value)
    return found


def _follow(start: Any, owner: Any, owner_place: Any, found: dict[tuple[str, str], None]) -> None:
    """Add the places that the code of a function uses, and that of what it calls.

    Args:
        owner: the class or the object that it is called on. owner_place: where that is.
    """
    seen: set[int] = set()
    left = collections.deque([(start, owner, owner_place)])
    while left and len(seen) < _FUNCTIONS:
        value, owner, place = left.popleft()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if not isinstance(value, (type, types.FunctionType)) and _is_compiled(value):
            module = value.__module__
            for name, inner in list(vars(sys.modules[module]).items()):
                if not isinstance(inner, (types.ModuleType, types.FunctionType)):
                    _use(module, name, inner, _All(), left, found)
        for function, of, at in _functions(value, owner, place):
            if at is not None and not isinstance(of, type):
                found[at] = None
            module = function.__globals__.get("__name__") or ""
            if module == "__main__" or (
                counts(module) and vars(sys.modules.get(module, builtins)) is function.__globals__
            ):
                _read(module, function, of, at, left, found)


def _read(module: str, function: Any, of: Any, at: Any, left: Any, found: dict[tuple[str, str], None]) -> None:
    """Add what the code of one function uses: as places to ``found``, as further functions to ``left``."""
    names, held = _names(function.__code__), function.__globals__
    for cell in function.__closure__ or ():
        with contextlib.suppress(ValueError):  # it is empty
            if isinstance(cell.cell_contents, types.FunctionType):
                left.append((cell.cell_contents, of, at))
    for name in names if of is not None else ():
        inner = _inner(of if isinstance(of, type) else type(of), ("", ""), name)[0]
        if isinstance(inner, types.FunctionType):
            left.append((inner, of, at))
        elif at is not None and isinstance(of, type) and isinstance(inner, (*SCALARS, *CONTAINERS)):
            found[at[0], f"{at[1]}.{name}"] = None
    for name in names & held.keys():
        _use(module, name, held[name], names, left, found)
    beside = module.rpartition(".")[0]
    for name in names - held.keys():  # what it imports itself
        for known in {name, f"{beside}.{name}"} & sys.modules.keys():
            _use(module, name, sys.modules[known], names, left, found)
    if module != "__main__":
        for default in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            if isinstance(default, type):
                _use(module, default.__name__, default, names, left, found)
        found.update(dict.fromkeys((module, name) for name in _stored(function.__code__)))
        if "globals" in names:
            found[module, ""] = None


class _All(set):  # type: ignore[type-arg]
    """All names: of compiled code it is not known which it uses."""

    def __and__(self, other: Any) -> Any:
        return {*other}

    def __iter__(self) -> Iterator[Any]:
        return iter(())


def _is_compiled(value: Any) -> bool:
    """Whether it is a function of a library's that was compiled, by Cython for example."""
    module = getattr(value, "__module__", None)
    return (
        callable(value)
        and type(value).__name__.startswith(("cython", "builtin"))
        and (isinstance(module, str) and module in sys.modules and counts(module) and module != "__main__")
    )


def _functions(value: Any, owner: Any, place: Any) -> Iterator[tuple[Any, Any, Any]]:
    """The functions in Python that a call of a value runs, each with what it is called on."""
    value = getattr(value, "func", value) if type(value).__name__ == "partial" else value
    if isinstance(value, types.MethodType):
        owner, value = value.__self__, value.__func__
        place = _by_name(owner) if isinstance(owner, type) else _offered(owner)
    if isinstance(value, (classmethod, staticmethod)):
        value = value.__func__
    while hasattr(value, "__wrapped__") and not isinstance(value, (type, types.FunctionType)):
        value = value.__wrapped__  # that of functools.lru_cache
    if isinstance(value, types.FunctionType):
        yield value, owner, place
    elif isinstance(value, type):
        for name in ("__init__", "__new__", "__call__"):
            inner = vars(value).get(name)
            inner = getattr(inner, "__func__", inner)
            if isinstance(inner, types.FunctionType):
                yield inner, value, _by_name(value)
    else:
        call = _inner(type(value), ("", ""), "__call__")[0]
        if isinstance(call, types.FunctionType):
            yield call, value, place


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """A function's code and all that stands in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _names(code: types.CodeType) -> set[str]:
    return {name for part in _codes(code) for name in part.co_names}


def _stored(code: types.CodeType) -> set[str]:
    """The global names that a function's code, or code in it, binds."""
    found = set()
    for part in _codes(code):
        more = 0
        for op, argument in zip(part.co_code[::2], part.co_code[1::2]):
            argument |= more
            more = argument << 8 if op == _EXTENDED_ARG else 0
            if op == _STORE_GLOBAL:
                found.add(part.co_names[argument])
    return found


def _use(module: str, name: str, value: Any, names: set[str], left: Any, found: dict[tuple[str, str], None]) -> None:
    """Add what a function's code uses by a global name, and, as far as it names them, parts of it."""
    root = module.partition(".")[0]
    if isinstance(value, types.FunctionType):
        if root_of(value) == root or root == "__main__":
            left.append((value, None, None))
    elif isinstance(value, types.ModuleType):
        other = value.__name__.partition(".")[0]
        if (other == root or root == "__main__") and counts(other) and sys.modules.get(value.__name__) is value:
            for part in names & vars(value).keys():
                inner = vars(value)[part]
                if not isinstance(inner, types.ModuleType):
                    _use(value.__name__, part, inner, names, left, found)
    elif isinstance(value, type):
        place = _by_name(value) if root_of(value) == root else None
        if place is None or not counts(place[0]) or root == "__main__":
            return
        for part in names & {name for cls in value.__mro__ for name in vars(cls)}:
            inner = _inner(value, place, part)[0]
            if isinstance(inner, types.FunctionType):
                left.append((inner, value, place))
            elif isinstance(inner, (*SCALARS, *CONTAINERS)) and not part.startswith("__"):
                found[place[0], f"{place[1]}.{part}"] = None
    elif root != "__main__" and not name.startswith("__"):
        if isinstance(value, CONTAINERS) or is_keeper(value, root):
            found[module, name] = None
        if is_keeper(value, root):
            for part in names:
                inner = _inner(type(value), ("", ""), part)[0]
                if isinstance(inner, types.FunctionType):
                    left.append((inner, value, (module, name)))


def root_of(value: Any) -> str:
    """The package that a class or function is from."""
    return (getattr(value, "__module__", None) or "").partition(".")[0]


def is_keeper(value: Any, root: str) -> bool:
    """Whether it is an object of the library's in which it may keep things."""
    if isinstance(value, threading.local):
        return True
    return not isinstance(value, (type, types.ModuleType, types.FunctionType)) and root_of(type(value)) == root
