"""What a notebook sets on modules, classes and objects that are not its own (``pd.DataFrame.norm = norm``,
``ssl._create_default_https_context = ...``, ``mpmath.mp.dps = 40``): found by the text of the cells, read at one end,
set at the other.

May import: ``compiling``, ``keeping``, ``openfigures``, ``reach``, ``registries``, ``settings``, the wire's
``constants``, ``duck`` and ``handlers``, the standard library.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import importlib
import pickle
import re
import sys
import types
import warnings

from . import compiling, keeping, openfigures, reach, registries, settings

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

PREFIX = "\0attribute:"
"""How the names begin under which they travel among the values: ``\\0attribute:<module>:<class>:<attribute>``."""
_NOT_THESE = frozenset(
    {"__main__", "sys", "IPython", "ipykernel", "ipywidgets", "nbprocess", "traitlets", "get_ipython"}
)
"""Modules of which each process has its own: streams, paths, the shell."""
_MAYBE = re.compile(
    r"(?:^|[;\n])[^(\n;#\"']*\w\.\w+(?:\[[^]\n]*\])?[^(\n;#\"']*=(?!=)|\b(?:set|del)attr\(|\bdel\s[^\n]*\w\.|run_cell_magic\("
)
"""Few cells are worth parsing."""
_EXTENDED = {
    "pandas": ("DataFrame", "Series", "Index"),
    "pandas.core.groupby": ("DataFrameGroupBy", "SeriesGroupBy"),
    "xarray": ("Dataset", "DataArray"),
    "polars": ("DataFrame", "LazyFrame", "Series", "Expr"),
}
"""Classes that other packages extend by a call: ``tqdm.pandas()``, accessors."""
_OPTION = "<option>"
"""Stands for the class in an entry that is an option of its module."""
_LOGGER = "<logger>"
"""Stands for the class in an entry that is the list of a logger's handlers."""
_COLORMAP = "<colormap>"
"""Stands for the class in an entry that is a colormap."""
_COLOURS = ("seaborn.cm", "cmocean.cm", "colorcet.plotting", "colorcet", "cmasher", "palettable")
"""Modules that register colormaps when they are imported."""
_FIGURES = "<figures>"
"""Stands for the class in the entry of pyplot's open figures."""
_REGISTRY = "<registry>"
"""Stands for the class in an entry of what the notebook has put into a dict of the module."""
_CONTENT = "<content>"
"""Stands for the class in an entry whose value was changed in place."""
_CONNECTION = "<connection>"
"""Stands for the class in the entry of the connection that ``duckdb.sql`` uses."""
_KEPT = "<kept>"
"""Stands for the class in an entry of what calls have changed: see ``keeping``."""
_ITEM = "["
"""How an attribute begins that is none, but an item: ``arviz.rcParams["plot.max_subplots"]``."""


class Gone:
    """Stands for an attribute that was taken away."""


@functools.lru_cache(maxsize=8192)
def assigned(text: str) -> frozenset[tuple[str, str]]:
    """The attributes and items of dotted names that code sets or deletes: (``np.linalg``, ``norm``)."""
    if not _MAYBE.search(text):
        return frozenset()
    found = set()
    try:
        tree = compiling.parse(text)
    except (SyntaxError, ValueError):  # it never ran
        return frozenset()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            found.add((compiling.path_of(node.value), node.attr))
        elif isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
            if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
                found.add((compiling.path_of(node.value), _ITEM + node.slice.value))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("setattr", "delattr"):
            name = node.args[1] if len(node.args) > 1 else None
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                found.add((compiling.path_of(node.args[0]), name.value))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "run_cell_magic":
            body = node.args[2] if len(node.args) > 2 else None
            if isinstance(body, ast.Constant) and isinstance(body.value, str):
                found |= assigned(body.value)
    return frozenset(pair for pair in found if pair[0])


def found(texts: Iterable[str], namespace: Mapping[str, Any]) -> dict[str, Any]:
    """What these cells set on modules, classes and objects of libraries, as it is now: name to travel under → value."""
    entries: dict[str, Any] = {}
    pairs: set[tuple[str, str]] = set()
    for text in texts:
        pairs |= assigned(text)
    for path, attribute in sorted(pairs):
        owner, place = _reached(path, namespace, attribute.startswith(_ITEM))
        if place is not None:
            entries[f"{PREFIX}{place[0]}:{place[1]}:{attribute}"] = _value(owner, attribute)
    return entries


def _value(owner: Any, attribute: str) -> Any:
    if attribute.startswith(_ITEM):
        try:
            return owner[attribute[1:]]
        except Exception:  # whatever the library raises for one that is not there
            return Gone
    held = getattr(owner, "__dict__", {}).get(attribute, Gone)
    if held is Gone and type(owner) is not types.ModuleType and not isinstance(owner, type):
        with contextlib.suppress(Exception):  # a property; a module may have a class of its own, too (PyTorch)
            return getattr(owner, attribute)
    return held


