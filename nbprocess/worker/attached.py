"""What calls put on libraries for the notebook: accessors, options that are functions, handlers of loggers. And setting
it at the other end, with what statements set (``assigned``).

May import: ``assigned``, ``entries``, ``keeping``, ``openfigures``, ``reach``, ``registries``, ``settings``, the wire's
``duck`` and ``handlers``, the standard library.
"""

from __future__ import annotations

import contextlib
import importlib
import re
import sys
import types
import warnings

from . import keeping, openfigures, reach, registries, settings
from .assigned import place_of
from .entries import (
    COLORMAP,
    CONNECTION,
    CONTENT,
    FIGURES,
    ITEM,
    KEPT,
    LOGGER,
    OPTION,
    REGISTRY,
    Gone,
    dotted,
    name_of,
    parts_of,
)

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_EXTENDED = {
    "pandas": ("DataFrame", "Series", "Index"),
    "pandas.core.groupby": ("DataFrameGroupBy", "SeriesGroupBy"),
    "xarray": ("Dataset", "DataArray"),
    "polars": ("DataFrame", "LazyFrame", "Series", "Expr"),
}
"""Classes that other packages extend by a call: ``tqdm.pandas()``, accessors."""
_COLOURS = ("seaborn.cm", "cmocean.cm", "colorcet.plotting", "colorcet", "cmasher", "palettable")
"""Modules that register colormaps when they are imported."""


def extensions(at_home: bool = False) -> dict[str, Any]:
    """What other packages' calls, and the notebook's accessors, have put on classes that are made to be extended; and
    what libraries keep for the notebook."""
    entries = {}
    for name, classes in _EXTENDED.items():
        module = sys.modules.get(name)
        root = name.partition(".")[0]
        for owner in [getattr(module, cls, None) for cls in classes]:
            place = place_of(owner) if isinstance(owner, type) else None
            if place is None:
                continue
            for attribute, value in list(vars(owner).items()):
                inner = next((held for held in _inside(value) if isinstance(held, type)), value)  # of an accessor
                if isinstance(inner, (types.FunctionType, type)) and reach.root_of(inner) not in (
                    root,
                    "builtins",
                    "typing",
                ):
                    entries[name_of(*place, attribute)] = value
    figures = openfigures.collect()
    shown = {name_of("matplotlib.pyplot", FIGURES, "figures"): figures} if figures else {}
    shown |= {name_of(module, REGISTRY, "registry"): own for module, own in registries.collect().items()}
    if "duckdb" in sys.modules:
        from .wire import duck

        connection = duck.default(at_home)
        shown |= {name_of("duckdb", CONNECTION, "default_connection"): connection} if connection else {}
    kept = {name_of(module, KEPT, path): how for (module, path), how in keeping.changed().items()}
    return {**entries, **_functions_in_options(), **_handlers(), **_colormaps(), **shown, **kept}


def _inside(value: Any) -> list[Any]:
    return [getattr(value, name, None) for name in ("_accessor", "_ns")]  # as pandas, xarray and polars have them


def extenders(text: str) -> set[str]:
    """The modules that put what code names (``df.hvplot``) as a property on a class that is made to be extended: such a
    property is made of the module's own parts, so that the other end has to import it."""
    named, modules = set(re.findall(r"\.([A-Za-z_]\w*)", text)), set()
    for name, classes in _EXTENDED.items():
        for owner in [getattr(sys.modules.get(name), cls, None) for cls in classes]:
            for attribute in named & vars(owner).keys() if isinstance(owner, type) else ():
                value = vars(owner)[attribute]
                module = getattr(value.fget, "__module__", None) if isinstance(value, property) else None
                if module in sys.modules and module.partition(".")[0] not in (name.partition(".")[0], "__main__"):
                    modules.add(module)
    return modules


def _colormaps() -> dict[str, Any]:
    """The colormaps that a notebook registered, and the one of another library that is the default now (seaborn's): a
    cell that draws may not import it."""
    matplotlib: Any = sys.modules.get("matplotlib")
    known = getattr(getattr(matplotlib, "colormaps", None), "_cmaps", None)
    if known is None:
        return {}
    default = dict.get(matplotlib.rcParams, "image.cmap")
    theirs = [vars(sys.modules[name]) for name in _COLOURS if name in sys.modules]
    return {
        name_of("matplotlib", COLORMAP, name): colormap
        for name, colormap in known.items()
        if name not in matplotlib.colormaps._builtin_cmaps
        and (name == default or not any(name in names or name.partition(".")[2] in names for names in theirs))
    }


def _set_colormap(matplotlib: Any, name: str, value: Any) -> None:
    known = getattr(matplotlib.colormaps, "_cmaps", None)
    if known is not None and value is not Gone:
        known[name] = value


