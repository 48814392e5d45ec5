"""A loopback AWS that executes the jobs, and a kernel that knows no other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nbprocess.testing.aws import Emulator, emulator

from ..live_kernel import Kernel


@pytest.fixture(scope="module")
def aws() -> Iterator[Emulator]:
    with emulator() as running:
        yield running


@pytest.fixture(scope="module")
def cloud_kernel(aws: Emulator, tmp_path_factory: pytest.TempPathFactory, _own_home: Path) -> Iterator[Kernel]:
    environment = {**aws.environment, "NBPROCESS_BACKEND": "sagemaker"}
    with Kernel(tmp_path_factory.mktemp("notebook"), _own_home, environment) as kernel:
        kernel.ok("%load_ext nbprocess\nimport numpy as np\nimport pandas as pd")
        yield kernel
