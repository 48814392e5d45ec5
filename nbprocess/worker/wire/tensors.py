"""PyTorch tensors: their storage out of band and uncopied, shared storages shared, on their device where there is one.

May import: the standard library, this folder; PyTorch and NumPy inside the functions.
"""

from __future__ import annotations

import pickle
import threading
import warnings
from typing import Any, Dict, Iterator, List, Optional, Set, Tuple

from . import arrays

GRAPH = (
    "part of an autograd graph, which does not travel: backward() through it raises an error. "
    "Call backward() in the cell that computes it."
)
_STAYED = (
    "the autograd graph of a tensor ({}) stayed where the tensor was computed: a graph does not travel to a job or "
    "back. Call backward() in the cell that computes it."
)


class Storage:
    """The bytes under tensors, at either end: all tensors over one storage hold the same one of these.

    ``flat``: a tensor of uint8 over all of it, on the device where it is. It keeps the storage alive, so that its
    address is not given to another one while tensors are told apart by it. ``over``: the array of NumPy whose memory it
    is (``torch.from_numpy``), where that goes along.
    """

    __slots__ = ("flat", "over")

    def __init__(self, flat: Any, over: Any = None) -> None:
        self.flat = flat
        self.over = over

    def __reduce__(self) -> Any:
        if self.over is not None:
            return make_storage_over, (self.over, self.flat.data_ptr() - arrays.address(self.over), self.flat.nbytes)
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


def make_storage_over(array: Any, offset: int, size: int) -> Storage:
    """The memory of an array of NumPy from a byte on, as a storage."""
    import numpy as np
    import torch

    view = arrays.make_view_at(array, offset, np.dtype(np.uint8), (size,), (1,), True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # an array that is not to be written to
        return Storage(torch.from_numpy(view), array)


def make_array_over(storage: Storage, offset: int, *facts: Any) -> Any:
    """An array of NumPy over a storage, as ``tensor.numpy()`` gives it."""
    return arrays.make_view_at(storage.flat.numpy(), offset, *facts)


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


def over_arrays(
    picklers: List[Any], known: Dict[Any, Storage], there: List[Any]
) -> Tuple[Dict[int, Any], Dict[int, Any]]:
    """Memory that tensors have in common with arrays of NumPy: ``torch.from_numpy``, ``tensor.numpy()``.

    Storages are told which array they lie over, and picklers that their tensors lie over the memory of arrays.

    Args:
        picklers: after a first way through the values.
        known: the storages that the other end has.
        there: the arrays that the other end has.

    Returns:
        Owners of memory, by identity → what is to be looked at as their memory; and those of them of the other end.
    """
    held = {id(storage): storage for storage in known.values()}
    held.update(item for pickler in picklers for item in pickler.held.items())
    on_cpu = [storage for storage in held.values() if storage.flat.device.type == "cpu" and storage.flat.nbytes]
    old = {id(storage) for storage in known.values()} | {id(array) for array in there}
    owners = {id(owner): owner for pickler in picklers for owner, _ in pickler.owners.values()}
    found = [*there, *owners.values()]
    candidates = {id(array): array for array in found if array.nbytes and not array.dtype.hasobject}
    places = [(*_extent(item), item) for item in [*on_cpu, *candidates.values()]]
    shared: Dict[int, Any] = {}
    at_other_end: Dict[int, Any] = {}
    for group in _overlapping(places):
        plain = [place for place in group if not isinstance(place[2], Storage)]
        stored = [place for place in group if isinstance(place[2], Storage)]
        if not plain or not stored or all(id(item) in old for _, _, item in group):
            continue
        first, end = min(place[0] for place in stored), max(place[1] for place in stored)
        covering = [array for low, high, array in plain if low <= first and high >= end]
        covering.sort(key=lambda array: (id(array) not in old, not array.flags.owndata))
        stays = next((storage for _, _, storage in stored if id(storage) in old), None)
        base = covering[0] if covering and (stays is None or id(covering[0]) in old) else stays
        base = base if base is not None else max(stored, key=lambda place: place[1] - place[0])[2]
        keys = {id(arrays.owner(array)) for _, _, array in plain}
        (at_other_end if id(base) in old else shared).update(dict.fromkeys(keys, base))
        inside = {id(storage) for _, _, storage in stored}
        for _, _, storage in stored:
            if id(storage) not in old and not isinstance(base, Storage):
                storage.over = base
        for pickler in picklers:
            if inside & pickler.held.keys():
                for key in keys:
                    pickler.owners.setdefault(key, [base, set()])
    return shared, at_other_end


def _extent(item: Any) -> Tuple[int, int]:
    """From where to where in memory."""
    if isinstance(item, Storage):
        return item.flat.data_ptr(), item.flat.data_ptr() + item.flat.nbytes
    return arrays.bounds(item)


def _overlapping(places: List[Tuple[int, int, Any]]) -> Iterator[List[Tuple[int, int, Any]]]:
    """The places in groups that lie over the same memory."""
    group: List[Tuple[int, int, Any]] = []
    end = 0
    for place in sorted(places, key=lambda place: place[:2]):
        if place[0] >= end and group:
            yield group
            group = []
        group.append(place)
        end = max(end, place[1])
    yield group


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
    return make_tensor, (_held(pickler, tensor.untyped_storage()), *_facts(tensor))


def _held(pickler: Any, untyped: Any) -> Storage:
    found = storage_of(pickler.storages, untyped)
    pickler.held[id(found)] = found
    return found


def _facts(tensor: Any) -> Tuple[Any, ...]:
    import torch

    place = (tensor.dtype, tensor.storage_offset(), tuple(tensor.shape), tuple(tensor.stride()), str(tensor.device))
    gradient = tensor.grad if tensor.is_leaf else None
    return *place, tensor.requires_grad, type(tensor) is torch.nn.Parameter, gradient, _function(tensor)


def _function(tensor: Any) -> Optional[str]:
    """What computed a tensor, where it is part of an autograd graph."""
    return None if tensor.grad_fn is None else str(tensor.grad_fn.name())


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
    function: Optional[str] = None,
) -> Any:
    """The inverse of ``reduce_tensor``: over the memory of ``storage``, on the CPU where there is no such device.

    Args:
        function: what computed it, where it is part of an autograd graph.
    """
    import torch

    where = _device(device)
    made = torch.empty(0, dtype=dtype, device=where).set_(storage.on(where), offset, shape, strides)
    if parameter:
        made = torch.nn.Parameter(made, requires_grad=requires_grad)
    elif function is not None:
        made = grow(made, function)
    elif requires_grad:
        made.requires_grad_()
    if gradient is not None:
        made.grad = gradient
    return made


