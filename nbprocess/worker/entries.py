"""The names under which what is set on libraries travels among the values. May import: the standard library."""

from __future__ import annotations

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

PREFIX = "\0attribute:"
"""How the names begin under which they travel among the values: ``\\0attribute:<module>:<class>:<attribute>``."""
OPTION = "<option>"
"""Stands for the class in an entry that is an option of its module."""
LOGGER = "<logger>"
"""Stands for the class in an entry that is the list of a logger's handlers."""
COLORMAP = "<colormap>"
"""Stands for the class in an entry that is a colormap."""
FIGURES = "<figures>"
"""Stands for the class in the entry of pyplot's open figures."""
REGISTRY = "<registry>"
"""Stands for the class in an entry of what the notebook has put into a dict of the module."""
CONTENT = "<content>"
"""Stands for the class in an entry whose value was changed in place."""
CONNECTION = "<connection>"
"""Stands for the class in the entry of the connection that ``duckdb.sql`` uses."""
KEPT = "<kept>"
"""Stands for the class in an entry of what calls have changed: see ``keeping``."""
ITEM = "["
"""How an attribute begins that is none, but an item: ``arviz.rcParams["plot.max_subplots"]``."""


class Gone:
    """Stands for an attribute that was taken away."""


def name_of(module: str, path: str, attribute: str) -> str:
    """The name under which it travels.

    Args:
        path: the class or object below the module, dotted (``""``: the module itself), or one of the kinds above.
        attribute: what is set on it; ``ITEM`` and the key where it is an item.
    """
    return f"{PREFIX}{module}:{path}:{attribute}"


def parts_of(entry: str) -> tuple[str, str, str]:
    """What ``name_of`` was given."""
    module, path, attribute = entry[len(PREFIX) :].split(":", 2)
    return module, path, attribute


def only_draws(entry: str) -> bool:
    """Whether it counts for code that draws only."""
    module, path, _ = parts_of(entry)
    return path == FIGURES or module == "matplotlib.units"


def is_kept(entry: str) -> bool:
    """Whether a name is that of what calls have changed in a library; values of the notebook have others."""
    return entry.startswith(PREFIX) and parts_of(entry)[1] == KEPT


def content(entry: str, value: Any) -> tuple[str, Any]:
    """The name and the value by which to tell whether it is a secret."""
    if not is_kept(entry):
        return attribute_of(entry), value
    return attribute_of(entry).rpartition(".")[2], value[-1] if value[0] in ("value", "list") else value[1:]


def not_whole(entries: Iterable[str], lost: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Entries of libraries of whose changes a part cannot travel: a half would tell the library of what it has not got.

    Args:
        entries: the names of all that is to travel. lost: those that cannot → the reason.

    Returns:
        The entries that are not to be set, and what is said of them.
    """
    roots: dict[str, str] = {}
    for entry in filter(is_kept, lost):
        roots.setdefault(module_of(entry).partition(".")[0], f"{dotted(entry)}: {lost[entry]}")
    stays = [entry for entry in filter(is_kept, entries) if module_of(entry).partition(".")[0] in roots]
    return stays, [
        f"What the cell's calls changed in {root} stays in the job ({reason}). Make the calls here, too, without "
        "%%processing."
        for root, reason in roots.items()
    ]


def taken_away(before: Iterable[str], now: Iterable[str]) -> dict[str, Any]:
    """The options that are no functions any more, and the loggers without handlers now, as entries."""
    gone = set(before).difference(now)
    return {entry: Gone for entry in gone if parts_of(entry)[1] in (OPTION, LOGGER)}


def module_of(entry: str) -> str:
    """The module on which, or on whose class, an entry sets something."""
    return parts_of(entry)[0]


def attribute_of(entry: str) -> str:
    """The attribute that an entry sets, or the key of the item."""
    return parts_of(entry)[2].removeprefix(ITEM)


def dotted(entry: str) -> str:
    """What an entry sets, as code says it: ``pandas.core.frame.DataFrame.norm``."""
    module, path, attribute = parts_of(entry)
    owner = ".".join(part for part in (module, path) if part and part[0] != "<")
    return f"{owner}[{attribute[1:]!r}]" if attribute.startswith(ITEM) else f"{owner}.{attribute}"
