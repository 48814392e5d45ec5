"""pytest plugin for parallel runs (``-p tests.grouping --dist loadgroup``): which tests share a worker process.

All browser tests go to one worker, one after the other (a JupyterLab and a Chromium fill a core each); the other tests
stay together by file, so that a module's kernel or server is started once.
"""

from __future__ import annotations

import pytest


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        group = "browser" if item.get_closest_marker("browser") else item.nodeid.partition("::")[0]
        item.add_marker(pytest.mark.xdist_group(group))
