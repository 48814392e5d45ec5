"""The child: loads the inputs, runs the cell, saves what it made. May import: this package, the standard library."""

from __future__ import annotations

import builtins
import contextlib
import faulthandler
import functools
import importlib
import os
import signal
import sys
import types

from . import (
    assigned,
    attached,
    entries,
    failure,
    filters,
    formatters,
    keeping,
    ownmodules,
    places,
    preloaded,
    reach,
    results,
    tombstone,
)
from .blobs import Writer
from .channel import Channel, open_streams
from .hooks import AfterImport
from .hushed import hushed, hushed_descriptors
from .layout import Layout, resolve
from .runner import Program, as_at_home, execute

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any


CHANGES_LOST = "its changes could not be saved"
"""How the reason of an input begins that is as it was, although the cell changed it."""


class InputError(RuntimeError):
    """A value that the cell needs cannot be read in this container."""


def main(manifest: Any, layout: Layout, buffers: Any, pipes: Any) -> int:
    """Run the cell of ``manifest`` in this process. Returns the exit code; the parent has the report by then."""
    os.setsid()  # the leader of its own group: the parent interrupts and ends the cell with all that it started
    interruptible = [True]

    def interrupt(_number: int, _frame: Any) -> None:
        if interruptible:
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (pipes.out, 1), (pipes.err, 2)):
        os.dup2(source, target)
    for fd in (null, pipes.out, pipes.err):
        os.close(fd)
    channel = Channel(pipes.control, pipes.answer)
    open_streams(channel)
    faulthandler.enable(file=2)  # a segmentation fault names the Python line in the log
    cell = Cell(manifest, layout, buffers, channel)
    error: BaseException | None = None
    try:
        try:
            with filters.unnoticed():
                cell.prepare()
                channel.phase("running")
                program = cell.begin()
            cell.run(program)
        finally:
            interruptible.clear()  # from here on a stop only has to wait for what is being saved
    except BaseException as raised:  # whatever the cell raises is its result, also SystemExit and KeyboardInterrupt
        error = raised
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel.phase("saving")
    try:
        report = cell.save(error)
    except Exception as broken:  # a full disk, most likely: the job must still say what happened to the cell
        report = unsaved(error, broken)
    _flush()
    channel.report(report)
    import atexit
    import warnings

    warnings.simplefilter("ignore")  # of what is left open: in place it stays open
    _end_pools()
    with hushed("stdout", "stderr"), hushed_descriptors(1, 2):  # in place nobody hears what they say as the kernel ends
        atexit._run_exitfuncs()  # the cell's own: loggers and trackers send their rest
    _flush()
    return 0


def _end_pools() -> None:
    """Tell pools of processes to end, as Python does before it calls exit handlers (``threading._shutdown``): else
    multiprocessing's handler waits for processes of joblib's that wait for work.

    Threads are not waited for: the process ends without them.
    """
    for call in reversed(getattr(sys.modules.get("threading"), "_threading_atexits", ())):
        if getattr(getattr(call, "func", call), "__module__", "") != "concurrent.futures.thread":
            with contextlib.suppress(Exception):  # whatever a library's own may raise: the results are saved
                call()


def unsaved(error: BaseException | None, broken: Exception) -> dict[str, Any]:
    """The report when the results could not be written."""
    told = failure.describe(broken, lambda _: None)
    after = "the cell completed" if error is None else f"the cell raised {type(error).__name__}: {error}"
    told["message"] = f"the results could not be saved ({type(broken).__name__}: {broken}); {after}"
    print(f"nbprocess: {told['message']}", file=sys.stderr)
    return {"state": "failed", "error": told}


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    if "ctypes" in sys.modules or "numpy" in sys.modules:  # foreign code may have filled C's own buffer
        import ctypes

        ctypes.CDLL(None).fflush(None)


