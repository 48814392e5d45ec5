"""Classes of the notebook: the ``class`` statement runs again at the other end; instances refer to the class.

May import: the standard library, this folder.
"""

from __future__ import annotations

import builtins
import collections
import copyreg
import importlib
import pickle
import sys
import types
import typing
from typing import Any, Dict, Optional, Tuple

from . import constants, dynamic, effects, handmade, remade, scope, source
from .atrest import NEWOBJ
from .functions import by_reference
from .laterset import ATOMS, NAMEDTUPLE, set_attribute, set_later
from .tokens import Tokens

_tokens = Tokens()
_HIDING = ("types", "_collections_abc")


def reduce_class(pickler: Any, cls: type) -> Any:
    """The reduction of a class; NotImplemented where pickle's own (module and name) is right."""
    by_name = by_reference(cls)
    place = None if by_name else constants.name_of(cls)
    if place is not None:  # ``mpmath.matrix``, which a call has made
        return remade.make_attribute, place
    if cls.__module__ == "builtins" and getattr(builtins, cls.__name__, None) is not cls:
        return _reduce_hidden(cls)
    member = handmade.reduce_member(cls)
    if member is not NotImplemented:
        return member
    maker = copyreg.dispatch_table.get(type(cls))  # type: ignore[call-overload]
    by_library: Any = None if maker is None else maker(cls)
    if isinstance(by_library, tuple):  # a library makes such classes by a function of its own (DEAP's creator)
        return make_once, (_tokens.of(cls), *by_library[:2])
    of_ctypes = _reduce_of_ctypes(cls) if type(cls).__module__ == "_ctypes" else NotImplemented
    if of_ctypes is not NotImplemented or by_name or cls.__module__ == "builtins":
        return of_ctypes
    if type(cls).__name__ == "UndefinedFunction" and type(cls).__module__ == "sympy.core.function":
        return make_undefined, (cls.__name__, dict(cls._kwargs))  # type: ignore[attr-defined]
    generic = vars(cls).get("__pydantic_generic_metadata__") or {}
    if generic.get("origin") is not None:  # `Box[int]`: pydantic makes a class of it
        return make_generic, (generic["origin"], generic["args"])
    if _is_namedtuple(cls):
        pickler.mark("source")
        known: Any = cls
        defaults = [known._field_defaults[f] for f in known._fields if f in known._field_defaults]
        told = (cls.__name__, list(known._fields), defaults, cls.__module__, _tokens.of(cls))
        return make_namedtuple, told, _attached(cls), None, None, set_attached
    outer = _outer(cls)
    if outer is not None:
        return getattr, (outer, cls.__name__), data_of(cls) or {}, None, None, set_class
    statement = source.of_class(cls)
    if (statement is None or _was_replaced(cls, statement)) and dynamic.can_make(cls):
        return dynamic.reduce_made(pickler, cls)
    if statement is None:
        return make_named, (cls.__qualname__, pickler.by_bytecode(cls)[1][0])
    pickler.mark("source")
    pickler.files.add(statement.filename)
    pickler.definitions.append(cls)
    home = _home(cls, statement)
    reads = {
        name: home[name]
        for name in source.immediate_names(statement)
        if name in home and name != cls.__name__ and not name.startswith("__")
    }
    for base in cls.__bases__:
        if base.__name__ in source.bases_of(statement) and not by_reference(base):
            reads[base.__name__] = base  # the notebook may have another class of that name by now
    more = effects.lent(reads, home)
    reads.update({name: value for name, value in more.items() if name != cls.__name__})
    made = (statement.sent(), cls.__name__, reads, _tokens.of(cls))
    return make_class, made, set_later(cls, statement), None, None, set_class


def _reduce_of_ctypes(cls: Any) -> Any:
    """A class that ctypes makes of another, and notes as one of whichever module asks: ``c_int * 3``,
    ``POINTER(c_int)``."""
    named = getattr(sys.modules.get(cls.__module__), cls.__qualname__, None)
    if named is cls or source.of_class(cls) is not None:
        return NotImplemented
    if hasattr(cls, "_length_"):
        return make_of_ctypes, (cls.__module__, cls._type_, cls._length_)
    pointer = type(cls).__name__ == "PyCPointerType"
    return (make_of_ctypes, (cls.__module__, cls._type_)) if pointer else NotImplemented


def make_of_ctypes(module: str, kind: Any, length: Optional[int] = None) -> Any:
    """The class of pointers to a kind, or of arrays of it; there is one of each."""
    import ctypes

    made: Any = ctypes.POINTER(kind) if length is None else kind * length
    if made.__module__ != "ctypes":
        made.__module__ = module
    return made


