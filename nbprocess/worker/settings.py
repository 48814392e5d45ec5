"""Settings of Python and of libraries that a notebook makes once: NumPy's error handling, the recursion limit, whether
garbage is collected, the locale, logging, the tables of Polars, the templates of Plotly, the registries of Altair, the
options of xarray, where Bokeh shows. As JSON, for ``ambient``.

May import: the standard library.
"""

from __future__ import annotations

import functools
import gc
import importlib.util
import os
import sys

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any

MODULES = {  # section → the module whose import makes it exist
    "python": "sys",
    "locale": "locale",
    "logging": "logging",
    "numpy.errors": "numpy",
    "polars": "polars",
    "plotly": "plotly.io",
    "altair": "altair",
    "xarray": "xarray",
    "bokeh": "bokeh.io.state",
    "rdkit": "rdkit.rdBase",
}
_KERNELS = (
    *("IPKernelApp", "IPython", "Comm", "asyncio", "concurrent", "ipykernel", "jupyter", "nbprocess", "parso"),
    *("prompt_toolkit", "stack_data", "tornado", "traitlets"),
)
"""Loggers that are the kernel's or the job's own affair."""


def _python(module: Any) -> Any:
    found = {"recursion": module.getrecursionlimit(), "collects": gc.isenabled(), "switch": module.getswitchinterval()}
    found["threshold"] = list(gc.get_threshold())
    if hasattr(module, "get_int_max_str_digits"):
        found["digits"] = module.get_int_max_str_digits()
    return found


def _apply_python(module: Any, state: Any) -> None:
    module.setrecursionlimit(state["recursion"])
    module.setswitchinterval(state["switch"])
    (gc.enable if state["collects"] else gc.disable)()
    gc.set_threshold(*state.get("threshold", gc.get_threshold()))
    if "digits" in state and hasattr(module, "set_int_max_str_digits"):
        module.set_int_max_str_digits(state["digits"])


_CATEGORIES = ("LC_COLLATE", "LC_MESSAGES", "LC_MONETARY", "LC_NUMERIC", "LC_TIME")
"""LC_CTYPE is the process's own: Python sets it when it starts."""


def _locale(module: Any) -> Any:
    return {name: module.setlocale(getattr(module, name)) for name in _CATEGORIES if hasattr(module, name)}


def _apply_locale(module: Any, state: Any) -> list[str]:
    here, notes = _locale(module), []
    for name, wanted in state.items():
        if here.get(name, wanted) != wanted:
            try:
                module.setlocale(getattr(module, name), wanted)
            except module.Error:
                notes.append(f"this system has no locale {wanted} ({name}): it is {here[name]}")
    return notes


def _numpy_errors(module: Any) -> Any:
    return dict(module.geterr())


def _apply_numpy_errors(module: Any, state: Any) -> None:
    module.seterr(**state)


_NAMED_OTHERWISE = ("c10d-", "strobelight_")
"""Loggers with handlers that PyTorch makes, not under its name."""
_holders = {}  # type: ignore[var-annotated]
"""Logger, and how many modules there were → the package that holds it in a module of its own (``__cvxpy__``)."""
_of_libraries = set()  # type: ignore[var-annotated]
"""Loggers of libraries that are loaded at the other end alone."""
_awaited = {}  # type: ignore[var-annotated]
"""Loggers that are left to a library which is not loaded here: what the other end says of them goes on to hold."""


def is_own(logger: str) -> bool:
    """Whether a logger is the notebook's: not a library's, nor the kernel's. Its handlers travel among the values."""
    root = logger.partition(".")[0]
    if root == "__main__":
        return True
    return not (logger in _of_libraries or logger.startswith(_KERNELS + _NAMED_OTHERWISE) or _library_of(logger))


def _library_of(logger: str) -> str:
    """The package whose logger it is, by its name or since one of its modules holds it; empty for none."""
    root = logger.partition(".")[0]
    if root in sys.modules or _is_installed(root):
        return root
    logging: Any = sys.modules["logging"]
    held, key = logging.root.manager.loggerDict.get(logger), (logger, len(sys.modules))
    if key not in _holders:
        _holders[key] = ""
        made = getattr(held, "handlers", None)  # a logger that only has others below it has none
        if made and all(_is_plain(logging, handler) for handler in made):
            ours = sys.modules.get("__main__")  # multiprocessing has it under a second name (``__mp_main__``)
            names = [name for name, module in list(sys.modules.items()) if module is not ours and _holds(module, held)]
            _holders[key] = next((name.partition(".")[0] for name in names), "")
    return _holders[key]  # type: ignore[no-any-return]


