"""What the fingerprint says of PyTorch's tensors, storages and generators: pickle writes addresses into theirs.

May import: the standard library; PyTorch where the notebook has imported it; see ``walk``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .walk import digest, named

if TYPE_CHECKING:
    from .walk import Walk


def describe(walk: Walk, path: str, value: Any) -> bool:
    """Tensors by their elements, form, gradient and memory; generators by their state."""
    import torch

    if isinstance(value, torch.Generator):
        walk.put(path, f"{named(type(value))} {value.device} {digest(value.get_state().numpy().tobytes())}")
    elif isinstance(value, torch.Tensor):
        function = "" if value.grad_fn is None else f" by {type(value.grad_fn).__name__}"
        learns = " learns" if value.requires_grad else ""
        form = f"{value.dtype} {tuple(value.shape)} {value.layout} on {value.device}{learns}{function}"
        walk.put(path, f"{named(type(value))} {form} {_elements(walk, value)}")
        if value.is_leaf and value.grad is not None:
            walk.visit(f"{path}.grad", walk.keep(value.grad))
        if vars(value):
            walk.attributes(path, vars(value))
        _memory(walk, path, value)
    else:
        return False
    return True


def _elements(walk: Walk, tensor: Any) -> str:
    """A digest of the elements, with the first few of them."""
    import torch

    plain = tensor.detach()
    if plain.layout != torch.strided or plain.is_quantized or plain.device.type == "meta":
        return walk.text(repr(plain))
    plain = plain.resolve_conj().resolve_neg().cpu().contiguous().reshape(-1)
    return f"{digest(plain.view(torch.uint8).numpy().tobytes())} {plain[:3].tolist()}" if plain.numel() else "empty"


def _memory(walk: Walk, path: str, tensor: Any) -> None:
    """Note which memory a dense tensor lies over."""
    import torch

    if tensor.layout != torch.strided or tensor.device.type == "meta" or not tensor.numel():
        return
    begin = tensor.data_ptr()
    steps = [step * (length - 1) for step, length in zip(tensor.stride(), tensor.shape)]  # noqa: B905 - as many
    high = begin + (sum(steps) + 1) * tensor.itemsize
    walk.memory(path, tensor, begin, begin, high)