def _handlers() -> dict[str, Any]:
    """The handlers of the notebook's own loggers: the very lists, so that handlers which names refer to stay shared."""
    logging: Any = sys.modules.get("logging")
    if not hasattr(logging, "root"):
        return {}
    loggers = {"": logging.root, **logging.root.manager.loggerDict}
    own = {name: logger.handlers for name, logger in loggers.items() if getattr(logger, "handlers", None)}
    own = {name: held for name, held in own.items() if settings.is_own(name)}
    if not own:
        return {}
    from .wire import handlers

    sent = {name: held for name, held in own.items() if all(handlers.can_be_sent(handler) for handler in held)}
    return {name_of("logging", LOGGER, name): held for name, held in sent.items()}


def _functions_in_options() -> dict[str, Any]:
    """Options that are functions or objects (``display.float_format``, a theme), which the ambient state, being JSON,
    does not hold."""
    entries: dict[str, Any] = {}
    known = getattr(sys.modules.get("pandas._config.config"), "_registered_options", {})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # reading a deprecated option warns
        for key, option in known.items():
            value = sys.modules["pandas"].get_option(key)
            if callable(value) and value is not option.defval:
                entries[name_of("pandas", OPTION, key)] = value
    theme = getattr(sys.modules.get("plotnine.options"), "current_theme", None)
    if theme is not None:
        entries[name_of("plotnine.options", "", "current_theme")] = theme
    numpy: Any = sys.modules.get("numpy")
    formatter = numpy.get_printoptions()["formatter"] if hasattr(numpy, "get_printoptions") else None
    if formatter:
        entries[name_of("numpy", OPTION, "formatter")] = formatter
    called = numpy.geterrcall() if hasattr(numpy, "geterrcall") else None
    if called is not None:
        entries[name_of("numpy", OPTION, "errcall")] = called
    return entries


def _set_option(module: Any, name: str, value: Any) -> None:
    if name == "errcall" and module.__name__ == "numpy":
        module.seterrcall(None if value is Gone else value)
    elif module.__name__ == "numpy":
        module.set_printoptions(**{name: None if value is Gone else value})
    elif value is not Gone:
        module.set_option(name, value)
    elif callable(module.get_option(name)):
        module.reset_option(name)


def apply(entries: Mapping[str, Any], hooks: Any = None) -> None:
    """Set what the other end has set.

    Args:
        entries: as ``found`` gives them.
        hooks: waits for modules that are not imported yet; None: they are imported.
    """
    for entry, value in entries.items():
        module, path, attribute = parts_of(entry)

        def act(
            owner: Any, entry: str = entry, path: str = path, attribute: str = attribute, value: Any = value
        ) -> None:
            if path in _SETTERS:
                _SETTERS[path](owner, attribute, value)
                return
            for part in path.split(".") if path else ():
                owner = getattr(owner, part, None)
            if value is not Gone:
                try:
                    if attribute.startswith(ITEM):
                        owner[attribute[1:]] = value
                    else:
                        setattr(owner, attribute, value)
                except (AttributeError, LookupError, TypeError, ValueError) as error:  # another version of the library
                    print(f"nbprocess: {dotted(entry)} cannot be set here: {error}", file=sys.stderr)
            elif attribute.startswith(ITEM):
                with contextlib.suppress(Exception):  # it is not there
                    del owner[attribute[1:]]
            elif attribute in getattr(owner, "__dict__", {}):
                delattr(owner, attribute)

        if hooks is not None:
            hooks.on(module, act)
            continue
        try:
            owner = importlib.import_module(module)
        except ImportError as error:
            print(f"nbprocess: {dotted(entry)} cannot be set here: {error}", file=sys.stderr)
        else:
            act(owner)


def _fill(module: Any, name: str, value: Any) -> None:
    """Give a list, dict or set of a module the content that the other end's has now, where others hold it too."""
    known = vars(module).get(name)
    held = sys.getrefcount(known) > 3  # by more than the module, this function and its call
    if not held or type(known) is not type(value) or type(known) not in (list, dict, set):
        setattr(module, name, value)
    elif known is not value:
        known.clear()
        known.extend(value) if type(known) is list else known.update(value)


def _set_handlers(logging: Any, name: str, value: Any) -> None:
    logger = logging.getLogger(name) if name else logging.root
    if value is Gone:
        logger.handlers.clear()
    else:
        logger.handlers = value


def _set_connection(module: Any, name: str, value: Any) -> None:
    from .wire import duck

    duck.take(module, name, value)


_SETTERS = {
    OPTION: _set_option,
    CONTENT: _fill,
    LOGGER: _set_handlers,
    COLORMAP: _set_colormap,
    FIGURES: openfigures.take,
    REGISTRY: registries.add,
    KEPT: keeping.take,
    CONNECTION: _set_connection,
}