@functools.lru_cache(maxsize=None)
def _is_installed(root: str) -> bool:
    """Whether there is such a package, loaded or not: Dask's scheduler gives Bokeh's logger a handler without it."""
    try:
        spec = importlib.util.find_spec(root)
    except (ImportError, ValueError):
        return False
    return "-packages" in str(getattr(spec, "origin", ""))


def _holds(module: Any, value: Any) -> bool:
    return any(held is value for held in list(getattr(module, "__dict__", {}).values()))


def _logging(module: Any) -> Any:
    """Levels, and the handlers of libraries' loggers that write to the cell's output."""
    found = _loggers(module)
    found.update({name: wanted for name, wanted in _awaited.items() if _maker(wanted) not in sys.modules})
    return {"loggers": found, "disable": module.root.manager.disable}


def _loggers(module: Any) -> Any:
    loggers = {"": module.root}
    for name, logger in list(module.root.manager.loggerDict.items()):
        if isinstance(logger, module.Logger) and not name.startswith(_KERNELS):
            loggers[name] = logger
    found = {}
    for name, logger in sorted(loggers.items()):  # their order tells which library was imported first, no more
        plain = [] if not logger.handlers or is_own(name) else _plain_handlers(module, logger)
        speaking = (handler for handler in plain if handler not in _deputies or _speaks(module, logger, handler))
        handlers = [_handler(module, handler) for handler in speaking]
        default = module.WARNING if not name else module.NOTSET
        if logger.level != default or handlers or not logger.propagate or logger.disabled:
            found[name] = {"level": logger.level, "handlers": handlers, "propagate": logger.propagate}
            found[name]["disabled"] = bool(logger.disabled)
            if type(logger) not in (module.Logger, module.RootLogger):
                found[name]["made by"] = type(logger).__module__.partition(".")[0]
            elif handlers:
                found[name]["handled by"] = _library_of(name)
    return found


def _is_plain(module: Any, handler: Any) -> bool:
    formatter = handler.formatter
    known = formatter is None or type(formatter) is module.Formatter
    return type(handler) is module.StreamHandler and known and _stream(handler) is not None


def _plain_handlers(module: Any, logger: Any) -> list[Any]:
    return [handler for handler in logger.handlers if _is_plain(module, handler)]


def _stream(handler: Any) -> Any:
    """``stdout`` or ``stderr``; a kernel's streams are not those of the process."""
    for name in ("stdout", "stderr"):
        if handler.stream in (getattr(sys, name), getattr(sys, f"__{name}__")):
            return name
    return None


def _handler(module: Any, handler: Any) -> Any:
    formatter = handler.formatter
    style = None if formatter is None else [formatter._fmt, formatter.datefmt, _style(module, formatter)]
    return [_stream(handler), handler.level, style]


def _style(module: Any, formatter: Any) -> str:
    kinds = {kind: mark for mark, (kind, _) in module._STYLES.items()}
    return str(kinds.get(type(formatter._style), "%"))


_MAKERS = ("made by", "handled by")


_deputies = set()  # type: ignore[var-annotated]
"""Handlers that were added in a library's stead, which may add its own only when its first part is used
(huggingface_hub)."""


def _speaks(module: Any, logger: Any, deputy: Any, record: Any = None) -> bool:
    """Whether a deputy is to write: not beside a handler like it."""
    like = _handler(module, deputy)
    return like not in [_handler(module, other) for other in _plain_handlers(module, logger) if other is not deputy]


def _maker(wanted: Any) -> Any:
    return next((wanted[word] for word in _MAKERS if word in wanted), None)


def makers(state: Any) -> set[str]:
    """Libraries that make loggers of a class of their own (astropy), or give them handlers (lark): they do so when they
    are imported, and the loggers are set again after that."""
    return {_maker(wanted) for wanted in state["loggers"].values()} - {None}


def _apply_logging(module: Any, state: Any) -> None:
    here = _loggers(module)
    module.disable(state["disable"])
    for name in here.keys() | state["loggers"].keys():
        maker = state["loggers"].get(name, {}).get("made by")
        if maker and maker not in sys.modules and name not in module.root.manager.loggerDict:
            _awaited[name] = state["loggers"][name]
            continue  # astropy cannot be imported where it finds a plain one
        logger = module.getLogger(name) if name else module.root
        plain = {"level": module.NOTSET if name else module.WARNING, "handlers": [], "propagate": True}
        plain["disabled"] = False
        wanted = state["loggers"].get(name, plain)
        if wanted == here.get(name, plain):
            continue
        if wanted["handlers"]:
            _of_libraries.add(name)
        logger.setLevel(wanted["level"])
        logger.propagate, logger.disabled = wanted["propagate"], wanted.get("disabled", False)
        if wanted["handlers"] == here.get(name, plain)["handlers"]:
            continue
        if "handled by" in wanted and wanted["handled by"] not in sys.modules:
            _awaited[name] = wanted
            continue  # the library gives them when it is imported, beside any that are there by then
        for handler in _plain_handlers(module, logger):
            logger.removeHandler(handler)
        for stream, level, style in wanted["handlers"]:
            handler = module.StreamHandler(getattr(sys, stream))
            handler.setLevel(level)
            if "handled by" in wanted:
                _deputies.add(handler)
                handler.addFilter(functools.partial(_speaks, module, logger, handler))
            if style is not None:
                handler.setFormatter(module.Formatter(*style))
            logger.addHandler(handler)


