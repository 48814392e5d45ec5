"""PyTorch tensors: their storage out of band and uncopied, shared storages shared, on their device where there is one.

May import: the standard library, this folder; PyTorch and NumPy inside the functions.
"""

from __future__ import annotations

import pickle
import threading
from typing import Any, Dict, Optional, Set, Tuple

from . import arrays

GRAPH = (
    "part of an autograd graph, which does not travel: it arrives detached. "
    "Call backward() in the cell that computes it."
)


class Storage:
    """The bytes under tensors, at either end: all tensors over one storage hold the same one of these.

    ``flat``: a tensor of uint8 over all of it, on the device where it is. It keeps the storage alive, so that its
    address is not given to another one while tensors are told apart by it.
    """

    __slots__ = ("flat",)

    def __init__(self, flat: Any) -> None:
        self.flat = flat

    def __reduce__(self) -> Any:
        array = self.flat.cpu().numpy()
        small = array.nbytes < arrays.IN_BAND
        return make_storage, (array.tobytes() if small else pickle.PickleBuffer(array),)

    def on(self, device: Any) -> Any:
        """The storage on a device. It moves there: no second copy stays behind."""
        if self.flat.device != device:
            self.flat = self.flat.to(device)
        return self.flat.untyped_storage()


def make_storage(buffer: Any) -> Storage:
    """The inverse of ``Storage.__reduce__``."""
    import numpy as np
    import torch

    array = np.frombuffer(buffer, np.uint8)
    return Storage(torch.from_numpy(array if array.flags.writeable else array.copy()))


def storage_of(known: Dict[Any, Storage], untyped: Any) -> Storage:
    """The Storage that stands for one of PyTorch's, the same for the same memory.

    Args:
        known: those of this dump, and those that the other end has too.
        untyped: a ``torch.UntypedStorage``.
    """
    import torch

    made = Storage(torch.empty(0, dtype=torch.uint8, device=untyped.device).set_(untyped))
    return known.setdefault(_key(made), made)


def _key(storage: Storage) -> Tuple[str, int, int]:
    untyped = storage.flat.untyped_storage()
    return str(untyped.device), untyped.data_ptr(), untyped.nbytes()


def seeded(objects: Any) -> Dict[Any, Storage]:
    """The storages among the objects that the other end has too, as ``storage_of`` looks for them."""
    return {_key(obj): obj for obj in objects if type(obj) is Storage}


def is_plain(tensor: Any) -> bool:
    """Whether a value is a dense tensor or parameter with nothing besides; PyTorch itself reduces all others."""
    import torch

    return (
        type(tensor) in (torch.Tensor, torch.nn.Parameter)
        and tensor.layout == torch.strided
        and tensor.device.type != "meta"
        and not (tensor.is_quantized or tensor.is_conj() or tensor.is_neg())
        and not (vars(tensor) or getattr(tensor, "_backward_hooks", None))
    )


def reduce_tensor(pickler: Any, tensor: Any) -> Any:
    """The reduction of a plain tensor with its gradient; NotImplemented leaves it to PyTorch."""
    if tensor.grad_fn is not None:
        pickler.losses.add(GRAPH)
    if not is_plain(tensor):
        return NotImplemented
    return make_tensor, (storage_of(pickler.storages, tensor.untyped_storage()), *_facts(tensor))


def _facts(tensor: Any) -> Tuple[Any, ...]:
    import torch

    place = (tensor.dtype, tensor.storage_offset(), tuple(tensor.shape), tuple(tensor.stride()), str(tensor.device))
    leaf = tensor.is_leaf
    gradient = tensor.grad if leaf else None
    return *place, leaf and tensor.requires_grad, type(tensor) is torch.nn.Parameter, gradient


