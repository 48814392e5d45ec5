"""Ambient state (random states, options, filters) as JSON: collected at one end, applied at the other by the same code.

Only libraries that are loaded are looked at; nothing is imported. May import: the standard library.
"""

from __future__ import annotations

import contextlib
import sys

from . import (
    drawing,
    filters,
    formatters,
    formulas,
    holoviz,
    ipystate,
    kerasstate,
    libraries,
    options,
    settings,
    standard,
    torchstate,
)

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_SECTIONS = (libraries, settings, standard, options, kerasstate, torchstate)
_MODULES = {  # section → the module whose import makes it exist
    "sympy": "sympy",
    "holoviews": "holoviews",
    "panel": "panel",
    **{section: name for part in _SECTIONS for section, name in part.MODULES.items()},
}
_COLLECT = {
    "sympy": formulas.collect,
    "holoviews": holoviz.collect,
    "panel": holoviz.collect_panel,
    **{section: read for part in _SECTIONS for section, read in part.COLLECT.items()},
}
_APPLY = {
    "sympy": formulas.apply,
    "holoviews": holoviz.apply,
    "panel": holoviz.apply_panel,
    **{section: put for part in _SECTIONS for section, put in part.APPLY.items()},
}


def collect(loaded: Any = None) -> dict[str, object]:
    """The ambient state of this process.

    Args:
        loaded: the modules that count as loaded, by name; ``sys.modules`` when None.

    Returns:
        A JSON-able dict from section to state; sections of libraries that are not loaded are absent.
    """
    modules = sys.modules if loaded is None else loaded
    state = _of(section for section, name in _MODULES.items() if name in modules)
    state["warnings"] = filters.collect()
    shell = formatters.shell_here()
    if shell is not None:
        state["ipython"] = ipystate.collect(shell)
    return state


def apply(state: dict[str, object]) -> list[str]:
    """Make ``state`` this process's own, for the libraries that are loaded here.

    Returns:
        What could not be applied, one line each: an option or a warning category that is unknown here.
    """
    notes: list[str] = []
    shell = formatters.shell_here()
    if "inline" in (state.get("ipython") or {}):  # type: ignore[operator]
        drawing.load_inline()  # before what is to hold for matplotlib, which it may import
    for section, value in state.items():
        if section == "warnings":
            filters.apply(value)
        elif section in ("ipython", "future"):
            if shell is not None:
                (ipystate.apply if section == "ipython" else ipystate.apply_future)(shell, value)
        elif section == "environ":
            settings.apply_environ(value)
        elif section in _APPLY and _MODULES[section] in sys.modules:
            notes += _APPLY[section](sys.modules[_MODULES[section]], value) or []
    return notes


def apply_later(state: dict[str, object], hooks: Any) -> dict[str, object]:
    """As ``apply``, but for a library that is not loaded yet at the moment when it is imported.

    Returns:
        The state to compare with afterwards (see ``changed``).
    """
    for section, value in state.items():
        if section == "warnings":
            filters.apply(value)
            filters.keep_places(value, hooks.done_at_home)
        elif section == "environ":
            settings.apply_environ(value)
        elif section == "ipython":
            ipystate.apply_later(value, hooks)
        elif section in _APPLY:

            def act(module: object, section: str = section, value: object = value) -> None:
                for note in _APPLY[section](module, value) or []:
                    print("nbprocess: " + note, file=sys.stderr)

            if section == "locale" and set(value.values()) != {"C"}:  # type: ignore[attr-defined]
                __import__("locale")  # it counts for `strftime`, whoever imports the module
            if section == "nested_loops" and value["applied"]:  # type: ignore[index]
                __import__("asyncio")  # whether a loop runs under the cell is known before it imports anything
            hooks.on(_MODULES[section], act)
            for library in settings.makers(value) if section == "logging" else ():
                hooks.on(library, lambda _, act=act: act(sys.modules["logging"]))
    # Read back what is in force, now or when a library is imported later: what this interpreter does not know, or has
    # by another default, must not count as a change of the cell.
    before = collect()
    for section, name in _MODULES.items():
        if name not in sys.modules:

            def note_start(module: object, section: str = section) -> None:
                before[section] = _COLLECT[section](module)

            hooks.on(name, note_start)
    return before


_GENERATORS = ("random", "numpy.random")


def settle(state: dict[str, object], before: dict[str, object]) -> None:
    """What loading the inputs moved, once more: warning filters, generators that imports drew from, a backend that a
    library chose.

    And what needs IPython's shell, which a warm server's libraries could not have when they were found loaded.
    """
    now = collect()
    late = {"warnings", "sympy", *_GENERATORS} | {name for name, value in now.items() if before.get(name) != value}
    apply({name: state[name] for name in ("warnings", *_COLLECT) if name in late and name in state})
    libraries.take_back(state)
    held = {name: now[name] for name in late if name in now}
    before.update({**held, **_of(late & _COLLECT.keys()), "warnings": filters.collect()})


def _is_half(module: object) -> bool:
    """Whether a module is being imported: it is there before it is whole, and what it imports may ask for its state."""
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


def generators() -> dict[str, object]:
    """The states of the generators that exist."""
    return _of(_GENERATORS)


def movable() -> dict[str, object]:
    """What libraries move when they are imported, for ``put_back`` after an import that home did long ago."""
    return _of((*_GENERATORS, "matplotlib"))


def put_back(moved: dict[str, object], home: dict[str, object]) -> None:
    """Undo what an import moved; a library that it loaded itself has what it has at home."""
    now = movable()
    states = {name: moved.get(name, home.get(name)) for name in now}
    apply({name: state for name, state in states.items() if state is not None and state != now[name]})


@contextlib.contextmanager
def unmoved() -> Iterator[None]:
    """In a kernel: what the block imports moves neither generators nor filters, which come as the job left them."""
    before, listed = movable(), filters.collect()
    try:
        yield
    finally:
        put_back(before, {})
        if filters.collect() != listed:
            filters.apply(listed)


def _of(sections: Any) -> dict[str, object]:
    found: dict[str, object] = {}
    for name in sections:
        module = sys.modules.get(_MODULES[name])
        if module is not None and not _is_half(module):
            found[name] = _COLLECT[name](module)
    return found


def changed(before: dict[str, object]) -> dict[str, object]:
    """The sections that differ from ``before`` now."""
    after = collect()
    if "ipython" not in before:
        after.pop("ipython", None)
    return {section: value for section, value in after.items() if before.get(section) != value}
