"""Values that are bound to their process and are made again at the other end: matches, views of dicts, closed
files, generators at their end, iterators of dicts; and objects of which each process has its own: IPython's shell and
its parts, Pygments' token types.

May import: the standard library, this folder, the worker's ``hushed``.
"""

from __future__ import annotations

import collections
import gc
import io
import itertools
import operator
import os
import pickle
import re
import sys
import types
from typing import Any, Dict, Optional, Tuple

from ..hushed import heard
from . import atrest, constants

_SCANS = ("search", "match", "fullmatch")
_VIEWS: Dict[type, Tuple[type, str]] = {
    type(getattr(kind, which)(kind())): (kind, which)
    for kind in (dict, collections.OrderedDict)
    for which in ("keys", "values", "items")
}
_ITERATORS = {type(iter(getattr({}, name)())): name for name in ("keys", "values", "items")}
_LIST_ITERATOR: Any = type(iter([]))
_AT_ITS_END: Any = {type(iter(value)): empty for value, empty in (("a", ""), ("\u0101", ""), (b"a", b""), ((1,), ()))}
"""Iterators that forget what they ran over when they come to its end."""
_FILES = (io.TextIOWrapper, io.BufferedReader, io.BufferedWriter, io.BufferedRandom, io.FileIO)


def reduce_remade(obj: Any) -> Any:
    """The reduction of a value that can be made again; NotImplemented for all others."""
    kind = type(obj)
    if kind is re.Match:
        return _reduce_match(obj)
    if kind in _VIEWS:
        found = [part for part in gc.get_referents(obj) if isinstance(part, dict)]
        return (make_view_of, (*_VIEWS[kind], found[0])) if len(found) == 1 else NotImplemented
    if kind.__name__ == "NpzFile" and (kind.__module__ or "").startswith("numpy."):
        return _reduce_npz(obj)
    if kind is types.GeneratorType and obj.gi_frame is None:
        return make_ended, (obj.__name__, obj.__qualname__)
    if kind in _FILES and obj.closed:
        return make_closed, (kind.__name__, getattr(obj, "name", ""), str(getattr(obj, "mode", "r")), _encoding(obj))
    if issubclass(kind, _FILES):  # the type: what a proxy leads to may be gone
        return reduce_stream(obj)
    if kind.__name__ == "DisplayHandle" and kind.__module__.startswith("IPython."):
        return make_handle, (obj.display_id,)
    if kind.__module__ == "multiprocessing.context" and hasattr(obj, "get_start_method"):
        # `from multiprocessing import Pool` binds a method of it.
        if kind.__name__ == "DefaultContext":
            return make_attribute, (kind.__module__, "_default_context")
        return make_context, (obj.get_start_method(),)
    if kind.__name__ == "_grouper" and kind.__module__ == "itertools":
        return (make_spent_group, ()) if obj.__reduce__()[0] is iter else NotImplemented
    if kind.__module__ == "requests.sessions" and kind.__name__ == "Session":
        return NotImplemented if _holds_secrets(obj) else obj.__reduce_ex__(4)
    again = atrest.reduce_at_rest(obj)
    if again is not NotImplemented:
        return again
    named = constants.name_of(obj)  # what ipywidgets offers ready made and is bound to no page: `interact`
    return (make_attribute, named) if named is not None else NotImplemented


_USUAL_HEADERS = {"user-agent", "accept-encoding", "accept", "connection", "accept-language", "content-type", "referer"}


def _holds_secrets(session: Any) -> bool:
    """Whether an HTTP session of requests has what may be credentials: it travels as the settings that it has else."""
    more = (session.auth, session.cert, len(session.cookies), session.proxies, session.params)
    return any(more) or any(name.lower() not in _USUAL_HEADERS for name in session.headers)


class Anew:
    """Stands for an object in its present state where the other end has it in an earlier one."""

    def __init__(self, obj: Any) -> None:
        self.obj = obj


def make_by(function: Any, arguments: Any) -> Any:
    """What a reduction says to make; pickle itself takes some of them for objects of their own class only."""
    return function(*arguments)


