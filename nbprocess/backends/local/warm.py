"""Which installed modules a notebook uses, so that the fork server can have them loaded.

May import: the standard library.
"""

from __future__ import annotations

import functools
import sys
import sysconfig
import types
from collections.abc import Mapping
from typing import Any

_MOST = 100
WARM = ".warm"
"""What the warm server's socket is called beside the plain one's."""


def imported(namespace: Mapping[str, Any]) -> tuple[str, ...]:
    """Dotted names of the installed modules that the values of a namespace come from.

    Only what lies in ``site-packages``: the notebook's own modules and editable installs change while people work, and
    a job has to see them as they are now.
    """
    installed = _site_packages()
    names: dict[str, None] = {}
    for value in list(namespace.values()):
        if isinstance(value, types.ModuleType):
            name = value.__name__
        elif isinstance(value, (type, types.FunctionType)):
            name = value.__module__
        else:
            name = type(value).__module__
        if isinstance(name, str):
            names[name] = None
    found = [n for n in names if str(getattr(sys.modules.get(n), "__file__", None) or "").startswith(installed)]
    return tuple(name for name in found if name.partition(".")[0] not in ("nbprocess", "ipykernel", "IPython"))[:_MOST]


@functools.cache
def _site_packages() -> tuple[str, ...]:
    return tuple({sysconfig.get_path(kind) + "/" for kind in ("purelib", "platlib")})