def make_tensor(
    storage: Storage,
    dtype: Any,
    offset: int,
    shape: Tuple[int, ...],
    strides: Tuple[int, ...],
    device: str,
    requires_grad: bool,
    parameter: bool,
    gradient: Any = None,
) -> Any:
    """The inverse of ``reduce_tensor``: over the memory of ``storage``, on the CPU where there is no such device."""
    import torch

    where = _device(device)
    made = torch.empty(0, dtype=dtype, device=where).set_(storage.on(where), offset, shape, strides)
    if parameter:
        made = torch.nn.Parameter(made, requires_grad=requires_grad)
    elif requires_grad:
        made.requires_grad_()
    if gradient is not None:
        made.grad = gradient
    return made


def reduce_storage(pickler: Any, storage: Any) -> Any:
    """The reduction of PyTorch's own storages, over which tensors of other kinds lie: sparse, quantized, subclasses."""
    import torch

    typed = isinstance(storage, torch.storage.TypedStorage)
    untyped = storage._untyped_storage if typed else storage
    if untyped.device.type == "meta":
        return NotImplemented
    held = storage_of(pickler.storages, untyped)
    return make_torch_storage, (held, storage.dtype if typed else None, str(untyped.device))


def make_torch_storage(storage: Storage, dtype: Optional[Any], device: str) -> Any:
    """The inverse of ``reduce_storage``."""
    import torch

    untyped = storage.on(_device(device))
    return untyped if dtype is None else torch.storage.TypedStorage(wrap_storage=untyped, dtype=dtype, _internal=True)


def _device(name: str) -> Any:
    """The device of that name; the CPU where there is none such."""
    import torch

    device = torch.device(name)
    if device.type == "cuda" and torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count():
        return torch.device("cuda", device.index or 0)
    if device.type == "mps" and torch.backends.mps.is_available():
        return device
    if device.type != "cpu":
        _here.moved = {*getattr(_here, "moved", ()), f"it was on {name}, and there is none here: it is on the CPU."}
    return torch.device("cpu")


_here = threading.local()


def moved() -> Set[str]:
    """What has to be said of devices that are missing here, since the last call in this thread."""
    found: Set[str] = getattr(_here, "moved", set())
    _here.moved = set()
    return found


# -- what a cell changes -----------------------------------------------------------------------------------------------


def state(tensor: Any) -> Tuple[Any, ...]:
    """What tells whether a plain tensor changed: a digest of its elements, its form, and its gradient itself."""
    import torch

    from .fingerprint import content

    data = tensor.detach().contiguous().reshape(-1)
    digest = content(data.view(torch.uint8).cpu().numpy()) if data.numel() else b""
    *form, gradient = _facts(tensor)
    return digest, form, gradient


def patch(tensor: Any, fresh: Dict[Any, Storage]) -> Tuple[Any, ...]:
    """A changed tensor with its bytes, whether or not the other end has its storage.

    Args:
        tensor: as it is now.
        fresh: the storages that are sent anew with this set of patches, each once.
    """
    return (storage_of(fresh, tensor.untyped_storage()), *_facts(tensor))


def apply(tensor: Any, changed: Tuple[Any, ...]) -> bool:
    """Give a tensor what the one at the other end became, in place: views of it, optimizers and models see it.

    Returns:
        False where it can't become so (its type or its device differ too much).
    """
    storage, dtype, offset, shape, strides, device, requires_grad, _, gradient = changed
    fresh = make_tensor(storage, dtype, offset, shape, strides, device, False, False)
    mine = tensor.detach()
    try:
        if (mine.dtype, mine.shape, mine.stride()) != (fresh.dtype, fresh.shape, fresh.stride()):
            tensor.data = fresh
        elif 0 in mine.stride():  # elements that share their memory (expand)
            mine.untyped_storage().copy_(fresh.untyped_storage())
        else:
            mine.copy_(fresh)
        if tensor.is_leaf:
            tensor.requires_grad_(requires_grad)
            tensor.grad = gradient
    except (RuntimeError, TypeError):
        return False
    return True
