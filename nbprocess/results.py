"""What a job brought back: verified outcomes, and how they become values, displays and exceptions of this kernel.

May import: ``bundle.collect``, ``capture.loaded``, the worker's ``wire``, ``ambient``, ``attached``, ``entries`` and
``formatters``, ``binding``, ``broughtback``, ``layers``, ``meter``, ``raised``, ``state``, ``errors``.
"""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from . import broughtback, layers, raised
from .binding import CHANGES_UNREAD, Names, keep_last
from .errors import IntegrityError
from .meter import Meter
from .state import Variable
from .worker.hushed import imports_hushed

if TYPE_CHECKING:
    from .bundle.collect import Outcome
    from .bundle.stores import Store
    from .handover import Handed
    from .job import Job


class Results:
    """The verified outcomes of all hosts of one job; values come from the first host."""

    def __init__(self, outcomes: Mapping[str, Outcome]) -> None:
        self.outcomes = dict(sorted(outcomes.items(), key=lambda item: (len(item[0]), item[0])))
        self.primary = next(iter(self.outcomes.values()))
        self.data = self.primary.data
        self.notices: list[str] = list(self.data.get("notices") or ())
        self.value: Any = None
        self.has_value = False
        self.loaded = False
        self._waiting: list[dict[str, Any]] = []
        self._memo_sent: Any = None
        self._exception: BaseException | None = None
        self.names = Names(self.data, self.notices)

    @classmethod
    def read(cls, store: Store, job: str, exit_message: str) -> Results | None:
        """The results that ``exit_message`` pins; None when the worker could write none.

        Raises:
            IntegrityError: an outcome is not the one that was pinned.
            StoreError: an outcome cannot be read.
        """
        from .bundle import drop_damaged
        from .bundle.collect import read_outcome

        outcomes = read_outcome(store, job, exit_message)
        for host, outcome in outcomes.items():
            layers.remember(store, job, host, outcome.data)
            drop_damaged(store, outcome.data.get("damaged") or ())
        return cls(outcomes) if outcomes else None

    # -- what they say -----------------------------------------------------------------------------------------------

    @property
    def error(self) -> Mapping[str, Any] | None:
        """The ``error`` entry of the outcome."""
        error: Mapping[str, Any] | None = self.data.get("error")
        return error

    @property
    def raised(self) -> bool:
        """Whether the cell itself raised an exception (and was not killed)."""
        return bool(self.error and self.error.get("type"))

    @property
    def peak_memory(self) -> int | None:
        """Bytes, of the host that used most."""
        peaks = [(o.data.get("usage") or {}).get("peak_memory") for o in self.outcomes.values()]
        return max((p for p in peaks if p), default=None)

    def variables(self) -> tuple[Variable, ...]:
        """What became of each name: data first, then what the cell imported or defined, unchanged inputs last."""
        return self.names.ranked()

    def events(self, host: str = "") -> list[dict[str, Any]]:
        """Prints and displays of one host (default the first), in order, verified."""
        return (self.outcomes[host] if host else self.primary).events()

    # -- values ------------------------------------------------------------------------------------------------------

    def load(self, job: Job, namespace: dict[str, Any] | None, lazy: int | None = None) -> None:
        """Verify and load the values, once; bind names in ``namespace``, never over one that was rebound meanwhile.

        Args:
            lazy: values that are larger, in bytes, stay in the store until they are fetched; None loads all.
        """
        from .worker import attached, entries, filters, formatters, openfigures, page, wire

        if self.loaded:
            if lazy is None:
                self.fetch(job, self.waiting(), namespace)
            if namespace is not None:
                self.names.bind(job, namespace)
            return
        scope = namespace if namespace is not None else {}
        memo = self._memo_sent = self._memo(job, scope)
        now = [group for group in self.data["groups"] if lazy is None or not self._may_wait(group, lazy)]
        self._waiting = [group for group in self.data["groups"] if group not in now]
        if job.folder is not None:  # first: the values may come from modules that the cell wrote
            self.notices += broughtback.write_files(self.data, job.folder, self.primary.reader())
            self.notices += broughtback.move(self.data, job.folder)
        self._import()
        loaded, reader = self._read(job, now, scope)
        result = self.data.get("result")
        if result is not None and result in loaded.values:
            self.value, self.has_value = loaded.values.pop(result), True
        self._lose_result(job)
        for name in [name for name in loaded.values if name.startswith(page.PREFIX)]:
            del loaded.values[name]  # it is known to ipywidgets now
        patches = {name: loaded.values.pop(name) for name in self.data.get("patches") or () if name in loaded.values}
        self._apply_formatters(loaded.values.pop(formatters.ENTRY, None))
        set_there = {n: loaded.values.pop(n) for n in list(loaded.values) if n.startswith(entries.PREFIX)}
        for entry in self.data.get("stays") or ():
            set_there.pop(entry, None)
        attached.apply({n: value for n, value in set_there.items() if not entries.only_draws(n)})
        job.values.update(loaded.values)
        for group in self._waiting:
            for name in group["names"]:
                self.names.become(name, "lazy")
        if patches and job.before is not None:
            both = self._changed_at_both_ends(job, patches, memo)
            if both:
                self._keep_both(job, both, now, scope)
                patches = {entry: patch for entry, patch in patches.items() if _owner(entry, memo) not in both}
        if patches:
            self._patch(job, wire.apply(patches, memo), memo, scope)
        if self.error and self.error.get("value"):
            self._load_exception(wire, reader, memo, scope)
        self._apply_ambient(job)
        if self.data.get("shown"):
            filters.note_shown(self.data["shown"])
        attached.apply({n: value for n, value in set_there.items() if entries.only_draws(n)})  # as they are now
        if patches:
            openfigures.redraw()
        self.loaded = True
        if namespace is not None:
            self.names.bind(job, namespace)
        self.notices += loaded.finish()

    def _import(self) -> None:
        """Submodules that the cell imported (``import a.b``): its classes and later cells reach them through ``a``. And
        local modules that it loaded anew."""
        import sys

        from .capture.loaded import note_of_job
        from .worker import ambient

        note_of_job(self.data.get("roots") or (), self.data.get("drawing") or ())

        def again(function: Callable[[Any], object], what: object) -> None:
            # Not here, or broken here: the cell that needs it will say so. What it prints was printed by the job.
            with contextlib.suppress(Exception), _unshown(), imports_hushed(), ambient.unmoved():
                function(what)

        for name in self.data.get("imported") or ():
            if name not in sys.modules:
                again(importlib.import_module, name)
        for name in self.data.get("reloaded") or ():
            if name in sys.modules:
                again(importlib.reload, sys.modules[name])

    def _lose_result(self, job: Job) -> None:
        """A shown value that did not come back: ``_`` and ``Out[n]`` would else go on being earlier values."""
        from .worker.tombstone import Tombstone

        for name in self.names:
            if name.startswith("Out[") and self.names[name].status == "failed":
                said = f"not here: it did not come back from job {job.name}"
                self.value, self.has_value = Tombstone(name, self.names[name].reason, said), True

    def _read(self, job: Job, stored: list[dict[str, Any]], scope: dict[str, Any]) -> tuple[Any, Any]:
        """The verified values of some groups, and the reader that they came through."""
        from .worker import ambient, entries, formatters, page, wire

        contents = [(_what(group["names"]), [group["stream"], *group["buffers"]]) for group in stored]
        meter = Meter("down", sum(blob["size"] for _, blobs in contents for blob in blobs), job.transferring)
        reader = self.primary.reader(progress=meter.note)
        for what, blobs in contents:
            reader.prefetch(blobs, what)
        groups = [wire.Group.from_json(group) for group in stored]
        wire.Places.here = str(job.folder or os.getcwd())
        try:
            with _unshown(), imports_hushed(), ambient.unmoved():  # what an import does, it did in the job
                loaded = wire.load(groups, get=reader.get, namespace=scope, seed=self._memo_sent)
        finally:
            meter.over()
        self.notices += loaded.notices()
        for name, failure in loaded.failed.items():
            if name == formatters.ENTRY:
                self.notices.append(f"What the cell registered to show values by cannot be read here: {failure}")
            elif name.startswith(entries.PREFIX):
                self.notices.append(f"What the cell set as {entries.dotted(name)} cannot be read here: {failure}")
            elif name.startswith(page.PREFIX):
                self.notices.append(f"A widget that the cell shows is shown as text. It cannot be read here: {failure}")
            elif name in (self.data.get("patches") or ()):
                owner = self._memo_sent.owner(int(name.rpartition(":")[2]))
                self.names.become(owner, "failed", reason=f"{CHANGES_UNREAD}: {failure}")
            else:
                self.names.become(name, "failed", reason=str(failure))
        return loaded, reader

    # -- values that stay in the store until they are read -------------------------------------------------------------

    def _may_wait(self, group: Mapping[str, Any], lazy: int) -> bool:
        """Changes of inputs and the value that is shown are needed at once."""
        size = sum(blob["size"] for blob in (group["stream"], *group["buffers"]))
        return size > lazy and all(name in self.names for name in group["names"])

    def waiting(self) -> set[str]:
        """Names whose values were left in the store."""
        names = {name for group in self._waiting for name in group["names"]}
        return {name for name in names if self.names[name].status == "lazy"}

    def size_of(self, names: Collection[str]) -> int:
        """Bytes that fetching the names would read."""
        groups = [group for group in self._waiting if set(group["names"]) & set(names)]
        return sum(blob["size"] for group in groups for blob in (group["stream"], *group["buffers"]))

    def fetch(self, job: Job, names: Collection[str], namespace: dict[str, Any] | None) -> None:
        """Load names that were left in the store, with all that shares objects with them, and bind them.

        A name that was bound meanwhile keeps its new value.

        Raises:
            IntegrityError, StoreError: the values are not what they were, or cannot be read; they go on waiting.
        """
        chosen = [group for group in self._waiting if set(group["names"]) & set(names)]
        if not chosen:
            return
        loaded, _ = self._read(job, chosen, namespace if namespace is not None else {})
        self._waiting = [group for group in self._waiting if group not in chosen]
        job.values.update(loaded.values)
        wanted = [name for name in loaded.values if self.names[name].status == "lazy"]
        for name in wanted:
            self.names.become(name, "saved")
        if namespace is not None:
            self.names.bind(job, namespace, wanted)
        self.notices += loaded.finish()

    def let_go(self) -> None:
        """Forget what was loaded; ``load`` reads it again."""
        self.loaded = self.has_value = False
        self.value = self._memo_sent = self._exception = None

    def offers(self, job: Job, names: Collection[str]) -> list[Handed]:
        """What holds the names, where another job can have it: it refers to nothing that was sent to this one."""
        from .handover import Handed

        chosen = [group for group in self._waiting if set(group["names"]) & set(names) and not group.get("seeded")]
        return [Handed(job.name, group, f"{self.primary.prefix}/blobs") for group in chosen]

    def _apply_ambient(self, job: Job) -> None:
        """Random states, options and the like that the cell changed, but not over what was changed here meanwhile."""
        changed = dict(self.data.get("ambient") or {})
        if not changed:
            return
        from .worker import ambient, libraries

        if job.ambient is not None and not job.alone:
            here = ambient.collect()
            counters = libraries.COUNTERS  # of them the higher one counts, wherever it is
            moved = sorted(s for s in changed if s in job.ambient.keys() - counters and here.get(s) != job.ambient[s])
            for section in moved:
                del changed[section]
            told = [section for section in moved if section not in _SETTLED_SILENTLY]
            if told:
                self.notices.append(
                    f"Changed here and by the job since the cell was submitted, and left as here: {', '.join(told)}."
                )
        self.notices += ambient.apply(changed)

    def _apply_formatters(self, registered: Any) -> None:
        """What the cell registered with IPython's formatters is registered here, too."""
        from .worker import formatters

        shell = formatters.shell_here()
        if registered is not None and shell is not None:
            formatters.apply(shell, *registered)

    def _memo(self, job: Job, scope: dict[str, Any]) -> Any:
        """The objects that were sent: still here, or (attached from another kernel) loaded from the bundle again."""
        if job.memo is not None:
            return job.memo
        if not self.data.get("seeded"):
            return None
        sent = self._sent(job, scope)
        for name in self.names:
            if self.names[name].status == "updated" and name in sent.values:
                job.values[name] = sent.values[name]
        job.memo = sent.memo
        return sent.memo

    def _sent(self, job: Job, scope: dict[str, Any]) -> Any:
        """The inputs as they were sent, from the bundle."""
        import json

        from .bundle.blobs import BlobReader
        from .bundle.manifest import digest
        from .worker import wire

        assert job.store is not None
        content = job.store.get(f"jobs/{job.name}/bundle/manifest.json")
        pinned = job.describe().get("AppSpecification", {}).get("ContainerArguments") or [""]
        if digest(content) != pinned[-1]:
            raise IntegrityError(
                f"{job.store.url(f'jobs/{job.name}/bundle/manifest.json')} was changed after the job was created: "
                f"expected the SHA-256 {pinned[-1]}, found {digest(content)}. Nothing of it was used."
            )
        groups = [wire.Group.from_json(group) for group in json.loads(content)["groups"]]
        return wire.load(groups, get=BlobReader(job.store).get, namespace=scope)

    def _changed_at_both_ends(self, job: Job, patches: Collection[str], memo: Any) -> set[str]:
        """Inputs that the job changed in place, and that were changed here since they were sent."""
        from .worker import wire

        return {_owner(entry, memo) for entry in patches} & set(wire.changed(job.before))

    def _keep_both(self, job: Job, names: set[str], entries: list[dict[str, Any]], scope: dict[str, Any]) -> None:
        """The objects here stay as they are; ``job.values`` gets those that were sent, with the job's changes."""
        from .worker import wire

        sent = self._sent(job, scope)
        ours, self._memo_sent = self._memo_sent, sent.memo
        try:
            loaded, _ = self._read(job, entries, scope)
        finally:
            self._memo_sent = ours
        changes = {entry: loaded.values[entry] for entry in self.data["patches"] if entry in loaded.values}
        self.notices += loaded.finish()
        applied = wire.apply(changes, sent.memo)
        new = {id(sent.memo.objects[number]): value for number, value in applied.rebind.items()}
        for name in names & sent.values.keys():
            job.values[name] = new.get(id(sent.values[name]), sent.values[name])
            self.names.become(name, "kept", reason=f"{name} was changed here, too; the job's is job.values[{name!r}]")
            self.notices.append(
                f"`{name}` was changed in place both here and by the job since the cell was submitted. It was left as "
                f"it is here; the job's is nbprocess.attach({job.name!r}).values[{name!r}] after .load()."
            )

    def _patch(self, job: Job, applied: Any, memo: Any, scope: dict[str, Any]) -> None:
        """Inputs that could not be changed in place: every name that is bound to one, and what holds it, gets the new
        object."""
        if applied.rebind:
            from .worker import wire

            new = {id(memo.objects[n]): value for n, value in applied.rebind.items()}
            self.value = new.get(id(self.value), self.value)
            job.values.update({name: new[id(value)] for name, value in job.values.items() if id(value) in new})
            stale = list(dict.fromkeys([*wire.replace_below(scope, new), *wire.replace_below(job.values, new)]))
            if stale:
                more = f" and {len(stale) - 5} more" if len(stale) > 5 else ""
                self.notices.append(
                    f"What the cell changed is another object now, and {', '.join(stale[:5])}{more} still hold the old."
                )
        for number, value in applied.rebind.items():
            old = memo.objects[number]
            keep_last(scope, old, value)
            for name in [name for name, bound in scope.items() if bound is old]:
                if name in self.names and self.names[name].status not in ("unchanged", "updated"):
                    continue  # the cell bound the name to something else, or deleted it
                job.values[name] = value
                if job.bound is not None:
                    job.bound[name] = old
                self.names.note_updated(name, value)
            memo.objects[number] = value  # for what is read later: the exception, values that wait in the store

    # -- the exception -----------------------------------------------------------------------------------------------

    def _load_exception(self, wire: Any, reader: Any, memo: Any, scope: dict[str, Any]) -> None:
        group = wire.Group.from_json(self.error["value"])  # type: ignore[index]
        loaded = wire.load([group], get=reader.get, namespace=scope, seed=memo)
        for value in loaded.values.values():
            if isinstance(value, BaseException):
                self._exception = value

    def exception(self, job: Job) -> BaseException:
        """What the cell raised, with its real type where that exists here, and the worker's traceback text."""
        assert self.error is not None
        self._exception = raised.exception(self.error, self._exception, job.name)
        return self._exception


_SETTLED_SILENTLY = ("warnings", "ipython", "logging")
"""Ambient state that any import or cell moves: nobody misses the job's."""


@contextlib.contextmanager
def _unshown() -> Iterator[None]:
    """Leave out what modules display when they are imported (hvplot does): the job's import displayed it."""
    from .worker import formatters

    shell = formatters.shell_here()
    if shell is None:
        yield
        return
    from IPython.core.displaypub import CapturingDisplayPublisher

    shown, shell.display_pub = shell.display_pub, CapturingDisplayPublisher()
    try:
        yield
    finally:
        shell.display_pub = shown


def _owner(entry: str, memo: Any) -> str:
    """The input that a patch belongs to."""
    return str(memo.owner(int(entry.rpartition(":")[2])))


def _what(names: list[str]) -> str:
    """The variables of a group, as the progress names them."""
    own = [name for name in names if not name.startswith("\0")]
    return ", ".join(own[:3]) + (f" and {len(own) - 3} more" if len(own) > 3 else "") if own else "changes"
