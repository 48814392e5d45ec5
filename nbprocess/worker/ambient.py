"""Ambient state (random states, options, filters) as JSON: collected at one end, applied at the other by the same code.

Only libraries that are loaded are looked at; nothing is imported. May import: the standard library.
"""

from __future__ import annotations

import base64
import sys
import warnings

from . import drawing, filters, formulas, holoviz, kerasstate, settings, torchstate

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any

_MODULES = {  # section → the module whose import makes it exist
    "random": "random",
    "decimal": "decimal",
    "numpy.random": "numpy.random",
    "numpy.print": "numpy",
    "pandas": "pandas",
    "matplotlib": "matplotlib",
    "sklearn": "sklearn",
    "sklearn.ids": "sklearn.utils._repr_html.estimator",
    "sympy": "sympy",
    "holoviews": "holoviews",
    **settings.MODULES,
    **kerasstate.MODULES,
    **torchstate.MODULES,
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
    shell = sys.modules.get("IPython.core.interactiveshell")
    if shell is not None and shell.InteractiveShell._instance is not None:
        state["ipython"] = _collect_shell(shell.InteractiveShell.instance())
    return state


def apply(state: dict[str, object]) -> list[str]:
    """Make ``state`` this process's own, for the libraries that are loaded here.

    Returns:
        What could not be applied, one line each: an option or a warning category that is unknown here.
    """
    notes: list[str] = []
    if "inline" in (state.get("ipython") or {}):  # type: ignore[operator]
        drawing.load_inline()  # before what is to hold for matplotlib, which it may import
    for section, value in state.items():
        if section == "warnings":
            filters.apply(value)
        elif section == "ipython":
            shell = sys.modules.get("IPython.core.interactiveshell")
            if shell is not None and shell.InteractiveShell._instance is not None:
                apply_shell(shell.InteractiveShell.instance(), value)
        elif section == "future":
            _apply_future(value)
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
            filters.keep_places(value)
        elif section == "environ":
            settings.apply_environ(value)
        elif section in _APPLY:

            def act(module: object, section: str = section, value: object = value) -> None:
                for note in _APPLY[section](module, value) or []:
                    print("nbprocess: " + note, file=sys.stderr)

            if section == "locale" and set(value.values()) != {"C"}:  # type: ignore[attr-defined]
                __import__("locale")  # it counts for `strftime`, whoever imports the module
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


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _jsonable(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        return all(_jsonable(item) for item in value)
    if isinstance(value, dict):
        return all(isinstance(key, str) and _jsonable(item) for key, item in value.items())
    return value is None or type(value) in (bool, int, float, str)


def _plain(value: Any) -> Any:
    """A number or text of another kind (a cap style, a number of NumPy) as JSON has it."""
    kind = type(value)
    if kind in (bool, int, float, str) or value is None:
        return value
    for plain in (str, int, float):
        if isinstance(value, plain):
            return plain(getattr(value, "value", value))
    return kind(_plain(item) for item in value) if kind in (list, tuple) else value


def _listed(value: object) -> object:
    """As JSON gives it back, so that states compare equal after the journey."""
    if isinstance(value, (list, tuple)):
        return [_listed(item) for item in value]
    return value


def _random(module: Any) -> Any:
    from array import array

    version, words, gauss = module.getstate()
    return [version, _encode(array("I", words).tobytes()), gauss]


def _apply_random(module: Any, state: Any) -> None:
    from array import array

    words = array("I")
    words.frombytes(base64.b64decode(state[1]))
    module.setstate((state[0], tuple(words), state[2]))


def _numpy_random(module: Any) -> Any:
    state = module.get_state(legacy=True)
    return [state[0], _encode(state[1].astype("<u4").tobytes()), int(state[2]), int(state[3]), float(state[4])]


def _apply_numpy_random(module: Any, state: Any) -> None:
    words = sys.modules["numpy"].frombuffer(base64.b64decode(state[1]), dtype="<u4")
    module.set_state((state[0], words, *state[2:]))


def _numpy_print(module: Any) -> Any:
    return {
        key: value for key, value in module.get_printoptions().items() if key != "override_repr" and _jsonable(value)
    }


def _apply_numpy_print(module: Any, state: Any) -> None:
    known = module.get_printoptions()
    # A call puts the formatter back; one that is set is no JSON and travels by itself (see ``attached``).
    kept = {} if "formatter" in state else {"formatter": known["formatter"]}
    wanted = {key: value for key, value in state.items() if key in known and value is not None}
    module.set_printoptions(**wanted, **kept)


def _decimal(module: Any) -> Any:
    context = module.getcontext()
    names = ("prec", "rounding", "Emin", "Emax", "capitals", "clamp")
    state: dict[str, Any] = {name: getattr(context, name) for name in names}
    for kind in ("traps", "flags"):
        state[kind] = sorted(signal.__name__ for signal, on in getattr(context, kind).items() if on)
    return state


def _apply_decimal(module: Any, state: Any) -> None:
    context = module.getcontext()
    for name, value in state.items():
        if name not in ("traps", "flags"):
            setattr(context, name, value)
    for kind in ("traps", "flags"):
        for signal in getattr(context, kind):
            getattr(context, kind)[signal] = signal.__name__ in state.get(kind, ())


def _pandas(module: Any) -> Any:
    registered = getattr(sys.modules.get("pandas._config.config"), "_registered_options", {})
    options = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # reading a deprecated option warns
        for key, option in registered.items():
            value = _plain(module.get_option(key))
            if value != option.defval and _jsonable(value):
                options[key] = _listed(value)
    return options


def _apply_pandas(module: Any, state: Any) -> list[str]:
    notes = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for key in _pandas(module).keys() - state.keys():  # it was put back
            module.reset_option(key)
        for key, value in state.items():
            try:
                module.set_option(key, value)
            except (KeyError, ValueError) as error:  # OptionError is both
                notes.append(f"pandas {module.__version__} has no such option here: {key} = {value!r} ({error})")
    return notes


def _matplotlib(module: Any) -> Any:
    default = module.rcParamsDefault
    changed_: dict[str, Any] = {}
    for key in default:
        value: Any = _plain(dict.get(module.rcParams, key))  # the dict's own: asking for the backend would choose one
        if key.startswith("backend") or value == dict.get(default, key):
            continue
        if key == "axes.prop_cycle":
            if _jsonable(value.by_key()):
                changed_[key] = {name: _listed(values) for name, values in value.by_key().items()}
        elif _jsonable(value):
            changed_[key] = _listed(value)
    beside = {
        "backend": drawing.chosen(module),
        "named": drawing.is_named(module),
        "letters": drawing.letters(module),
        "steps": drawing.steps(),
    }
    return {**changed_, **{name: value for name, value in beside.items() if value}}


def _apply_matplotlib(module: Any, state: Any) -> list[str]:
    backend = state.get("backend")
    notes = [] if backend is None else drawing.use(module, backend)
    if state.get("named"):
        drawing.name_inline(module)
    # A job's own backend is interactive; with another one here, that is no setting of the notebook.
    own = {"backend", "named", "letters", "steps"} | (
        set() if drawing.only_pictures or drawing.chosen(module) is None else {"interactive"}
    )
    drawing.set_letters(module, state.get("letters") or {})
    drawing.set_steps(state.get("steps") or 0)
    for key in _matplotlib(module).keys() - state.keys() - own:  # put back: by seaborn's styles, by rcdefaults()
        module.rcParams[key] = module.rcParamsDefault[key]
    for key, value in state.items():
        if key in own:
            continue
        try:
            if key == "axes.prop_cycle":
                from cycler import cycler

                value = cycler(**value)
            elif isinstance(value, list) and isinstance(dict.get(module.rcParamsDefault, key), tuple):
                value = tuple(value)
            module.rcParams[key] = value
        except (KeyError, ValueError) as error:
            notes.append(f"matplotlib {module.__version__} does not take rcParams[{key!r}] = {value!r} ({error})")
    return notes


def _sklearn(module: Any) -> Any:
    return {key: value for key, value in module.get_config().items() if _jsonable(value)}


def _apply_sklearn(module: Any, state: Any) -> None:
    known = module.get_config()
    module.set_config(**{key: value for key, value in state.items() if key in known})


_SKLEARN_COUNTERS = ("_CONTAINER_ID_COUNTER", "_ESTIMATOR_ID_COUNTER")
"""They number the HTML forms of estimators, which must not share an id on one page."""


def _sklearn_ids(module: Any) -> Any:
    counters: Any = {name: getattr(module, name, None) for name in _SKLEARN_COUNTERS}
    return {name: counter.count for name, counter in counters.items() if hasattr(counter, "count")}


def _apply_sklearn_ids(module: Any, state: Any) -> None:
    for name, count in state.items():
        if hasattr(getattr(module, name, None), "count"):
            getattr(module, name).count = count


_COLLECT = {
    "random": _random,
    "decimal": _decimal,
    "numpy.random": _numpy_random,
    "numpy.print": _numpy_print,
    "pandas": _pandas,
    "matplotlib": _matplotlib,
    "sklearn": _sklearn,
    "sklearn.ids": _sklearn_ids,
    "sympy": formulas.collect,
    "holoviews": holoviz.collect,
    **settings.COLLECT,
    **kerasstate.COLLECT,
    **torchstate.COLLECT,
}
_APPLY = {
    "random": _apply_random,
    "decimal": _apply_decimal,
    "numpy.random": _apply_numpy_random,
    "numpy.print": _apply_numpy_print,
    "pandas": _apply_pandas,
    "matplotlib": _apply_matplotlib,
    "sklearn": _apply_sklearn,
    "sklearn.ids": _apply_sklearn_ids,
    "sympy": formulas.apply,
    "holoviews": holoviz.apply,
    **settings.APPLY,
    **kerasstate.APPLY,
    **torchstate.APPLY,
}


def _collect_shell(shell: Any) -> Any:
    state = {"xmode": shell.InteractiveTB.mode, "colors": shell.colors}
    state["interactivity"] = shell.ast_node_interactivity
    plain = shell.display_formatter.formatters.get("text/plain")
    if plain is not None:
        state["float_format"], state["float_precision"] = plain.float_format, plain.float_precision
        state["pprint"] = plain.pprint
    inline = sys.modules.get("matplotlib_inline.config")
    if inline is not None and inline.InlineBackend.initialized():
        backend = inline.InlineBackend.instance()
        state["inline"] = {
            "figure_formats": sorted(backend.figure_formats),
            "close_figures": backend.close_figures,
            "print_figure_kwargs": {k: v for k, v in backend.print_figure_kwargs.items() if _jsonable(v)},
        }
    elif "InlineBackend" in shell.config:  # of `%config`, for when matplotlib is imported
        set_ = {k: sorted(v) if isinstance(v, set) else v for k, v in shell.config.InlineBackend.items()}
        state["inline to be"] = {key: _listed(value) for key, value in set_.items() if _jsonable(value)}
    return state


def _apply_future(names: Any) -> None:
    """``from __future__ import`` in a cell holds for all later cells."""
    import __future__

    shell = sys.modules.get("IPython.core.interactiveshell")
    if shell is not None and shell.InteractiveShell._instance is not None:
        for name in names:
            shell.InteractiveShell.instance().compile.flags |= getattr(__future__, name).compiler_flag


def apply_shell(shell: Any, state: Any) -> None:
    """The user's settings of IPython itself, on ``shell``, and the extensions whose magics the cell uses."""
    for name in state.get("extensions") or ():
        try:
            shell.extension_manager.load_extension(name)
        except Exception as error:  # whatever the extension's own code may raise
            print(f"nbprocess: the extension {name} cannot be loaded here: {error}", file=sys.stderr)
    if "autoreload" in state and "autoreload" in shell.magics_manager.magics["line"]:
        shell.run_line_magic("autoreload", state["autoreload"])
    if "xmode" in state:
        shell.InteractiveTB.set_mode(mode=state["xmode"])
    if "colors" in state:
        try:
            shell.colors = state["colors"]
        except Exception:  # a TraitError: IPython 8 and 9 name their themes differently; the default stays
            pass
    if "interactivity" in state:
        shell.ast_node_interactivity = state["interactivity"]
    plain = shell.display_formatter.formatters.get("text/plain")
    if plain is not None and "float_format" in state:
        precision = state.get("float_precision", plain.float_precision)
        if drawing.only_pictures:  # in a job: what else it sets (NumPy's precision) came by itself
            plain._trait_values["float_precision"] = precision
        plain.float_precision = precision
        plain.float_format, plain.pprint = state["float_format"], state["pprint"]
    if "inline to be" in state:
        shell.config.InlineBackend.update(state["inline to be"])
    inline, library = state.get("inline"), sys.modules.get("matplotlib")
    if inline and (library is None or drawing.only_pictures or drawing.chosen(library) is None):
        from matplotlib_inline.config import InlineBackend

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its own deprecated ways: no cell made it
            backend = InlineBackend.instance(parent=shell)
            backend.close_figures = inline["close_figures"]
            backend.print_figure_kwargs = inline["print_figure_kwargs"]
            backend.figure_formats = set(inline["figure_formats"])
