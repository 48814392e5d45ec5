"""What the fingerprint says of functions, classes and the parts that they are made of.

May import: the standard library, the wire's ``caches``; see ``walk``.
"""

from __future__ import annotations

import os
import types
from typing import TYPE_CHECKING, Any

from nbprocess.worker.wire import caches

from .walk import digest, named

if TYPE_CHECKING:
    from .walk import Walk


def function(walk: Walk, path: str, value: types.FunctionType) -> None:
    code = value.__code__
    if not (value.__module__ == "__main__" or "ipykernel" in code.co_filename or code.co_filename.startswith("<")):
        walk.put(path, f"function {value.__module__}.{value.__qualname__}")
        return
    walk.put(
        path, f"function {value.__qualname__}{'' if value.__module__ == '__main__' else ' of ' + str(value.__module__)}"
    )
    walk.put(f"{path}.<code>", code_digest(walk, code, of_library=_is_of_library(code)))
    walk.visit(f"{path}.<doc>", value.__doc__)
    for word, part in (("defaults", value.__defaults__), ("kwdefaults", value.__kwdefaults__)):
        if part:
            walk.visit(f"{path}.<{word}>", part)
    if value.__dict__:  # a generic function also keeps what it found for which type, as long as the type lives
        walk.attributes(path, {name: part for name, part in value.__dict__.items() if name != "_clear_cache"})
    held = () if code.co_filename.startswith("<string") else value.__closure__ or ()  # ``dataclass`` made it
    for name, cell in zip(code.co_freevars, held):  # noqa: B905
        # Each method of a class may have a cell of its own for it; all hold the class for good.
        walk.visit(f"{path}.<closure>.{name}", cell.cell_contents if name == "__class__" and _is_full(cell) else cell)
    for name, part in sorted(getattr(value, "__annotations__", {}).items()):
        walk.put(f"{path}.<annotation>.{name}", walk.text(repr(part)))


def _is_full(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def _is_of_library(code: types.CodeType) -> bool:
    """Whether code is an installed module's, which a decorator gave to a function of the notebook."""
    return f"{os.sep}site-packages{os.sep}" in code.co_filename or code.co_filename.startswith(
        os.path.dirname(os.__file__)
    )


def code_digest(walk: Walk, code: types.CodeType, of_library: bool = False) -> str:
    """A digest of what the code does; its lines and file may differ. Of a library's functions the instructions do not
    count: by which ones a method is called depends on what else its file imports."""
    constants = [
        code_digest(walk, c, of_library)
        if isinstance(c, types.CodeType)
        else repr(sorted(map(repr, c)) if isinstance(c, frozenset) else c)
        for c in code.co_consts
    ]
    instructions = b"" if of_library else code.co_code
    parts = (code.co_name, instructions, constants, code.co_names, code.co_varnames, code.co_freevars, code.co_flags)
    return digest(walk.text(repr(parts)).encode())


_DERIVED: tuple[str, ...] = ("_abc_", "__pydantic_", "__private_attributes__")
_DERIVED += ("_descriptors", "_traits", "_all_trait_", "_instance_inits")
"""What ``abc``, pydantic and traitlets keep of a class, made of what it says."""


def class_(walk: Walk, path: str, value: type) -> None:
    if value.__module__ != "__main__":
        walk.put(path, f"class {named(value)}")
        return
    walk.put(path, f"class {value.__qualname__}")
    for index, base in enumerate(value.__bases__):
        walk.visit(f"{path}.<base {index}>", base)
    skipped = {
        "__dict__",
        "__weakref__",
        "__firstlineno__",
        "__module__",
        "__doc__",
        "__static_attributes__",
        "__slotnames__",
    }
    for name, member in sorted(vars(value).items()):
        if (
            name in skipped
            or (name == "__annotations__" and not member)  # made when somebody asks for it
            or name.startswith(_DERIVED)
            or isinstance(member, (types.MemberDescriptorType, types.GetSetDescriptorType))
        ):
            continue
        walk.visit(f"{path}.{name}", member)
    walk.visit(f"{path}.<doc>", value.__doc__)


def generator(walk: Walk, path: str, value: types.GeneratorType[Any, Any, Any]) -> None:
    frame = value.gi_frame
    if frame is None or value.__name__ == "<genexpr>":  # one of an expression goes on as one that has not begun
        walk.put(path, f"generator {value.__qualname__}{', ended' if frame is None else ''}")
        return
    walk.put(path, f"generator {value.__qualname__} in line {frame.f_lineno}")
    for name, held in frame.f_locals.items():
        if not name.startswith("_nbprocess_"):
            walk.visit(f"{path}.{name}", held)


def cell(walk: Walk, path: str, value: Any) -> None:
    try:
        walk.put(path, "cell")
        walk.visit(f"{path}.value", value.cell_contents)
    except ValueError:
        walk.put(path, "empty cell")


def bound(walk: Walk, path: str, value: Any) -> None:
    walk.put(path, f"method {value.__name__}")
    walk.visit(f"{path}.<self>", value.__self__)
    walk.visit(f"{path}.<function>", value.__func__)


def builtin(walk: Walk, path: str, value: Any) -> None:
    owner = value.__self__
    walk.put(path, f"builtin {value.__qualname__}")
    if owner is not None and not isinstance(owner, types.ModuleType):
        walk.visit(f"{path}.<self>", owner)


def wrapped(walk: Walk, path: str, value: Any) -> None:
    walk.put(path, type(value).__name__)
    for name in ("fget", "fset", "fdel", "__func__"):
        part = getattr(value, name, None)
        if part is not None:
            walk.visit(f"{path}.{name}", part)


def partial(walk: Walk, path: str, value: Any) -> None:
    walk.put(path, "partial")
    for name in ("func", "args", "keywords"):
        walk.visit(f"{path}.{name}", getattr(value, name))


def cached(walk: Walk, path: str, value: Any) -> None:
    if value.__module__ != "__main__":  # a library's own is filled by what the library does, in each process
        walk.put(path, f"lru_cache {value.__module__}.{getattr(value, '__qualname__', '')}")
        return
    walk.put(path, f"lru_cache {value.cache_info()}")
    walk.visit(f"{path}.__wrapped__", value.__wrapped__)
    walk.visit(f"{path}.held", caches.calls(value))
