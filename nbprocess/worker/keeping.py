"""What a cell's calls change in that which libraries keep by themselves, in their modules, classes and objects:
``nltk.data.path.append(...)``, ``nx.config.warnings_to_ignore.add(...)``, ``mlflow.set_tracking_uri(...)``.

No table says of each library where it keeps what. Before a statement runs, the code of the functions that it calls is
looked at: which names of their modules does it use? What is there is noted, and compared with what is there later. What
has changed travels as what the notebook set on the library (``attached``). Calls that C code answers, and what they
lead to in other libraries, are not seen.

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

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

_ELSEWHERE = frozenset(
    {
        *("IPython", "ipykernel", "ipywidgets", "traitlets", "nbprocess", "comm", "zmq", "tornado", "anywidget"),
        *("cloudpickle", "matplotlib", "mpl_toolkits", "numpy", "pandas", "torch", "tensorflow", "keras", "jax"),
        *("jaxlib", "dask", "distributed", "ray", "pyspark", "py4j", "boto3", "botocore", "s3transfer", "sagemaker"),
        *(
            "tqdm",
            "psutil",
            "concurrent",
            "pip",
            "setuptools",
            "joblib",
            "holoviews",
            "panel",
            "param",
            "bokeh",
            "ipympl",
        ),
    }
)
"""Libraries that other modules see to, and those that keep what belongs to their process: sessions, pools, devices."""
_STANDARD = frozenset({"email", "gettext", "mimetypes", "urllib", "webbrowser"})
"""Of Python's own library, what is looked at: the rest is seen to elsewhere, or each process has its own."""
_FUNCTIONS = 80
"""So many functions are followed from a call."""
_MEMBERS = 5000
"""Of so many members of what a library keeps an image is made; where there are more, it stays behind."""
_DEPTH = 4
_SCALARS = (bool, int, float, complex, str, bytes, type(None))
_CONTAINERS = (list, dict, set, frozenset, tuple, collections.deque)
_MISSING = object()
_STORE_GLOBAL, _EXTENDED_ARG = opcode.opmap["STORE_GLOBAL"], opcode.opmap["EXTENDED_ARG"]


class _Same:
    """Stands for an object that is compared by its identity, and keeps it alive."""

    __slots__ = ("obj",)

    def __init__(self, obj: object) -> None:
        self.obj = obj

    def __eq__(self, other: object) -> bool:
        return type(other) is _Same and other.obj is self.obj

    __hash__ = None  # type: ignore[assignment]


# -- which calls ----------------------------------------------------------------------------------------------------


