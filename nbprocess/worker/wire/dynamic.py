"""Classes that no ``class`` statement of a cell's own scope made: those of a function, of ``type(name, bases, …)``, of
``make_dataclass``, of ``Enum(name, members)``. They are put together again from their parts; functions go by source.

May import: the standard library, this folder.
"""

from __future__ import annotations

import abc
import dataclasses
import enum
import functools
import inspect
import reprlib
import types
import typing
from typing import Any, Dict, Optional, Tuple

from . import scope
from .tokens import Tokens

_NEVER = {"__dict__", "__weakref__", "__module__", "__qualname__", "__slots__", "_abc_impl", "__classcell__"}
_NEVER |= {"__firstlineno__", "__static_attributes__", "__annotate__", "__annotate_func__", "__annotations_cache__"}
_GENERATED = {"__init__", "__repr__", "__eq__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__", "__replace__"}
_GENERATED |= {"__setattr__", "__delattr__", "__dataclass_fields__", "__dataclass_params__", "__match_args__"}
_OF_FIELDS = ("default", "default_factory", "init", "repr", "hash", "compare", "metadata", "kw_only")
_OF_ENUMS = {"_generate_next_value_", "__new__", "_missing_", "__order__", "_order_"}
_METACLASSES = (type, abc.ABCMeta)

_tokens = Tokens()
fresh: set = set()  # type: ignore[type-arg]
"""Classes whose contents are still to be set; one that lived here before keeps its own."""


def can_make(cls: type) -> bool:
    """Whether the parts of a class are enough to make it again: its metaclass does nothing that is not seen in it."""
    if isinstance(cls, enum.EnumMeta):
        return _is_plain_enum(cls)
    if cls.__bases__ == (tuple,) and hasattr(cls, "_fields"):
        return False  # typing.NamedTuple: what it makes is in no cell
    return _maker(type(cls)) is not None


def _maker(kind: type) -> Optional[type]:
    """The metaclass whose ``__new__`` makes the class; what a notebook's own adds to it is seen in the class."""
    maker = next(base for base in kind.__mro__ if base.__module__ != "__main__")
    return maker if maker in _METACLASSES else None


def _is_plain_enum(cls: Any) -> bool:
    own = [member for name, member in vars(cls).items() if name not in _OF_ENUMS]
    functions = [f for f in map(_function, own) if f is not None and not _is_librarys(f)]
    bound = any("__class__" in function.__code__.co_freevars for function in functions)
    known = type(cls) in (enum.EnumMeta, type(enum.Enum)) and "__new_member__" not in vars(cls)
    return known and not bound and "__init__" not in vars(cls)


def _function(value: Any) -> Optional[types.FunctionType]:
    value = getattr(value, "__func__", getattr(value, "fget", value))
    return value if isinstance(value, types.FunctionType) else None


def _is_librarys(function: types.FunctionType) -> bool:
    """Whether Python's library wrote it: a dataclass's ``__init__`` is in no file, its ``__repr__`` in ``reprlib``."""
    filename = function.__code__.co_filename
    return filename in (dataclasses.__file__, enum.__file__, reprlib.__file__) or filename.startswith("<string")


def reduce_made(pickler: Any, cls: type) -> Any:
    """The reduction of a class for which ``can_make`` holds."""
    pickler.mark("source")
    named = (_tokens.of(cls), type(cls), cls.__name__, cls.__qualname__, cls.__module__, cls.__bases__)
    if isinstance(cls, enum.EnumMeta):
        named_members: Any = cls.__members__
        members = {name: member._value_ for name, member in named_members.items()}
        return make_enum, (*named, members, _of_enum(cls))
    state = contents(cls)
    return make_made, (*named, vars(cls).get("__slots__")), (state, _dataclass(cls)), None, None, set_made


def is_made(obj: Any) -> bool:
    """Whether it is a class that came or went in parts."""
    return isinstance(obj, type) and obj in _tokens


def contents(cls: type) -> Dict[str, Any]:
    """What a class holds that its name, its bases and ``dataclass`` do not give."""
    if isinstance(cls, enum.EnumMeta):
        return {}
    generated = _is_dataclass(cls)
    found = {}
    for name, value in vars(cls).items():
        if name in _NEVER or isinstance(value, (types.MemberDescriptorType, types.GetSetDescriptorType)):
            continue
        if name == "__doc__" and (value is None or generated):
            continue
        if generated and name in _GENERATED:
            function = _function(value)
            if function is None or _is_librarys(function):
                continue
        found[name] = value
    return found


def _is_dataclass(cls: type) -> bool:
    return "__dataclass_fields__" in vars(cls)


