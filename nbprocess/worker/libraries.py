"""The random states and options of the libraries that most notebooks use, as JSON.

Each function reads or sets the state of one section of ``ambient``. May import: the standard library, this package.
"""

from __future__ import annotations

import base64
import functools
import sys
import warnings

from . import drawing

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any

COUNTERS = {
    "control.ids": ("control.iosys", ("InputOutputSystem._idCounter",)),
    "cvxpy.ids": ("cvxpy.lin_ops.lin_utils", ("ID_COUNTER.count",)),
    "param.ids": ("param.parameterized", ("object_count",)),
    "sklearn.ids": (
        "sklearn.utils._repr_html.estimator",
        ("_CONTAINER_ID_COUNTER.count", "_ESTIMATOR_ID_COUNTER.count"),
    ),
}
"""Section → the module, and the numbers in it that its library gives to what is made. No two of a notebook may have the
same: variables of CVXPY with one id are one variable, forms of estimators share a page, HoloViz shows the names."""

MODULES = {  # section → the module whose import makes it exist
    "random": "random",
    "decimal": "decimal",
    "numpy.random": "numpy.random",
    "numpy.print": "numpy",
    "pandas": "pandas",
    "matplotlib": "matplotlib",
    **{section: module for section, (module, _) in COUNTERS.items()},
}


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def is_jsonable(value: object) -> bool:
    """Whether JSON gives it back, but for tuples (see ``listed``)."""
    if isinstance(value, (list, tuple)):
        return all(is_jsonable(item) for item in value)
    if isinstance(value, dict):
        return all(isinstance(key, str) and is_jsonable(item) for key, item in value.items())
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


def listed(value: object) -> object:
    """As JSON gives it back, so that states compare equal after the journey."""
    if isinstance(value, (list, tuple)):
        return [listed(item) for item in value]
    return value


def random_state(generator: Any) -> Any:
    """The state of ``random``, or of a ``random.Random``."""
    from array import array

    version, words, gauss = generator.getstate()
    return [version, _encode(array("I", words).tobytes()), gauss]


def set_random_state(generator: Any, state: Any) -> None:
    """The inverse."""
    from array import array

    words = array("I")
    words.frombytes(base64.b64decode(state[1]))
    generator.setstate((state[0], tuple(words), state[2]))


def _numpy_random(module: Any) -> Any:
    state = module.get_state(legacy=True)
    return [state[0], _encode(state[1].astype("<u4").tobytes()), int(state[2]), int(state[3]), float(state[4])]


def _apply_numpy_random(module: Any, state: Any) -> None:
    words = sys.modules["numpy"].frombuffer(base64.b64decode(state[1]), dtype="<u4")
    module.set_state((state[0], words, *state[2:]))


def _numpy_print(module: Any) -> Any:
    return {
        key: value for key, value in module.get_printoptions().items() if key != "override_repr" and is_jsonable(value)
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
            if value != option.defval and is_jsonable(value):
                options[key] = listed(value)
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
            if is_jsonable(value.by_key()):
                changed_[key] = {name: listed(values) for name, values in value.by_key().items()}
        elif is_jsonable(value):
            changed_[key] = listed(value)
    beside = {
        "backend": drawing.at_home(module),
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
    pictures_there = backend is None and not drawing.only_pictures
    own = {"backend", "named", "letters", "steps"} | (
        {"interactive"} if pictures_there and drawing.chosen(module) is not None else set()
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


def _ids(paths: Any, module: Any) -> Any:
    values = {path: getattr(_holder(module, path), path.rpartition(".")[2], None) for path in paths}
    return {path: value for path, value in values.items() if isinstance(value, int)}


def _holder(module: Any, path: str) -> Any:
    within = path.rpartition(".")[0]
    return getattr(module, within, None) if within else module


def _apply_ids(paths: Any, module: Any, state: Any, ahead: bool = True) -> None:
    """Count on from the other end's numbers; ``ahead``: from those that are here, where they have come further."""
    for path, here in _ids(paths, module).items():
        there = state.get(path, 0)
        setattr(_holder(module, path), path.rpartition(".")[2], max(here, there) if ahead else there)


def take_back(state: Any) -> None:
    """Before the cell, count on from where home's numbers end: what was made since is home's own, or an import's."""
    for section, (name, paths) in COUNTERS.items():
        if name in sys.modules and section in state:
            _apply_ids(paths, sys.modules[name], state[section], ahead=False)


COLLECT = {
    "random": random_state,
    "decimal": _decimal,
    "numpy.random": _numpy_random,
    "numpy.print": _numpy_print,
    "pandas": _pandas,
    "matplotlib": _matplotlib,
    **{section: functools.partial(_ids, paths) for section, (_, paths) in COUNTERS.items()},
}
APPLY = {
    "random": set_random_state,
    "decimal": _apply_decimal,
    "numpy.random": _apply_numpy_random,
    "numpy.print": _apply_numpy_print,
    "pandas": _apply_pandas,
    "matplotlib": _apply_matplotlib,
    **{section: functools.partial(_apply_ids, paths) for section, (_, paths) in COUNTERS.items()},
}
