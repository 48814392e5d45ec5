"""``--mirror``: the job gets the packages that the cell uses at the versions that are here."""

from __future__ import annotations

import shutil
import subprocess
from importlib import metadata

import pytest

from nbprocess.backends.local import images
from nbprocess.capture import differing_packages

from .live_kernel import Kernel


@pytest.fixture(scope="module")
def other_python() -> str:
    """The path of another Python with pip."""
    for path in images.available().values():
        if path == images.interpreter_of(images.default_image()) or not shutil.which(path):
            continue
        if subprocess.run([path, "-m", "pip", "--version"], capture_output=True).returncode == 0:
            return path
    pytest.skip("there is no other Python with pip on this machine")


def test_what_differs_is_named_with_both_versions() -> None:
    here = metadata.version("numpy")
    assert differing_packages(["numpy", "os", "no_such_module"], {"numpy": here}) == []
    assert differing_packages(["numpy"], {"NumPy": "1.0"}) == [("numpy", here, "1.0")]
    assert differing_packages(["sklearn"], {}) == [("scikit-learn", metadata.version("scikit-learn"), "")]


def test_the_plan_shows_what_it_installs(kernel: Kernel, other_python: str) -> None:
    text = kernel.ok(f"%%processing --image {other_python} --mirror --dry-run\nimport idna").stdout
    assert f"installs  idna=={metadata.version('idna')}" in text
    same = kernel.ok("%%processing --mirror --dry-run\nimport idna").stdout
    assert "installs" not in same


def test_the_job_has_the_version_that_is_here(kernel: Kernel, other_python: str) -> None:
    version = metadata.version("idna")
    other = "3.4" if version != "3.4" else "3.6"
    kernel.ok(
        f"%%processing --image {other_python} --mirror\n"
        "import idna, sys\nfrom importlib.metadata import version\n"
        "there = (version('idna'), sys.version_info[:2])"
    )
    assert kernel.value("there[0]") == repr(version)
    assert kernel.value("there[1] == __import__('sys').version_info[:2]") == "False"
    kernel.ok(
        f"%%processing --image {other_python} --mirror --requirements idna=={other}\n"
        "import idna\nfrom importlib.metadata import version\nasked = version('idna')"
    )
    assert kernel.value("asked") == repr(other), "what the user names wins over what is here"
