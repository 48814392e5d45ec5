"""Which distributions provide the modules that a cell imports, and which of them a worker lacks.

May import: the standard library only.
"""

from __future__ import annotations

import functools
import importlib.metadata
import re
import sys
from collections.abc import Iterable, Mapping

# Asking the metadata of everything that is installed takes a tenth of a second; these are the usual answers.
_USUAL = {
    "sklearn": "scikit-learn",
    "PIL": "pillow",
    "cv2": "opencv-python",
    "yaml": "pyyaml",
    "bs4": "beautifulsoup4",
    "skimage": "scikit-image",
    "dateutil": "python-dateutil",
    "mpl_toolkits": "matplotlib",
    "pylab": "matplotlib",
    "dotenv": "python-dotenv",
    "OpenSSL": "pyopenssl",
    "Crypto": "pycryptodome",
    "google": "google-api-core",
    "attr": "attrs",
    "faiss": "faiss-cpu",
}


@functools.lru_cache(maxsize=4096)
def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@functools.lru_cache(maxsize=1)
def _provided() -> Mapping[str, list[str]]:
    return importlib.metadata.packages_distributions()


def distributions(module: str) -> list[str]:
    """Names of the distributions that provide a top-level module, the most likely first."""
    usual = _USUAL.get(module)
    named = module.lstrip("_") or module  # `_duckdb`: Python 3.11 overlooks a file of compiled code beside the packages
    return list(dict.fromkeys([*([usual] if usual else []), *_provided().get(module, ()), named, module]))


def absent_packages(imports: Iterable[str], packages: Mapping[str, str]) -> list[tuple[str, str]]:
    """Imported modules that a worker has no package for, as (module, distribution to install).

    Args:
        imports: top-level modules (``Capture.imports``).
        packages: the worker's distributions (or top-level modules) → versions.
    """
    there = {_normal(name) for name in packages}
    absent: list[tuple[str, str]] = []
    for module in imports:
        top = module.partition(".")[0]
        if top in sys.stdlib_module_names or _normal(top) in there or _normal(_USUAL.get(top, top)) in there:
            continue
        candidates = distributions(top)
        if not any(_normal(name) in there for name in candidates):
            absent.append((top, candidates[0]))
    return absent


def differing_packages(imports: Iterable[str], packages: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Installed packages behind the imports that a worker has not at the version that is here.

    Args:
        imports: top-level modules.
        packages: the worker's distributions → versions; what it lacks, or is not known of it, differs.

    Returns:
        (distribution, version here, version there or ""), sorted.
    """
    third = {module.partition(".")[0] for module in imports} - sys.stdlib_module_names
    there = {_normal(name): version for name, version in packages.items()} if third else {}
    found = set()
    for top in third:
        for name in distributions(top):
            try:
                here = importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                continue  # a module of the notebook's own, or another distribution's name
            other = there.get(_normal(name), "")
            if other != here:
                found.add((_normal(name), here, other))
            break
    return sorted(found)
