"""Parameters of HoloViz's ``param``: a class has them as attributes, and lists them in tables of its own. For a class
of the notebook, those in the tables are the very attributes that its statement made at the other end.

May import: the standard library, this folder.
"""

from __future__ import annotations

from typing import Any, Dict

from .ways import Table


def _reduce_parameter(parameter: Any) -> Any:
    owner, name = parameter.owner, parameter.name
    if getattr(owner, "__module__", None) != "__main__" or vars(owner).get(name) is not parameter:
        return NotImplemented
    return find_parameter, (owner, name), parameter.__getstate__(), None, None, set_parameter


def find_parameter(owner: type, name: str) -> Any:
    """The attribute of the class that is here."""
    return vars(owner)[name]


def set_parameter(parameter: Any, state: Dict[str, Any]) -> None:
    """Give it what it has at the other end, without telling those who watch it."""
    for name, value in state.items():
        object.__setattr__(parameter, name, value)


TABLE: Table = [(("param", "Parameter"), _reduce_parameter)]
