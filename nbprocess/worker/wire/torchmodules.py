"""Modules of PyTorch that do not pickle: parametrized ones (``weight_norm``, ``spectral_norm``), and TorchScript's.

May import: the standard library; PyTorch inside the functions.
"""

from __future__ import annotations

import collections
import inspect
import io
import sys
from typing import Any, Dict

_PARAMETRIZED = "Parametrized"
"""How the class is called that PyTorch makes for one parametrized module, before the name of the module's own."""


def reduce_module(obj: Any) -> Any:
    """The reduction of such a module or scripted function; NotImplemented for all others."""
    kind: Any = type(obj)
    if kind.__module__ == "torch.nn.utils.parametrize" and kind.__name__ == _PARAMETRIZED + kind.__base__.__name__:
        return make_parametrized, (kind.__base__,), dict(vars(obj)), None, None, set_parametrized
    if is_script(obj):
        buffer = io.BytesIO()
        sys.modules["torch"].jit.save(obj, buffer)
        return make_script, (buffer.getvalue(),)
    if kind.__name__ == "ScriptFunction" and hasattr(obj, "_torchdynamo_inline"):
        return script_again, (obj._torchdynamo_inline,)
    return NotImplemented


def is_script(obj: Any) -> bool:
    """Whether it is a scripted or traced module."""
    jit = getattr(sys.modules.get("torch"), "jit", None)
    return jit is not None and isinstance(obj, jit.ScriptModule)


def make_parametrized(kind: Any) -> Any:
    """A module of its own class, with nothing in it yet."""
    return kind.__new__(kind)


def set_parametrized(module: Any, state: Dict[str, Any]) -> None:
    """Give a module its contents, and the class that computes its parametrized tensors."""
    from torch.nn.utils import parametrize

    vars(module).update(state)
    if not hasattr(type(module), "parametrizations") and not type(module).__name__.startswith(_PARAMETRIZED):
        parametrize._inject_new_class(module)
    for name in state["_modules"]["parametrizations"]:
        parametrize._inject_property(module, name)


class Indices:
    """Which examples are in the batches to come, for an iterator of a ``DataLoader``: as PyTorch's generator would give
    them, which does not travel. Nothing is drawn before the first."""

    def __init__(self, sampler: Any, rest: Any = None) -> None:
        self.sampler, self.rest = sampler, rest

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        if self.rest is None:
            self.rest = collections.deque(self.sampler)
        if not self.rest:
            raise StopIteration
        return self.rest.popleft()


def settle_batches(batches: Any) -> None:
    """Put ``Indices`` in the place of the generator of an iterator of a ``DataLoader``.

    Not where a generator of the notebook's or a sampler that is not PyTorch's is to be asked before each batch.
    """
    sampler, coming = batches._index_sampler, batches._sampler_iter
    below = getattr(sampler, "sampler", None)
    own = all((type(part).__module__ or "").startswith("torch.") for part in (sampler, below))
    if inspect.isgenerator(coming) and own and getattr(below, "generator", None) is None:
        begun = inspect.getgeneratorstate(coming) != inspect.GEN_CREATED
        batches._sampler_iter = Indices(sampler, collections.deque(coming) if begun else None)


def make_script(data: bytes) -> Any:
    """A module of TorchScript from its own form; on the CPU where its device is not there."""
    import torch

    try:
        return torch.jit.load(io.BytesIO(data))
    except RuntimeError:
        return torch.jit.load(io.BytesIO(data), map_location="cpu")


def script_again(function: Any) -> Any:
    """A function of TorchScript, compiled here."""
    import torch

    return torch.jit.script(function)


def take_over(module: Any, new: Any) -> None:
    """Give a module of TorchScript the parameters of another one."""
    module.load_state_dict(new.state_dict())
    module.train(new.training)
