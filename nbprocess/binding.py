"""The names of a job here: what became of each, and how its values come into a namespace.

May import: ``state``, ``worker.formatters``, ``worker.tombstone``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .state import Variable

if TYPE_CHECKING:
    from .job import Job

CHANGES_LOST = "its changes could not be saved"
"""How the worker begins the reason of an input that is as it was, although the cell changed it."""
CHANGES_UNREAD = "its changes could not be read"
"""How the reason begins here, where they arrived and cannot be read."""
ABSENT: Any = object()
"""Stands for a name that the namespace does not have."""


class Names:
    """What became of each name of one job.

    Args:
        data: the outcome of its first host.
        notices: where lines for the person are added.
    """

    def __init__(self, data: Mapping[str, Any], notices: list[str]) -> None:
        self._notices = notices
        self._hidden: Collection[str] = data.get("hidden") or ()
        told = {
            name: Variable(
                name,
                facts["status"],
                str(facts.get("type", "")),
                str(facts.get("shape", "")),
                int(facts.get("size") or 0),
                str(facts.get("reason", "")),
            )
            for name, facts in data["variables"].items()
        }
        self._shown = told.pop(data.get("result") or "", None)  # told of only if it cannot be read here
        self._known: dict[str, Variable] = told

    def __contains__(self, name: object) -> bool:
        return name in self._known

    def __getitem__(self, name: str) -> Variable:
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._known))

    def ranked(self) -> tuple[Variable, ...]:
        """Data first, then what the cell imported or defined, unchanged inputs last."""
        return tuple(sorted(self._known.values(), key=_rank))

    def become(self, name: str, status: Any, reason: str = "") -> None:
        """Note what happened to a name; one that the job does not tell of is left alone."""
        if self._shown is not None and name == self._shown.name and status == "failed":
            self._known[name] = self._shown
        if name in self._known:
            known = self._known[name]
            self._known[name] = replace(known, status=status, reason=reason or known.reason)

    def note_updated(self, name: str, value: Any) -> None:
        """Note a name that is bound to an input which the cell changed."""
        self._known.setdefault(name, Variable(name, "updated", type(value).__name__))

    def forget(self, name: str) -> None:
        """The name was bound to something else here: nobody will ask for the job's value by it."""
        self.become(name, "kept", reason=f"{name} was bound anew here before its value was fetched")

    # -- binding -----------------------------------------------------------------------------------------------------

    def bind(self, job: Job, namespace: dict[str, Any], only: Collection[str] | None = None) -> None:
        """Bind the job's values in a namespace, never over a name that was bound anew since the cell was submitted.

        Args:
            only: the names to bind; None for all.
        """
        own = job.bound if namespace is job.namespace else None
        for name in self:
            if not name.startswith("Out[") and (only is None or name in only):
                self._bind(job, namespace, name, own)
        self._hide(job, namespace)

    def _bind(self, job: Job, namespace: dict[str, Any], name: str, own: dict[str, Any] | None) -> None:
        """Bind one name; ``own`` has what the names were bound to when the cell was submitted from this namespace."""
        status = self[name].status
        if status == "kept" and own is not None:
            return
        now = namespace.get(name, ABSENT)
        meanwhile = self._is_bound_anew(job, name, now, own)
        if status in ("deleted", "lazy"):
            # A cell that reads the old value of a lazy name would be wrong without a word: it is free until then.
            if now is not ABSENT and not meanwhile:
                del namespace[name]
                if status == "lazy" and own is not None:
                    own[name] = ABSENT
            elif meanwhile and status == "lazy":
                self.forget(name)
            return
        if name not in job.values:
            if status == "saved":
                self.become(name, "failed", reason=self[name].reason or "its value was not among the results")
            if not meanwhile and self._is_lost(name):
                self._bury(job, namespace, name)
                if own is not None:
                    own[name] = namespace[name]
            return
        value = job.values[name]
        if meanwhile and now is not value:
            self.become(name, "kept", reason=f"{name} was bound anew here; the job's value is job.values[{name!r}]")
            self._notices.append(
                f"`{name}` changed here since the cell was submitted and was left as it is; the job's value is "
                f"nbprocess.attach({job.name!r}).values[{name!r}] after .load()."
            )
            return
        namespace[name] = value
        if status == "saved":
            self.become(name, "loaded")
        if own is not None:
            own[name] = value

    def _is_bound_anew(self, job: Job, name: str, now: Any, own: dict[str, Any] | None) -> bool:
        """Whether this kernel bound the name since the cell was submitted. A name that only `exec` binds was not
        foreseen; while its own cell waits, nothing else can bind it."""
        foreseen = own is not None and (name in own or not job.alone) and not _is_shown(name, now)
        return foreseen and now is not (ABSENT if own is None else own.get(name, ABSENT))

    def _is_lost(self, name: str) -> bool:
        """Whether the cell bound the name and its value did not come back; an input of which only changes are lost
        keeps its place."""
        facts = self[name]
        return facts.status == "failed" and not facts.reason.startswith((CHANGES_LOST, CHANGES_UNREAD))

    def _bury(self, job: Job, namespace: dict[str, Any], name: str) -> None:
        """Put what says why where the value is missing: what the name had before the cell would be a wrong one now."""
        from .worker.tombstone import Tombstone

        namespace[name] = Tombstone(name, self[name].reason, f"not here: it did not come back from job {job.name}")

    def _hide(self, job: Job, namespace: dict[str, Any]) -> None:
        """What a magic put there (``%pylab``) is none of the notebook's names here either: ``%who`` leaves it out."""
        from .worker import formatters

        put = [name for name in self._hidden if name in job.values]
        shell = formatters.shell_here() if put else None
        if shell is not None and shell.user_ns is namespace:
            shell.user_ns_hidden.update((n, namespace[n]) for n in put if namespace.get(n) is job.values[n])


_LAST = ("_", "__", "___")
"""The last results."""


def _is_shown(name: str, now: Any) -> bool:
    """Whether IPython itself bound the name, to what the cell showed; the cell may bind it, too (``for _ in``)."""
    from .worker import formatters

    shell = formatters.shell_here() if name in _LAST else None
    return shell is not None and getattr(shell.displayhook, name, ABSENT) is now


def keep_last(scope: dict[str, Any], old: Any, new: Any) -> None:
    """Where ``_`` and its like are ``old`` they are ``new``, for IPython too: it sets no ``_`` that it does not know.

    At once: by the time that the other names are bound, the cell's own result is ``_``.
    """
    from .worker import formatters

    shell = formatters.shell_here()
    for name in _LAST:
        if scope.get(name) is old:
            scope[name] = new
        if shell is not None:
            if getattr(shell.displayhook, name, None) is old:
                setattr(shell.displayhook, name, new)
            if shell.user_ns_hidden.get(name) is old:
                shell.user_ns_hidden[name] = new


def _rank(variable: Variable) -> tuple[bool, bool]:
    code = variable.type in ("module", "function", "type", "ABCMeta", "builtin_function_or_method", "EnumType")
    return variable.status == "unchanged", code
