"""What a class of the notebook holds beside what its ``class`` statement makes: data, and functions attached later; of
an ``Enum`` the attributes of its members, too.

May import: the standard library, this folder.
"""

from __future__ import annotations

import abc
import ast
import dataclasses
import enum
import functools
import sys
import types
from typing import Any, Dict, Iterator, Tuple

from . import caches, source, virtual

NAMEDTUPLE = {"_make", "_fields", "_field_defaults", "_replace", "_asdict", "_fields_defaults"}
_OF_METHOD = "\0"
"""Between the name of a method, or of a member of an ``Enum``, and that of an attribute which was set on it."""


class Gone:
    """Stands for what a class has no longer, although its statement gives it."""


def _within(name: str, attribute: str) -> str:
    return sys.intern(f"{name}{_OF_METHOD}{attribute}")  # one object: states are compared by identity


def set_attribute(cls: type, name: str, value: Any = Gone) -> None:
    """Set what ``set_later`` found under ``name``, on a class or on a method of it; without a value: take it away."""
    gone = value is Gone
    if virtual.register(cls, name, value) or (gone and name not in vars(cls) and _OF_METHOD not in name):
        return
    if vars(cls).get(name, Gone) is value and not gone:
        return  # a metaclass may do more than to set it
    target: Any = cls
    if _OF_METHOD in name:
        method, _, name = name.partition(_OF_METHOD)
        members = getattr(cls, "__members__", {})
        member = members[method] if method in members else vars(cls).get(method)
        target = getattr(member, "__func__", getattr(member, "fget", member))
    if gone:
        delattr(target, name)
    elif target is not None:
        setattr(target, name, value)


def set_later(cls: type, statement: source.Statement) -> Dict[str, Any]:
    """Attributes whose value now may differ from what the statement makes: data, and functions attached later."""
    given = _given(cls, statement)
    if issubclass(cls, enum.Enum):
        held = {_within(name, key): value for name, key, value in _attributes_of_members(cls)}
        known = {*given, *cls.__members__}  # type: ignore[attr-defined]
        return {**{n: v for n, v in vars(cls).items() if n not in known and not n.startswith("_")}, **held}
    made = {"_abc_impl"} | (NAMEDTUPLE if issubclass(cls, tuple) else set())
    if type(cls).__module__ == "traitlets.traitlets":
        made |= _OF_TRAITS
    if type(cls).__module__ == "_ctypes":
        made |= given.keys() & _OF_CTYPES
    # What decorators and metaclasses take away, they take away at the other end, too; what they put there is not told.
    plain = type(cls) in (type, abc.ABCMeta) and not source.is_decorated(statement) and not issubclass(cls, tuple)
    of_param = type(cls).__module__ == "param.parameterized"
    gone = [name for name, surely in given.items() if surely and name not in vars(cls)]
    found: Dict[str, Any] = {**virtual.registrations(cls), **dict.fromkeys(gone, Gone)}
    for name, value in vars(cls).items():
        # A descriptor of the notebook's own is a value: it may keep something; one of ``param`` keeps the default.
        own_kind = type(value).__module__ == "__main__" or (of_param and hasattr(value, "owner"))
        inner = value if own_kind else getattr(value, "__func__", getattr(value, "fget", value))
        special = name.startswith("__") and name.endswith("__")
        if isinstance(inner, types.FunctionType):
            code = inner.__code__
            if source.stands_in(statement, code) and (name in given or not plain):
                own = {key: held for key, held in vars(inner).items() if not key.startswith("__")}
                own.update(_shared_defaults(inner))
                found.update({_within(name, key): held for key, held in own.items()})
                continue
            if special and not source.is_cells(code):
                continue  # a decorator of a library made it
        elif not own_kind and type(inner) not in _WITH_STATE and (special or hasattr(value, "__get__")):
            if special or name in given or not plain or isinstance(value, _OF_SLOTS):
                continue  # property, slot, cached_property
        elif name in given and _is_default(cls, name, value):
            continue
        if name not in made:
            found[name] = value
    return found


def _given(cls: type, statement: source.Statement) -> Dict[str, bool]:
    """The names that the body of the statement binds → whether it does so in any case, and leaves them there."""
    found: Dict[str, bool] = {}
    for node in source.body_of(statement):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found[node.name] = True
            continue
        targets = node.targets if isinstance(node, ast.Assign) else []
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and isinstance(part.ctx, (ast.Store, ast.Del)):
                found[part.id] = part in targets
    private = [name for name in found if name.startswith("__") and not name.endswith("__")]
    found.update({f"_{cls.__name__.lstrip('_')}{name}": found.pop(name) for name in private})
    return found


def _is_default(cls: Any, name: str, value: Any) -> bool:
    """Whether a value is the default of a dataclass's field, which the statement makes. Class variables are none."""
    field = getattr(cls, "__dataclass_fields__", {}).get(name)
    return field is not None and field._field_type is not _CLASS_VARIABLE and field.default is value


_OF_TRAITS = {
    "_all_trait_default_generators",
    "_descriptors",
    "_instance_inits",
    "_static_immutable_initial_values",
    "_trait_default_generators",
    "_traits",
}
"""What traitlets' metaclass notes on a class, and notes again."""
_OF_CTYPES = {"_anonymous_", "_fields_", "_length_", "_pack_", "_type_"}
"""What a class of ctypes is laid out by; Python lets it be set once."""
_CLASS_VARIABLE: Any = dataclasses._FIELD_CLASSVAR  # type: ignore[attr-defined]
_OF_SLOTS = (types.MemberDescriptorType, types.GetSetDescriptorType)
_WITH_STATE = (caches.CACHED, functools.singledispatchmethod)
ATOMS = (type(None), bool, int, float, complex, str, bytes)


def _shared_defaults(function: Any) -> Dict[str, Any]:
    """The defaults of a method that are objects: its calls share them, and may change them."""
    held = {name: getattr(function, name) for name in ("__defaults__", "__kwdefaults__")}
    values = [*(held["__defaults__"] or ()), *(held["__kwdefaults__"] or {}).values()]
    return {} if all(type(value) in ATOMS for value in values) else {k: v for k, v in held.items() if v is not None}


def _attributes_of_members(cls: Any) -> Iterator[Tuple[str, str, Any]]:
    """Member, attribute and value of all that the members hold beside name and value."""
    for name, member in cls.__members__.items():
        if member._name_ == name:  # else it is another name of a member that came before
            own = getattr(member, "__dict__", {})
            yield from ((name, sys.intern(key), value) for key, value in own.items() if not key.startswith("_"))
