"""Which instance types there are, and the cheapest that has what is wished. Data: ``instances.json``."""

from __future__ import annotations

import difflib
import functools
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import OptionError

# GPUs that people ask for and Processing does not have: botocore's ProcessingInstanceType has none of their families.
_ELSEWHERE = {
    "A100": "p4d and p4de are for Training only",
    "H200": "p5e and p5en are for Training only",
    "B200": "p6-b200 is for Training only",
    "B300": "p6-b300 is for Training only",
    "GB200": "p6e-gb200 is for Training only",
    "TRAINIUM": "trn1 and trn2 are for Training only",
}


@dataclass(frozen=True)
class InstanceType:
    """One type. ``memory`` and ``gpu_memory`` (of one GPU) in bytes."""

    name: str
    vcpus: int
    memory: int
    gpus: int = 0
    gpu: str = ""
    gpu_memory: int = 0

    @property
    def text(self) -> str:
        """One line for people."""
        gpu = f", {self.gpus} x {self.gpu}" if self.gpus else ""
        return f"{self.name}: {self.vcpus} vCPU, {self.memory / 2**30:g} GiB{gpu}"


@functools.cache
def _all() -> dict[str, InstanceType]:
    data = json.loads(Path(__file__).with_name("instances.json").read_text())
    return {
        name: InstanceType(name, vcpus, memory * 2**20, gpus, gpu, gpu_memory * 2**20)
        for name, (vcpus, memory, gpus, gpu, gpu_memory) in data["instances"].items()
    }


def instance_names() -> list[str]:
    """All types."""
    return list(_all())


def gpu_names() -> list[str]:
    """The GPUs that Processing offers."""
    return sorted({item.gpu for item in _all().values() if item.gpu})


def find(name: str) -> InstanceType | None:
    """The type of that name; None when this list does not have it."""
    return _all().get(name)


# Families that Processing does not have: their GPU, and what else they are for.
_FAMILIES = {
    "p4d": "A100",
    "p4de": "A100",
    "p5e": "H200",
    "p5en": "H200",
    "p6-b200": "B200",
    "p6-b300": "B300",
    "p6e-gb200": "GB200",
    "trn1": "TRAINIUM",
    "trn1n": "TRAINIUM",
    "trn2": "TRAINIUM",
}


def check_instance(name: str, newer: Collection[str] = ()) -> None:
    """Whether Processing has a type of that name.

    Args:
        name: such as ``ml.m5.large``.
        newer: types that are known elsewhere, beside those of this list.

    Raises:
        OptionError: it has not; says why, and the nearest that it has.
    """
    if find(name) is not None or name in newer:
        return
    family = name.split(".")[1] if name.count(".") == 2 else ""
    gpu = _FAMILIES.get(family, "")
    if gpu:
        largest = ", ".join(item.text for item in sorted(_all().values(), key=_gpu_memory)[-3:][::-1])
        raise OptionError(
            f"--instance {name}: SageMaker Processing has no {gpu} ({_ELSEWHERE[gpu]}). The largest with GPUs that it "
            f"has: {largest}."
        )
    siblings = sorted((item for item in _all().values() if f".{family}." in item.name), key=lambda item: item.vcpus)
    if siblings:
        sizes = ", ".join(item.name for item in siblings)
        raise OptionError(f"--instance {name}: SageMaker Processing has no such size. Of this family it has: {sizes}.")
    near = difflib.get_close_matches(name, instance_names(), 5, 0.5)
    raise OptionError(
        f"--instance {name}: SageMaker Processing has no such type. "
        + (f"Did you mean: {', '.join(near)}?" if near else "Give --gpu, --cpus or --memory, and one is chosen.")
    )


def _gpu_memory(item: InstanceType) -> tuple[int, int]:
    return item.gpus * item.gpu_memory, item.vcpus


def search(text: str) -> list[InstanceType]:
    """Types whose name or GPU has every word of ``text``."""
    words = text.lower().split()
    return [item for item in _all().values() if all(word in item.text.lower() for word in words)]


def choose(
    gpu: str | None = None,
    cpus: int | None = None,
    memory: int | None = None,
    prices: Mapping[str, float] | None = None,
) -> InstanceType:
    """The cheapest type that fits; where prices are not known, the smallest.

    Args:
        gpu: ``T4`` or ``T4:2``.
        cpus: at least so many vCPUs.
        memory: at least so many bytes.
        prices: type → what an hour of it costs; the whole list of a region, or nothing.

    Raises:
        OptionError: no type fits; says what there is.
    """
    name, _, number = (gpu or "").partition(":")
    if number and not number.isdigit():
        raise OptionError(f"--gpu {gpu}: {number!r} is no number of GPUs; write it like {name}:2.")
    count = int(number) if number else 1
    if gpu:
        _check_gpu(name)
    fits = [
        item
        for item in _all().values()
        if (not gpu or (_same(item.gpu, name) and item.gpus >= count))
        and (gpu or not item.gpus)
        and item.vcpus >= (cpus or 0)
        and item.memory >= (memory or 0)
    ]
    if not fits:
        wish = " ".join(
            part
            for part in (gpu and f"--gpu {gpu}", cpus and f"--cpus {cpus}", memory and f"--memory {memory}")
            if part
        )
        largest = max((i.gpus for i in _all().values() if gpu and _same(i.gpu, name)), default=0)
        more = f" The most {name} in one instance are {largest}." if largest else ""
        raise OptionError(f"{wish}: no instance type of SageMaker Processing has that.{more} Ask for less.")

    def rank(item: InstanceType) -> tuple[float, int, int, int, str]:
        return ((prices or {}).get(item.name, float("inf")), item.gpus, item.vcpus, item.memory, item.name)

    return min(fits, key=rank)


def larger(name: str) -> InstanceType | None:
    """The next larger size of the same family; None for the largest, and for types that are not known."""
    item = find(name)
    if item is None:
        return None
    family = name.rpartition(".")[0]
    sizes = [other for other in _all().values() if other.name.startswith(f"{family}.") and other.memory > item.memory]
    return min(sizes, key=lambda other: (other.memory, other.vcpus), default=None)


def _plain(gpu: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", gpu.upper().replace("NVIDIA", "").replace("TESLA", "").replace("SERVER", ""))


def _same(first: str, second: str) -> bool:
    return bool(first) and _plain(first) == _plain(second)


def _check_gpu(name: str) -> None:
    if any(_same(known, name) for known in gpu_names()):
        return
    offered = ", ".join(gpu_names())
    for missing, why in _ELSEWHERE.items():
        if _same(missing, name):
            raise OptionError(f"--gpu {name}: SageMaker Processing has none ({why}). It offers: {offered}.")
    raise OptionError(f"--gpu {name}: no such GPU. SageMaker Processing offers: {offered}.")