def _was_replaced(cls: type, statement: source.Statement) -> bool:
    """Whether a decorator may have put something else in the place of the class: a class made of it, a function. And
    ``attrs`` keeps defaults in what it makes, which instances share."""
    return "__attrs_attrs__" in vars(cls) or (
        source.is_decorated(statement) and _home(cls, statement).get(cls.__name__) is not cls
    )


def reduce_instance(obj: Any) -> Any:
    """An instance of a notebook's class whose ``__new__`` does more than to make it: it did so when it was made."""
    cls: Any = type(obj)
    made = next((base for base in cls.__mro__ if "__new__" in vars(base)), object)
    if made.__module__ != "__main__" or not isinstance(cls.__new__, types.FunctionType):
        return NotImplemented
    fixed = reduce_fixed(obj)
    if fixed is not NotImplemented:
        return fixed
    builtin: Any = next(base for base in cls.__mro__ if base.__module__ == "builtins")
    plain = leaves_to(builtin, cls)
    if not plain or builtin is not object or hasattr(cls, "__getnewargs__") or hasattr(cls, "__getnewargs_ex__"):
        return NotImplemented
    reduced = obj.__reduce_ex__(5)
    return (make_bare, (cls,), *reduced[2:]) if reduced[0] is NEWOBJ else NotImplemented


def reduce_fixed(obj: Any) -> Any:
    """An instance of a class made of a tuple, text or number whose ``__new__`` may want more than that: pickle would
    give it nothing else (``codecs.CodecInfo``)."""
    cls: Any = type(obj)
    if not issubclass(cls, _FIXED) or not isinstance(cls.__new__, types.FunctionType):
        return NotImplemented
    builtin: Any = next(base for base in cls.__mro__ if base.__module__ == "builtins")
    own = getattr(cls, "__getnewargs__", None) is not getattr(builtin, "__getnewargs__", None)
    if own or hasattr(cls, "__getnewargs_ex__") or builtin not in _FIXED or not leaves_to(builtin, cls):
        return NotImplemented
    value: Any = builtin.__new__(builtin, obj)
    state = dict(vars(obj)) if "__dict__" in dir(cls) else None  # the object may answer for whatever it is asked for
    return make_fixed, (cls, builtin, value), state, None, None, set_state


def leaves_to(base: Any, cls: Any) -> bool:
    """Whether a class leaves to a base how its instances are reduced."""
    return cls.__reduce_ex__ is base.__reduce_ex__ and cls.__reduce__ is base.__reduce__


def reduce_answering(obj: Any) -> Any:
    """An instance whose class answers for attributes that it has not (``__getattr__``): pickle would ask the one that
    it makes, before it holds anything, for ``__setstate__``."""
    cls: Any = type(obj)
    asks = not hasattr(cls, "__setstate__") and (
        hasattr(cls, "__getattr__") or cls.__getattribute__ not in _PLAIN_LOOKUPS
    )
    if not asks or not leaves_to(object, cls):
        return NotImplemented
    reduced = obj.__reduce_ex__(5)
    return (*reduced, None, None, None)[:5] + (set_state,)


def reduce_of_library(obj: Any) -> Any:
    """An instance of a library's class whose ``__new__`` may make one of another class where it is told nothing, as
    pickle tells it nothing: ``scipy.stats.Normal`` makes a ``StandardNormal``."""
    cls: Any = type(obj)
    found = reduce_answering(obj)
    if not isinstance(cls.__new__, types.FunctionType) or not leaves_to(object, cls):
        return found
    reduced = obj.__reduce_ex__(5) if found is NotImplemented else found
    return (make_of_library, (cls,), *reduced[2:]) if reduced[:2] == (NEWOBJ, (cls,)) else reduced


def make_of_library(cls: Any) -> Any:
    """What the class makes of nothing, where that is an instance of it, and may be one that there is already."""
    made = cls.__new__(cls)
    return made if type(made) is cls else object.__new__(cls)


_PLAIN_LOOKUPS = (object.__getattribute__, dict.__getattribute__, list.__getattribute__)


def set_state(obj: Any, state: Any) -> None:
    """Give an object its attributes and slots, as pickle does."""
    attributes, slots = state if isinstance(state, tuple) else (state, None)
    if attributes:
        object.__getattribute__(obj, "__dict__").update(attributes)
    for name, value in (slots or {}).items():
        object.__setattr__(obj, name, value)


_FIXED = (tuple, frozenset, str, bytes, int, float, complex)
"""What is whole as soon as it is made."""


def make_fixed(cls: type, builtin: Any, value: Any) -> Any:
    """An instance of a class made of such a type, without the class's own ``__new__``."""
    return builtin.__new__(cls, value)


