"""``--requirements`` are installed once; later jobs that ask for the same unpack what the first one has packed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import nbprocess.api
from nbprocess import layers
from nbprocess.errors import OptionError

from .live_kernel import Kernel

PACKAGE = """
[project]
name = "thing"
version = "{version}"
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
# A build backend of a few lines, so that no test waits for a registry.
BACKEND = """
import base64, hashlib, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    version = open('version').read()
    name = f'thing-{version}-py3-none-any.whl'
    info = f'thing-{version}.dist-info'
    with zipfile.ZipFile(f'{folder}/{name}', 'w') as wheel:
        wheel.writestr('thing.py', f'version = {version!r}\\n')
        wheel.writestr(f'{info}/METADATA', f'Metadata-Version: 2.1\\nName: thing\\nVersion: {version}\\n')
        wheel.writestr(f'{info}/WHEEL', 'Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
        wheel.writestr(f'{info}/RECORD', '')
    return name
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory, _own_home: Path) -> Iterator[Kernel]:
    """One kernel: installing knows nothing of the version of IPython."""
    with Kernel(tmp_path_factory.mktemp("notebook"), _own_home / "requirements") as running:
        running.ok("%load_ext nbprocess")
        yield running


def package(folder: Path, version: str) -> Path:
    root = folder / f"thing-{version}"
    root.mkdir(parents=True)
    (root / "pyproject.toml").write_text(PACKAGE.format(version=version))
    (root / "backend.py").write_text(BACKEND)
    (root / "version").write_text(version)
    return root


def cell(source: Path, name: str) -> str:
    return f"%%processing --requirements {source} --name {name}\nimport thing\nseen = (thing.version, thing.__file__)"


def log(kernel: Kernel, name: str) -> str:
    ran = kernel.ok(f"%processing_logs {name}")
    return ran.stdout + ran.stream("stderr")


def test_the_second_job_finds_them_installed(kernel: Kernel, tmp_path: Path) -> None:
    source = package(tmp_path, "1.0")
    kernel.ok(cell(source, "installs"))
    assert kernel.value("seen[0]") == "'1.0'" and "site-packages" not in kernel.value("seen[1]")
    assert "installing the requirements" in log(kernel, "installs")
    kernel.ok(cell(source, "unpacks"))
    assert kernel.value("seen[0]") == "'1.0'"
    assert "installing" not in log(kernel, "unpacks")
    kernel.ok(cell(package(tmp_path, "2.0"), "others"))
    assert kernel.value("seen[0]") == "'2.0'"
    assert "installing the requirements" in log(kernel, "others")


@pytest.mark.parametrize("fault", ["deleted", "changed"])
def test_a_layer_that_is_gone_or_changed_is_made_anew(kernel: Kernel, tmp_path: Path, fault: str) -> None:
    source = package(tmp_path, "1.0")
    kernel.ok(cell(source, f"makes-{fault}"))
    packed = kernel.home / f"buckets/nbprocess-local/jobs/makes-{fault}/out/algo-1/layer.tar"
    assert packed.is_file()
    if fault == "deleted":
        kernel.ok(f"import nbprocess\nnbprocess.attach('makes-{fault}').delete()")
        assert not packed.exists()
    else:
        content = bytearray(packed.read_bytes())
        content[600] ^= 1
        packed.chmod(0o600)
        packed.unlink()
        packed.write_bytes(bytes(content))
    kernel.ok(cell(source, f"again-{fault}"))
    assert kernel.value("seen[0]") == "'1.0'"
    said = log(kernel, f"again-{fault}")
    assert "installing" in said and ("pinned" in said) == (fault == "changed")


def test_what_cannot_be_installed_is_said(kernel: Kernel) -> None:
    ran = kernel.run("%%processing --requirements /nowhere/at/all\nnever_reached = 1")
    assert "--requirements" in ran.traceback + str(ran.outputs)
    assert kernel.value("'never_reached' in globals()") == "False"


def test_what_an_isolated_job_could_not_fetch_is_refused_unless_it_is_packed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: dict[str, Any] = {"backend": "local", "network_isolation": True, "requirements": "tinyhtml"}
    with pytest.raises(OptionError, match=r"--requirements: .*install tinyhtml, and under --network-isolation.*packed"):
        nbprocess.api.plan("1", {"__name__": "__main__"}, **asked)
    (tmp_path / "a.py").write_text("")
    with pytest.raises(OptionError, match=r"no network\. Choose an image that has them, or bring wheels"):
        nbprocess.submit_script(tmp_path / "a.py", **asked)
    assert nbprocess.api.plan("1", {"__name__": "__main__"}, **asked, env={"PIP_FIND_LINKS": "/opt/ml/wheels"})
    packed = {"uri": "s3://nbprocess-local/layer.tar", "sha256": "0" * 64, "size": 1}
    monkeypatch.setattr(layers, "find", lambda store, key: packed)
    assert "nbprocess-layer" in str(nbprocess.api.plan("1", {"__name__": "__main__"}, **asked).request)
