"""Instance types of SageMaker Processing, managed images, prices: generated data with source and date.

May import: ``errors``, the standard library.
"""

from __future__ import annotations

from .images import FRAMEWORKS, Image, framework_of, image, python_of, versions
from .instances import InstanceType, check_instance, choose, find, gpu_names, instance_names, larger, search
from .prices import Price, price

__all__ = [
    "FRAMEWORKS",
    "Image",
    "InstanceType",
    "Price",
    "check_instance",
    "choose",
    "find",
    "framework_of",
    "gpu_names",
    "image",
    "instance_names",
    "larger",
    "price",
    "python_of",
    "search",
    "versions",
]