def make_bare(cls: type) -> Any:
    """An instance with nothing in it."""
    return object.__new__(cls)


def make_once(token: str, function: Any, arguments: Any) -> Any:
    """A class that a library's function makes, or the one of this token that is here already."""
    here = _tokens.here(token)
    if here is None:
        here = function(*arguments)
        _tokens.note(here, token)
    return here


def make_named(qualname: str, data: bytes) -> type:
    """A class from bytecode; cloudpickle forgets where it stood."""
    loaded: type = pickle.loads(data)
    loaded.__qualname__ = qualname
    return loaded


def _reduce_hidden(cls: type) -> Any:
    """A type of Python itself that has no name in ``builtins``: that of functions, of generators, of iterators."""
    for module in _HIDING:
        for name, value in vars(importlib.import_module(module)).items():
            if value is cls:
                return make_hidden, (module, name)
    return NotImplemented


def make_hidden(module: str, name: str) -> Any:
    """The inverse of ``_reduce_hidden``."""
    return getattr(importlib.import_module(module), name)


def make_undefined(name: str, assumptions: Dict[str, Any]) -> Any:
    """SymPy's ``Function(name)``: a class of its own, which is no attribute of any module."""
    return importlib.import_module("sympy.core.function").UndefinedFunction(name, **assumptions)


def make_generic(origin: Any, arguments: Tuple[Any, ...]) -> Any:
    """A generic class with its parameters filled in."""
    return origin[arguments]


def data_of(cls: type) -> Any:
    """What a notebook's class holds beside what its statement makes; None for a class of another origin."""
    if dynamic.is_made(cls):
        return dynamic.contents(cls)
    if cls.__module__ != "__main__":
        return None
    if _is_namedtuple(cls):
        return _attached(cls)
    statement = _statement(cls)
    return None if statement is None else set_later(cls, statement)


def _statement(cls: type) -> Optional[source.Statement]:
    """The statement of a class, of one in the body of another one, too."""
    outer = _outer(cls)
    if outer is None:
        return source.of_class(cls)
    around = _statement(outer)
    return None if around is None else source.nested(around, cls.__name__)


def _outer(obj: Any) -> Any:
    """The class in whose body a class or function stands, where the notebook still leads there; None otherwise."""
    path = obj.__qualname__.split(".")[:-1]
    if not path:
        return None
    found: Any = vars(sys.modules["__main__"]).get(path[0])
    for part in path[1:]:
        found = getattr(found, part, None)
    return found if isinstance(found, type) and _member(found, obj.__name__) is obj else None


def _member(cls: type, name: str) -> Any:
    """What a class has under a name: of static and class methods the function."""
    found = vars(cls).get(name)
    return found.__func__ if isinstance(found, (staticmethod, classmethod)) else found


def reduce_member_function(function: types.FunctionType) -> Any:
    """The reduction of a method that something else holds, too (``class C: run = B.run``): the class leads to it."""
    cls = _outer(function) if function.__module__ == "__main__" else None
    if cls is None:
        return NotImplemented
    statement = source.of_class(cls)
    if statement is None or _was_replaced(cls, statement) or not source.stands_in(statement, function.__code__):
        return NotImplemented
    return _member, (cls, function.__name__)


def _is_namedtuple(cls: type) -> bool:
    """Made by ``collections.namedtuple``, not by a ``class`` statement."""
    made = cls.__bases__ == (tuple,) and hasattr(cls, "_fields")
    return made and "__annotations__" not in vars(cls) and not hasattr(cls, "__orig_bases__")


def _home(cls: type, statement: source.Statement) -> Dict[str, Any]:
    for value in vars(cls).values():
        function = getattr(value, "__func__", value)
        if isinstance(function, types.FunctionType) and function.__code__.co_filename == statement.filename:
            return function.__globals__
    return vars(sys.modules["__main__"])


def make_class(where: Tuple[str, str, int, int], name: str, reads: Dict[str, Any], token: str) -> type:
    """Run the statement, or give the class that is here already."""
    here = _tokens.here(token)
    if here is None:
        here = _adopted(where[0], name, reads)
    if here is None:
        space = scope.namespace()
        statement = source.remember(source.Statement(*where))
        local: Dict[str, Any] = {}
        # A class body looks into the globals, not into the locals of exec: what it reads is lent to it there, also over
        # a name that stands for something older here (the base class of an earlier run of the cell).
        before = {key: space[key] for key in reads if key in space}
        space.update(reads)
        others = effects.Undoing(reads)
        try:
            exec(statement.compile(), space, local)
        finally:
            others.undo()
            for key in reads:
                space.pop(key, None)
            space.update(before)
        here = local[name]
        _note_fresh(here)
    _tokens.note(here, token)
    return here  # type: ignore[no-any-return]