def grow(tensor: Any, function: str) -> Any:
    """Make a tensor the end of a graph that is not here: it shows what computed it, and backward() through it raises
    an error. (Detached, it would give other tensors no gradient, without a word.)

    Args:
        tensor: no view of another one. It is changed in place.
        function: the name of what computed it, such as ``MseLossBackward0``.
    """
    import torch

    if function not in _absent:

        def forward(_: Any, anchor: Any, held: Any) -> Any:
            return held[0]

        def backward(*_: Any) -> Any:
            raise RuntimeError(_STAYED.format(function))

        methods = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
        made: Any = type(torch.autograd.Function)("Absent", (torch.autograd.Function,), methods)
        made._backward_cls.__name__ = function
        _absent[function] = made
    with torch.enable_grad():
        return _absent[function].apply(torch.empty(0, requires_grad=True), [tensor])


_absent: Dict[str, Any] = {}
"""By name: functions whose graph stayed at the other end."""


def reduce_storage(pickler: Any, storage: Any) -> Any:
    """The reduction of PyTorch's own storages, over which tensors of other kinds lie: sparse, quantized, subclasses."""
    import torch

    typed = isinstance(storage, torch.storage.TypedStorage)
    untyped = storage._untyped_storage if typed else storage
    if untyped.device.type == "meta":
        return NotImplemented
    return make_torch_storage, (_held(pickler, untyped), storage.dtype if typed else None, str(untyped.device))


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
        note(f"it was on {name}, and there is none here: it is on the CPU.")
    return torch.device("cpu")


_here = threading.local()


def note(line: str) -> None:
    """Note what has to be said of devices here, of the value that is loaded now."""
    _here.moved = {*getattr(_here, "moved", ()), line}


def moved() -> Set[str]:
    """What has to be said of devices here, since the last call in this thread."""
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
    *form, gradient, function = _facts(tensor)
    return digest, (*form, function), gradient


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
    storage, dtype, offset, shape, strides, device, requires_grad, _, gradient, function = changed
    fresh = make_tensor(storage, dtype, offset, shape, strides, device, False, False)
    mine = tensor.detach()
    try:
        if (mine.dtype, mine.shape, mine.stride()) != (fresh.dtype, fresh.shape, fresh.stride()):
            tensor.data = fresh
        elif 0 in mine.stride():  # elements that share their memory (expand)
            mine.untyped_storage().copy_(fresh.untyped_storage())
        else:
            mine.copy_(fresh)
        if function != _function(tensor):
            tensor.requires_grad_(False) if tensor.is_leaf else tensor.detach_()
            if function is not None:
                grow(tensor, function)
        if tensor.is_leaf:
            tensor.requires_grad_(requires_grad)
            tensor.grad = gradient
    except (RuntimeError, TypeError):
        return False
    return True