class Facts(tuple):  # type: ignore[type-arg]
    """Facts of another interpreter (``sys.version_info``): Python makes one object of their type, its own."""

    def __new__(cls, of: str, values: Any, names: Any) -> Any:
        made = super().__new__(cls, values)
        vars(made).update(zip(names, values), _of=(of, tuple(names)))
        return made

    def __reduce__(self) -> Any:
        return make_facts, (self._of[0], tuple(self), self._of[1])  # type: ignore[attr-defined]

    def __repr__(self) -> str:
        of, names = self._of  # type: ignore[attr-defined]
        return f"sys.{of}({', '.join(f'{name}={value!r}' for name, value in zip(names, self))})"


def reduce_facts(obj: Any) -> Any:
    """What ``sys`` tells of its interpreter, whose pickle no Python can read."""
    kind = type(obj)
    names = [name for name, held in vars(kind).items() if type(held) is types.MemberDescriptorType]
    return make_facts, (kind.__name__, tuple(obj), tuple(names))


def make_facts(name: str, values: Any, names: Any) -> Any:
    """This interpreter's own facts if they are the same, else those of the other one."""
    here = getattr(sys, name, None)
    return here if isinstance(here, tuple) and tuple(here) == values else Facts(name, values, names)


def make_spent_group() -> Any:
    """A group of ``itertools.groupby`` that has given all it had, or that its parent has left behind."""
    parent = itertools.groupby([0])
    _, group = next(parent)
    next(parent, None)
    return group


def make_context(method: str) -> Any:
    """What ``multiprocessing`` starts processes by, of which each process has one for each way."""
    import multiprocessing

    return multiprocessing.get_context(method)


def add_attributes(obj: Any, attributes: Any) -> None:
    """Give an object the attributes that it had, whatever its own ``__setstate__`` would make of them."""
    vars(obj).update(attributes)


def find_device(platform: str, number: int) -> Any:
    """The device of JAX that has this number here."""
    import importlib

    jax: Any = importlib.import_module("jax")
    for device in jax.devices(platform):  # an error where there is none of the kind
        if device.id == number:
            return device
    raise RuntimeError(f"there is no device {number} of {platform} here")


def set_jitted(obj: Any, state: Tuple[Any, Any]) -> None:
    """What an object's own ``__setstate__`` takes, and its attributes, of which that knows nothing."""
    obj.__setstate__(state[0])
    vars(obj).update(state[1])


def make_attribute(module: str, name: str) -> Any:
    """What a package has by that name here."""
    import importlib

    return getattr(importlib.import_module(module), name)


def reduce_context(context: Any) -> Any:
    """The reduction of a ``decimal.Context``: the one in force is that of either end (its settings are ambient), and
    the module's own go by name."""
    decimal: Any = sys.modules["decimal"]
    if context is decimal.getcontext():
        return decimal.getcontext, ()
    for name in ("DefaultContext", "BasicContext", "ExtendedContext"):
        if context is getattr(decimal, name):
            return make_attribute, ("decimal", name)
    return NotImplemented


SHELL_ROOTS = ("IPython", "ipykernel", "nbprocess", "traitlets")
"""Packages of which the shell, its parts and its settings are."""
_PARTS: Tuple[str, ...] = (
    "display_formatter",
    "display_pub",
    "displayhook",
    "events",
    "history_manager",
    "magics_manager",
    "config",
)
_PARTS += ("alias_manager", "compile", "extension_manager", "input_transformer_manager", "InteractiveTB")


def path_in_shell(obj: Any) -> Optional[Tuple[str, ...]]:
    """The way to an object from the running IPython shell, of which each end has one: ``()`` for the shell itself, the
    name of a part of it, ``("formatters", "text/html")``; None for all other objects."""
    core: Any = sys.modules.get("IPython.core.interactiveshell")
    shell = getattr(core, "InteractiveShell", None) and core.InteractiveShell._instance
    if shell is None or (type(obj).__module__ or "").split(".")[0] not in SHELL_ROOTS:
        return None
    if obj is shell:
        return ()
    for name in _PARTS:
        if getattr(shell, name, None) is obj:
            return (name,)
    for mime, formatter in shell.display_formatter.formatters.items():
        if formatter is obj:
            return "formatters", mime
    return None