def _adopted(text: str, name: str, reads: Dict[str, Any]) -> Any:
    """The class that the same statement made here, where that may be the one: of a job that another kernel started."""
    space = scope.namespace()
    known = space.get(name) if scope.adopts() else None
    if not isinstance(known, type) or known.__module__ != space.get("__name__") or known in _tokens:
        return None
    here = source.of_class(known)
    return known if here is not None and here.text == text and _made_so(known, here, reads) else None


def _made_so(cls: type, statement: source.Statement, reads: Dict[str, Any]) -> bool:
    """Whether the statement, with what it reads now, gave this class: not an earlier cell's of the same name."""
    bases = [reads[name] for name in source.bases_of(statement) if isinstance(reads.get(name), type)]
    return source.fits(cls, statement) and all(base in cls.__bases__ for base in bases)


fresh: set = set()  # type: ignore[type-arg]
"""Classes whose later attributes are still to be set; one that lived here before keeps its own."""


def _note_fresh(cls: type) -> None:
    """Note a class that was made just now, and those in its body."""
    fresh.add(id(cls))
    for name, value in list(vars(cls).items()):
        if isinstance(value, type) and value.__qualname__ == f"{cls.__qualname__}.{name}":
            _note_fresh(value)


def set_class(cls: type, state: Dict[str, Any]) -> None:
    """Set what was attached later, on a class that was made just now."""
    if id(cls) not in fresh:
        return
    fresh.discard(id(cls))
    fields = getattr(cls, "__dataclass_fields__", {})
    for name, value in state.items():
        if name in fields and type(value) not in ATOMS and fields[name].default is vars(cls).get(name):
            fields[name].default = value  # of a class variable: it is the value itself
        set_attribute(cls, name, value)


def _attached(cls: Any) -> Dict[str, Any]:
    """What was set on a class of ``collections.namedtuple`` after it was made."""
    own = {*vars(_BARE), *NAMEDTUPLE, *cls._fields}
    return {name: value for name, value in vars(cls).items() if name not in own}


_BARE: Any = collections.namedtuple("_BARE", "")  # type: ignore[misc]


def set_attached(cls: type, state: Dict[str, Any]) -> None:
    """Set what was attached later."""
    for name, value in state.items():
        if vars(cls).get(name) is not value:
            setattr(cls, name, value)


def make_namedtuple(name: str, fields: Any, defaults: Any, module: str, token: str) -> type:
    """``collections.namedtuple``, or the one that is here already."""
    here = _tokens.here(token)
    known: Any = scope.namespace().get(name) if here is None and scope.adopts() else None
    if isinstance(known, type) and list(getattr(known, "_fields", ())) == fields and known not in _tokens:
        here = known
    if here is None:
        make: Any = collections.namedtuple
        here = make(name, fields, defaults=defaults or None, module=scope.module_name(module))
    _tokens.note(here, token)
    return here  # type: ignore[no-any-return]


def reduce_member(member: Any) -> Any:
    """A property, class method or static method that was attached later."""
    if isinstance(member, property):
        return property, (member.fget, member.fset, member.fdel, member.__doc__)
    return type(member), (member.__func__,)


def reduce_typing(obj: Any) -> Any:
    """A ``TypeVar``, ``ParamSpec`` or ``NewType`` of the notebook, which pickle would look up by its name."""
    if getattr(obj, "__module__", None) not in ("__main__", None):
        return NotImplemented
    kind = type(obj).__name__
    if kind == "NewType":
        return make_newtype, (obj.__name__, obj.__supertype__)
    flags = (obj.__covariant__, obj.__contravariant__) if hasattr(obj, "__covariant__") else (False, False)
    bounds = getattr(obj, "__constraints__", ()), getattr(obj, "__bound__", None)
    return make_typing, (kind, obj.__name__, *bounds, *flags)


def make_newtype(name: str, supertype: Any) -> Any:
    """``typing.NewType``, which takes the module that calls it for its own."""
    make: Any = typing.NewType
    made = make(name, supertype)
    made.__module__ = "__main__"
    return made


def make_typing(kind: str, name: str, constraints: Any, bound: Any, covariant: bool, contravariant: bool) -> Any:
    """The inverse of ``reduce_typing`` for type variables."""
    make: Any = getattr(typing, kind)
    if kind == "TypeVarTuple":
        made = make(name)
    elif kind == "ParamSpec":
        made = make(name, bound=bound, covariant=covariant, contravariant=contravariant)
    else:
        made = make(name, *constraints, bound=bound, covariant=covariant, contravariant=contravariant)
    made.__module__ = "__main__"
    return made
