"""Runs inside the kernels that are compared: equal beginnings, and a structural fingerprint of everything they hold.

The fingerprint is a flat table ``path → token``. Two kernels that hold equal values, shared in the same way, give equal
tables; where they differ, the path says where. May import: the standard library; NumPy, pandas and others only where
the notebook has imported them.
"""

from __future__ import annotations

import importlib.util
import json
import os
import random
import sys
from typing import Any

from .walk import Walk

SEED = 20_240_229
_OWN = {"In", "Out", "get_ipython", "exit", "quit", "open", "display"}


def begin(extension: str = "nbprocess") -> None:
    """Make a fresh kernel like its siblings: the extension is loaded, the unseeded generators start equal."""
    shell = _shell()
    shell.run_line_magic("load_ext", extension)
    random.seed(SEED)
    if importlib.util.find_spec("numpy") is not None:
        import numpy

        numpy.random.seed(SEED)


def uncount() -> None:
    """Let the next cell have the number of the last one."""
    _shell().execution_count -= 1


def write(path: str, place: str, generators: str) -> None:
    """Write the fingerprint of the user's names, of the last output and of the ambient state to ``path`` as JSON.

    Args:
        path: the file, overwritten.
        place: the kernel's folder, replaced in texts so that siblings agree.
        generators: the file for the states of the random generators.
    """
    from nbprocess.worker import ambient, torchstate

    states = ambient.generators()
    torch = sys.modules.get("torch")
    if torch is not None:  # which begins with another seed in each process
        states["torch.random"] = torchstate.COLLECT["torch.random"](torch)
    with open(generators, "w") as file:
        json.dump(states, file)
    with open(path, "w") as file:
        json.dump(state(place), file)


def take(path: str) -> None:
    """Put the random generators into the states that another kernel's ``write`` noted."""
    from nbprocess.worker import ambient

    with open(path) as file:
        ambient.apply(json.load(file))


def state(place: str = "") -> dict[str, str]:
    """The table of this kernel."""
    from nbprocess.worker import formatters

    shell = _shell()
    walk = Walk(place)
    namespace = shell.user_ns
    names = sorted(name for name in namespace if isinstance(name, str) and not _is_ipythons(name, namespace, shell))
    for name in names:
        walk.root(name, namespace[name])
    outputs = namespace.get("Out")
    last = shell.execution_count - 1
    if isinstance(outputs, dict) and last in outputs:
        walk.root(f"Out[{last}]", outputs[last])
    walk.root("_", namespace.get("_"))
    for kind, typ, function in formatters.registered(shell):
        name = typ.__name__ if isinstance(typ, type) else ".".join(typ)
        walk.root(f"ambient formatters {kind} of {name}", function)
    for section, value in _ambient().items():
        walk.root(f"ambient {section}", value)
    return walk.table()


def _shell() -> Any:
    from IPython import get_ipython  # type: ignore[attr-defined]

    return get_ipython()  # type: ignore[no-untyped-call]


def _is_ipythons(name: str, namespace: dict[str, Any], shell: Any) -> bool:
    """Whether IPython put the name there and the notebook did not bind it since."""
    if name.startswith("_") and (name.strip("_") == "" or name[1:2] in "iod" or name[1:].isdigit() or name[:2] == "__"):
        return True
    if name in _OWN:
        return True
    hidden = shell.user_ns_hidden
    return name in hidden and hidden[name] is namespace[name]


def _ambient() -> dict[str, Any]:
    """What is compared beside the names: the same sections that travel."""
    import logging

    from nbprocess.worker import ambient, settings

    # A library of which nothing is to be said may be imported at one end alone (SymPy, by PyTorch).
    sections = {name: section for name, section in ambient.collect().items() if section is not None}
    loggers = {"": logging.root, **logging.root.manager.loggerDict}
    own = {name: getattr(logger, "handlers", None) for name, logger in loggers.items() if settings.is_own(name)}
    sections["handlers"] = {name: held for name, held in sorted(own.items()) if held}
    sections["current directory"] = os.getcwd()
    return sections