def reduce_stream(obj: Any) -> Any:
    """What ``print`` writes to here, and warnings: each end has its own. NotImplemented for all others."""
    for name in ("stdout", "stderr", "stdin", "__stdout__", "__stderr__", "__stdin__"):
        if getattr(sys, name, None) is obj:
            return make_stream, (name,)
    return NotImplemented


def make_stream(name: str) -> Any:
    """This end's own."""
    return heard(getattr(sys, name))


def make_of_shell(path: Tuple[str, ...]) -> Any:
    """This end's own shell, or the part of it."""
    from .functions import injected

    shell = injected("get_ipython")()
    if len(path) == 2:
        return shell.display_formatter.formatters[path[1]]
    return getattr(shell, path[0]) if path else shell


def make_token(names: Tuple[str, ...]) -> Any:
    """A token type of Pygments, of which there is one in each process."""
    import importlib

    token: Any = importlib.import_module("pygments.token").Token
    for name in names:
        token = getattr(token, name)
    return token


def take_symbol(kind: Any, name: str) -> Any:
    """What SQLAlchemy calls by that name here."""
    found: Any = kind.symbols.get(name)
    return kind(name) if found is None else found


def make_console(kind: Any) -> Any:
    """A console of ``rich`` that writes to this end's output."""
    return kind()


def set_console(console: Any, state: Any) -> None:
    """Its settings and themes, apart from what each thread has."""
    attributes = dict(state)
    console._thread_locals.theme_stack = attributes.pop("themes")
    vars(console).update(attributes)


def reduce_iterator(obj: Any) -> Any:
    """The reduction of an iterator of a dict, and of one of a list at its end: by themselves they become others."""
    kind = type(obj)
    if kind in _ITERATORS:
        found = [part for part in gc.get_referents(obj) if type(part) is dict]
        if not found:
            return make_iterator, ({}, _ITERATORS[kind], 1)
        return make_iterator, (found[0], _ITERATORS[kind], len(found[0]) - operator.length_hint(obj))
    if kind is _LIST_ITERATOR and not any(type(part) is list for part in gc.get_referents(obj)):
        return make_iterator, ([], "__iter__", 1)
    if kind in _AT_ITS_END and obj.__reduce__()[1:] == ((_AT_ITS_END[kind],),):
        return make_iterator, (_AT_ITS_END[kind], "__iter__", 1)
    return NotImplemented


def make_iterator(values: Any, which: str, consumed: int) -> Any:
    """An iterator over values that others may hold too, some of which it has given already."""
    made = iter(getattr(values, which)())
    for _ in range(consumed):
        next(made, None)
    return made


def _reduce_npz(obj: Any) -> Any:
    """What ``np.load`` gives for an ``.npz`` file: its bytes, and where the file lies, for an end that has it, too."""
    if obj.zip is None:  # closed, as a ``with`` leaves it
        return make_npz, (type(obj), None, None, {}), dict(vars(obj)), None, None, add_attributes
    path = getattr(obj.zip.fp, "name", None)
    facts = {name: getattr(obj, name) for name in ("allow_pickle", "max_header_size", "pickle_kwargs")}
    place = obj.zip.fp.tell()
    obj.zip.fp.seek(0)
    data = obj.zip.fp.read()
    obj.zip.fp.seek(place)
    path = path_text(path) if isinstance(path, str) else None
    held = {"files": obj.files, "_files": obj._files}
    return make_npz, (type(obj), path, pickle.PickleBuffer(data), facts), held, None, None, add_attributes


def make_npz(kind: Any, path: Optional[str], data: Any, facts: Any) -> Any:
    """The inverse: over the file, where it is here and the same, else over its bytes."""
    if data is None:
        return kind.__new__(kind)
    if path is not None and os.path.isfile(path) and os.path.getsize(path) == memoryview(data).nbytes:
        return kind(open(path, "rb"), own_fid=True, **facts)
    file = _NamedBytes(bytes(data))
    file.name = path
    return kind(file, own_fid=True, **facts)