def extensions(at_home: bool = False) -> dict[str, Any]:
    """What other packages' calls, and the notebook's accessors, have put on classes that are made to be extended; and
    what libraries keep for the notebook."""
    entries = {}
    for name, classes in _EXTENDED.items():
        module = sys.modules.get(name)
        root = name.partition(".")[0]
        for owner in [getattr(module, cls, None) for cls in classes]:
            place = _place(owner) if isinstance(owner, type) else None
            if place is None:
                continue
            for attribute, value in list(vars(owner).items()):
                inner = next((held for held in _inside(value) if isinstance(held, type)), value)  # of an accessor
                if isinstance(inner, (types.FunctionType, type)) and reach.root_of(inner) not in (
                    root,
                    "builtins",
                    "typing",
                ):
                    entries[f"{PREFIX}{place[0]}:{place[1]}:{attribute}"] = value
    figures = openfigures.collect()
    shown = {f"{PREFIX}matplotlib.pyplot:{_FIGURES}:figures": figures} if figures else {}
    shown |= {f"{PREFIX}{module}:{_REGISTRY}:registry": own for module, own in registries.collect().items()}
    if "duckdb" in sys.modules:
        from .wire import duck

        connection = duck.default(at_home)
        shown |= {f"{PREFIX}duckdb:{_CONNECTION}:default_connection": connection} if connection else {}
    kept = {f"{PREFIX}{module}:{_KEPT}:{path}": how for (module, path), how in keeping.changed().items()}
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
        f"{PREFIX}matplotlib:{_COLORMAP}:{name}": colormap
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
    return {f"{PREFIX}logging:{_LOGGER}:{name}": held for name, held in sent.items()}


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
                entries[f"{PREFIX}pandas:{_OPTION}:{key}"] = value
    theme = getattr(sys.modules.get("plotnine.options"), "current_theme", None)
    if theme is not None:
        entries[f"{PREFIX}plotnine.options::current_theme"] = theme
    numpy: Any = sys.modules.get("numpy")
    formatter = numpy.get_printoptions()["formatter"] if hasattr(numpy, "get_printoptions") else None
    if formatter:
        entries[f"{PREFIX}numpy:{_OPTION}:formatter"] = formatter
    called = numpy.geterrcall() if hasattr(numpy, "geterrcall") else None
    if called is not None:
        entries[f"{PREFIX}numpy:{_OPTION}:errcall"] = called
    return entries


def taken_away(before: Iterable[str], now: Iterable[str]) -> dict[str, Any]:
    """The options that are no functions any more, and the loggers without handlers now, as entries."""
    gone = set(before).difference(now)
    return {entry: Gone for entry in gone if f":{_OPTION}:" in entry or f":{_LOGGER}:" in entry}


def _set_option(module: Any, name: str, value: Any) -> None:
    if name == "errcall" and module.__name__ == "numpy":
        module.seterrcall(None if value is Gone else value)
    elif module.__name__ == "numpy":
        module.set_printoptions(**{name: None if value is Gone else value})
    elif value is not Gone:
        module.set_option(name, value)
    elif callable(module.get_option(name)):
        module.reset_option(name)


def only_draws(entry: str) -> bool:
    """Whether it counts for code that draws only."""
    return f":{_FIGURES}:" in entry or module_of(entry) == "matplotlib.units"


def is_kept(entry: str) -> bool:
    """Whether it is what calls have changed in a library."""
    return f":{_KEPT}:" in entry


def content(entry: str, value: Any) -> tuple[str, Any]:
    """The name and the value by which to tell whether it is a secret."""
    if not is_kept(entry):
        return attribute_of(entry), value
    return attribute_of(entry).rpartition(".")[2], value[-1] if value[0] in ("value", "list") else value[1:]