def _polars(module: Any) -> Any:
    return module.Config.save()


def _apply_polars(module: Any, state: Any) -> None:
    module.Config.restore_defaults()
    module.Config.load(state)


def _plotly(module: Any) -> Any:
    default = module.templates.default
    return {"template": default if isinstance(default, str) else None}


def _apply_plotly(module: Any, state: Any) -> None:
    name = state["template"]
    if name is None or all(part in module.templates for part in name.split("+")):
        module.templates.default = name
    else:  # the notebook's own, which comes later
        module.templates._default = name


def _registries(altair: Any) -> dict[str, Any]:
    """Where Altair keeps how charts are shown, how their data is sent, and how they look (older ones: ``themes``)."""
    names = ("renderers", "data_transformers", "theme" if "theme" in vars(altair) else "themes")
    return {name: vars(altair)[name] for name in names if hasattr(vars(altair).get(name), "enable")}


def _altair(module: Any) -> Any:
    return {
        name: [kept.active, dict(kept.options)] for name, kept in _registries(module).items() if _is_json(kept.options)
    }


def _is_json(options: Any) -> bool:
    return all(value is None or type(value) in (bool, int, float, str) for value in options.values())


def _apply_altair(module: Any, state: Any) -> list[str]:
    notes = []
    for name, kept in _registries(module).items():
        active, options = state.get(name, [kept.active, dict(kept.options)])
        if [kept.active, dict(kept.options)] == [active, options]:
            continue
        if active in kept.names():
            kept.enable(active, **options)
        else:
            notes.append(f"altair.{name} has no {active!r} here: register it inside the cell")
    return notes


def _xarray(module: Any) -> Any:
    return {
        key: value for key, value in module.get_options().items() if value is None or type(value) in (bool, int, str)
    }


def _apply_xarray(module: Any, state: Any) -> None:
    known = module.get_options()
    module.set_options(**{key: value for key, value in state.items() if key in known and known[key] != value})


def _bokeh(module: Any) -> Any:
    """Where Bokeh shows: nowhere, in the notebook, in a file; and the last number that it gave to a model: no two in a
    page may have the same."""
    state, found = module._STATE, {"number": getattr(sys.modules["bokeh.util.serialization"], "_simple_id", 0)}
    if state is not None and state.notebook:
        found["notebook"] = state.notebook_type
    if state is not None and state.file is not None:
        found["file"] = [os.fspath(state.file.filename), state.file.title, state.file.resources.mode]
    return found


def _apply_bokeh(module: Any, state: Any) -> None:
    current = module.curstate()
    current._reset_keeping_doc()
    numbers: Any = sys.modules["bokeh.util.serialization"]
    if hasattr(numbers, "_simple_id"):
        numbers._simple_id = max(numbers._simple_id, state.get("number", 0))
    if "notebook" in state:
        current.output_notebook(state["notebook"])
    if "file" in state:
        current.output_file(*state["file"])


def _rdkit(module: Any) -> Any:
    """Which of RDKit's logs speak (``RDLogger.DisableLog("rdApp.*")``)."""
    return dict(line.rpartition(":")[::2] for line in module.LogStatus().splitlines())


def _apply_rdkit(module: Any, state: Any) -> None:
    for log, word in state.items():
        (module.EnableLog if word == "enabled" else module.DisableLog)(log)


def apply_environ(variables: Any) -> None:
    """What the notebook set (None: took away) of its environment."""
    for name, text in variables.items():
        if text is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = text
    if "TZ" in variables:
        import time

        time.tzset()


COLLECT = {
    "python": _python,
    "locale": _locale,
    "logging": _logging,
    "numpy.errors": _numpy_errors,
    "polars": _polars,
    "plotly": _plotly,
    "altair": _altair,
    "xarray": _xarray,
    "bokeh": _bokeh,
    "rdkit": _rdkit,
}
APPLY = {
    "python": _apply_python,
    "locale": _apply_locale,
    "logging": _apply_logging,
    "numpy.errors": _apply_numpy_errors,
    "polars": _apply_polars,
    "plotly": _apply_plotly,
    "altair": _apply_altair,
    "xarray": _apply_xarray,
    "bokeh": _apply_bokeh,
    "rdkit": _apply_rdkit,
}