class _NamedBytes(io.BytesIO):
    """What a file held that this machine does not have."""

    name: Optional[str]


def _reduce_match(match: Any) -> Any:
    if not isinstance(match.string, (str, bytes)):
        return NotImplemented
    start = match.start()
    tries = [(scan, match.pos) for scan in _SCANS] + [("match", start)]  # the last: one of a finditer
    for scan, pos in tries:
        again = getattr(match.re, scan)(match.string, pos, match.endpos)
        if again is not None and again.regs == match.regs:
            return make_match, (match.re, match.string, scan, pos, match.endpos)
    return NotImplemented


def make_match(pattern: Any, string: Any, scan: str, pos: int, endpos: int) -> Any:
    """The match that the same scan finds here."""
    return getattr(pattern, scan)(string, pos, endpos)


def make_view_of(kind: type, which: str, mapping: Any) -> Any:
    """``keys()``, ``values()`` or ``items()`` of a dict, which others may hold too. A subclass may give others."""
    return getattr(kind, which)(mapping)


def make_ended(name: str, qualname: str) -> Any:
    """A generator that has given all it had: that is all that can be known of it."""
    nothing: Any = ()
    generator: Any = (item for item in nothing)
    list(generator)
    generator.__name__, generator.__qualname__ = name, qualname
    return generator


def _encoding(file: Any) -> Optional[str]:
    return str(file.encoding) if isinstance(file, io.TextIOWrapper) else None


def make_closed(kind: str, name: Any, mode: str, encoding: Optional[str]) -> Any:
    """A closed file of that name; no file is opened for it."""
    plain = mode.replace("x", "w") if kind == "FileIO" else "r+" if kind == "BufferedRandom" else mode[:1]
    raw: Any = io.FileIO(os.devnull, plain if plain[:1] in "ra" else "w" + plain[1:])
    raw.name = name
    if kind == "FileIO":
        raw.close()
        return raw
    if kind == "TextIOWrapper":
        text: Any = io.TextIOWrapper(io.BufferedReader(raw) if "r" in mode else io.BufferedWriter(raw), encoding)
        text.mode = mode
        text.close()
        return text
    file = getattr(io, kind)(raw)
    file.close()
    return file


def make_closed_memory(kind: Any) -> Any:
    """A closed ``StringIO`` or ``BytesIO``: all that can be known of it."""
    made = kind()
    made.close()
    return made


def make_handle(display_id: str) -> Any:
    """The handle of a display of the same page."""
    display: Any = sys.modules.get("IPython.display")
    if display is None:
        import importlib

        display = importlib.import_module("IPython.display")
    return display.DisplayHandle(display_id=display_id)


class Places:
    """The folders of this process that stand for the notebook's: a path into one is told relative to it."""

    ours = ""
    """Where values are written that leave a job: its folder has a path of its own, which ends with it."""
    here = ""
    """Where values are read: the notebook's folder, or the folder of the job that goes on with them."""


def inside(text: str) -> Optional[str]:
    """A path of the job's folder, relative to it; None for all others."""
    folder = Places.ours
    if folder and text.startswith(folder) and text[len(folder) :][:1] in ("", "/"):
        return text[len(folder) + 1 :]
    return None


def reduce_path(path: Any) -> Any:
    """A ``Path`` into the job's folder; NotImplemented for all others."""
    found = inside(str(path)) if type(path).__name__ in ("PosixPath", "PurePosixPath") else None
    return NotImplemented if found is None else (make_path, (type(path), found))


def make_path(kind: Any, relative: str) -> Any:
    """The inverse of ``reduce_path``, in the folder that stands for it here."""
    return kind(os.path.join(Places.here, relative))


def path_text(value: Any) -> Any:
    """What travels for a value: for the text of a path into the job's folder something that becomes the one here."""
    found = inside(value) if type(value) is str else None
    return value if found is None else _PathText(found)


class _PathText:
    """Stands for the text of such a path on its way."""

    def __init__(self, relative: str) -> None:
        self._relative = relative

    def __reduce__(self) -> Any:
        return make_path, (_text, self._relative)


def _text(path: str) -> str:
    return path.rstrip("/")