def not_whole(entries: Iterable[str], lost: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Entries of libraries of whose changes a part cannot travel: a half would tell the library of what it has not got.

    Args:
        entries: all that are to travel. lost: those that cannot → the reason.

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


def module_of(entry: str) -> str:
    """The module on which, or on whose class, an entry sets something."""
    return entry[len(PREFIX) :].split(":")[0]


def attribute_of(entry: str) -> str:
    """The attribute that an entry sets, or the key of the item."""
    return entry[len(PREFIX) :].split(":", 2)[2].removeprefix(_ITEM)


def dotted(entry: str) -> str:
    """What an entry sets, as code says it: ``pandas.core.frame.DataFrame.norm``."""
    module, path, attribute = entry[len(PREFIX) :].split(":", 2)
    owner = ".".join(part for part in (module, path) if part and part[0] != "<")
    return f"{owner}[{attribute[1:]!r}]" if attribute.startswith(_ITEM) else f"{owner}.{attribute}"


def apply(entries: Mapping[str, Any], hooks: Any = None) -> None:
    """Set what the other end has set.

    Args:
        entries: as ``found`` gives them.
        hooks: waits for modules that are not imported yet; None: they are imported.
    """
    for entry, value in entries.items():
        module, path, attribute = entry[len(PREFIX) :].split(":", 2)

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
                    if attribute.startswith(_ITEM):
                        owner[attribute[1:]] = value
                    else:
                        setattr(owner, attribute, value)
                except (AttributeError, LookupError, TypeError, ValueError) as error:  # another version of the library
                    print(f"nbprocess: {dotted(entry)} cannot be set here: {error}", file=sys.stderr)
            elif attribute.startswith(_ITEM):
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
    _OPTION: _set_option,
    _CONTENT: _fill,
    _LOGGER: _set_handlers,
    _COLORMAP: _set_colormap,
    _FIGURES: openfigures.take,
    _REGISTRY: registries.add,
    _KEPT: keeping.take,
    _CONNECTION: _set_connection,
}


class Modules:
    """Plain values of the notebook's own modules, as they were when they were imported or when the cell began."""

    def __init__(self) -> None:
        self._noted: dict[str, dict[str, tuple[Any, bytes]]] = {}

    def note(self, module: Any) -> None:
        """Note the values of a module as they are now."""
        if isinstance(getattr(module, "__file__", None), str):
            self._noted[module.__name__] = self._values(module)

    def changed(self) -> dict[str, Any]:
        """What is not as it was noted, as entries."""
        entries = {}
        for name, before in self._noted.items():
            module = sys.modules.get(name)
            now = self._values(module) if module is not None else {}
            for attribute, (value, content) in now.items():
                known, was = before.get(attribute, (value, content))
                if content != was:
                    entries[f"{PREFIX}{name}:{_CONTENT if known is value else ''}:{attribute}"] = value
        return entries

    def _values(self, module: Any) -> dict[str, tuple[Any, bytes]]:
        found = {}
        for name, value in list(vars(module).items()):
            if not name.startswith("__") and type(value) in _VALUES:
                with contextlib.suppress(Exception):  # what cannot be pickled is not plain
                    found[name] = value, pickle.dumps(value)
        return found


_VALUES = (int, float, str, bool, type(None), list, dict, set, tuple)


def _reached(path: str, namespace: Mapping[str, Any], for_item: bool = False) -> tuple[Any, tuple[str, str] | None]:
    """The module, class or object that a dotted name leads to, without running code of theirs; and its place.

    Args:
        for_item: whether it may be a dict; those of matplotlib and of Python itself are seen to elsewhere, or each
            process has its own.
    """
    root, *rest = path.split(".")
    owner = namespace.get(root)
    place = _place(owner)
    for part in rest:
        if place is None:
            break
        inner: Any = getattr(owner, "__dict__", {}).get(part)
        if inner is None and isinstance(getattr(type(owner), part, None), property):
            inner = getattr(owner, part)  # the cell has just asked it, too
        if inner is None and isinstance(owner, types.ModuleType):
            inner = sys.modules.get(f"{owner.__name__}.{part}")
        if isinstance(inner, (types.ModuleType, type)):
            place = _place(inner)
        else:  # an object that a library has made and offers
            module, inside = place
            own = reach.root_of(type(inner)) == module.partition(".")[0] or (for_item and type(inner) is dict)
            place = (module, f"{inside}.{part}".lstrip(".")) if own else None
        owner = inner
    python_s = getattr(sys, "stdlib_module_names", ())  # of Python 3.10
    if for_item and place is not None and place[0].partition(".")[0] in {"matplotlib", "os", *python_s}:
        place = None
    return owner, place


def _place(owner: Any) -> tuple[str, str] | None:
    """Module and path of a library's module, class or object, by which the other end finds it; None for others."""
    if isinstance(owner, types.ModuleType):
        known = sys.modules.get(owner.__name__) is owner and owner.__name__.partition(".")[0] not in _NOT_THESE
        return (owner.__name__, "") if known else None
    if not isinstance(owner, type):
        from .wire import constants

        return constants.name_of(owner) if reach.root_of(type(owner)) not in _NOT_THESE else None
    at: Any = sys.modules.get(owner.__module__)
    if reach.root_of(owner) in _NOT_THESE or at is None:
        return None
    for part in owner.__qualname__.split("."):
        at = getattr(at, part, None)
    return (owner.__module__, owner.__qualname__) if at is owner else None
