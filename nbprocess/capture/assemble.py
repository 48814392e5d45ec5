"""``capture()``: cell + namespace → ``Capture``.

May import: this room, ``errors``, the worker's ``ambient``, ``assigned``, ``attached``, ``entries`` and ``formatters``
(the same code reads that state at both ends), the standard library.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import types
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from ..errors import CaptureError
from ..worker import assigned
from ..worker import attached as worker_attached
from ..worker import entries as worker_entries
from ..worker import formatters as worker_formatters
from . import above, environment, listing, magics, secrets
from .cell import parse
from .folder import Found, data_files, inner_folders, source_of
from .model import Capture, Cell, LocalFile, Need
from .modules import changed_state, is_edited, is_missing, local_modules
from .notes import said_of_process
from .resolve import Resolution, star_names, submodules
from .scope import Scope, analyse


def capture(
    cell: Cell,
    namespace: Mapping[str, Any],
    *,
    folder: str | os.PathLike[str] | None = None,
    hidden: Collection[str] = frozenset(),
    save: Collection[str] | None = None,
    skip: Collection[str] = (),
    send: Collection[str] = (),
    modules: Mapping[str, types.ModuleType] | None = None,
    known_magics: Collection[str] | None = None,
    transform: Callable[[str], str] | None = None,
    cwd: str | None = None,
    env: Collection[str] = (),
    also: Iterable[Any] = (),
) -> Capture:
    """Find out all that a cell needs in order to run elsewhere.

    Args:
        cell: the cell (``make_cell``).
        namespace: the kernel's.
        folder: the notebook's folder; None: no data files travel.
        hidden: names that IPython put into the namespace, or that the worker puts there: never sent, never missing.
        save: names that are to come back (``--save``); used for a notice only.
        skip: names that are not sent (``--skip``).
        send: names that are sent although they look like secrets (``--send``).
        modules: loaded modules whose ambient state and files travel; default: ``sys.modules``.
        known_magics: names of the magics that the kernel has loaded; None: only IPython's own are known.
        transform: IPython's ``transform_cell``, for the bodies of cell magics such as ``%%time``.
        cwd: the kernel's current folder, for relative paths; default: ``folder``.
        env: variables that the person gives the job (``--env``): what the notebook set them to does not count.
        also: functions and classes that travel inside of values (``unseen``): what they need goes, too.

    Raises:
        CaptureError: something must be refused; the message names it, the reason and the way out.
        SyntaxError: the cell does not parse.
    """
    loaded = sys.modules if modules is None else modules
    base = os.path.abspath(os.fspath(folder)) if folder is not None else None
    shell = worker_formatters.shell_here() if modules is None else None
    shown = worker_formatters.registered(shell) if shell is not None else []
    meant = worker_formatters.magic_names(shown)
    scope = analyse(parse(cell), flags=cell.flags, transform=transform, star=star_names, magic_names=meant)
    extensions = _extensions(scope.notes.magics, shell) if shell is not None else {}
    sent = {*extensions, *(typ[1] for _, typ, _ in shown if isinstance(typ, tuple))}
    notices: list[str] = magics.check(scope.notes.magics, known_magics, cell.first_line, sent)
    _refuse_prompts(scope, cell, notices)
    _refuse_backward(scope, namespace, cell)
    if base is not None:
        _scripts(scope, base)

    resolution = Resolution(scope, namespace, hidden)
    if any(map(magics.shows_modules, scope.notes.magics)):
        for name in [name for name, value in namespace.items() if isinstance(value, types.ModuleType)]:
            resolution.need(name, "maybe", 1, "")
    for _, typ, function in shown:
        resolution.follow(function)
        resolution.follow(typ)
    for definition in also:
        resolution.follow(definition)
    imports = _imports(resolution)
    local, syspath, local_names = local_modules(sorted(imports | _tops(resolution.modules)), folder=base, loaded=loaded)
    attached = _attached(resolution, namespace, send, notices, _of_modules(local_names, imports, resolution, loaded))
    needs = {name: _placed(need, cell) for name, need in resolution.needs.items() if name not in skip}
    undefined = [_placed(need, cell) for need in resolution.undefined.values()]
    withheld = _guard(needs, namespace, send, notices)
    found = secrets.in_source(cell.source)
    if found:
        notices.append(f"the cell's text seems to hold a secret ({found}); it is part of what is sent.")
    if resolution.whole is not None:
        line, by = resolution.whole
        notices.append(
            f"line {line + cell.first_line - 1}: {by} may read any name, so the whole namespace is sent "
            f"({len(needs)} names)."
        )
    notices += [
        f"`{need.name}` is not defined in the notebook (line {need.line})."
        for need in undefined
        if need.strength == "must"
    ]
    if save is not None:
        for name in sorted(set(save) - set(resolution.binds) - set(needs) - set(scope.deletes)):
            notices.append(f"--save {name}: the cell does not seem to bind it.")

    notices += said_of_process(scope.notes.attributes)
    notices += local.notices
    notices += _module_state(local_names, loaded, attached)
    files = dict(local.files)
    folders: list[str] = []
    if base is not None:
        folders = inner_folders(base)
        data = data_files(base, _paths(resolution, needs, namespace), cwd=cwd, taken=frozenset(files))
        notices += _fresh(data, files)
        withheld.update(_unsent_stores(needs, namespace, files.values(), cwd or base))
        folders += sorted(data.above)
        if data.whole and listing.lists(cell.source):
            beside = {file.target: file for file in listing.notebooks(base) if file.target not in files}
            files.update(beside)
            if beside:
                notices.append(f"the notebooks of the folder are sent, too ({len(beside)}): the cell lists folders.")
    variables = _variables(env, resolution, notices) if modules is None else {}
    ambient = _ambient(loaded)
    if extensions:
        ambient["ipython"] = {**ambient.get("ipython", {}), "extensions": sorted(set(extensions.values()))}
    below = above.below(base, [*files, *folders], cwd) if base is not None else ""
    syspath += _paths_inside(base) if base is not None and modules is None else ()
    return Capture(
        cell=cell,
        needs=tuple(sorted(needs.values(), key=lambda n: (n.strength != "must", n.line, n.name))),
        binds=tuple(sorted(resolution.binds)),
        deletes=tuple(sorted(name for name in scope.deletes if name not in scope.binds)),
        undefined=tuple(sorted(undefined, key=lambda n: (n.line, n.name))),
        files=above.moved_files(below, (files[target] for target in sorted(files))),
        syspath=tuple(dict.fromkeys(above.moved(below, place) for place in syspath)),
        below=below,
        imports=tuple(sorted((imports | _tops(resolution.modules)) - local_names - _INTERNAL)),
        submodules=tuple(
            sorted(
                submodules(resolution.attributes, namespace, resolution.aliases)
                | worker_attached.extenders(cell.source)
            )
        ),
        dotted=tuple(sorted({item.module for item in resolution.imports.values() if "." in item.module})),
        ambient={**ambient, **_folders(above.moved(below, place) for place in folders), **variables},
        notices=tuple(dict.fromkeys(notices)),
        history=tuple(sorted(resolution.history)),
        whole_namespace=resolution.whole is not None,
        formatters=shown,
        attached=attached,
        withheld=withheld,
        defined=frozenset(resolution.defined),
    )


def _paths_inside(base: str) -> Iterable[str]:
    """Folders of ``sys.path`` below the notebook's: a module whose name is computed is looked for there."""
    for entry in sys.path:
        path = os.path.join(base, entry) if entry else base
        if path.startswith(base + os.sep) and os.path.isdir(path) and not os.path.exists(f"{path}/pyvenv.cfg"):
            relative = os.path.relpath(path, base).replace(os.sep, "/")
            if "site-packages" not in relative and not relative.startswith(".."):
                yield relative


