"""Objects that go by their own attributes although their class would send something else: those of traitlets, the
optimizers, hooks and batches of PyTorch, and those with a part that belongs to their process.

May import: the standard library, this folder.
"""

from __future__ import annotations

import collections
import contextlib
import sys
from typing import Any, Dict, List, Optional, Tuple

from . import classes, kerasobjects, remade, tables, tensors, torchmodules


def reduce_whole(pickler: Any, obj: Any) -> Any:
    """An object of traitlets with its own dicts: ``__getstate__`` gives copies of them, so that a change made in one
    would be lost, and leaves out who observes what. An optimizer with its hooks, and with the ``step`` that a scheduler
    gave it; PyTorch's hooks and batches. What has its attributes in a dict of its class. NotImplemented for others."""
    kind = type(obj)
    if kind not in pickler.kept_by:
        pickler.kept_by[kind] = _known_base(kind), _dicts_of(kind), kerasobjects.left_out(kind) is not None
    base, dicts, of_keras = pickler.kept_by[kind]
    if of_keras:
        return kerasobjects.reduce_object(obj)
    own: Any = attributes_of(obj) if dicts else None
    shared = next(((cls, name) for cls, name, held in dicts if held is own), None)
    if shared is not None:
        given = own if kind.__module__ == "__main__" else dict(own)
        return make_sharing, (kind, given, *(() if given is own else shared))
    if base not in ("", "EventHandler") and goes_by_attributes(kind):
        if base == "Optimizer":
            return make_optimizer, (kind,), dict(vars(obj)), None, None, set_optimizer
        if base == "_SingleProcessDataLoaderIter":
            torchmodules.settle_batches(obj)
        return classes.make_bare, (kind,), dict(vars(obj)), None, None, remade.add_attributes
    cls = obj.this_class if base == "EventHandler" else None
    if cls is not None and vars(cls).get(obj.name) is obj:
        return make_member, (cls, obj.name)
    return NotImplemented


def make_optimizer(kind: Any) -> Any:
    """An optimizer with nothing in it, of a class whose ``step`` calls hooks: its first optimizer makes it so."""
    made = classes.make_bare(kind)
    made._patch_step_function()
    return made


def set_optimizer(optimizer: Any, attributes: Dict[str, Any]) -> None:
    """The inverse of ``reduce_whole``."""
    optimizer.__setstate__(attributes)


def slots_of(obj: Any, kind: type) -> Dict[str, Any]:
    """What an object holds in slots."""
    found = {}
    for base in kind.__mro__:
        names = vars(base).get("__slots__", ())
        for name in (names,) if isinstance(names, str) else names:
            if name.startswith("__") and not name.endswith("__"):
                name = f"_{base.__name__.lstrip('_')}{name}"
            if name not in ("__dict__", "__weakref__"):
                with contextlib.suppress(Exception):  # not set; what a ``__getattr__`` says to that is its own affair
                    found[name] = getattr(obj, name)
    if issubclass(kind, collections.defaultdict):
        found["default_factory"] = obj.default_factory
    return found


def attributes_of(obj: Any) -> Optional[Dict[str, Any]]:
    """The attributes that an object holds in a dict; None where it has none, whatever its ``__getattr__`` says to that
    (SQLAlchemy's raises a ``NameError``)."""
    try:
        found = obj.__dict__
    except Exception:
        return None
    return found if isinstance(found, dict) else None


def _dicts_of(kind: type) -> List[Tuple[type, str, Any]]:
    """The dicts that a class has: one may be the attributes of all its objects ("Borg")."""
    held = [(base, name, value) for base in kind.__mro__ for name, value in vars(base).items()]
    return [part for part in held if isinstance(part[2], dict) and not part[1].startswith("__")]


def make_sharing(kind: type, attributes: Dict[str, Any], base: Any = None, name: str = "") -> Any:
    """An object with the attributes of its class: of a notebook's class that very dict, which the class has, too; of a
    library's the one that this process has, which gets the attributes."""
    made = classes.make_bare(kind)
    if base is not None:
        held = vars(base)[name]
        held.update(attributes)
        attributes = held
        if base.__module__.startswith("accelerate.") and str(held.get("device")) == "cpu":
            _say_that_it_stays(sys.modules.get("torch"))
    made.__dict__ = attributes
    return made


def _say_that_it_stays(torch: Any) -> None:
    """A ``Trainer`` of HuggingFace looks for its device when it is made."""
    if torch is not None and torch.cuda.is_available():
        tensors.note(
            "it was set up for the CPU and stays there, although there is a GPU here. Make it inside the cell."
        )


_BASES = {
    "HasTraits": "traitlets.traitlets",
    "EventHandler": "traitlets.traitlets",
    "Optimizer": "torch.optim.optimizer",
    "_WrappedHook": "torch.nn.modules.module",
    "_SingleProcessDataLoaderIter": "torch.utils.data.dataloader",
    "BatchEncoding": "transformers.tokenization_utils_base",
}


def _known_base(kind: type) -> str:
    """Which of these classes the type is made of, if one."""
    for base in kind.__mro__:
        if _BASES.get(base.__name__) == base.__module__:
            return base.__name__
    return ""


_PACKAGES = ("bs4", "matplotlib", "mpl_toolkits", "patsy", "statsmodels")
"""Of which the attributes themselves are sent, or whose copies are made of what has a number."""


def goes_by_attributes(kind: Any) -> bool:
    """Whether the attributes themselves are sent of an object, whatever its ``__getstate__`` would say."""
    if (kind.__module__ or "").split(".")[0] in _PACKAGES or tables.is_columnar(kind):
        return True
    if kerasobjects.left_out(kind) is not None:
        return True
    base = _known_base(kind)
    if not classes.leaves_to(object, kind) or base in ("", "EventHandler"):
        return False
    return bool(kind.__getstate__.__module__ == _BASES[base])


def make_member(cls: type, name: str) -> Any:
    """What the body of a class has under a name, before it is looked up on an object."""
    return vars(cls)[name]


_ANEW = {("cvxpy", "Problem"): "_solver_cache"}
"""Package and name of a class → a dict of its objects that belongs to their process and fills itself."""


def filled_anew(kind: type) -> str:
    """The name of that dict; empty for all other classes."""
    return _ANEW.get(((kind.__module__ or "").split(".")[0], kind.__name__), "")


def reduce_filling(obj: Any) -> Any:
    """An object without such a dict; NotImplemented for all others."""
    name = filled_anew(type(obj))
    if not name:
        return NotImplemented
    held = {key: value for key, value in vars(obj).items() if key != name}
    return classes.make_bare, (type(obj),), held, None, None, set_filling


def set_filling(obj: Any, attributes: Dict[str, Any]) -> None:
    """The inverse: the dict is empty."""
    vars(obj).update(attributes)
    vars(obj)[filled_anew(type(obj))] = {}