class Cell:
    """One run of one cell."""

    def __init__(self, manifest: Any, layout: Layout, buffers: Any, channel: Channel) -> None:
        self._manifest, self._layout, self._buffers, self._channel = manifest, layout, buffers, channel
        self._put = Writer(layout.out + "/blobs", manifest.get("pack") or "")
        self._module = types.ModuleType("__main__", "Automatically created module for IPython interactive environment")
        self._namespace = self._module.__dict__
        self._namespace["__builtins__"] = builtins
        self._hooks = AfterImport()
        self._memo: Any = None
        self._snapshot: Any = None
        self._inputs: list[str] = []
        self._handed: list[tuple[list[str], Any]] = []
        self._names: results.Names | None = None
        self._folder: results.Folder | None = None
        self._ambient: dict[str, object] = {}
        self._front: Any = None
        self._page: Any = None
        self._features: list[str] = []
        self._said: list[str] = []  # what the person is told under the cell
        self._imported: list[str] = []
        self._modules_new: set[str] = set()  # by their names
        self._taken: dict[str, tuple[str, str]] = {}
        self._environ: dict[str, str] = {}
        self._places: places.Places | None = None
        self._attached: dict[str, Any] = {}
        self._modules = ownmodules.Modules()
        self._modules_sent: set[str] = set()
        self._reloaded: list[str] = []
        self._shown: Any = None

    def prepare(self) -> None:
        """Everything before the cell's first line."""
        from . import ambient, drawing, front, page

        drawing.only_pictures = True
        keeping.remembers = False
        manifest, namespace = self._manifest, self._namespace
        sys.modules["__main__"] = self._module
        sys.argv = ["cell.py", *manifest.get("args", ())]
        here = os.path.normpath(f"{self._layout.notebook}/{manifest.get('cwd') or '.'}")
        os.makedirs(here, exist_ok=True)
        own = os.path.normpath(f"{self._layout.notebook}/{manifest.get('below') or '.'}")
        os.makedirs(own, exist_ok=True)
        places.answer_to((manifest.get("home") or {}).get("folder"), own)
        os.chdir(here)
        for name in (manifest.get("ambient") or {}).get("folders") or ():
            os.makedirs(f"{self._layout.notebook}/{name}", exist_ok=True)  # empty at home: no file brought them along
        more = [os.path.normpath(f"{self._layout.notebook}/{place}") for place in manifest.get("syspath", ()) if place]
        folders = [*dict.fromkeys((here, own, *more))]
        sys.path[:] = [entry for entry in sys.path if entry]  # "", of the command line: it stands before the library
        first = places.after_library()
        sys.path[first:first] = ["", *folders]
        self._hooks.home = manifest.get("ambient") or {}
        self._hooks.aside = lambda: self._channel.held([])
        self._hooks.install()
        filters.note_later((manifest.get("ambient") or {}).get("shown") or {}, self._hooks)
        drawing.held = alive = bool((manifest.get("home") or {}).get("page"))
        self._hooks.on("matplotlib.pyplot", drawing.hold)
        self._ambient = ambient.apply_later(manifest.get("ambient") or {}, self._hooks)
        self._channel.page = self._page = page.Page(self._channel, alive)
        self._page.follow_outputs(self._hooks)
        self._front = front.Front(self._channel, self._hooks, manifest, self._layout, namespace, self._ambient)
        self._front.install()
        for name, reason in (manifest.get("tombstones") or {}).items():
            if name != formatters.ENTRY:
                namespace[name] = tombstone.Tombstone(name, reason)
        for name, key in (("inputs", "inputs"), ("outputs", "outputs")):
            channels = manifest.get(key)
            if channels:
                namespace[name] = {k: resolve(v, self._layout.root) for k, v in channels.items()}
        if manifest.get("args"):
            namespace["args"] = list(manifest["args"])
        done = [name for key in ("loaded", "drawing", "roots") for name in manifest.get(key) or ()]
        self._hooks.done_at_home.update(done)
        if manifest.get("spark"):
            from pyspark.sql import SparkSession

            namespace["spark"] = SparkSession.builder.getOrCreate()  # that of spark-submit, which runs this process
        files = manifest.get("files") or ()
        for name in done:
            self._hooks.on(name, lambda module: None)  # the hook leaves out what its import did at home
        for file in files:
            if file.get("kind") == "module":
                parts = file["path"].removesuffix(".py").removesuffix("/__init__").split("/")
                names = [".".join(parts[first:]) for first in range(len(parts))]  # it may lie in any folder of sys.path
                self._modules_sent.update(names)
                for name in names:
                    self._hooks.on(name, self._modules.note)
        self._note_reloads()
        with self._channel.only_python():  # what a library writes beside Python, it wrote at home when it was imported
            self._load()
        self._provide_history()
        self._arrange(manifest.get("order") or ())
        ambient.settle(manifest.get("ambient") or {}, self._ambient)
        self._attached = {**attached.extensions(), **self._attached}
        self._names = results.Names(namespace)
        self._folder = results.Folder(self._layout.notebook)

    def _note_reloads(self) -> None:
        """``importlib.reload`` of a module of the notebook's: home has it loaded, too."""
        reload = importlib.reload

        @functools.wraps(reload)
        def noted(module: Any) -> Any:
            made = reload(module)
            if made.__name__ in self._modules_sent:
                self._reloaded.append(made.__name__)
            return made

        importlib.reload = noted

    def _load(self) -> None:
        for name in self._manifest.get("submodules") or ():
            try:  # `import scipy.stats` of an earlier cell: the code reaches it as an attribute
                with self._channel.held([]), hushed("stdout", "stderr"):
                    importlib.import_module(name)
            except ImportError as error:
                print(f"nbprocess: {name} cannot be imported here: {error}", file=sys.stderr)
        groups, handed = self._manifest.get("groups") or (), self._manifest.get("handed") or ()
        if not (groups or handed):
            return
        from . import wire

        given: set[tuple[object, ...]] = set()

        def get(blob: Any) -> Any:
            from .blobs import key

            buffer = self._buffers[key(blob)]
            if key(blob) in given:  # two equal values must not share their memory
                return bytearray(buffer)
            given.add(key(blob))
            return buffer

        wire.Places.here = os.path.realpath(self._layout.notebook)
        groups = [wire.Group.from_json(group) for group in groups]
        loaded = wire.load(groups, get=get, namespace=self._namespace)
        self._memo = loaded.memo
        self._said += ["In the job, " + line for line in loaded.notices()]
        self._front.format_by(loaded.values.pop(formatters.ENTRY, None) or [])
        self._attached = {n: loaded.values.pop(n) for n in list(loaded.values) if n.startswith(entries.PREFIX)}
        attached.apply(self._attached, self._hooks)
        for name in {entries.module_of(entry) for entry in self._attached} & self._modules_sent:
            self._hooks.on(name, self._modules.note)  # again: what the cell changes is told from what home has
        self._namespace.update(loaded.values)
        self._said += ["In the job, " + line for line in loaded.finish()]
        self._inputs = list(loaded.values)
        strength = self._manifest.get("strength") or {}
        for name, reason in loaded.failed.items():
            if name == formatters.ENTRY or name.startswith(entries.PREFIX):
                what = "what the notebook shows values by" if name == formatters.ENTRY else entries.dotted(name)
                print(f"nbprocess: {what} cannot be read here: {reason}", file=sys.stderr)
                continue
            if strength.get(name, "must") == "must":
                raise InputError(f"{name} cannot be read in this container: {reason}")
            self._namespace[name] = tombstone.Tombstone(name, str(reason))
        for group in handed:  # apart from the inputs: home has not got these objects, so there are no numbers for them
            loaded = wire.load([wire.Group.from_json(group)], get=get, namespace=self._namespace)
            for name, reason in loaded.failed.items():
                raise InputError(f"{name} cannot be read in this container: {reason}")
            self._namespace.update(loaded.values)
            self._said += ["In the job, " + line for line in (*loaded.notices(), *loaded.finish())]
            self._inputs += loaded.values
            self._handed.append((list(loaded.values), wire.snapshot(loaded.memo)))
        self._buffers.clear()  # what the values do not use goes back to the system
        self._snapshot = wire.snapshot(self._memo)

    def _provide_history(self) -> None:
        """``Out`` and ``In``, as far as the cell reads them: earlier results came as ``_3``, texts by themselves."""
        namespace, manifest = self._namespace, self._manifest
        found = [name for name in namespace if name[:1] == "_" and name[1:].isdigit()]
        if found or "Out" in (manifest.get("history") or ()) or "Out" in manifest["cell"]["code"]:
            namespace["Out"] = namespace["_oh"] = {int(name[1:]): namespace[name] for name in found}
        if "In" in (manifest.get("history") or ()):
            namespace["In"] = namespace["_ih"] = list(manifest.get("input_history") or ())

    def _arrange(self, order: Any) -> None:
        """The names in the order that they have at home, for a cell that lists them; IPython's own are among them."""
        if order and self._front.has_ipython:
            self._front.shell()
        for name in order:
            if name in self._namespace:
                self._namespace[name] = self._namespace.pop(name)

    def begin(self) -> Program:
        """The cell's code; what is told from the state before it is noted."""
        import warnings

        cell = self._manifest["cell"]
        with warnings.catch_warnings():
            as_at_home((self._manifest.get("home") or {}).get("python"))
            program = Program(
                cell["code"],
                cell["filename"],
                cell["first_line"],
                cell.get("flags", 0),
                cell.get("interactivity", "last_expr"),
            )
        program.before = lambda node: keeping.note(reach.calls(node))
        self._environ = dict(os.environ)
        self._places = places.Places(self._layout.notebook)
        preloaded.at_imports(self._hooks.done_at_home, set(self._manifest.get("roots") or ()))
        self._front.begin(program)
        return program

    def run(self, program: Program) -> None:
        """The cell itself, and the figures that it left open."""
        earlier, there = program.features(), {*sys.modules}
        filters.begin()
        try:
            execute(program, self._namespace, self._manifest["cell"].get("room"))
        finally:
            self._shown = filters.since()
            self._features = [name for name in program.features() if name not in earlier]
            self._imported, self._taken = program.submodules(), program.imported()
            self._modules_new = sys.modules.keys() - there
            self._front.end()

    def save(self, error: BaseException | None) -> dict[str, object]:
        """The child's part of the outcome."""
        described = None
        if error is not None:
            described = failure.describe(error, self._front.traceback if self._front is not None else lambda _: None)
        completed = error is None or (isinstance(error, SystemExit) and described and described["exit_code"] == 0)
        report: dict[str, object] = {
            "state": "completed" if completed else "failed",
            "error": described,
        }
        if self._names is None:  # it failed before the cell began: there is nothing to save
            return report
        self._said += results.commit_databases(self._namespace)
        self._save_values(report, error)
        from . import ambient, drawing, draws

        report["ambient"] = ambient.changed(self._ambient)
        of_shell = self._front.of_ipython()
        if of_shell:
            report["ambient"]["ipython"] = {**report["ambient"].get("ipython", {}), **of_shell}  # type: ignore[attr-defined,index]
        if self._places is not None:
            report["places"] = self._places.changed()
        notices = [*self._said, *self._said_of_environment(), *self._front.said_of_ipython()]
        if self._page.as_text:
            way_out = "it lived in the job. Make it here" if self._page.alive else "this output is static. Show it here"
            notices.append(f"A widget that the cell shows is shown as text: {way_out}.")
        report["closed"] = self._page.closed() or None
        if self._channel.pictures and drawing.replaced and not drawing.held:  # whatever drew them
            notices.append(drawing.said(drawing.replaced))
        if notices:
            report["notices"] = notices
        if self._imported:
            report["imported"] = self._imported
        report["shown"] = self._shown
        report["reloaded"] = list(dict.fromkeys(self._reloaded)) or None
        report["roots"] = sorted({name.partition(".")[0] for name in self._modules_new})
        report["drawing"] = sorted(filter(draws.may_draw, self._modules_new))
        if self._features:
            report["ambient"]["future"] = self._features  # type: ignore[index]
        assert self._folder is not None
        results.flush_files(self._namespace)
        report["files"], report["files_deleted"] = self._folder.changes(self._put)
        report["folders"], report["folders_deleted"] = self._folder.made(), self._folder.removed()
        named = set(self._manifest.get("imports") or ())
        for group in report.get("groups", ()):  # type: ignore[attr-defined]
            named.update(group.get("needs") or ())
        versions = {
            "python": list(sys.version_info[:3]),
            "platform": sys.platform,
            "packages": results.packages(sorted(named)),
        }
        report["versions"] = versions
        return report

    def _said_of_environment(self) -> list[str]:
        """Which variables the cell set; those that its text does not name are a library's own affair."""
        text = self._manifest["cell"]["code"].replace('"', "'")
        changed = [name for name, value in os.environ.items() if self._environ.get(name) != value]
        names = [name for name in changed if any(f"'{name}{end}" in text for end in "'= ")]  # the last two: %env
        if not names:
            return []
        return [f"The cell set {', '.join(names)} in the job's environment; set it here for the cells to come."]

    def _save_values(self, report: dict[str, Any], error: BaseException | None) -> None:
        from . import page, wire

        assert self._names is not None
        save, skip = self._manifest.get("save"), set(self._manifest.get("skip") or ())

        def wanted(name: str) -> bool:
            return name not in skip and (save is None or name in save)

        bound = self._names.bound(self._front.shell_values, self._front.underscores)
        values = {name: self._namespace[name] for name in bound if wanted(name)}
        for names, snapshot in self._handed:
            if wire.changes(snapshot).patches:  # home has nothing that it could change in place: they come back whole
                left = [name for name in names if name in self._namespace and wanted(name)]
                values.update({name: self._namespace[name] for name in left})
        deleted = self._names.deleted()
        result = None
        if self._front.result is not None and self._front.result is not self._namespace.get("_oh") and error is None:
            result = f"Out[{self._manifest.get('execution_count') or ''}]"
            values[result] = self._front.result
        # Changes first: an input that must travel whole loses its number, so that the results do not refer to it.
        owners: dict[str, str] = {}
        if self._snapshot is not None:
            found = wire.changes(self._snapshot)
            for entry, patch in found.patches.items():
                owner = self._memo.owner(int(entry.rpartition(":")[2]))
                if wanted(owner):
                    values[entry], owners[entry] = patch, owner
        values.update(self._page.values())
        registered = self._front.newly_formatted()
        if registered is not None:
            values[formatters.ENTRY] = registered
        here = {**attached.extensions(), **assigned.found([self._manifest["cell"]["code"]], self._namespace)}
        here.update(self._modules.changed())
        here.update(entries.taken_away(self._attached, here))
        values.update({n: v for n, v in here.items() if n not in self._attached or self._attached[n] is not v})
        named = wire.by_their_names(values, self._taken)
        wire.Places.ours = os.path.realpath(self._layout.notebook)
        texts = {name: wire.path_text(value) for name, value in {**values, **named}.items()}
        dumped = wire.dump(texts, put=self._put, seed=self._memo)
        dumped.losses = {owners.get(name, name): lost for name, lost in dumped.losses.items()}
        self._said += dumped.notices()
        unshown = [reason for name, reason in dumped.failed.items() if name.startswith(page.PREFIX)]
        self._said += dict.fromkeys(f"A widget that the cell shows is shown as text: {reason}" for reason in unshown)
        missing = {name: reason for name, reason in dumped.failed.items() if name.startswith(entries.PREFIX)}
        for name in [name for name in missing if not entries.is_kept(name)]:
            print(f"nbprocess: {entries.dotted(name)} did not come back: {missing[name]}", file=sys.stderr)
        stays, said = entries.not_whole(values, missing)
        report["stays"] = stays or None
        self._said += said
        if formatters.ENTRY in dumped.failed:
            failed = dumped.failed[formatters.ENTRY]
            print(f"nbprocess: what the cell registered with formatters did not come back: {failed}", file=sys.stderr)
        variables: dict[str, dict[str, Any]] = {
            name: {"status": "deleted", "type": "", "shape": "", "size": 0, "reason": ""} for name in deleted
        }
        for name in self._inputs:
            if name in self._namespace and name not in values and name not in variables:
                described = results.describe(self._namespace[name])
                variables[name] = {"status": "unchanged", **described, "size": 0, "reason": ""}
        for name, value in values.items():
            if name.startswith("\0"):
                continue  # no variable: a change, what is registered, a widget
            entry_ = {"status": "saved", **results.describe(value), "size": dumped.sizes.get(name, 0), "reason": ""}
            if name in dumped.failed:
                entry_.update(status="failed", reason=str(dumped.failed[name]))
                result = None if name == result else result
            variables[name] = entry_
        for entry, owner in owners.items():
            known = variables.get(owner)
            if known is None or known["status"] not in ("unchanged", "updated"):
                continue  # the name itself was bound anew or deleted; the patch is for its aliases
            known["status"] = "updated"
            known["size"] += dumped.sizes.get(entry, 0)
            if entry in dumped.failed:
                spent = values[entry][1] is self._namespace[owner] and hasattr(self._namespace[owner], "__next__")
                # What has given something here must not give it once more at home: a stand-in takes its place.
                lost = "" if spent else f"{CHANGES_LOST}: "
                known.update(status="failed", reason=f"{lost}{dumped.failed[entry]}")
        report["hidden"] = self._front.put_by_magics() or None
        report["groups"] = [group.to_json() for group in dumped.groups]
        report["result"], report["variables"] = result, variables
        report["patches"] = sorted(name for name in owners if name not in dumped.failed) or None
        report["seeded"] = any(group.seeded for group in dumped.groups) or bool(owners)
        if error is not None and isinstance(report["error"], dict):
            alone = wire.dump({"error": error}, put=self._put, seed=self._memo)
            if alone.groups:
                report["error"]["value"] = alone.groups[0].to_json()
