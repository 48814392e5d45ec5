"""The values that capture hands on: plain, frozen, printable.

May import: the standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Strength = Literal["must", "maybe"]


@dataclass(frozen=True)
class Cell:
    """One cell, as typed and as it will be compiled.

    ``code`` is Python after IPython's transform; ``first_line`` is the line of the notebook's cell on which ``code``
    starts (the magic line is line 1); ``flags`` are the ``__future__`` features of earlier cells; ``room`` is how many
    calls fit on it here.
    """

    source: str
    code: str
    filename: str = "<cell>"
    first_line: int = 1
    flags: int = 0
    interactivity: str = "last_expr"
    execution_count: int | None = None
    room: int | None = None


@dataclass(frozen=True)
class Need:
    """A name of the namespace that the cell reads.

    ``must``: read before the cell assigned it on every path. ``maybe``: read in a function body, after a conditional
    assignment, or named in a string. ``line`` is that of the cell, or of the definition that needs it; ``via`` is the
    notebook function or class through which it is needed. ``existence``: only its being there matters (``del x``,
    ``'x' in globals()``), so that a stand-in may be sent for a large value.
    """

    name: str
    strength: Strength
    line: int
    via: str = ""
    existence: bool = False


@dataclass(frozen=True)
class LocalFile:
    """A file to send: ``path`` is absolute, ``target`` relative to the notebook's folder (see ``Capture.below``)."""

    path: str
    target: str
    kind: Literal["module", "data"]


@dataclass(frozen=True)
class Capture:
    """All that a cell needs elsewhere. See ``docs/architecture.md``."""

    cell: Cell
    needs: tuple[Need, ...] = ()
    binds: tuple[str, ...] = ()
    deletes: tuple[str, ...] = ()
    undefined: tuple[Need, ...] = ()
    files: tuple[LocalFile, ...] = ()
    below: str = ""
    """The notebook's folder, seen from the one that all files, folders and ``syspath`` are told relative to: '' when
    that is itself, ``notebooks`` where the cell names ``../data/x.csv``."""
    syspath: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    submodules: tuple[str, ...] = ()
    """Loaded submodules that the code reaches as attributes (``scipy.stats`` after ``import scipy``)."""
    dotted: tuple[str, ...] = ()
    """Submodules that the code imports (``import a.b``)."""
    ambient: dict[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    whole_namespace: bool = False
    history: tuple[str, ...] = ()
    """Which of ``In`` and ``Out`` the cell reads."""
    formatters: list[Any] = field(default_factory=list)
    """What the notebook registered with IPython's formatters, as ``nbprocess.worker.formatters`` gives it."""
    attached: dict[str, Any] = field(default_factory=dict)
    """What the notebook set on modules and classes of libraries, as ``nbprocess.worker.attached`` gives it."""
    withheld: dict[str, str] = field(default_factory=dict)
    """Names that the secret guard left out, with the reason: for tombstones at the worker."""
    defined: frozenset[int] = frozenset()
    """Identities of the notebook's functions (of their code) and classes whose needs are among these."""
