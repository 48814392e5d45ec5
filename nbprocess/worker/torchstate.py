"""PyTorch's generators and what a notebook sets for the whole process: default type and device, gradients on or off,
determinism, precision, how tensors are printed. As JSON, for ``ambient``. May import: the standard library.
"""

from __future__ import annotations

import base64

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any

MODULES = {"torch.random": "torch", "torch": "torch"}

_DEFAULT_SEED = 67280421310721  # of every generator until manual_seed() is called: c10::detail's default_rng_seed_val
_elsewhere: dict[str, Any] = {}
"""The states of GPU generators that this process has not got, or has not begun to use: they travel on, unchanged, as
long as ``seed`` is the one that they were drawn with."""


def _random(torch: Any) -> Any:
    state: dict[str, Any] = {"cpu": _encode(torch.get_rng_state())}
    if torch.cuda.is_initialized():
        state["cuda"] = [_encode(torch.cuda.get_rng_state(n)) for n in range(torch.cuda.device_count())]
    elif _elsewhere.get("seed") == torch.initial_seed():
        state["cuda"] = _elsewhere["cuda"]
    return state


def _apply_random(torch: Any, state: Any) -> None:
    torch.set_rng_state(_decode(torch, state["cpu"]))
    seed = torch.initial_seed()  # came with the state
    if "cuda" in state:
        _elsewhere.update(seed=seed, cuda=state["cuda"])
        for number, text in enumerate(state["cuda"][: torch.cuda.device_count()]):
            torch.cuda.set_rng_state(_decode(torch, text), number)  # takes effect when CUDA is first used
    elif seed != _DEFAULT_SEED:
        torch.cuda.manual_seed_all(seed)  # as manual_seed() would have done here; nothing where there is no GPU


def _encode(state: Any) -> str:
    return base64.b64encode(state.numpy().tobytes()).decode("ascii")


def _decode(torch: Any, text: str) -> Any:
    return torch.frombuffer(bytearray(base64.b64decode(text)), dtype=torch.uint8)


_PRINT_OPTIONS = ("precision", "threshold", "edgeitems", "linewidth", "sci_mode")


def _settings(torch: Any) -> Any:
    printing = torch._tensor_str.PRINT_OPTS
    return {
        "dtype": str(torch.get_default_dtype()).rpartition(".")[2],
        "device": str(torch.get_default_device()) if hasattr(torch, "get_default_device") else "cpu",
        "gradients": torch.is_grad_enabled(),
        "deterministic": [
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
        ],
        "matmul": torch.get_float32_matmul_precision(),
        "cudnn": [torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic],
        "printing": {name: getattr(printing, name) for name in _PRINT_OPTIONS},
    }


def _apply_settings(torch: Any, state: Any) -> list[str]:
    here, notes = _settings(torch), []
    for name, value in state.items():
        if here.get(name) == value:
            continue
        if name == "dtype":
            torch.set_default_dtype(getattr(torch, value))
        elif name == "device":
            if value.startswith("cuda") and not torch.cuda.is_available():
                notes.append(f"torch.set_default_device({value!r}) has no effect here: there is no such device")
            else:
                torch.set_default_device(value)
        elif name == "gradients":
            torch.set_grad_enabled(value)
        elif name == "deterministic":
            torch.use_deterministic_algorithms(value[0], warn_only=value[1])
        elif name == "matmul":
            torch.set_float32_matmul_precision(value)
        elif name == "cudnn":
            torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = value
        elif name == "printing":
            torch.set_printoptions(**value)
    return notes


COLLECT = {"torch.random": _random, "torch": _settings}
APPLY = {"torch.random": _apply_random, "torch": _apply_settings}
