"""Instance types of SageMaker Processing, their GPUs, and prices: generated data with its source and date.

May import: ``errors``, the standard library.
"""

from __future__ import annotations

from .instances import InstanceType, choose, find, gpu_names, instance_names, search
from .prices import Price, price

__all__ = ["InstanceType", "Price", "choose", "find", "gpu_names", "instance_names", "price", "search"]