def calls(node: ast.AST) -> tuple[str, ...]:
    """What a statement calls for its effect, as dotted names: what stands alone (``lib.use("x")``), is thrown away
    (``_ = lib.use("x")``), or decorates. Not what functions and classes do later that it defines."""
    found = []
    left = [node]
    while left:
        at = left.pop()
        if isinstance(at, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found += [_dotted(one.func if isinstance(one, ast.Call) else one) for one in at.decorator_list]
            continue
        thrown = isinstance(at, ast.Assign) and all(isinstance(t, ast.Name) and t.id == "_" for t in at.targets)
        if (isinstance(at, ast.Expr) or thrown) and isinstance(at.value, ast.Call):  # type: ignore[attr-defined]
            call: Any = at.value  # type: ignore[attr-defined]
            name = _dotted(call.func)
            if name and not hasattr(builtins, name):
                given = [*call.args, *(keyword.value for keyword in call.keywords)]
                found += [name, *(_CLASS + _dotted(one) for one in given if _dotted(one))]
        if isinstance(at, (ast.If, ast.For, ast.While, ast.With, ast.Try)):
            left.extend(ast.iter_child_nodes(at))
        elif isinstance(at, ast.excepthandler):
            left.extend(at.body)  # type: ignore[attr-defined]
    return tuple(dict.fromkeys(name for name in found if name))


_CLASS = "class "
"""How a name begins that is given to a call; it counts where it is that of a library's class."""


def _dotted(node: ast.AST) -> str:
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


class Transformer(ast.NodeTransformer):
    """For ``ast_transformers`` of IPython: looks at each statement that calls something before it runs."""

    def visit(self, tree: Any) -> Any:
        """Part of the protocol. Only after an import, which may bring what is called, a statement is put in between."""
        if not isinstance(tree, ast.Module):
            return tree
        statements: list[ast.stmt] = []
        imported = False
        for node in tree.body:
            names = calls(node)
            if names and not imported:
                note(names)
            elif names:
                look = ast.parse(f"__import__({__name__!r}, None, None, ('note',)).note({names!r})").body[0]
                for part in ast.walk(look):
                    ast.copy_location(part, node)
                statements.append(look)
            imported = imported or _may_import(node)
            statements.append(node)
        tree.body = statements
        return tree


def _may_import(node: ast.AST) -> bool:
    return any(isinstance(part, (ast.Import, ast.ImportFrom)) for part in ast.walk(node))


# -- what they may change --------------------------------------------------------------------------------------------


def note(names: Iterable[str]) -> None:
    """Note what calls of these dotted names may change, as it is now."""
    for name in names:
        # Whatever code of a library's own comes in between (``__eq__``, ``__hash__``): the statement must not suffer.
        with contextlib.suppress(Exception):
            for place in _places(name, vars(sys.modules["__main__"])):
                if place not in _noted and place not in _known:
                    _noted[place] = _image(_at(place))


_noted: dict[tuple[str, str], Any] = {}
"""Places (module, dotted path) that calls since the last look may have changed → what was there."""
_known: dict[tuple[str, str], Any] = {}
"""Places that the notebook has changed → what was there before the first change."""


def _places(name: str, namespace: Mapping[str, Any]) -> dict[tuple[str, str], None]:
    root, *rest = name.removeprefix(_CLASS).split(".")
    value = namespace.get(root, _MISSING)
    if isinstance(value, types.ModuleType):
        place = (value.__name__, "") if sys.modules.get(value.__name__) is value else None
    elif isinstance(value, (type, types.FunctionType)):
        place = _by_name(value)
    else:
        place = _offered(value, root)
    owner, owner_place = None, None
    for part in rest:
        if place is None or not _counts(place[0]):
            return {}
        owner, owner_place = value, place
        value, place = _inner(value, place, part)
    found: dict[tuple[str, str], None] = {}
    if name.startswith(_CLASS):
        if isinstance(value, type) and place is not None and place[0] != "__main__" and _counts(place[0]):
            _use(place[0], value.__name__, value, _All(), [], found)
        return found
    if owner_place is not None and isinstance(owner, (list, dict, set, collections.deque)):
        return {owner_place: None}
    if isinstance(owner, types.ModuleType) or owner is None:
        owner, owner_place = None, None
    if value is _MISSING or (value is None and not rest):
        return {}
    _follow(value, owner, owner_place, found)
    return {at: None for at in found if at[0] != "__main__"}


def _counts(module: str) -> bool:
    root = module.partition(".")[0]
    standard = getattr(sys, "stdlib_module_names", ())  # of Python 3.10
    return root == "__main__" or (root not in _ELSEWHERE and (root not in standard or root in _STANDARD))


def _by_name(value: Any) -> tuple[str, str] | None:
    """Where a class or function stands, if it is there by its own name."""
    module, path = getattr(value, "__module__", None) or "", getattr(value, "__qualname__", "")
    if module == "__main__":
        return (module, path)
    return (module, path) if _at((module, path)) is value else None


def _offered(value: Any, name: str = "") -> tuple[str, str] | None:
    """Where an object of a library stands that was imported from it by its name, or, where none is given, by any."""
    root = _root(type(value))
    if not root or root in ("builtins", "__main__") or not _counts(root):
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
        inner = vars(value).get(part, _MISSING)
        if inner is _MISSING:
            inner = sys.modules.get(f"{value.__name__}.{part}", _MISSING)
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
        return _MISSING, None
    own = _attributes(value)
    if part in own:
        return own[part], (place[0], path)
    inner, _ = _inner(type(value), place, part)
    return inner, (place[0], path)


def _at(place: tuple[str, str]) -> Any:
    """What is there; ``_MISSING`` where there is nothing."""
    value: Any = sys.modules.get(place[0], _MISSING)
    for part in place[1].split(".") if place[1] else ():
        if isinstance(value, type):
            value = next((vars(cls)[part] for cls in value.__mro__ if part in vars(cls)), _MISSING)
        else:
            value = _attributes(value).get(part, _MISSING)
        if value is _MISSING:
            break
    return value


def _attributes(value: Any) -> dict[str, Any]:
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
                _counts(module) and vars(sys.modules.get(module, builtins)) is function.__globals__
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
        elif at is not None and isinstance(of, type) and isinstance(inner, (*_SCALARS, *_CONTAINERS)):
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
        and (isinstance(module, str) and module in sys.modules and _counts(module) and module != "__main__")
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


def _names(code: types.CodeType) -> set[str]:
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= _names(constant)
    return found


def _stored(code: types.CodeType) -> set[str]:
    """The global names that a function's code, or code in it, binds."""
    found, more = set(), 0
    for op, argument in zip(code.co_code[::2], code.co_code[1::2]):
        argument |= more
        more = argument << 8 if op == _EXTENDED_ARG else 0
        if op == _STORE_GLOBAL:
            found.add(code.co_names[argument])
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= _stored(constant)
    return found


def _use(module: str, name: str, value: Any, names: set[str], left: Any, found: dict[tuple[str, str], None]) -> None:
    """Add what a function's code uses by a global name, and, as far as it names them, parts of it."""
    root = module.partition(".")[0]
    if isinstance(value, types.FunctionType):
        if _root(value) == root or root == "__main__":
            left.append((value, None, None))
    elif isinstance(value, types.ModuleType):
        other = value.__name__.partition(".")[0]
        if (other == root or root == "__main__") and _counts(other) and sys.modules.get(value.__name__) is value:
            for part in names & vars(value).keys():
                inner = vars(value)[part]
                if not isinstance(inner, types.ModuleType):
                    _use(value.__name__, part, inner, names, left, found)
    elif isinstance(value, type):
        place = _by_name(value) if _root(value) == root else None
        if place is None or not _counts(place[0]) or root == "__main__":
            return
        for part in names & {name for cls in value.__mro__ for name in vars(cls)}:
            inner = _inner(value, place, part)[0]
            if isinstance(inner, types.FunctionType):
                left.append((inner, value, place))
            elif isinstance(inner, (*_SCALARS, *_CONTAINERS)) and not part.startswith("__"):
                found[place[0], f"{place[1]}.{part}"] = None
    elif root != "__main__" and not name.startswith("__"):
        if isinstance(value, _CONTAINERS) or _is_keeper(value, root):
            found[module, name] = None
        if _is_keeper(value, root):
            for part in names:
                inner = _inner(type(value), ("", ""), part)[0]
                if isinstance(inner, types.FunctionType):
                    left.append((inner, value, (module, name)))


def _root(value: Any) -> str:
    return (getattr(value, "__module__", None) or "").partition(".")[0]


def _is_keeper(value: Any, root: str) -> bool:
    """Whether it is an object of the library's in which it may keep things."""
    if isinstance(value, threading.local):
        return True
    return not isinstance(value, (type, types.ModuleType, types.FunctionType)) and _root(type(value)) == root


# -- what is there ---------------------------------------------------------------------------------------------------


def _image(value: Any, depth: int = _DEPTH, left: list[int] | None = None) -> Any:
    """Something that is equal as long as the value is what it is now: containers by their members, objects of the
    library's by their attributes, all else by identity."""
    left = [_MEMBERS] if left is None else left
    kind = type(value)
    left[0] -= 1
    if isinstance(value, _SCALARS):
        return kind, repr(value) if kind in (float, complex) else value
    if depth == 0 or left[0] < 0 or (isinstance(value, _CONTAINERS) and len(value) > _MEMBERS):
        return _Same(value)
    if isinstance(value, dict):
        return kind, _Same(value), {key: _image(one, depth - 1, left) for key, one in list(value.items())}
    if isinstance(value, (list, tuple, collections.deque)):
        return kind, _Same(value) if kind is not tuple else None, [_image(one, depth - 1, left) for one in value]
    if isinstance(value, (set, frozenset)):
        return kind, _Same(value), {one if isinstance(one, _SCALARS) else id(one): _Same(one) for one in value}
    if isinstance(value, types.ModuleType):
        return kind, _Same(value), {key: _Same(one) for key, one in vars(value).items()}
    if isinstance(value, threading.local) or (_is_keeper(value, _root(kind)) and _counts(kind.__module__ or "")):
        held = {key: _image(one, depth - 1, left) for key, one in _attributes(value).items()}
        return kind, _Same(value), held
    return _Same(value)


def _settle() -> None:
    """Of what calls may have changed, keep what they did change."""
    for place, before in list(_noted.items()):
        del _noted[place]
        with contextlib.suppress(Exception):  # a library's own ``__eq__``
            if _image(_at(place)) != before:
                _known[place] = before


def changed() -> dict[tuple[str, str], Any]:
    """What the notebook's calls have changed since the beginning: place → how, for ``take`` at the other end."""
    _settle()
    found: dict[tuple[str, str], Any] = {}
    told = set()
    for place, before in _known.items():
        differing = {}
        with contextlib.suppress(Exception):  # as above
            differing = _compare(place, before, _at(place))
        for at, how in differing.items():
            above, _, name = at[1].rpartition(".")
            what = (id(_at((at[0], above))), name) if how[0] in ("value", "gone") else id(_at(at))
            if what not in told:  # by another name of the same object
                told.add(what)
                found[at] = how
    return found


def _compare(place: tuple[str, str], before: Any, now: Any) -> dict[tuple[str, str], Any]:
    image = _image(now)
    if image == before:
        return {}
    if now is _MISSING:
        return {place: ("gone",)}
    same = type(before) is tuple and len(before) == 3 and before[1] == _Same(now)
    if isinstance(now, types.ModuleType):
        if not same:
            return {}
        names = [name for name, value in vars(now).items() if before[2].get(name) != _Same(value)]
        return {
            (place[0], name): ("value", vars(now)[name])
            for name in names
            if isinstance(vars(now)[name], (type, types.FunctionType, *_SCALARS, *_CONTAINERS)) and name[:2] != "__"
        }
    if same and isinstance(now, dict):
        put = {key: value for key, value in now.items() if key not in before[2] or before[2][key] != image[2][key]}
        return {place: ("items", put, [key for key in before[2] if key not in now])}
    if same and isinstance(now, (list, collections.deque)):
        old, new = before[2], image[2]
        first = next((i for i, (a, b) in enumerate(zip(old, new)) if a != b), min(len(old), len(new)))
        last = 0
        while last < min(len(old), len(new)) - first and old[-1 - last] == new[-1 - last]:
            last += 1
        return {place: ("list", len(old), first, last, list(now)[first : len(new) - last])}
    if same and isinstance(now, set):
        gone = [one.obj for key, one in before[2].items() if key not in image[2]]
        return {place: ("set", [one.obj for key, one in image[2].items() if key not in before[2]], gone)}
    if same and not isinstance(now, (*_SCALARS, *_CONTAINERS)):
        found = {}
        for name in {**before[2], **image[2]}:
            if before[2].get(name) != image[2].get(name):
                inner = before[2].get(name, _Same(_MISSING))
                found.update(_compare((place[0], f"{place[1]}.{name}"), inner, _attributes(now).get(name, _MISSING)))
        return found
    return {place: ("value", now)}


remembers = True
"""Whether what the other end has changed counts as changed here, too: in the notebook it does, for the next job."""


def take(module: Any, path: str, change: Any) -> None:
    """Do at this end what the other end's calls did to what the library keeps."""
    place = (module.__name__, path)
    above, _, name = path.rpartition(".")
    owner, held, how = _at((module.__name__, above)), _at(place), change[0]
    if place not in _known and remembers:
        made = how == "value" and held is change[1]  # a class that its library has put there as it was read
        _known[place] = _Same(_MISSING) if made else _noted.pop(place, None) or _image(held)
    if owner is _MISSING:
        return
    if how == "gone":
        if name in _attributes(owner):
            delattr(owner, name)
    elif how == "value":
        if held is not change[1]:
            setattr(owner, name, change[1])
    elif how == "items" and isinstance(held, dict):
        for key in change[2]:
            held.pop(key, None)
        held.update(change[1])
    elif how == "set" and isinstance(held, set):
        held.difference_update(change[2])
        held.update(change[1])
    elif how == "list" and isinstance(held, (list, collections.deque)):
        members, (_, length, first, last, middle) = list(held), change
        if len(members) == length:
            members[first : length - last] = middle
        else:  # another version has others there
            members += [one for one in middle if one not in members]
        held.clear()
        held.extend(members)