_INTERNAL = frozenset({"builtins", "__main__", "nbprocess", "_thread", "_io", "__future__", "ipykernel"})


def _tops(names: Iterable[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


def _placed(need: Need, cell: Cell) -> Need:
    """The need with the line of the notebook's cell; lines of other definitions are those of their own cells."""
    return need if need.via else dataclasses.replace(need, line=need.line + cell.first_line - 1)


def _refuse_prompts(scope: Scope, cell: Cell, notices: list[str]) -> None:
    for prompt in scope.notes.prompts:
        line = prompt.line + cell.first_line - 1
        if prompt.now:
            raise CaptureError(
                f"{prompt.what} on line {line}: a remote cell cannot ask for input; ask in a local cell and use the "
                "variable."
            )
        notices.append(f"line {line}: {prompt.what} fails if it is called: a remote cell cannot ask for input.")


def _refuse_backward(scope: Scope, namespace: Mapping[str, Any], cell: Cell) -> None:
    for name, line in scope.notes.backward.items():
        read = scope.reads.get(name)
        surely = read is not None and read.strength == "must" and read.line <= line
        if surely and getattr(namespace.get(name), "grad_fn", None) is not None:
            raise CaptureError(
                f"{name}.backward() on line {line + cell.first_line - 1}: `{name}` was computed by an earlier cell; "
                "the autograd graph behind it does not travel to a job. Compute it and call backward() in one cell."
            )


def _scripts(scope: Scope, folder: str) -> None:
    """``%run script.py`` binds the script's names; with ``-i`` it also reads the notebook's."""
    for magic in scope.notes.magics:
        script = magics.run_script(magic)
        path = os.path.join(folder, script[0]) if script else ""
        if not script or not path.endswith(".py") or not os.path.isfile(path):
            continue
        try:
            with open(path, "rb") as file:
                inner = analyse(file.read().decode("utf-8", "replace"), star=star_names)
        except SyntaxError:  # it fails where it runs, as it does here
            continue
        for name in inner.binds:
            scope.binds.setdefault(name, magic.lineno)
        scope.notes.imports += inner.notes.imports
        scope.notes.strings.update(inner.notes.strings)
        if script[1]:
            for name, read in inner.reads.items():
                read.line = magic.lineno
                scope.reads.setdefault(name, read)


def _guard(
    needs: dict[str, Need], namespace: Mapping[str, Any], send: Collection[str], notices: list[str]
) -> dict[str, str]:
    """Take names that look like secrets out of ``needs``; refuse when the cell surely reads one.

    Returns:
        Why each of them is not sent.
    """
    withheld: dict[str, str] = {}
    for name, need in list(needs.items()):
        if name in send:
            continue
        what = secrets.in_value(name, namespace[name])
        if not what:
            continue
        if need.strength == "must" and not need.existence:
            raise CaptureError(
                f"`{name}` looks like it holds a secret ({what}). Not sent. Use --send {name} to send it anyway, or "
                "read it inside the cell, for example from Secrets Manager: "
                "boto3.client('secretsmanager').get_secret_value(SecretId='...')['SecretString']."
            )
        del needs[name]
        withheld[name] = (
            f"`{name}` looks like it holds a secret ({what}) and was not sent. Use --send {name} to send it anyway."
        )
        notices.append(withheld[name])
    return withheld


def _imports(resolution: Resolution) -> set[str]:
    """Top-level modules that are imported; those whose absence is handled count only if they are here."""
    return {
        item.module.partition(".")[0]
        for item in resolution.imports.values()
        if not item.optional or not is_missing(item.module.partition(".")[0])
    }


def _attached(
    resolution: Resolution,
    namespace: Mapping[str, Any],
    send: Collection[str],
    notices: list[str],
    state: dict[str, Any],
) -> dict[str, Any]:
    """What the notebook's cells set on libraries that this one may use, and on Python's own; its needs are added.

    Args:
        state: what changed in local modules, also sent.
    """
    history = namespace.get("In")
    texts = [text for text in history if isinstance(text, str)] if isinstance(history, list) else []
    # Others draw by matplotlib, too: networkx, pandas.
    used = _imports(resolution) | _tops(resolution.modules) | sys.stdlib_module_names | {"matplotlib"}
    entries = {**worker_attached.extensions(at_home=True), **assigned.found(texts, namespace)} if texts else {}
    entries = {name: value for name, value in entries.items() if _tops([worker_entries.module_of(name)]) <= used}
    if _tops(resolution.modules) <= sys.stdlib_module_names | {"numpy"}:
        entries = {name: value for name, value in entries.items() if not worker_entries.only_draws(name)}
    entries = {**state, **entries}
    for entry, value in list(entries.items()):
        name = worker_entries.dotted(entry)
        what = secrets.in_value(*worker_entries.content(entry, value)) if name not in send else ""
        if what:
            del entries[entry]
            notices.append(f"`{name}` looks like it holds a secret ({what}) and was not sent. --send {name} sends it.")
        else:
            resolution.follow(value)
    return entries


def _of_modules(
    local: Collection[str], imports: Collection[str], resolution: Resolution, loaded: Mapping[str, types.ModuleType]
) -> dict[str, Any]:
    """Plain values of the local modules that the cell uses which are not as their source says: the worker imports them
    anew."""
    used = (set(imports) | _tops(resolution.modules)) & set(local)
    found: dict[str, Any] = {}
    for name, module in list(loaded.items()):
        if name.partition(".")[0] in used:
            for attribute in changed_state(module, ()):
                found[worker_entries.name_of(name, "", attribute)] = vars(module)[attribute]
    return found


def _module_state(
    local: Collection[str], loaded: Mapping[str, types.ModuleType], attached: Collection[str]
) -> list[str]:
    """Say when a local module is not here as the worker imports it anew: its constants, or its source, changed."""
    notices = []
    for name in sorted(local):
        module = loaded.get(name)
        if module is not None and is_edited(module):
            notices.append(f"{name} was edited since it was imported here; the job has it as it is now.")
        sent = [worker_entries.attribute_of(entry) for entry in attached if worker_entries.module_of(entry) == name]
        changed = changed_state(module, sent) if module is not None else []
        if changed:
            listed = ", ".join(f"{name}.{attribute}" for attribute in changed)
            notices.append(
                f"{listed} was changed in this kernel; the worker imports {name} anew. Set it inside the cell."
            )
    return notices


def _paths(resolution: Resolution, needs: Mapping[str, Need], namespace: Mapping[str, Any]) -> list[str]:
    """Strings that may be paths: literals of the code, captured strings, ``Path`` values, and what values read from."""
    found = dict.fromkeys(resolution.strings)
    for name in needs:
        value = namespace[name]
        source = source_of(value)
        if source:
            found[source] = None
        if issubclass(type(value), os.PathLike) and (type(value).__module__ or "").startswith("pathlib"):
            found[os.fspath(value)] = None
    return list(found)


def _unsent_stores(
    needs: Mapping[str, Need], namespace: Mapping[str, Any], files: Collection[LocalFile], cwd: str
) -> dict[str, str]:
    """Names that the cell may read of arrays whose folder does not travel → the reason: where it is not, zarr gives
    the value that stands for what was never written.

    Raises:
        CaptureError: the cell reads such an array.
    """
    found = {}
    for name, need in needs.items():
        place = source_of(namespace[name]) if (type(namespace[name]).__module__ or "").startswith("zarr.") else ""
        folder = os.path.join(os.path.abspath(os.path.join(cwd, place)), "")
        if not place or not os.path.isdir(folder) or not os.listdir(folder):
            continue
        if any(file.path.startswith(folder) for file in files):
            continue
        reason = f"its folder {place} is too large or too far from the notebook's to be sent"
        if need.strength == "must":
            raise CaptureError(
                f"`{name}` (line {need.line}) cannot be sent: {reason}. --input NAME={place} makes it available under "
                "/opt/ml/processing/input/NAME: open it there inside the cell."
            )
        found[name] = reason
    return found


def _fresh(data: Found, files: dict[str, LocalFile]) -> list[str]:
    for target, file in data.files.items():
        files.setdefault(target, file)
    return data.notices


def _folders(places: Iterable[str]) -> dict[str, Any]:
    found = list(places)
    return {"folders": found} if found else {}


def _variables(given: Collection[str], resolution: Resolution, notices: list[str]) -> dict[str, Any]:
    """Environment variables that the notebook has set; what stays here is said where the code names it."""
    found, left = environment.changed(given=given)
    notices += [
        f"the environment variable {name} is not sent: {why}. --env {name} sends it."
        for name, why in left.items()
        if name in resolution.strings
    ]
    return {"environ": found} if found else {}


def _extensions(used: Iterable[magics.Magic], shell: Any) -> dict[str, str]:
    """Magics of the cell that an extension of this kernel brought → the extension, which the worker loads too."""
    found = {}
    for kind, name in map(magics.asked_about, used):
        function = shell.magics_manager.magics.get(kind, {}).get(name)
        maker = type(getattr(function, "__self__", None)) if hasattr(function, "__self__") else function
        root = (getattr(maker, "__module__", None) or "").partition(".")[0]
        if root not in ("", "IPython", "ipykernel", "nbprocess"):
            loaded = [other for other in shell.extension_manager.loaded if other.partition(".")[0] == root]
            found.update(dict.fromkeys([name], loaded[0]) if loaded else {})
    return found


def _ambient(loaded: Mapping[str, types.ModuleType]) -> dict[str, Any]:
    from ..worker import ambient, filters

    state: dict[str, Any] = ambient.collect(loaded)
    state["shown"] = filters.shown()
    return state