def _dataclass(cls: type) -> Any:
    """What ``dataclass`` was told: its own options, and those of the fields that are this class's own."""
    if not _is_dataclass(cls):
        return None
    known: Any = cls
    parameters = {name: getattr(known.__dataclass_params__, name) for name in _options(known.__dataclass_params__)}
    parameters["match_args"] = "__match_args__" in vars(cls)
    annotations = vars(cls).get("__annotations__") or getattr(cls, "__annotations__", {})
    fields = {}
    for name, field in known.__dataclass_fields__.items():
        if name not in annotations or typing.get_origin(field.type) is typing.ClassVar:
            continue
        told = {key: getattr(field, key) for key in _OF_FIELDS if hasattr(field, key)}
        told["metadata"] = dict(field.metadata) or dataclasses.MISSING  # all that have none share one
        fields[name] = {key: value for key, value in told.items() if value is not dataclasses.MISSING}
    return parameters, fields, dict(annotations), cls.__doc__


def _options(parameters: Any) -> Tuple[str, ...]:
    return tuple(name for name in ("init", "repr", "eq", "order", "unsafe_hash", "frozen") if hasattr(parameters, name))


def _of_enum(cls: Any) -> Dict[str, Any]:
    """The methods of an Enum, and its text."""
    own = {name: value for name, value in vars(cls).items() if name not in cls.__members__ and name not in _OF_ENUMS}
    found = {}
    for name, value in own.items():
        function = _function(value)
        if function is not None and not _is_librarys(function):
            found[name] = value
    if cls.__doc__:
        found["__doc__"] = cls.__doc__
    return found


def make_made(
    token: str, kind: type, name: str, qualname: str, module: str, bases: Tuple[type, ...], slots: Any
) -> type:
    """The class without its contents, or the very one where it is here already."""
    here = _tokens.here(token)
    if here is not None:
        return here  # type: ignore[no-any-return]
    space: Dict[str, Any] = {"__module__": scope.module_name(module), "__qualname__": qualname}
    if slots is not None:
        space["__slots__"] = slots
    maker: Any = _maker(kind)
    made: type = maker.__new__(kind, name, bases, space)
    _tokens.note(made, token)
    fresh.add(id(made))
    return made


def set_made(cls: type, state: Any) -> None:
    """Give a class that was made just now its contents."""
    if id(cls) not in fresh:
        return
    fresh.discard(id(cls))
    inside, told = state
    for name, value in inside.items():
        type.__setattr__(cls, name, value)
    if told is None:
        return
    parameters, fields, annotations, doc = told
    type.__setattr__(cls, "__annotations__", annotations)
    type.__setattr__(cls, "__doc__", doc)
    descriptors = {name: vars(cls)[name] for name in fields if name in vars(cls).get("__slots__", ())}
    for name, field in fields.items():
        type.__setattr__(cls, name, dataclasses.field(**_taken(dataclasses.field, field)))
    dataclasses.dataclass(**_taken(dataclasses.dataclass, parameters))(cls)
    for name, descriptor in descriptors.items():
        type.__setattr__(cls, name, descriptor)


def _taken(function: Any, told: Dict[str, Any]) -> Dict[str, Any]:
    """Of the options those that this version of Python has."""
    known = inspect.signature(function).parameters
    return {name: value for name, value in told.items() if name in known}


def make_enum(
    token: str,
    kind: Any,
    name: str,
    qualname: str,
    module: str,
    bases: Tuple[type, ...],
    members: Dict[str, Any],
    methods: Dict[str, Any],
) -> type:
    """An Enum of these members, or the very one where it is here already."""
    here = _tokens.here(token)
    if here is not None:
        return here  # type: ignore[no-any-return]
    space = kind.__prepare__(name, bases)
    space["__module__"], space["__qualname__"] = scope.module_name(module), qualname
    for key, value in [*members.items(), *methods.items()]:
        space[key] = value
    made: type = kind.__new__(kind, name, bases, space)
    _tokens.note(made, token)
    return made


def reduce_descriptor(descriptor: Any) -> Any:
    """What Python put into a class for ``__dict__``, ``__weakref__`` or a slot: ``functools.wraps`` of a class copies
    them."""
    return make_descriptor, (descriptor.__objclass__, descriptor.__name__)


def make_descriptor(cls: type, name: str) -> Any:
    """The class's own."""
    return vars(cls)[name]


def reduce_cached_property(cached: Any) -> Any:
    """A ``functools.cached_property``, whose lock belongs to its process (before Python 3.12)."""
    return make_cached_property, (cached.func, cached.attrname, cached.__doc__)


def make_cached_property(function: Any, name: Optional[str], doc: Optional[str]) -> Any:
    """The inverse of ``reduce_cached_property``."""
    made: Any = functools.cached_property(function)
    made.attrname, made.__doc__ = name, doc
    return made
