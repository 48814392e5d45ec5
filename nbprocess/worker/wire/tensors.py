"""PyTorch tensors: their storage out of band and uncopied, shared storages shared, on their device where there is one.

May import: the standard library, this folder; PyTorch and NumPy inside the functions.
"""

from __future__ import annotations

from typing import Any, Dict, Tuple


def reduce_tensor(pickler: Any, tensor: Any) -> Any:
    """The reduction of an exact Tensor or Parameter; NotImplemented leaves it to PyTorch."""
    import torch

    kind = type(tensor)
    plain = kind in (torch.Tensor, torch.nn.Parameter)
    if not plain or tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type == "meta":
        return NotImplemented
    if vars(tensor) or getattr(tensor, "_backward_hooks", None) or tensor.is_conj() or tensor.is_neg():
        return NotImplemented
    facts = (tensor.dtype, tensor.storage_offset(), tuple(tensor.shape), tuple(tensor.stride()))
    parameter = kind is torch.nn.Parameter
    return make_tensor, (_memory(pickler, tensor), *facts, str(tensor.device), tensor.requires_grad, parameter)


def _memory(pickler: Any, tensor: Any) -> Any:
    """The bytes of the tensor's storage as an array; the same one for every tensor over it."""
    import torch

    storage = tensor.untyped_storage()
    key = (str(tensor.device), storage.data_ptr(), storage.nbytes())
    known = pickler.storages.get(key)
    if known is None:
        flat = torch.empty(0, dtype=torch.uint8, device=tensor.device).set_(storage)
        # Its own reference to the storage keeps the address from being given to another one.
        known = pickler.storages[key] = (pickler.own(flat.detach().cpu().numpy()), storage)
    return known[0]


def make_tensor(
    memory: Any,
    dtype: Any,
    offset: int,
    shape: Tuple[int, ...],
    strides: Tuple[int, ...],
    device: str,
    gradient: bool,
    parameter: bool,
) -> Any:
    """The inverse of ``reduce_tensor``. Tensors over one storage get the same ``memory``, and share it again."""
    import torch

    if not memory.flags.writeable:
        memory = memory.copy()
    flat = torch.from_numpy(memory)
    where = _device(device)
    if where.type != "cpu":
        flat = _placed(memory, flat, where)
    made = torch.empty(0, dtype=dtype, device=where).set_(flat.untyped_storage(), offset, shape, strides)
    if parameter:
        return torch.nn.Parameter(made, requires_grad=gradient)
    return made.requires_grad_(gradient) if gradient else made


_on_device: Dict[Tuple[int, str], Any] = {}


def _placed(memory: Any, flat: Any, where: Any) -> Any:
    """``flat`` on its device, once for all tensors over the same memory that are read together."""
    key = (id(memory), str(where))
    if key not in _on_device:
        _on_device[key] = (memory, flat.to(where))  # with the memory: its identity must not be given to another array
    return _on_device[key][1]


def read() -> None:
    """Everything that belongs together was read."""
    _on_device.clear()


def _device(name: str) -> Any:
    """The device of that name; the CPU where there is none such."""
    import torch

    device = torch.device(name)
    if device.type == "cuda" and torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count():
        return device
    if device.type == "mps" and torch.backends.mps.is_available():
        return device
    return torch.device("cpu")
