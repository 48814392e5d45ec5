"""Cells that run in a process forked from a warm interpreter behave as those in a fresh one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .live_kernel import Kernel

SETUP = """
%load_ext nbprocess
import numpy as np, pandas as pd, sklearn
import matplotlib.pyplot as plt
"""
EARLY = "%%processing\nimport sys\nearly = 'sklearn' in sys.modules\nimport sklearn"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    folder, home = tmp_path_factory.mktemp("notebook"), tmp_path_factory.mktemp("home")
    with Kernel(folder, Path(home)) as kernel:
        kernel.ok(SETUP)
        deadline = time.monotonic() + 90
        kernel.ok(EARLY)
        while kernel.value("early") != "True":  # the warm server is prepared while people go on
            assert time.monotonic() < deadline, "the notebook's imports are never loaded in advance"
            time.sleep(0.5)
            kernel.ok(EARLY)
        yield kernel


def test_a_cell_that_needs_no_library_is_forked_from_the_plain_interpreter(kernel: Kernel) -> None:
    kernel.ok("%%processing\nimport sys\nearly = [m for m in ('pandas', 'numpy', 'IPython') if m in sys.modules]")
    assert kernel.value("early") == "[]"


def test_pandas_takes_the_job_for_a_notebook(kernel: Kernel) -> None:
    kernel.ok("%%processing\nhere = pd.get_option('display.max_columns')")
    assert kernel.value("here == pd.get_option('display.max_columns')") == "True"


def test_each_job_has_random_numbers_of_its_own(kernel: Kernel) -> None:
    kernel.ok("%%processing\nimport random, uuid\nfirst = (np.random.default_rng().random(), uuid.uuid4().hex)")
    kernel.ok("%%processing\nimport random, uuid\nsecond = (np.random.default_rng().random(), uuid.uuid4().hex)")
    assert kernel.value("first[0] != second[0] and first[1] != second[1]") == "True"


def test_an_import_draws_as_it_does_in_a_fresh_interpreter(kernel: Kernel, tmp_path: Path) -> None:
    """scikit-learn imports rich, where that is installed, and rich draws from ``random`` for its first id."""
    cell = "import random, warnings\nrandom.seed(5)\nbefore = warnings.filters[:]\nimport sklearn.linear_model\n"
    cell += "drawn = random.random()\nfilters = sorted(str(f[:3]) for f in warnings.filters if f not in before)"
    with Kernel(tmp_path, kernel.home) as other:  # the warm server is there, and this kernel has only pandas
        other.ok("%load_ext nbprocess\nimport pandas as pd")
        other.ok("%%processing\npd.DataFrame\nimport sys\nwarm = 'sklearn' in sys.modules\n" + cell)
        assert other.value("warm") == "True"
        found = other.value("drawn"), other.value("filters")
    with Kernel(tmp_path, kernel.home) as fresh:
        fresh.ok("import pandas as pd\n" + cell)
        assert (fresh.value("drawn"), fresh.value("filters")) == found


def test_linear_algebra_uses_all_cores_after_the_fork(kernel: Kernel) -> None:
    kernel.ok(
        "%%processing\n"
        "import os\n"
        "a = np.ones((1500, 1500))\n"
        "right = bool((a @ a == 1500).all())\n"
        "threads, cores = len(os.listdir('/proc/self/task')), len(os.sched_getaffinity(0))"
    )
    assert kernel.value("right") == "True"
    assert kernel.value("threads >= cores") == "True"


def test_figures_are_shown_though_matplotlib_was_loaded_before_the_notebook(kernel: Kernel) -> None:
    ran = kernel.ok("%%processing\nplt.plot([1, 2])\nNone")
    assert any("image/png" in output.get("data", {}) for output in ran.outputs)


def test_a_module_of_the_notebooks_folder_is_never_loaded_in_advance(kernel: Kernel) -> None:
    (kernel.folder / "mine.py").write_text("value = 1\n")
    kernel.ok("import mine\n")
    kernel.ok("%%processing\nseen = mine.value")
    (kernel.folder / "mine.py").write_text("value = 22\n")
    ran = kernel.ok("%%processing\nimport mine\nseen = mine.value")
    assert kernel.value("seen") == "22"
    assert "mine was edited since it was imported here; the job has it as it is now." in str(ran.outputs)


def test_processes_of_joblib_take_the_notebooks_functions(kernel: Kernel) -> None:
    """joblib loads cloudpickle in the warm server, since 1.6; the worker must not have another one."""
    kernel.ok("import joblib\ndef double(x): return 2 * x")
    kernel.ok(
        "%%processing\n"
        "import sklearn, cloudpickle\n"
        "found = joblib.Parallel(n_jobs=2)(joblib.delayed(double)(n) for n in range(3))"
    )
    assert kernel.value("found") == "[0, 2, 4]"
