"""Progress of a cell: ``nbprocess.progress(...)`` and what tqdm shows. Standard library only."""

from __future__ import annotations

import contextlib
import functools
import sys
import time
from collections.abc import Iterable, Iterator

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any

_report = None


def send_to(report: Any) -> None:
    """Let ``report(dict, final)`` have every step; None: nobody listens (the cell runs at home)."""
    global _report
    _report = report


def progress(
    iterable: Iterable[object], total: float | None = None, desc: str = "", unit: str = "it"
) -> Iterator[object]:
    """Iterate and tell the job view how far it is.

    Args:
        iterable: what to go through.
        total: number of steps; taken from ``len(iterable)`` when it has one.
        desc: shown before the bar.
        unit: what one step is called.

    Example:
        >>> for epoch in nbprocess.progress(range(20), desc="epochs"):
        ...     train(epoch)
    """
    if total is None:
        try:
            total = len(iterable)  # type: ignore[arg-type]
        except TypeError:
            pass  # a generator: the bar has no end
    start = time.monotonic()
    n = 0
    _tell(n, total, desc, unit, start, False)
    try:
        for item in iterable:
            yield item
            n += 1
            _tell(n, total, desc, unit, start, False)
    finally:
        _tell(n, total, desc, unit, start, True)


def _tell(n: float, total: float | None, desc: str, unit: str, start: float, final: bool) -> None:
    if _report is not None:
        seconds = time.monotonic() - start
        rate = n / seconds if n and seconds > 0 else None
        _report({"n": n, "total": total, "desc": desc, "unit": unit, "rate": rate}, final)


def watch_tqdm(hooks: Any, widgets: bool) -> None:
    """Make tqdm tell the job view too. Its notebook variant draws plain text where nobody will show widgets."""

    def patch(cls: Any) -> None:
        display = cls.display

        @functools.wraps(display)  # each bar keeps it as a method, which travels by its name
        def displayed(self: Any, *args: Any, **options: Any) -> Any:
            if _report is not None and not getattr(self, "pos", 0):  # inner bars of nested loops stay in the text
                done = self.format_dict
                final = self.total is not None and self.n >= self.total
                rate = done["rate"] or (self.n / done["elapsed"] if done["elapsed"] and self.n else None)
                state = {"n": self.n, "total": self.total, "desc": (self.desc or "").rstrip(": "), "unit": self.unit}
                _report({**state, "rate": rate}, final)
            return display(self, *args, **options)

        cls.display = displayed

    def plain(module: Any) -> None:
        import tqdm.std

        module.tqdm = module.tqdm_notebook = tqdm.std.tqdm
        module.trange = module.tnrange = tqdm.std.trange

    hooks.on("tqdm.std", lambda module: patch(module.tqdm))
    hooks.on("tqdm.notebook", (lambda module: patch(module.tqdm_notebook)) if widgets else plain)
    if widgets:
        hooks.during("tqdm.autonotebook", _kernel_loaded)


_KERNEL = "ipykernel.zmqshell"


@contextlib.contextmanager
def _kernel_loaded() -> Iterator[None]:
    """``tqdm.auto`` tells a notebook by a module that its kernel has loaded, and a job has not."""
    import IPython  # noqa: F401 - of which it asks for the running shell

    there = _KERNEL in sys.modules
    sys.modules.setdefault(_KERNEL, sys)
    try:
        yield
    finally:
        if not there:
            del sys.modules[_KERNEL]
